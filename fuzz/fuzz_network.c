/* What strangers and proxies say: Accept-Encoding, forwarded addresses, prefixes, coded bodies,
 * URLs that akin is to ask. The first byte chooses the parser, the rest is its input. */
#include "base/address.h"
#include "http/coding.h"
#include "http/forwarded.h"
#include "net/outbound.h"
#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_prefix(struct str in)
{
    struct prefix p;
    struct address a;
    char text[ADDRESS_TEXT];
    if (prefix_parse(in, "f", &p, NULL) == ERR_OK)
        assert(p.bits <= 128 && prefix_has(&p, &p.address));
    if (address_parse(in, &a))
        return;
    address_print(&a, text);
    struct address again;
    assert(address_parse(str_c(text), &again) == ERR_OK && address_same(&a, &again));
}

/* What is taken names no host that may be anywhere: a socket to an inside address is refused. */
static void fuzz_url(struct str in)
{
    static const struct address loopback = {{[15] = 1}};
    struct outbound_guard g = {.own = NULL};
    char url[OUTBOUND_URL_MAX + 1];
    if (outbound_url_check(NULL, in, "url", NULL))
        return;
    assert(in.n <= OUTBOUND_URL_MAX && !memchr(in.s, 0, in.n));
    memcpy(url, in.s, in.n);
    url[in.n] = '\0';
    assert(!outbound_guard_vet(&g, url, &loopback) && g.refused[0]);
}

static void fuzz_forwarded(struct str in, bool standard)
{
    static const struct prefix any_v4 = {{{[10] = 0xFF, [11] = 0xFF}}, 96};
    struct forwarded_rules rules = {&any_v4, 1, standard};
    struct address client = {{[10] = 0xFF, [11] = 0xFF, [12] = 10}};
    const char *cut = in.n ? memchr(in.s, '\n', in.n) : NULL;
    size_t n = cut ? (size_t)(cut - in.s) : in.n;
    struct str name = standard ? STR("Forwarded") : STR("X-Forwarded-For");
    struct header headers[3] = {
        {name, {in.s, n}},
        {STR("X-Forwarded-Proto"), {in.s, n}},
        {name, {in.s + n, in.n - n}},
    };
    bool secure;
    forwarded_read(&rules, headers, 3, &client, &secure);
}

static void fuzz_expander(enum coding c, const char *data, size_t size)
{
    static char out[4096];
    struct expander *x = expander_new(c);
    size_t at = 0, made = 0;
    uint64_t all = 0;
    while (expander_take(x, out, sizeof out, &made, NULL) == ERR_OK) {
        all += made;
        assert(made <= sizeof out && all <= RATIO_FREE + (uint64_t)RATIO_MAX * size + sizeof out);
        if (made)
            continue;
        size_t n = size - at < 100 ? size - at : 100;
        if (!n)
            break;
        memcpy(expander_room(x), data + at, n);
        expander_fed(x, n);
        at += n;
    }
    enum err end = expander_end(x, NULL);
    assert(!end || end == ERR_SYNTAX);
    expander_free(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = {(const char *)data + 1, size - 1};
    enum coding c;
    if (size == 0)
        return 0;
    if (data[0] == 'u') {
        fuzz_url(in);
        return 0;
    }
    switch (data[0] % 6) {
    case 0:
        (void)coding_choose(in);
        if (coding_parse(in, &c))
            assert(c <= CODING_ZSTD);
        break;
    case 1:
        fuzz_prefix(in);
        break;
    case 2:
        fuzz_forwarded(in, false);
        break;
    case 3:
        fuzz_forwarded(in, true);
        break;
    case 4:
        fuzz_expander(CODING_GZIP, in.s, in.n);
        break;
    default:
        fuzz_expander(CODING_ZSTD, in.s, in.n);
    }
    return 0;
}

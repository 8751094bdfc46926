#include "net/outbound.h"
#include "base/arena.h"
#include "net/target.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- rules ---- */

#define ALLOW_MAX 256

struct outbound_rules {
    struct prefix prefixes[ALLOW_MAX];
    unsigned prefix_count;
    char *hosts[ALLOW_MAX]; /* lower case */
    unsigned host_count;
};

static enum err host_add(struct outbound_rules *r, const char *text, const char *field,
                         struct err_info *e)
{
    size_t n = strlen(text), star = strncmp(text, "*.", 2) == 0 ? 2 : 0;
    if (n == star || n > 255 ||
        strspn(text + star, "abcdefghijklmnopqrstuvwxyz0123456789.-_ABCDEFGHIJKLMNOPQRSTUVWXYZ") !=
            n - star)
        return err_set(e, ERR_INVALID, field,
                       "\"%.64s\" is neither an address, nor a prefix like 10.0.0.0/8, nor a host "
                       "like hooks.lan or *.lan",
                       text);
    char *host = xstrdup(text);
    target_host_plain(host);
    r->hosts[r->host_count++] = host;
    return ERR_OK;
}

/* What ends in a number is an address or a slip of the pen, never a name. */
static enum err entry_add(struct outbound_rules *r, const char *text, const char *field,
                          struct err_info *e)
{
    if (!strpbrk(text, ":/") && !target_host_numeric(text))
        return host_add(r, text, field, e);
    enum err err = prefix_parse(str_c(text), field, &r->prefixes[r->prefix_count], e);
    r->prefix_count += !err;
    return err;
}

enum err outbound_rules_new(const char *const *allow, unsigned count, const char *field,
                            struct outbound_rules **out, struct err_info *e)
{
    if (count > ALLOW_MAX)
        return err_set(e, ERR_INVALID, field, "%s has at most %d entries", field, ALLOW_MAX);
    struct outbound_rules *r = xcalloc(1, sizeof *r);
    enum err err = ERR_OK;
    for (unsigned i = 0; i < count && !err; i++)
        err = entry_add(r, allow[i], field, e);
    if (err)
        outbound_rules_free(r);
    else
        *out = r;
    return err;
}

void outbound_rules_free(struct outbound_rules *r)
{
    if (!r)
        return;
    while (r->host_count)
        free(r->hosts[--r->host_count]);
    free(r);
}

static bool host_allowed(const struct outbound_rules *r, const char *host)
{
    size_t n = strlen(host);
    for (unsigned i = 0; r && i < r->host_count; i++) {
        const char *h = r->hosts[i];
        size_t tail = strlen(h) - 1; /* ".lan" of "*.lan" */
        if (h[0] == '*' ? n > tail && strcmp(host + n - tail, h + 1) == 0 : strcmp(host, h) == 0)
            return true;
    }
    return false;
}

/* ---- addresses ---- */

#define V4(a, b, c, d)                                                                             \
    {                                                                                              \
        {                                                                                          \
            [10] = 0xFF, [11] = 0xFF, [12] = a, [13] = b, [14] = c, [15] = d                       \
        }                                                                                          \
    }
static const struct {
    struct prefix prefix;
    const char *what;
} special[] = {
    {{V4(0, 0, 0, 0), 104}, "an address of this network"},
    {{V4(10, 0, 0, 0), 104}, "a private address"},
    {{V4(100, 64, 0, 0), 106}, "a shared address (carrier-grade NAT)"},
    {{V4(127, 0, 0, 0), 104}, "a loopback address"},
    {{V4(168, 63, 129, 16), 128}, "a cloud's metadata address"},
    {{V4(169, 254, 0, 0), 112}, "a link-local address, as clouds' metadata have"},
    {{V4(172, 16, 0, 0), 108}, "a private address"},
    {{V4(192, 0, 0, 0), 120}, "a protocol's own address"},
    {{V4(192, 0, 2, 0), 120}, "an address for documentation"},
    {{V4(192, 88, 99, 0), 120}, "a relay's address (6to4)"},
    {{V4(192, 168, 0, 0), 112}, "a private address"},
    {{V4(198, 18, 0, 0), 111}, "an address for benchmarks"},
    {{V4(198, 51, 100, 0), 120}, "an address for documentation"},
    {{V4(203, 0, 113, 0), 120}, "an address for documentation"},
    {{V4(224, 0, 0, 0), 100}, "a multicast address"},
    {{V4(240, 0, 0, 0), 100}, "a reserved or broadcast address"},
    {{{{0}}, 128}, "the unspecified address"},
    {{{{[15] = 1}}, 128}, "a loopback address"},
    {{{{0x20, 0x01, 0x0D, 0xB8}}, 32}, "an address for documentation"},
    {{{{0x20, 0x01}}, 32}, "a tunnel's address (Teredo)"},
    {{{{0x20, 0x01}}, 23}, "a protocol's own address"},
    {{{{0x20, 0x02}}, 16}, "a tunnel's address (6to4)"},
    {{{{0x3F, 0xFF}}, 20}, "an address for documentation"},
    {{{{0xFC}}, 7}, "a private address (unique local)"},
    {{{{0xFE, 0x80}}, 10}, "a link-local address"},
    {{{{0xFE, 0xC0}}, 10}, "a private address (site-local)"},
    {{{{0xFF}}, 8}, "a multicast address"},
};
static const struct prefix nat64 = {{{0x00, 0x64, 0xFF, 0x9B}}, 96}, global = {{{0x20}}, 3};

/* ISATAP: any prefix, then 0:5efe or 200:5efe, then an IPv4 address. */
static bool embeds_v4(const struct address *a)
{
    const uint8_t *id = a->bytes + 8;
    return prefix_has(&nat64, a) || ((id[0] & ~2) == 0 && !id[1] && id[2] == 0x5E && id[3] == 0xFE);
}

const char *outbound_reason(const struct address *a)
{
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (prefix_has(&special[i].prefix, a))
            return special[i].what;
    if (address_v4(a))
        return NULL;
    if (embeds_v4(a)) {
        struct address inner = V4(a->bytes[12], a->bytes[13], a->bytes[14], a->bytes[15]);
        const char *what = outbound_reason(&inner);
        if (what)
            return what;
    }
    return prefix_has(&global, a) || prefix_has(&nat64, a) ? NULL : "not a public address";
}

bool outbound_allowed(const struct outbound_rules *r, const struct address *a)
{
    return !outbound_reason(a) || (r && prefixes_have(r->prefixes, r->prefix_count, a));
}

/* ---- URLs ---- */

#define SAYS "must be an http:// or https:// address of a public host: "

static enum err port_check(const struct target *t, const char *field, struct err_info *e)
{
    if (t->port == 80 || t->port == 443 || t->port >= 1024)
        return ERR_OK;
    return err_set(e, ERR_INVALID, field,
                   "must have a port that is 80, 443 or from 1024 on, not %u; the setting "
                   "outbound.allow permits hosts",
                   t->port);
}

static enum err host_check(const struct outbound_rules *r, const struct target *t,
                           const char *field, struct err_info *e)
{
    const char *what = t->is_address                   ? outbound_reason(&t->address)
                       : target_host_internal(t->host) ? "a name of this machine or network"
                       : target_host_numeric(t->host)  ? "no address in dotted decimal form"
                                                       : NULL;
    if (what)
        return err_set(e, ERR_INVALID, field,
                       SAYS "%.100s is %s; the setting outbound.allow permits addresses and hosts",
                       t->host, what);
    return port_check(t, field, e);
}

enum err outbound_url_check(const struct outbound_rules *r, struct str url, const char *field,
                            struct err_info *e)
{
    struct target t;
    const char *fault = target_parse(url, &t);
    if (fault)
        return err_set(e, ERR_INVALID, field, SAYS "%s", fault);
    if (host_allowed(r, t.host) ||
        (t.is_address && r && prefixes_have(r->prefixes, r->prefix_count, &t.address)))
        return ERR_OK;
    return host_check(r, &t, field, e);
}

/* ---- the guard ---- */

static bool refuse(struct outbound_guard *g, const char *host, const char *where, const char *what)
{
    snprintf(g->refused, sizeof g->refused, "%.80s%s%s: %s", host, where ? " leads to " : "",
             where ? where : "", what);
    return false;
}

bool outbound_guard_vet(struct outbound_guard *g, const char *url, const struct address *a)
{
    struct target t, own;
    char text[ADDRESS_TEXT];
    bool mine = g->own && !target_parse(str_c(g->own), &own);
    const char *fault = target_parse(str_c(url), &t);
    if (fault)
        return refuse(g, "the address", NULL, fault);
    if ((mine && t.port == own.port && strcmp(t.host, own.host) == 0) ||
        host_allowed(g->rules, t.host))
        return true;
    if (outbound_allowed(g->rules, a))
        return true;
    address_print(a, text);
    return refuse(g, t.host, strcmp(text, t.host) ? text : NULL, outbound_reason(a));
}

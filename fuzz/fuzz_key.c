/* The text of a key, an address range and what is masked in logs: any bytes. */
#include "access/key.h"
#include "base/address.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void key_try(struct str text)
{
    struct str id;
    uint8_t hash[KEY_HASH];
    if (!key_parse(text, &id)) {
        assert(text.n == KEY_TEXT && id.n == KEY_ID && key_like(text));
        assert(id.s == text.s + sizeof KEY_PREFIX - 1);
    }
    key_hash(text, hash);
}

/* Masked once there is nothing left to mask. */
static void mask_try(struct str text)
{
    char *once = malloc(text.n + 1), *twice = malloc(text.n + 1);
    size_t n, m;
    assert(once && twice);
    (void)key_mask(text, once, &n);
    assert(n <= text.n);
    bool again = key_mask((struct str){once, n}, twice, &m);
    assert(again || (m == n && !memcmp(once, twice, n)));
    free(once);
    free(twice);
}

static void address_try(struct str text)
{
    struct prefix r, again;
    char out[PREFIX_TEXT];
    if (prefix_parse(text, NULL, &r, NULL))
        return;
    assert(r.bits <= 128 && prefix_within(&r, &r));
    prefix_print(&r, out);
    assert(!prefix_parse(str_c(out), NULL, &again, NULL));
    assert(again.bits == r.bits && address_same(&again.address, &r.address));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    key_try(text);
    mask_try(text);
    address_try(text);
    return 0;
}

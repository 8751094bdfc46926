#include "access/keys.h"
#include "base/clock.h"
#include "base/epoch.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_NS 20000

struct table {
    size_t mask;
    struct key *slots[]; /* by id, the next free one after its place */
};
struct keys {
    struct table *_Atomic table;
    struct epochs epochs;
};

static struct table *table_new(struct key *const *all, size_t count)
{
    size_t size = 16;
    while (size < count * 2)
        size *= 2;
    struct table *t = xcalloc(1, sizeof *t + size * sizeof *t->slots);
    t->mask = size - 1;
    for (size_t i = 0; i < count; i++) {
        size_t at = str_hash((struct str){all[i]->id, KEY_ID}) & t->mask;
        while (t->slots[at])
            at = (at + 1) & t->mask;
        t->slots[at] = all[i];
    }
    return t;
}

static struct key *table_find(const struct table *t, struct str id)
{
    for (size_t at = str_hash(id) & t->mask; t->slots[at]; at = (at + 1) & t->mask)
        if (!memcmp(t->slots[at]->id, id.s, KEY_ID))
            return t->slots[at];
    return NULL;
}

struct keys *keys_new(void)
{
    struct keys *k = xaligned(sizeof *k);
    memset(k, 0, sizeof *k);
    (void)!sodium_init();
    atomic_store(&k->table, table_new(NULL, 0));
    return k;
}

void keys_free(struct keys *k)
{
    if (!k)
        return;
    free(atomic_load(&k->table));
    free(k);
}

void keys_replace(struct keys *k, struct key *const *all, size_t count)
{
    struct table *before = atomic_exchange(&k->table, table_new(all, count));
    uint64_t since = atomic_fetch_add(&k->epochs.now, 1) + 1;
    while (epoch_oldest(&k->epochs) < since)
        clock_sleep_ns(WAIT_NS);
    free(before);
}

static bool secret_fits(const struct key *k, const uint8_t hash[KEY_HASH], int64_t now_us)
{
    bool now = key_hash_equal(k->hash, hash), before = key_hash_equal(k->old_hash, hash);
    return now || (before && now_us < k->old_until_us);
}

static bool address_fits(const struct grant *g, struct str peer)
{
    struct address from;
    if (!g->address_count)
        return true;
    return !address_parse(peer, &from) && prefixes_have(g->addresses, g->address_count, &from);
}

static const struct key *maker_of(const struct table *t, const struct key *k)
{
    const struct key *m = *k->within ? table_find(t, (struct str){k->within, KEY_ID}) : NULL;
    return m && !(m->grant.scopes & SCOPE_ADMIN_ALL) ? m : NULL;
}

static void makers_fill(const struct table *t, struct arena *a, const struct key *k,
                        struct caller *out)
{
    const struct key *found[KEY_DEPTH_MAX];
    unsigned n = 0;
    while (n < KEY_DEPTH_MAX && (k = maker_of(t, k)))
        found[n++] = k;
    if (!n)
        return;
    struct maker *makers = arena_array(a, n, sizeof *makers);
    for (unsigned i = 0; i < n; i++)
        makers[i] = (struct maker){.key_id = arena_str(a, (struct str){found[i]->id, KEY_ID}),
                                   .requests = found[i]->grant.requests,
                                   .tokens = found[i]->grant.tokens};
    out->makers = makers;
    out->maker_count = n;
}

static void caller_fill(const struct table *t, struct arena *a, const struct key *k,
                        struct caller *out)
{
    struct grant g;
    grant_copy(a, &k->grant, &g);
    *out = (struct caller){.scopes = g.scopes,
                           .collections = g.collections,
                           .collection_count = g.collection_count,
                           .filter = g.filter,
                           .requests = g.requests,
                           .tokens = g.tokens,
                           .key_id = arena_str(a, (struct str){k->id, KEY_ID})};
    makers_fill(t, a, k, out);
}

static enum key_verdict key_judge(struct key *k, const uint8_t hash[KEY_HASH], struct str peer,
                                  int64_t now_us)
{
    if (k->deleted || !secret_fits(k, hash, now_us))
        return KEY_UNKNOWN;
    if (k->grant.expires_us && now_us >= k->grant.expires_us)
        return KEY_EXPIRED;
    return address_fits(&k->grant, peer) ? KEY_FITS : KEY_ELSEWHERE;
}

enum key_verdict keys_check(struct keys *k, struct str text, struct str peer, int64_t now_us,
                            struct arena *a, struct caller *out)
{
    struct str id;
    uint8_t hash[KEY_HASH];
    if (key_parse(text, &id))
        return KEY_MALFORMED;
    key_hash(text, hash);
    struct epoch_reader *inside = epoch_enter(&k->epochs, NULL);
    const struct table *t = atomic_load(&k->table);
    struct key *found = table_find(t, id);
    enum key_verdict verdict = found ? key_judge(found, hash, peer, now_us) : KEY_UNKNOWN;
    if (verdict == KEY_FITS) {
        int64_t second = now_us - now_us % 1000000;
        if (atomic_load_explicit(&found->used_us, memory_order_relaxed) < second)
            atomic_store_explicit(&found->used_us, second, memory_order_relaxed);
        caller_fill(t, a, found, out);
    }
    epoch_leave(inside);
    return verdict;
}

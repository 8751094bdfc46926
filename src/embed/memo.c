#include "embed/memo.h"
#include "base/arena.h"
#include "base/hash.h"
#include "base/metrics.h"
#include "base/rng.h"
#include "base/thread.h"
#include "embed/cache.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LEADER_BUCKETS 1024 /* a power of 2; leaders are at most what waits to be embedded */

struct memo {
    struct lock lock;
    struct cache *cache;
    struct claim *leaders[LEADER_BUCKETS];
    uint64_t seed;
    struct counter *hits, *misses;
    struct gauge *bytes;
};

struct memo *memo_new(size_t cache_size)
{
    static const char *const name = "embedding";
    struct memo *m = xcalloc(1, sizeof *m);
    lock_init(&m->lock, LOCK_CACHE);
    m->cache = cache_new(cache_size);
    rng_bytes(&m->seed, sizeof m->seed);
    m->hits =
        counter_of(counter_family("cache_hits_total", "Look-ups that found it", "cache"), &name);
    m->misses = counter_of(
        counter_family("cache_misses_total", "Look-ups that did not find it", "cache"), &name);
    m->bytes = gauge_of(gauge_family("cache_bytes", "Memory of a cache", "cache"), &name);
    gauge_set(m->bytes, (double)cache_bytes(m->cache));
    return m;
}

void memo_free(struct memo *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < LEADER_BUCKETS; i++)
        assert(!m->leaders[i]);
    cache_free(m->cache);
    lock_release(&m->lock);
    free(m);
}

/* --- under the lock --- */

static struct claim **bucket(struct memo *m, const struct claim *c)
{
    return &m->leaders[checksum64(c->key, EMBED_KEY, m->seed) % LEADER_BUCKETS];
}

static struct claim *leader_find(struct memo *m, const struct claim *c)
{
    struct claim *l = *bucket(m, c);
    while (l && (l->lane > c->lane || l->dims != c->dims || memcmp(l->key, c->key, EMBED_KEY) != 0))
        l = l->next;
    return l;
}

static void list_remove(struct claim **at, const struct claim *c)
{
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
}

/* Takes it out of the leaders and tells those who waited. */
static void leader_settle(struct memo *m, struct claim *c, const float *vector, unsigned tokens)
{
    list_remove(bucket(m, c), c);
    for (struct claim *f = c->followers, *next; f; f = next) {
        next = f->next;
        if (vector) {
            memcpy(f->out, vector, f->dims * sizeof *vector);
            f->tokens = tokens;
        }
        f->state = vector ? CLAIM_SERVED : CLAIM_NONE;
        cond_signal(f->wake);
    }
    c->followers = NULL;
}

/* --- callers --- */

enum claim_state memo_ask(struct memo *m, struct claim *c)
{
    assert(c->state == CLAIM_NONE);
    lock_take(&m->lock);
    if (cache_get(m->cache, c->key, c->dims, c->out, &c->tokens)) {
        c->state = CLAIM_SERVED;
    } else if ((c->leader = leader_find(m, c))) {
        c->state = CLAIM_WAITS;
        c->next = c->leader->followers;
        c->leader->followers = c;
    } else {
        struct claim **at = bucket(m, c);
        c->state = CLAIM_LEADS;
        c->followers = NULL;
        c->next = *at;
        *at = c;
    }
    enum claim_state state = c->state;
    lock_drop(&m->lock);
    counter_add(state == CLAIM_LEADS ? m->misses : m->hits, 1);
    return state;
}

void memo_serve(struct memo *m, struct claim *c, const float *vector, unsigned tokens)
{
    lock_take(&m->lock);
    assert(c->state == CLAIM_LEADS);
    leader_settle(m, c, vector, tokens);
    c->tokens = tokens;
    c->state = CLAIM_COMPUTED;
    if (c->lane == LANE_INTERACTIVE) {
        cache_put(m->cache, c->key, c->dims, vector, tokens);
        gauge_set(m->bytes, (double)cache_bytes(m->cache));
    }
    lock_drop(&m->lock);
}

enum err memo_wait(struct memo *m, struct claim *claims, size_t count, int64_t deadline_ns)
{
    enum err err = ERR_OK;
    lock_take(&m->lock);
    for (size_t i = 0; i < count && !err;) {
        if (claims[i].state != CLAIM_WAITS)
            i++;
        else if (!deadline_ns)
            cond_wait(claims[i].wake, &m->lock);
        else if (!cond_wait_until(claims[i].wake, &m->lock, deadline_ns) &&
                 claims[i].state == CLAIM_WAITS)
            err = ERR_TIMEOUT;
    }
    lock_drop(&m->lock);
    return err;
}

void memo_leave(struct memo *m, struct claim *claims, size_t count)
{
    lock_take(&m->lock);
    for (size_t i = 0; i < count; i++) {
        struct claim *c = &claims[i];
        if (c->state == CLAIM_LEADS)
            leader_settle(m, c, NULL, 0);
        else if (c->state == CLAIM_WAITS)
            list_remove(&c->leader->followers, c);
        else
            continue;
        c->state = CLAIM_NONE;
    }
    lock_drop(&m->lock);
}

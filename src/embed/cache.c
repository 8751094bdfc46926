#include "embed/cache.h"
#include "base/arena.h"
#include "base/hash.h"
#include "base/rng.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_BYTES_USUAL 1024 /* one bucket for so many bytes */
#define MALLOC_BYTES 16        /* what an allocation costs beside its size */

struct entry {
    struct entry *chain;         /* next of the same bucket */
    struct entry *older, *newer; /* in order of arrival */
    uint8_t key[EMBED_KEY];
    unsigned dims, tokens;
    bool visited;
    float vector[];
};

struct cache {
    struct entry **buckets;
    size_t mask;
    uint64_t seed; /* so that nobody can choose texts that share a bucket */
    struct entry *oldest, *newest;
    struct entry *hand; /* the next to be judged; NULL: the oldest */
    size_t bytes, bytes_max, count;
};

static size_t entry_bytes(unsigned dims)
{
    return sizeof(struct entry) + dims * sizeof(float) + MALLOC_BYTES;
}

static size_t table_bytes(const struct cache *c)
{
    return (c->mask + 1) * sizeof *c->buckets;
}

static struct entry **bucket(const struct cache *c, const uint8_t key[EMBED_KEY])
{
    return &c->buckets[checksum64(key, EMBED_KEY, c->seed) & c->mask];
}

/* The link that points to the entry, or to NULL at the bucket's end. */
static struct entry **find(const struct cache *c, const uint8_t key[EMBED_KEY])
{
    struct entry **at = bucket(c, key);
    while (*at && memcmp((*at)->key, key, EMBED_KEY) != 0)
        at = &(*at)->chain;
    return at;
}

struct cache *cache_new(size_t bytes_max)
{
    struct cache *c = xcalloc(1, sizeof *c);
    size_t buckets = 16;
    assert(bytes_max > 0);
    while (buckets < bytes_max / ENTRY_BYTES_USUAL)
        buckets *= 2;
    c->buckets = xcalloc(buckets, sizeof *c->buckets);
    c->mask = buckets - 1;
    c->bytes = table_bytes(c);
    c->bytes_max = bytes_max;
    rng_bytes(&c->seed, sizeof c->seed);
    return c;
}

void cache_free(struct cache *c)
{
    if (!c)
        return;
    for (struct entry *e = c->oldest, *newer; e; e = newer) {
        newer = e->newer;
        free(e);
    }
    free(c->buckets);
    free(c);
}

bool cache_get(struct cache *c, const uint8_t key[EMBED_KEY], unsigned dims, float *out,
               unsigned *tokens)
{
    struct entry *e = *find(c, key);
    if (!e || e->dims != dims)
        return false;
    e->visited = true;
    memcpy(out, e->vector, dims * sizeof *out);
    *tokens = e->tokens;
    return true;
}

static void entry_remove(struct cache *c, struct entry *e)
{
    *find(c, e->key) = e->chain;
    *(e->older ? &e->older->newer : &c->oldest) = e->newer;
    *(e->newer ? &e->newer->older : &c->newest) = e->older;
    c->bytes -= entry_bytes(e->dims);
    c->count--;
    free(e);
}

static void evict(struct cache *c)
{
    struct entry *e = c->hand ? c->hand : c->oldest;
    while (e->visited) { /* each is cleared once, so this ends */
        e->visited = false;
        e = e->newer ? e->newer : c->oldest;
    }
    c->hand = e->newer;
    entry_remove(c, e);
}

void cache_put(struct cache *c, const uint8_t key[EMBED_KEY], unsigned dims, const float *vector,
               unsigned tokens)
{
    size_t bytes = entry_bytes(dims);
    if (*find(c, key) || table_bytes(c) + bytes > c->bytes_max)
        return;
    while (c->bytes + bytes > c->bytes_max)
        evict(c);
    struct entry *e = xmalloc(sizeof *e + dims * sizeof *vector);
    *e = (struct entry){.older = c->newest, .dims = dims, .tokens = tokens};
    memcpy(e->key, key, EMBED_KEY);
    memcpy(e->vector, vector, dims * sizeof *vector);
    *(c->newest ? &c->newest->newer : &c->oldest) = e;
    c->newest = e;
    struct entry **at = bucket(c, key);
    e->chain = *at;
    *at = e;
    c->bytes += bytes;
    c->count++;
}

size_t cache_bytes(const struct cache *c)
{
    return c->bytes;
}

size_t cache_count(const struct cache *c)
{
    return c->count;
}

void cache_check(const struct cache *c)
{
    size_t bytes = table_bytes(c), count = 0;
    bool hand = c->hand == NULL;
    const struct entry *older = NULL;
    for (const struct entry *e = c->oldest; e; older = e, e = e->newer) {
        assert(e->older == older);
        assert(*find(c, e->key) == e);
        hand = hand || e == c->hand;
        bytes += entry_bytes(e->dims);
        count++;
    }
    assert(older == c->newest && hand);
    assert(bytes == c->bytes && count == c->count);
    assert(c->count == 0 || c->bytes <= c->bytes_max);
}

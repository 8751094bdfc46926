/* Bands of sketches -> the originals that have them. */
#include "base/arena.h"
#include "index/duplicates_impl.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS_MIN = 64, NODES_A_BUCKET = 4 };

struct key {
    uint64_t group;
    uint32_t band; /* its number and bytes */
};

static struct key band_key(uint64_t group, const uint8_t sketch[SKETCH_BYTES], unsigned band)
{
    const uint8_t *p = sketch + band * BAND_BYTES;
    return (struct key){group,
                        p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)band << 24};
}

static bool key_same(struct key a, struct key b)
{
    return a.band == b.band && a.group == b.group;
}

static uint32_t key_hash(struct key key)
{
    uint64_t h = ((key.band ^ key.group) + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(h >> 32);
}

static struct key node_key(const struct duplicates *d, uint32_t node)
{
    return band_key(d->rows[node / BANDS].group, d->sketches[node / BANDS], node % BANDS);
}

/* The largest power of two that is not above the number of buckets. */
static uint32_t level(const struct duplicates *d)
{
    return UINT32_C(1) << (31 - __builtin_clz(d->bucket_count));
}

static uint32_t *head_of(const struct duplicates *d, struct key key)
{
    uint32_t h = key_hash(key), low = level(d), at = h & (2 * low - 1);
    return &d->heads[at < d->bucket_count ? at : h & (low - 1)];
}

static void buckets_cap(struct duplicates *d, uint32_t cap)
{
    d->heads = xrealloc(d->heads, cap * sizeof *d->heads);
    d->bucket_cap = cap;
}

void bands_init(struct duplicates *d)
{
    bands_reserve(d, 0);
}

void bands_reserve(struct duplicates *d, size_t nodes)
{
    assert(d->linked == 0);
    size_t count = nodes / NODES_A_BUCKET + 1;
    d->bucket_count = count > BUCKETS_MIN ? (uint32_t)count : BUCKETS_MIN;
    buckets_cap(d, d->bucket_count);
    memset(d->heads, 0xff, d->bucket_count * sizeof *d->heads); /* NODE_END */
}

/* One more bucket, which takes its nodes from the one that it was part of. */
static void buckets_grow(struct duplicates *d)
{
    if (d->bucket_count == d->bucket_cap)
        buckets_cap(d, d->bucket_cap + d->bucket_cap / 4);
    uint32_t added = d->bucket_count, low = level(d), mask = 2 * low - 1;
    uint32_t *from = &d->heads[added - low], *to = &d->heads[added];
    *to = NODE_END;
    d->bucket_count++;
    while (*from != NODE_END) {
        uint32_t node = *from;
        if ((key_hash(node_key(d, node)) & mask) == added) {
            *from = d->chain[node];
            d->chain[node] = NODE_END;
            *to = node;
            to = &d->chain[node];
        } else {
            from = &d->chain[node];
        }
    }
}

void bands_link_one(struct duplicates *d, uint32_t slot, unsigned band)
{
    uint32_t node = slot * BANDS + band, *head = head_of(d, node_key(d, node));
    d->chain[node] = *head;
    *head = node;
    d->linked++;
    if (d->linked > (size_t)NODES_A_BUCKET * d->bucket_count)
        buckets_grow(d);
}

static bool band_full(const struct duplicates *d, struct key key)
{
    unsigned same = 0;
    for (uint32_t n = *head_of(d, key); n != NODE_END && same < SAME_BAND_MAX; n = d->chain[n])
        same += key_same(node_key(d, n), key);
    return same == SAME_BAND_MAX;
}

void bands_link(struct duplicates *d, uint32_t slot)
{
    for (unsigned band = 0; band < BANDS; band++)
        if (!band_full(d, band_key(d->rows[slot].group, d->sketches[slot], band)))
            bands_link_one(d, slot, band);
}

void bands_unlink(struct duplicates *d, uint32_t slot)
{
    for (unsigned band = 0; band < BANDS; band++) {
        uint32_t node = slot * BANDS + band;
        if (d->chain[node] == NODE_LOOSE)
            continue;
        uint32_t *at = head_of(d, node_key(d, node));
        while (*at != node) {
            assert(*at != NODE_END);
            at = &d->chain[*at];
        }
        *at = d->chain[node];
        d->chain[node] = NODE_LOOSE;
        d->linked--;
    }
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

size_t bands_candidates(const struct duplicates *d, uint64_t group,
                        const uint8_t sketch[SKETCH_BYTES], unsigned agreement_min, uint32_t *out)
{
    size_t n = 0, kept = 0;
    for (unsigned band = 0; band < BANDS; band++) {
        struct key key = band_key(group, sketch, band);
        unsigned same = 0;
        for (uint32_t node = *head_of(d, key); node != NODE_END && same < SAME_BAND_MAX;
             node = d->chain[node]) {
            if (!key_same(node_key(d, node), key))
                continue;
            same++;
            if (sketch_agreement(d->sketches[node / BANDS], sketch) >= agreement_min)
                out[n++] = node / BANDS;
        }
    }
    qsort(out, n, sizeof *out, compare);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || out[kept - 1] != out[i])
            out[kept++] = out[i];
    return kept;
}

bool bands_holds(const struct duplicates *d, uint32_t slot, unsigned band)
{
    uint32_t node = slot * BANDS + band, at = *head_of(d, node_key(d, node));
    while (at != NODE_END && at != node)
        at = d->chain[at];
    return at == node;
}

size_t bands_walk(const struct duplicates *d)
{
    size_t n = 0;
    for (uint32_t b = 0; b < d->bucket_count; b++)
        for (uint32_t node = d->heads[b]; node != NODE_END && n <= d->linked; node = d->chain[node])
            n++;
    return n;
}

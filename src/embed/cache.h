/* Vectors in memory by a digest of what they were made from (private).
 *
 * Bounded by bytes. What goes when it is full: SIEVE (Zhang et al., "SIEVE is Simpler than LRU",
 * NSDI 2024): entries stand in order of arrival, a hit sets one bit, and a hand that walks from the
 * oldest to the newest clears bits and takes the first entry without one. Fewer misses than LRU
 * (and ARC, 2Q, TinyLFU) on most of their 1,559 traces, since what is asked once leaves soon, which
 * is what queries are like: few that many ask, many that one asks. A hit moves nothing.
 *
 * No lock of its own: the caller's (memo.h). Nothing is allocated by a hit. */
#ifndef EMBED_CACHE_H
#define EMBED_CACHE_H

#include "embed/embed.h"

struct cache;
struct cache *cache_new(size_t bytes_max); /* of entries and table together; > 0 */
void cache_free(struct cache *c);
/* Copies `dims` floats; false: not there (or there with other dims). */
bool cache_get(struct cache *c, const uint8_t key[EMBED_KEY], unsigned dims, float *out,
               unsigned *tokens);
/* A key that is there stays as it is; a vector larger than the cache is not taken. */
void cache_put(struct cache *c, const uint8_t key[EMBED_KEY], unsigned dims, const float *vector,
               unsigned tokens);
size_t cache_bytes(const struct cache *c);
size_t cache_count(const struct cache *c);
void cache_check(const struct cache *c); /* asserts its invariants; O(entries) */

#endif

/* What is popular and what is trending: sums of what readers did, that fade with time.
 *
 *     sum(document) = sum of weight * 2^((time - now) / half_life)
 *
 * with a slow half-life (popular) and a fast one (trending). Each act is added when it comes and
 * taken away when it is forgotten, in any order. The sums stand at a moment of their own, so that
 * fading costs nothing: all documents fade alike. Exact but for rounding: some 1e-13 of the largest
 * sum that there was; a document whose acts were all taken away has none left.
 *
 * At most POPULARITY_DOCUMENTS_MAX documents, 32 bytes each; when they are more, the half with the
 * smaller slow sums goes. Any thread. */
#ifndef RECOMMEND_POPULARITY_H
#define RECOMMEND_POPULARITY_H

#include "base/docset.h"
#include <stddef.h>
#include <stdint.h>

#define POPULARITY_DOCUMENTS_MAX (1u << 20)
#define POPULARITY_SLOW_US (30LL * 86400 * 1000000)
#define POPULARITY_FAST_US (2LL * 86400 * 1000000)

enum popularity_kind { POPULARITY_SLOW, POPULARITY_FAST, POPULARITY_KINDS };
struct popularity;
struct popular {
    uint32_t number;
    float score; /* of the largest sum of all documents, or of `among`: 0 ... 1 */
};

/* 0: the half-lives above. */
struct popularity *popularity_new(int64_t slow_us, int64_t fast_us);
void popularity_free(struct popularity *p); /* NULL is allowed */
/* `weight` without decay (> 0: readers liked it); others are left out, of `forget` too, so that
 * both may be called with every act. What is taken away was added with the same weight and time. */
void popularity_add(struct popularity *p, uint32_t number, double weight, int64_t time_us);
void popularity_forget(struct popularity *p, uint32_t number, double weight, int64_t time_us);
void popularity_clear(struct popularity *p);
size_t popularity_count(struct popularity *p);

/* Only the documents of `among` (NULL: all) count: scores are of the largest sum of those, at the
 * cost of a pass over the documents.
 * The best, by score and then by number; of `within` (NULL: all) and not of `without` (NULL: none).
 * Returns how many. Cost: a pass over the documents, some 1 ns each, and a test for those that
 * would be among the best. */
size_t popularity_top(struct popularity *p, enum popularity_kind kind, const struct docset *among,
                      const struct docset *within, const struct docset *without, size_t limit,
                      struct popular *out);
/* out[i]: the score of numbers[i]; 0 of those that nobody liked. */
void popularity_scores(struct popularity *p, enum popularity_kind kind, const struct docset *among,
                       const uint32_t *numbers, size_t count, float *out);
/* The sum itself, at a moment. */
double popularity_sum(struct popularity *p, enum popularity_kind kind, uint32_t number,
                      int64_t now_us);

#endif

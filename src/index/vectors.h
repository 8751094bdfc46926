/* The vector index: a query vector -> the nearest documents, each by its best passage.
 *
 * Now an exact scan: int8 rows for all, the best of them again in float16 (the values the store
 * holds); the score is the cosine of the float16 vectors. A later graph stands behind the same
 * functions. Rows are of length 1. One writer thread (put, delete, save); searches from any thread
 * in parallel, which see a document before or after a change, never half of one. */
#ifndef INDEX_VECTORS_H
#define INDEX_VECTORS_H

#include "base/err.h"
#include "index/docset.h"
#include <stdint.h>

struct vectors;
struct vectors *vectors_new(uint32_t dims); /* 1..4096 */
void vectors_free(struct vectors *v);
uint32_t vectors_dims(const struct vectors *v);

/* All passages of a document, replacing what it had. `rows`: count x dims float16, borrowed.
 * ERR_FULL beyond 2^31 rows. Writer only. */
enum err vectors_put(struct vectors *v, uint32_t number, uint64_t revision, const uint16_t *rows,
                     uint32_t count, struct err_info *e) MUST_CHECK;
void vectors_delete(struct vectors *v, uint32_t number);

struct vector_hit {
    uint32_t number;  /* document */
    uint32_t passage; /* its best one */
    float cosine;
    uint64_t revision; /* that was indexed */
};
/* The k nearest documents of `within` (NULL: all), best first, ties by number. `query`: dims
 * floats, length 1. Returns how many. `exact`: 0 lets an approximate index approximate; 1 must be
 * exact. Any thread. Cost: one pass over all rows (about 1.4 ms for 60,000 x 384), less with a
 * small `within`. */
size_t vectors_search(struct vectors *v, const float *query, size_t k, const struct docset *within,
                      bool exact, struct vector_hit *out);
/* The best passage and cosine of given documents: out[i] belongs to numbers[i]; cosine NaN if it
 * has no rows. */
void vectors_score(struct vectors *v, const float *query, const uint32_t *numbers, size_t count,
                   struct vector_hit *out);
/* Sum of a document's passage vectors, normalised: what "like this document" means. False if it has
 * none. */
bool vectors_document(struct vectors *v, uint32_t number, float *out);
/* The float16 rows of a document (malloc, free()); NULL if none. For checks and digests. */
uint16_t *vectors_rows(struct vectors *v, uint32_t number, uint32_t *count, uint64_t *revision);
/* Mean cosine of `pairs` random passage pairs of different documents, from a seed. */
float vectors_mean_cosine(struct vectors *v, unsigned pairs, uint64_t seed);
size_t vectors_documents(struct vectors *v);
size_t vectors_count(struct vectors *v); /* rows */
size_t vectors_bytes(struct vectors *v);

/* Every invariant of the structure; ERR_CORRUPT names the first that does not hold. */
enum err vectors_check(struct vectors *v, struct err_info *e) MUST_CHECK;

/* A section of a snapshot, with its own checksum; loading verifies it and reads into anonymous
 * memory. ERR_CORRUPT: damaged (rebuild from the store). */
struct file;
enum err vectors_save(struct vectors *v, struct file *f, struct err_info *e) MUST_CHECK;
enum err vectors_load(struct file *f, uint64_t *offset, struct vectors **out,
                      struct err_info *e) MUST_CHECK;

#endif

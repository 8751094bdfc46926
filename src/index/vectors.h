/* The vector index: a query vector -> the nearest documents, each by its best passage.
 *
 * New rows are in a tail that is scanned exactly, so they are found at once and a put costs no
 * walk; vectors_merge_step brings them into a graph (graph.h) in the background. The score is the
 * cosine of the float16 vectors that the store holds, whichever way a document was found. Rows are
 * of length 1.
 *
 * Threads: any may call anything; put, delete, merging, saving and the check take turns, merging
 * gives way to the others. Searches run beside them without locks, and see a document before or
 * after a change, never half of one. */
#ifndef INDEX_VECTORS_H
#define INDEX_VECTORS_H

#include "base/err.h"
#include "base/docset.h"
#include <stdint.h>

/* Up to so many rows stay in the tail: a scan of them is about as quick as a walk. */
#define VECTORS_SCAN_ROWS 10000
/* How wide a walk for 10 looks at first; wider for more. */
#define VECTORS_WIDTH 128

struct vectors;
struct vectors *vectors_new(uint32_t dims); /* 1..4096 */
void vectors_free(struct vectors *v);
uint32_t vectors_dims(const struct vectors *v);

/* All passages of a document, replacing what it had. `rows`: count x dims float16, borrowed.
 * ERR_FULL beyond 2^31 rows. About 8 us a row of 384; waits for a merging insertion (0.2 ms). */
enum err vectors_put(struct vectors *v, uint32_t number, uint64_t revision, const uint16_t *rows,
                     uint32_t count, struct err_info *e) MUST_CHECK;
void vectors_delete(struct vectors *v, uint32_t number);

struct vector_hit {
    uint32_t number;  /* document */
    uint32_t passage; /* its best one */
    float cosine;
    uint64_t revision; /* that was indexed */
};
/* The k nearest documents of `within` (NULL: all), best first, ties by number: always k, or as many
 * as there are. `query`: dims floats, length 1. `exact`: 1 must be exact; 0 may walk the graph,
 * which misses a few in a hundred (vectors_width_set). Any thread. Cost: a walk is about 0.1 ms for
 * k 10 in 200,000 x 384; a scan 1.4 ms for 60,000 rows, less with a small `within`. */
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
size_t vectors_count(struct vectors *v);  /* rows */
size_t vectors_tail(struct vectors *v);   /* of them, not yet in the graph */
size_t vectors_linked(struct vectors *v); /* in the graph, those that are on their way out too */
size_t
vectors_rough(struct vectors *v); /* of them, in the graph by links that will be chosen anew */
/* How wide a walk for 10 looks: more is better and slower. The meter below changes it. */
void vectors_width_set(struct vectors *v, unsigned width);
unsigned vectors_width(struct vectors *v);

/* The recall meter. A sample of the searches that were not asked to be exact is kept: of those
 * since the last sample was taken each is as likely as another. One by one they are repeated,
 * walked and scanned, under one state of the index; what share of the scan's answer the walk had
 * (ties are right) is the recall. Where a scan answers anyway it is 1. Walks look as widely as
 * holds `target` (recall.h), those under a filter on their own. */
struct vectors_recall {
    double ratio;            /* decayed mean; 1 until something was measured */
    uint64_t samples;        /* measured so far, */
    unsigned width;          /* of a walk for 10, */
    unsigned width_filtered; /* and of one under a filter */
};
struct vectors_recall vectors_recall(struct vectors *v);
enum vectors_measured {
    VECTORS_MEASURED_NOTHING, /* no search since */
    VECTORS_MEASURED_PART, /* of a sample: the index remembers what is deleted until it is done */
    VECTORS_MEASURED_SCAN,
    VECTORS_MEASURED_WALK,
    VECTORS_MEASURED_FILTERED
};
/* One walk, or a scan of about `rows` rows; without locks, in the background. One thread at a
 * time. */
enum vectors_measured vectors_measure_step(struct vectors *v, double target, uint32_t rows);

/* How many searches that need not be exact went which way: a scan; the walk; a walk that was not
 * enough, and then a scan. */
enum vectors_way { VECTORS_SCANNED, VECTORS_WALKED, VECTORS_GAVE_UP, VECTORS_WAYS };
void vectors_ways(const struct vectors *v, uint64_t out[VECTORS_WAYS]);

/* Works at the graph for about `budget_ns`, less if somebody waits: brings rows of the tail in,
 * takes deleted ones out, chooses links anew. False: nothing to do now. In the background. */
bool vectors_merge_step(struct vectors *v, int64_t budget_ns);
/* Rows that it has brought in or whose links it has chosen anew: work that is lost with what was
 * not saved since. Rises. */
uint64_t vectors_worked(struct vectors *v);

size_t vectors_bytes(struct vectors *v);

/* Every invariant of the structure; ERR_CORRUPT names the first that does not hold. Writers wait:
 * some seconds for a million rows. */
enum err vectors_check(struct vectors *v, struct err_info *e) MUST_CHECK;

/* A section of a snapshot, with its own checksum; loading verifies it and reads into anonymous
 * memory. Saving holds others up for some ms at a time; it has what was put before it began, and of
 * what changed meanwhile the one or the other. ERR_CORRUPT: damaged (rebuild from the store). */
struct file;
enum err vectors_save(struct vectors *v, struct file *f, struct err_info *e) MUST_CHECK;
enum err vectors_load(struct file *f, uint64_t *offset, struct vectors **out,
                      struct err_info *e) MUST_CHECK;

#endif

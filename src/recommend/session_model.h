/* What comes next in a session, by the sessions of others that were like it: V-SKNN.
 *
 *     like(n)  = sum over the items i that n shares with this session of place(i) / length,
 *                place(i): 1 for the oldest ... length for the newest
 *     score(j) = sum over the NEAR most alike of like(n) / step(n), those that hold j,
 *                divided by the same sum over all of them: 0 ... 1
 *     step(n): how far back its newest shared item is, 1 for the newest
 *
 * over the newest of the past sessions that share an item. Ludewig, Jannach: Evaluation of
 * session-based recommendation algorithms (UMUAI 2018), section 3.2. Items of the session itself
 * get no score. Bounded: the newest sessions, the newest items of each. Immutable once made: any
 * thread. */
#ifndef RECOMMEND_SESSION_MODEL_H
#define RECOMMEND_SESSION_MODEL_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

#define SESSION_ITEMS_MAX 32         /* newest of a session; of what is asked too */
#define SESSION_COUNT_MAX (1u << 20) /* newest sessions */
#define SESSION_NEAR 200

struct section_reader;
struct section_writer;
struct session_model;

/* Sessions, oldest first: the items of session s, oldest first and none twice, are at[start[s]] ...
 * at[start[s + 1]]; 2 to SESSION_ITEMS_MAX each. Copied. */
struct session_model *session_model_new(uint32_t items, uint32_t count, const size_t *start,
                                        const uint32_t *at);
void session_model_free(struct session_model *m); /* NULL is allowed */
uint32_t session_model_count(const struct session_model *m);
size_t session_model_bytes(const struct session_model *m);
/* Errors are the section's. */
void session_model_save(const struct session_model *m, struct section_writer *w);
/* NULL: section_error says why. */
struct session_model *session_model_load(struct section_reader *r, uint32_t items) MUST_CHECK;

/* scores[items] = the scores. `given`: items of this session, oldest first; one that comes twice
 * counts where it came last. Cost: 0.1 to 0.5 ms, and 4 bytes an item. */
void session_model_score(const struct session_model *m, const uint32_t *given, size_t count,
                         float *scores);
/* What is like `given`, looked for once and asked about items. In the arena, 3.6 kB. Cost: 0.1 to
 * 0.5 ms. */
struct arena;
struct session_asked;
const struct session_asked *session_model_ask(const struct session_model *m, const uint32_t *given,
                                              size_t count, struct arena *a);
/* The score of one item, to the bit as session_model_score says it. Cost: some microseconds. */
float session_model_item(const struct session_model *m, const struct session_asked *a,
                         uint32_t item);
/* parts[k]: the share of the score of `item` that given[k] has of the `count`; they add up to it.
 * Without given[k] other sessions are near, and the score is not just less by parts[k]. */
void session_model_parts(const struct session_model *m, const struct session_asked *a, size_t count,
                         uint32_t item, double *parts);

#endif

/* What the server hands to a training: documents, acts of feedback as they come out of the store,
 * and those answers of the log that acts name, written as they are read, in constant memory. The
 * training sorts and joins them into a training set in its own memory, which is bounded, rather
 * than in the server's. */
#ifndef RECOMMEND_TRAINING_FEED_H
#define RECOMMEND_TRAINING_FEED_H

#include "base/err.h"
#include "base/str.h"
#include "recommend/answers.h"
#include "recommend/training_set.h"
#include <stdint.h>

struct feed_writer;
/* `dims` 0: no vectors. `threshold`: what a reader did with a document counts only if its totals
 * add up to so much, either way. */
enum err feed_writer_open(const char *path, uint32_t dims, double threshold, uint64_t position,
                          struct feed_writer **out, struct err_info *e) MUST_CHECK;
/* By rising number, all before the first act. `vector`: dims float16, of length 1; NULL: has none.
 */
void feed_put_item(struct feed_writer *w, uint32_t number, int64_t created_us,
                   const uint16_t *vector);
/* In any order. `total`: its weight without decay. A weight of 0 or that is not finite says
 * nothing, and is left out. */
void feed_put_act(struct feed_writer *w, struct str user, uint32_t number, float weight,
                  float total, int64_t time_us, struct str session);
/* An act that names an answer by its token; beside feed_put_act. */
#define FEED_TOKEN 16
void feed_put_named(struct feed_writer *w, const uint8_t token[FEED_TOKEN], struct str user,
                    uint32_t number, float total);
/* In any order, each once. `user` may be empty. Of more than ANSWER_SLOTS_MAX slots the first are
 * taken. Each has FEATURE_COUNT features. */
struct served_list;
void feed_put_answer(struct feed_writer *w, const uint8_t token[FEED_TOKEN], struct str user,
                     int64_t time_us, const struct served_list *list);
/* Errors of all the puts too. Frees; the file is the caller's to remove. */
enum err feed_writer_end(struct feed_writer *w, struct err_info *e) MUST_CHECK;
void feed_writer_drop(struct feed_writer *w); /* NULL is allowed */

/* What a reader did with one document is joined: weights are added up, the last one names time and
 * session; what adds up to nothing is left out, and so is a reader of whom nothing is left.
 * `answers` (may be NULL): those that an act of their own reader names, with a gain; what names an
 * answer that is not there, or another reader's, says nothing.
 * ERR_CORRUPT: not whole, or not a feed. Memory: 40 bytes an act, the set and the answers. */
enum err feed_read(const char *path, struct training_set **out, struct answers **answers,
                   struct err_info *e) MUST_CHECK;

/* The place of a user in `keys`, of a session in struct training_act: 0 for no session. */
uint64_t training_key(struct str user);
uint64_t training_session(struct str user, struct str session);

#endif

/* Private to the snapshot of a training: the answers that acts name (training_answers.c). */
#ifndef ENGINE_TRAINING_ANSWERS_H
#define ENGINE_TRAINING_ANSWERS_H

#include "engine/training.h"

struct feed_writer;
struct answer_tokens;
struct answer_tokens *answer_tokens_new(void);
void answer_tokens_free(struct answer_tokens *t); /* NULL is allowed */
/* An act on document `number`: into the feed, if it names an answer. */
void answer_tokens_add(struct answer_tokens *t, struct feed_writer *w,
                       const struct feedback_settings *settings, const struct feedback_record *f,
                       uint32_t number);
/* After all acts. ERR_CANCELLED. */
enum err answers_put(struct answer_tokens *t, struct training_job *j, struct feed_writer *w,
                     struct err_info *e) MUST_CHECK;

#endif

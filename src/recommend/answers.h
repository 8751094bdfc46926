/* What a ranker learns from: answers of the log in which the reader did something with a document,
 * with what each slot's document was judged by when it was answered. Part of a training feed. */
#ifndef RECOMMEND_ANSWERS_H
#define RECOMMEND_ANSWERS_H

#include "recommend/feature.h"
#include <stddef.h>
#include <stdint.h>

#define ANSWERS_MAX 200000u        /* of one training: the newest */
#define ANSWERS_SLOTS_MAX 2000000u /* of them all */
#define ANSWER_SLOTS_MAX 100u      /* of one: its first; more do not count */

struct answer_slot {
    uint32_t number;  /* the document */
    float gain;       /* what the reader did with it and said that it was by this answer: the sum of
                         the weights by type, without decay; not below 0 */
    float propensity; /* of standing there, given what stood before it */
    float features[FEATURE_COUNT]; /* as served; NaN: was not known */
};
struct answer {
    uint64_t reader; /* training_key; of an answer for nobody in particular: its own */
    int64_t time_us;
    uint32_t first; /* position of its first slot in the whole list, from 0 */
    uint32_t slot_count;
    size_t slot; /* place of the first one in `slots` */
};
/* Answers by reader, then time. At least one slot of each has a gain. */
struct answers {
    struct answer *all;
    struct answer_slot *slots;
    size_t count, slot_count;
};
void answers_free(struct answers *a); /* NULL is allowed */

#endif

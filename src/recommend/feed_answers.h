/* The answers of a feed as they are read, and joined with the acts that name them. Private to
 * training_feed.c. */
#ifndef RECOMMEND_FEED_ANSWERS_H
#define RECOMMEND_FEED_ANSWERS_H

#include "recommend/training_feed.h"

struct section_reader;
struct feed_named {
    uint8_t token[FEED_TOKEN];
    uint64_t reader;
    uint32_t number;
    float total;
};
struct feed_answer {
    uint8_t token[FEED_TOKEN];
    bool of_user;
    struct answer answer;
};
struct feed_answers {
    struct feed_named *named;
    struct feed_answer *answers;
    struct answer_slot *slots;
    size_t named_count, named_cap, count, cap, slot_count, slot_cap;
};
/* One row, behind its tag. */
void feed_named_get(struct feed_answers *f, struct section_reader *r);
void feed_answer_get(struct feed_answers *f, struct section_reader *r);
struct answers *feed_answers_join(struct feed_answers *f);
void feed_answers_release(struct feed_answers *f);

#endif

/* The two lanes: what waits to be embedded, in which order it is taken, how much may wait
 * (private). All of it under the embedder's lock.
 *
 * Order. Bulk: first come, first served, but two models take turns by blocks, so that a version
 * that is being built and an import both get on. Interactive: by the time of arrival plus some
 * times the time that the work takes, so a query goes ahead of a hundred documents that came before
 * it, and those do not wait for ever (of a stream of queries, those that come later than a few
 * times their own cost go behind them). */
#ifndef EMBED_LANES_H
#define EMBED_LANES_H

#include "base/metrics.h"
#include "embed/memo.h"

/* A text that has to be computed. */
struct item {
    struct embed_text *text;
    struct claim *claim; /* NULL: there is no memo */
    size_t at;           /* its ids in the job's */
    uint32_t length;
};

/* The texts of one call; on the stack of its caller, who leaves when nothing of it is queued or
 * being computed. */
struct job {
    struct model *model;
    const struct item *items;
    const uint32_t *ids;
    size_t count, taken, done; /* items */
    size_t tokens_left;        /* not taken yet */
    int64_t queued_ns, order_ns;
    bool leading; /* its caller computes */
    enum err err;
    struct cond changed; /* it is done, or its caller may lead */
    struct job *next;
};

/* What one core computes at a time: texts of one model behind each other. */
struct block {
    uint32_t *ids, *lengths; /* room for `room` each */
    struct job **jobs;
    const struct item **items;
    size_t count, tokens, room;
    int64_t queued_ns; /* of its oldest text */
};

struct lane_queue {
    struct job *first;
    size_t tokens, texts;
    double tokens_per_s; /* of one thread; 0: not known yet */
    struct model *last;  /* whose block was taken last; only compared, never followed */
    struct gauge *depth;
};
struct lanes {
    struct lane_queue queues[LANE_COUNT];
    size_t tokens_max;
    unsigned batch_tokens, thread_count;
};

void lanes_init(struct lanes *l, size_t tokens_max, unsigned batch_tokens, unsigned threads);
/* Bulk leaves a quarter of the room, so that an import never makes a query a 503. A job that is
 * larger than all the room is let in when nothing waits: it would never be otherwise. */
bool lanes_have_room(const struct lanes *l, enum lane lane, size_t tokens);
void lanes_push(struct lanes *l, enum lane lane, struct job *j);
void lanes_remove(struct lanes *l, enum lane lane, struct job *j); /* if it is still there */
/* The model of the next block; NULL: nothing waits. */
struct model *lanes_next(const struct lanes *l, enum lane lane);
/* Whole texts of this model until the block is full; when little waits, the threads share it.
 * Block empty: none was there. */
void lanes_take(struct lanes *l, enum lane lane, struct model *m, struct block *b);
void lanes_measured(struct lanes *l, enum lane lane, size_t tokens, double seconds);
double lanes_rate(const struct lanes *l, enum lane lane); /* tokens a second, all threads */
/* Seconds, 1 to 60, until what waits ahead of new work of the lane is done. */
unsigned lanes_retry_after_s(const struct lanes *l, enum lane lane);

#endif

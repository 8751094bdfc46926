/* The answers of the log that acts of feedback name, for the ranker: the scan of the acts notes the
 * tokens, the newest ANSWERS_MAX of them; then the answers are read by token, in steps. */
#include "engine/training_answers.h"
#include "engine/recommend_impl.h"
#include "recommend/training_feed.h"
#include <stdlib.h>
#include <string.h>

#define STEP 256

_Static_assert(FEED_TOKEN == SERVED_TOKEN, "one token");

struct answer_tokens {
    uint8_t (*all)[SERVED_TOKEN];
    size_t count, cap, next; /* at ANSWERS_MAX the oldest is replaced */
};

struct answer_tokens *answer_tokens_new(void)
{
    return xcalloc(1, sizeof(struct answer_tokens));
}

void answer_tokens_free(struct answer_tokens *t)
{
    if (!t)
        return;
    free(t->all);
    free(t);
}

/* Acts on one answer mostly follow each other. */
static void token_add(struct answer_tokens *t, const uint8_t token[SERVED_TOKEN])
{
    size_t last = (t->next ? t->next : t->count) - 1;
    if (t->count && memcmp(t->all[last], token, SERVED_TOKEN) == 0)
        return;
    if (t->count == t->cap && t->cap < ANSWERS_MAX) {
        t->cap = t->cap ? 2 * t->cap : 256;
        t->cap = t->cap < ANSWERS_MAX ? t->cap : ANSWERS_MAX;
        t->all = xrealloc(t->all, t->cap * sizeof *t->all);
    }
    if (t->count < t->cap) {
        memcpy(t->all[t->count++], token, SERVED_TOKEN);
        return;
    }
    memcpy(t->all[t->next], token, SERVED_TOKEN);
    t->next = (t->next + 1) % t->count;
}

void answer_tokens_add(struct answer_tokens *t, struct feed_writer *w,
                       const struct feedback_settings *settings, const struct feedback_record *f,
                       uint32_t number)
{
    uint8_t token[SERVED_TOKEN];
    if (!served_token(f->recommendation_id, token))
        return;
    feed_put_named(w, token, f->user, number,
                   (float)feedback_weight(settings, f->type, f->value, 0));
    token_add(t, token);
}

static int token_compare(const void *a, const void *b)
{
    return memcmp(a, b, SERVED_TOKEN);
}

static size_t tokens_unique(struct answer_tokens *t)
{
    size_t n = 0;
    if (t->count)
        qsort(t->all, t->count, sizeof *t->all, token_compare);
    for (size_t i = 0; i < t->count; i++)
        if (n == 0 || memcmp(t->all[n - 1], t->all[i], SERVED_TOKEN) != 0)
            memmove(t->all[n++], t->all[i], SERVED_TOKEN);
    return n;
}

/* An answer that cannot be read is passed over: it is one of many. */
static size_t answer_put(struct feed_writer *w, const struct served_record *r, struct arena *a)
{
    struct served_list list;
    if (!r->id || served_unpack(r->payload, FEATURE_COUNT, a, &list, NULL) || !list.count)
        return 0;
    feed_put_answer(w, r->token, r->user, r->at_us, &list);
    return list.count < ANSWER_SLOTS_MAX ? list.count : ANSWER_SLOTS_MAX;
}

enum err answers_put(struct answer_tokens *t, struct training_job *j, struct feed_writer *w,
                     struct err_info *e)
{
    size_t count = tokens_unique(t), slots = 0;
    struct arena *a = arena_new(0);
    enum err err = 0;
    for (size_t i = 0; i < count && !err; i += STEP) {
        size_t n = count - i < STEP ? count - i : STEP;
        struct served_record *rows = arena_array(a, n, sizeof *rows);
        err = served_by_token(j->c, (const uint8_t(*)[SERVED_TOKEN])(t->all + i), n, a, rows, e);
        for (size_t k = 0; k < n && !err && slots + ANSWER_SLOTS_MAX <= ANSWERS_SLOTS_MAX; k++)
            slots += answer_put(w, &rows[k], a);
        training_at(j->x, "reading answers", (double)i / (double)count);
        if (!err && (training_cancelled(j->x, j->task) || trainer_stopping(j->x)))
            err = ERR_CANCELLED;
        arena_reset(a);
    }
    arena_free(a);
    return err;
}

#include "recommend/feed_answers.h"

#include "base/arena.h"
#include "base/section.h"
#include "recommend/served.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAMED_MAX (UINT64_C(1) << 26)

void answers_free(struct answers *a)
{
    if (!a)
        return;
    free(a->all);
    free(a->slots);
    free(a);
}

void feed_answers_release(struct feed_answers *f)
{
    free(f->named);
    free(f->answers);
    free(f->slots);
    *f = (struct feed_answers){0};
}

/* ---- reading ---- */

void feed_named_get(struct feed_answers *f, struct section_reader *r)
{
    struct feed_named n = {.number = section_get_u32(r)};
    n.reader = section_get_u64(r);
    section_get(r, n.token, sizeof n.token);
    section_get(r, &n.total, sizeof n.total);
    if (!isfinite(n.total) || f->named_count >= NAMED_MAX)
        section_corrupt(r, "an act of the feed that names an answer has no weight");
    if (section_error(r))
        return;
    if (f->named_count == f->named_cap) {
        f->named_cap = f->named_cap ? 2 * f->named_cap : 1024;
        f->named = xrealloc(f->named, f->named_cap * sizeof *f->named);
    }
    f->named[f->named_count++] = n;
}

static void slot_get(struct answer_slot *s, struct section_reader *r)
{
    s->gain = 0;
    s->number = section_get_u32(r);
    section_get(r, &s->propensity, sizeof s->propensity);
    section_get(r, s->features, sizeof s->features);
    if (!(s->propensity > 0 && s->propensity <= 1) && !section_error(r))
        section_corrupt(r, "a slot of the feed has no propensity");
    for (size_t k = 0; k < FEATURE_COUNT; k++)
        if (isinf(s->features[k])) /* nobody can have meant it */
            s->features[k] = NAN;
}

void feed_answer_get(struct feed_answers *f, struct section_reader *r)
{
    struct feed_answer a = {.answer.slot_count = section_get_u32(r), .answer.slot = f->slot_count};
    a.answer.reader = section_get_u64(r);
    a.answer.time_us = (int64_t)section_get_u64(r);
    section_get(r, a.token, sizeof a.token);
    a.answer.first = section_get_u32(r);
    a.of_user = section_get_u32(r) != 0;
    if (a.answer.slot_count > ANSWER_SLOTS_MAX || a.answer.first > SERVED_FIRST_MAX ||
        f->count >= ANSWERS_MAX || f->slot_count + a.answer.slot_count > ANSWERS_SLOTS_MAX)
        section_corrupt(r, "the feed's answers are too many or too long");
    if (section_error(r))
        return;
    if (f->count == f->cap) {
        f->cap = f->cap ? 2 * f->cap : 1024;
        f->answers = xrealloc(f->answers, f->cap * sizeof *f->answers);
    }
    while (f->slot_count + a.answer.slot_count > f->slot_cap) {
        f->slot_cap = f->slot_cap ? 2 * f->slot_cap : 4096;
        f->slots = xrealloc(f->slots, f->slot_cap * sizeof *f->slots);
    }
    for (uint32_t i = 0; i < a.answer.slot_count; i++)
        slot_get(&f->slots[f->slot_count++], r);
    f->answers[f->count++] = a;
}

/* ---- joining ---- */

/* In every field, so that the order in which acts were accepted says nothing. */
static int named_compare(const void *a, const void *b)
{
    const struct feed_named *x = a, *y = b;
    int token = memcmp(x->token, y->token, sizeof x->token);
    if (token)
        return token;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    if (x->reader != y->reader)
        return x->reader < y->reader ? -1 : 1;
    return (x->total > y->total) - (x->total < y->total);
}

static int answer_compare(const void *a, const void *b)
{
    const struct feed_answer *x = a, *y = b;
    if (x->answer.reader != y->answer.reader)
        return x->answer.reader < y->answer.reader ? -1 : 1;
    if (x->answer.time_us != y->answer.time_us)
        return x->answer.time_us < y->answer.time_us ? -1 : 1;
    return memcmp(x->token, y->token, sizeof x->token);
}

static size_t named_find(const struct feed_answers *f, const uint8_t *token)
{
    size_t low = 0, high = f->named_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (memcmp(f->named[mid].token, token, FEED_TOKEN) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct answer_slot *slot_find(struct feed_answers *f, const struct answer *a,
                                     uint32_t number)
{
    for (uint32_t i = 0; i < a->slot_count; i++)
        if (f->slots[a->slot + i].number == number)
            return &f->slots[a->slot + i];
    return NULL;
}

/* True: the reader liked something of it. */
static bool gains_add(struct feed_answers *f, const struct feed_answer *a)
{
    bool any = false;
    for (size_t k = named_find(f, a->token);
         k < f->named_count && memcmp(f->named[k].token, a->token, FEED_TOKEN) == 0; k++) {
        struct answer_slot *s = slot_find(f, &a->answer, f->named[k].number);
        if (s && (!a->of_user || f->named[k].reader == a->answer.reader))
            s->gain += f->named[k].total;
    }
    for (uint32_t i = 0; i < a->answer.slot_count; i++) {
        struct answer_slot *s = &f->slots[a->answer.slot + i];
        s->gain = s->gain > 0 && isfinite(s->gain) ? s->gain : 0;
        any |= s->gain > 0;
    }
    return any;
}

struct answers *feed_answers_join(struct feed_answers *f)
{
    struct answers *out = xcalloc(1, sizeof *out);
    if (f->named_count)
        qsort(f->named, f->named_count, sizeof *f->named, named_compare);
    if (f->count)
        qsort(f->answers, f->count, sizeof *f->answers, answer_compare);
    out->all = xcalloc(f->count + 1, sizeof *out->all);
    for (size_t i = 0; i < f->count; i++)
        if (gains_add(f, &f->answers[i]))
            out->all[out->count++] = f->answers[i].answer;
    out->slots = f->slots ? f->slots : xcalloc(1, sizeof *out->slots);
    out->slot_count = f->slot_count;
    f->slots = NULL;
    return out;
}

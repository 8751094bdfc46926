#include "train/sessions.h"

#include "base/arena.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_US (30LL * 60 * 1000000)

/* One act of a reader and the session that it belongs to. */
struct step {
    uint64_t session; /* its digest; or a number of our own, rising */
    bool named;
    uint32_t item;
    int64_t time_us;
};
struct past {
    int64_t end_us;
    uint64_t key; /* the reader's */
    size_t at;
    uint32_t count;
};
struct making {
    const struct training_set *s;
    int64_t pause_us;
    struct step *steps; /* of one reader */
    struct past *past;
    size_t past_count, past_cap;
    uint32_t *items; /* of all sessions */
    size_t item_count;
};

static int step_order(const void *a, const void *b)
{
    const struct step *x = a, *y = b;
    if (x->named != y->named)
        return x->named ? 1 : -1;
    if (x->session != y->session)
        return x->session > y->session ? 1 : -1;
    if (x->time_us != y->time_us)
        return x->time_us > y->time_us ? 1 : -1;
    return (x->item > y->item) - (x->item < y->item);
}

/* What the reader liked, by session and in order. */
static size_t steps_take(struct making *m, uint32_t reader)
{
    const struct training_set *s = m->s;
    uint64_t unnamed = 0;
    int64_t last_us = INT64_MIN;
    size_t n = 0;
    for (size_t k = s->start[reader]; k < s->start[reader + 1]; k++) {
        const struct training_act *a = &s->acts[k];
        if (a->weight <= 0)
            continue;
        if (!a->session) {
            unnamed += n > 0 && a->time_us > last_us + m->pause_us;
            last_us = a->time_us;
        }
        m->steps[n++] =
            (struct step){a->session ? a->session : unnamed, a->session != 0, a->item, a->time_us};
    }
    qsort(m->steps, n, sizeof *m->steps, step_order);
    return n;
}

/* Where nobody gave a name and all times are the same, it is no session but a list. */
static bool is_session(const struct step *steps, size_t n)
{
    return n >= 2 && (steps[0].named || steps[0].time_us != steps[n - 1].time_us);
}

static void past_add(struct making *m, uint64_t key, const struct step *steps, size_t n)
{
    if (!is_session(steps, n))
        return;
    size_t from = n > SESSION_ITEMS_MAX ? n - SESSION_ITEMS_MAX : 0;
    if (m->past_count == m->past_cap) {
        m->past_cap = m->past_cap ? 2 * m->past_cap : 1024;
        m->past = xrealloc(m->past, m->past_cap * sizeof *m->past);
    }
    m->past[m->past_count++] =
        (struct past){steps[n - 1].time_us, key, m->item_count, (uint32_t)(n - from)};
    for (size_t i = from; i < n; i++)
        m->items[m->item_count++] = steps[i].item;
}

static void reader_add(struct making *m, uint32_t reader)
{
    size_t n = steps_take(m, reader), from = 0;
    for (size_t i = 1; i <= n; i++)
        if (i == n || m->steps[i].named != m->steps[from].named ||
            m->steps[i].session != m->steps[from].session) {
            past_add(m, m->s->keys[reader], m->steps + from, i - from);
            from = i;
        }
}

static int past_order(const void *a, const void *b)
{
    const struct past *x = a, *y = b;
    if (x->end_us != y->end_us)
        return x->end_us > y->end_us ? 1 : -1;
    if (x->key != y->key)
        return x->key > y->key ? 1 : -1;
    return (x->at > y->at) - (x->at < y->at);
}

static struct session_model *newest_make(struct making *m, uint32_t max)
{
    qsort(m->past, m->past_count, sizeof *m->past, past_order);
    size_t skip = m->past_count > max ? m->past_count - max : 0, count = m->past_count - skip;
    size_t *start = xmalloc((count + 1) * sizeof *start);
    uint32_t *items = xmalloc((m->item_count + 1) * sizeof *items);
    start[0] = 0;
    for (size_t i = 0; i < count; i++) {
        const struct past *p = &m->past[skip + i];
        memcpy(items + start[i], m->items + p->at, p->count * sizeof *items);
        start[i + 1] = start[i] + p->count;
    }
    struct session_model *made = session_model_new(m->s->items, (uint32_t)count, start, items);
    free(start);
    free(items);
    return made;
}

static size_t longest(const struct training_set *s)
{
    size_t most = 0;
    for (uint32_t r = 0; r < s->readers; r++)
        most = s->start[r + 1] - s->start[r] > most ? s->start[r + 1] - s->start[r] : most;
    return most;
}

struct session_model *sessions_train(const struct training_set *s, const struct sessions_options *o)
{
    uint32_t max = o->sessions_max ? o->sessions_max : SESSION_COUNT_MAX;
    struct session_model *made = NULL;
    struct making m = {.s = s, .pause_us = o->pause_us > 0 ? o->pause_us : PAUSE_US};
    assert(max <= SESSION_COUNT_MAX);
    m.steps = xmalloc((longest(s) + 1) * sizeof *m.steps);
    m.items = xmalloc((s->start[s->readers] + 1) * sizeof *m.items);
    for (uint32_t r = 0; r < s->readers; r++)
        reader_add(&m, r);
    if (m.past_count >= SESSIONS_MIN)
        made = newest_make(&m, max);
    free(m.steps);
    free(m.past);
    free(m.items);
    return made;
}

size_t sessions_train_bytes(const struct training_set *s)
{
    size_t acts = s->start[s->readers], sessions = acts / 2;
    return longest(s) * sizeof(struct step) + acts * 4 * sizeof(uint32_t) +
           sessions * (2 * sizeof(struct past) + sizeof(size_t)) + (size_t)s->items * 8;
}

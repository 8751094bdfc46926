/* How the counting goes on: answers first, in the order of their times, then the feedback that was
 * accepted meanwhile. Feedback of an answer that is not counted yet waits. */
#include "engine/tally.h"
#include "base/clock.h"
#include "base/log.h"
#include "engine/recommend_impl.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BEHIND_US 1200000       /* a row of the log may come a second after its time */
#define WAITING_MAX 16384       /* acts whose answer is not there yet; the oldest are given up */
#define WAITING_NS 10000000000L /* an answer that is not there by then never was */
#define RESOLVE_MAX 2048        /* of one read */
#define PERIOD_NS 1000000000L
#define PAUSE_NS 20000000L /* between two steps of the thread */

struct act {
    uint8_t token[SERVED_TOKEN];
    uint32_t number;
    enum experiment_metric metric;
    int64_t time_us, since_ns;
};
struct tally {
    struct collection *c;
    struct lock lock;
    struct cond folded;
    bool folding;
    struct tally_counts *counts;
    int64_t through_us;

    /* Of whoever folds. */
    bool begun;
    struct served_range at;
    uint64_t change; /* feedback up to it was looked at */
    struct act *acts;
    size_t act_count, act_cap;
    int64_t due_us; /* fold until through_us has passed it */
};

struct tally *tally_new(struct collection *c)
{
    struct tally *t = xcalloc(1, sizeof *t);
    t->c = c;
    t->counts = tally_counts_new();
    lock_init(&t->lock, LOCK_LEAF);
    cond_init(&t->folded);
    return t;
}

void tally_free(struct tally *t)
{
    if (!t)
        return;
    assert(!t->folding);
    tally_counts_free(t->counts);
    cond_release(&t->folded);
    lock_release(&t->lock);
    free(t->acts);
    free(t);
}

/* ---- answers ---- */

static enum err answer_read(const struct served_record *r, struct arena *a,
                            struct tally_answer *out, struct err_info *e)
{
    struct served_list list;
    enum err err = served_unpack(r->payload, 0, a, &list, e);
    if (err)
        return err;
    uint32_t *numbers = arena_array(a, list.count + 1, sizeof *numbers);
    for (size_t i = 0; i < list.count; i++)
        numbers[i] = list.slots[i].number;
    *out = (struct tally_answer){.at_us = r->at_us,
                                 .recommender = r->recommender,
                                 .user = r->user,
                                 .scenario = r->scenario,
                                 .experiment = r->experiment,
                                 .variant = r->variant,
                                 .numbers = numbers,
                                 .count = list.count};
    memcpy(out->token, r->token, sizeof out->token);
    return 0;
}

static enum err answers_step(struct tally *t, struct arena *a, bool *more, struct err_info *e)
{
    struct served_record *rows;
    size_t n;
    int64_t horizon_us = clock_wall_us() - BEHIND_US;
    t->at.before_us = horizon_us;
    enum err err =
        store_served_list(t->c->engine->store, a, t->c->id, &t->at, TALLY_SERVED, &rows, &n, e);
    if (err)
        return err;
    struct tally_answer *all = arena_array(a, n + 1, sizeof *all);
    for (size_t i = 0; i < n; i++)
        if (answer_read(&rows[i], a, &all[i], NULL)) /* a row that is damaged: not an answer */
            all[i].count = 0;
    *more = n == TALLY_SERVED;
    lock_take(&t->lock);
    for (size_t i = 0; i < n; i++)
        tally_counts_answer(t->counts, &all[i]);
    t->through_us = *more ? rows[n - 1].at_us : horizon_us;
    lock_drop(&t->lock);
    if (n > 0) {
        t->at.from_us = rows[n - 1].at_us;
        t->at.after = rows[n - 1].id;
    }
    return 0;
}

/* ---- feedback ---- */

struct reading {
    struct tally *t;
    struct arena *a;
    struct feedback_settings settings;
    struct str *documents;
    struct act *acts;
    size_t count;
};

bool tally_act_metric(const struct feedback_settings *s, const struct feedback_record *f,
                      enum experiment_metric *out)
{
    *out = METRIC_CLICK_THROUGH;
    if (str_eq_c(f->type, "click"))
        return true;
    *out = METRIC_CONVERSION;
    return !str_eq_c(f->type, "view") && feedback_weight(s, f->type, f->value, 0) > 0;
}

static enum err feedback_take(void *ctx, const struct feedback_record *f)
{
    struct reading *r = ctx;
    struct act *act = &r->acts[r->count];
    if (!served_token(f->recommendation_id, act->token) ||
        !tally_act_metric(&r->settings, f, &act->metric))
        return 0;
    act->time_us = f->time_us;
    act->since_ns = clock_mono_ns();
    r->documents[r->count++] = arena_str(r->a, f->document);
    return 0;
}

static void acts_add(struct tally *t, const struct act *acts, const uint32_t *numbers, size_t n)
{
    if (t->act_count + n > t->act_cap) {
        t->act_cap = 2 * (t->act_count + n);
        t->acts = xrealloc(t->acts, t->act_cap * sizeof *t->acts);
    }
    for (size_t i = 0; i < n; i++)
        if (numbers[i]) {
            t->acts[t->act_count] = acts[i];
            t->acts[t->act_count++].number = numbers[i];
        }
}

static enum err feedback_step(struct tally *t, struct arena *a, bool *more, struct err_info *e)
{
    struct store *s = t->c->engine->store;
    struct reading r = {.t = t, .a = a};
    struct position now;
    store_position(s, &now);
    uint64_t left = now.change > t->change ? now.change - t->change : 0;
    uint64_t through = t->change + (left < TALLY_CHANGES ? left : TALLY_CHANGES);
    *more = through < now.change;
    if (!left)
        return 0;
    collection_feedback(t->c, &r.settings);
    r.acts = arena_array(a, through - t->change + 1, sizeof *r.acts);
    r.documents = arena_array(a, through - t->change + 1, sizeof *r.documents);
    enum err err = store_feedback_scan(s, t->c->id, t->change, through, feedback_take, &r, e);
    uint32_t *numbers = arena_array(a, r.count + 1, sizeof *numbers);
    if (!err)
        err = numbers_of_ids(t->c, NULL, a, r.documents, r.count, numbers, e);
    if (err)
        return err;
    acts_add(t, r.acts, numbers, r.count);
    t->change = through;
    return 0;
}

/* ---- acts find their answers ---- */

static bool answer_counted(const struct tally *t, const struct served_record *r)
{
    return r->at_us < t->at.from_us || (r->at_us == t->at.from_us && r->id <= t->at.after);
}

static bool act_is_of(const struct act *act, const struct tally_answer *s)
{
    if (act->time_us < s->at_us - TALLY_EARLY_US || act->time_us > s->at_us + TALLY_ATTRIBUTION_US)
        return false;
    for (size_t i = 0; i < s->count; i++)
        if (s->numbers[i] == act->number)
            return true;
    return false;
}

/* Counts those of acts[0 .. n) whose answer is counted; those that go on waiting move to the
 * front: *left of them. */
static enum err acts_resolve(struct tally *t, struct act *acts, size_t n, struct arena *a,
                             size_t *left, struct err_info *e)
{
    int64_t now_ns = clock_mono_ns();
    uint8_t(*tokens)[SERVED_TOKEN] = arena_array(a, n + 1, sizeof *tokens);
    struct served_record *rows = arena_array(a, n + 1, sizeof *rows);
    struct tally_answer *answers = arena_array(a, n + 1, sizeof *answers);
    for (size_t i = 0; i < n; i++)
        memcpy(tokens[i], acts[i].token, SERVED_TOKEN);
    enum err err = store_served_get(t->c->engine->store, a, t->c->id,
                                    (const uint8_t(*)[SERVED_TOKEN])tokens, n, rows, e);
    if (err)
        return err;
    for (size_t i = 0; i < n; i++)
        if (rows[i].id && answer_read(&rows[i], a, &answers[i], NULL))
            answers[i].count = 0;
    *left = 0;
    lock_take(&t->lock);
    for (size_t i = 0; i < n; i++) {
        bool counted = rows[i].id && answer_counted(t, &rows[i]);
        if (counted && act_is_of(&acts[i], &answers[i]))
            tally_counts_act(t->counts, &answers[i], acts[i].metric);
        else if (!counted && (rows[i].id || now_ns - acts[i].since_ns < WAITING_NS))
            acts[(*left)++] = acts[i];
    }
    lock_drop(&t->lock);
    return 0;
}

static enum err acts_step(struct tally *t, struct arena *a, struct err_info *e)
{
    size_t done = 0, kept = 0;
    enum err err = 0;
    if (!t->act_count)
        return 0;
    while (done < t->act_count && !err) {
        size_t n = t->act_count - done < RESOLVE_MAX ? t->act_count - done : RESOLVE_MAX;
        size_t left = n; /* after an error all of them wait */
        err = acts_resolve(t, t->acts + done, n, a, &left, e);
        memmove(t->acts + kept, t->acts + done, left * sizeof *t->acts);
        kept += left;
        done += n;
        arena_reset(a);
    }
    memmove(t->acts + kept, t->acts + done, (t->act_count - done) * sizeof *t->acts);
    t->act_count = kept + t->act_count - done;
    if (t->act_count > WAITING_MAX) {
        memmove(t->acts, t->acts + t->act_count - WAITING_MAX, WAITING_MAX * sizeof *t->acts);
        t->act_count = WAITING_MAX;
    }
    return err;
}

/* ---- folding ---- */

/* Feedback of before the first answer that the log has can name none. */
static enum err begin(struct tally *t, struct arena *a, struct err_info *e)
{
    struct served_range all = {0};
    struct served_record *rows;
    struct position now;
    size_t n;
    store_position(t->c->engine->store, &now);
    served_flush(t->c->engine);
    enum err err = store_served_list(t->c->engine->store, a, t->c->id, &all, 1, &rows, &n, e);
    if (err)
        return err;
    t->change = n ? 0 : now.change;
    t->begun = true;
    return 0;
}

static void running_follow(struct tally *t)
{
    struct experiments *running = experiments_ref(t->c);
    lock_take(&t->lock);
    tally_counts_follow(t->counts, running);
    lock_drop(&t->lock);
    experiments_unref(t->c, running);
}

static enum err fold_step(struct tally *t, struct arena *a, bool *more, struct err_info *e)
{
    bool answers = false, feedback = false;
    enum err err = t->begun ? 0 : begin(t, a, e);
    running_follow(t);
    if (atomic_exchange(&t->c->served_news, false))
        t->due_us = clock_wall_us();
    if (!err)
        err = answers_step(t, a, &answers, e);
    arena_reset(a);
    if (!err && !answers)
        err = feedback_step(t, a, &feedback, e);
    arena_reset(a);
    if (!err && !answers)
        err = acts_step(t, a, e);
    arena_reset(a);
    *more = answers || feedback;
    return err;
}

static bool folding_begin(struct tally *t, int64_t deadline_ns)
{
    lock_take(&t->lock);
    while (t->folding && cond_wait_until(&t->folded, &t->lock, deadline_ns))
        ;
    bool mine = !t->folding;
    t->folding = true;
    lock_drop(&t->lock);
    return mine;
}

static void folding_end(struct tally *t)
{
    lock_take(&t->lock);
    t->folding = false;
    cond_broadcast(&t->folded);
    lock_drop(&t->lock);
}

enum err tally_fold(struct tally *t, int64_t deadline_ns, bool *complete, struct err_info *e)
{
    struct arena *a;
    bool more = true;
    enum err err = 0;
    *complete = false;
    if (!folding_begin(t, deadline_ns))
        return 0;
    a = arena_new(0);
    do {
        err = fold_step(t, a, &more, e);
    } while (!err && more && clock_mono_ns() < deadline_ns);
    arena_free(a);
    folding_end(t);
    *complete = !err && !more;
    return err;
}

bool tally_due(struct tally *t)
{
    struct collection *c = t->c;
    lock_take(&c->lock);
    uint64_t feedback = c->feedback_change;
    lock_drop(&c->lock);
    lock_take(&t->lock);
    bool due = !t->folding && (!t->begun || t->act_count || feedback > t->change ||
                               t->through_us <= t->due_us || atomic_load(&c->served_news));
    lock_drop(&t->lock);
    return due;
}

/* ---- what was counted ---- */

int64_t tally_through_us(struct tally *t)
{
    lock_take(&t->lock);
    int64_t us = t->through_us;
    lock_drop(&t->lock);
    return us;
}

void tally_rows(struct tally *t, int32_t from, int32_t to, struct arena *a, struct tally_row **rows,
                size_t *count, struct str **names)
{
    size_t n, name_count;
    lock_take(&t->lock);
    struct tally_row **all = tally_counts_rows(t->counts, &n);
    *rows = arena_array(a, n + 1, sizeof **rows);
    *count = 0;
    for (size_t i = 0; i < n; i++)
        if (all[i]->key.day >= from && all[i]->key.day <= to)
            (*rows)[(*count)++] = *all[i];
    const struct str *known = tally_counts_names(t->counts, &name_count);
    *names = arena_array(a, name_count + 1, sizeof **names);
    for (size_t i = 0; i < name_count; i++)
        (*names)[i] = arena_str(a, known[i]);
    lock_drop(&t->lock);
}

struct tally_experiment *tally_experiment_copy(struct tally *t, const char *name, struct arena *a)
{
    struct tally_experiment *copy = NULL;
    lock_take(&t->lock);
    const struct tally_experiment *x = tally_counts_experiment(t->counts, name);
    if (x) {
        copy = arena_alloc(a, sizeof *copy);
        *copy = *x;
    }
    lock_drop(&t->lock);
    return copy;
}

/* ---- the thread ---- */

static void tally_run(void *arg)
{
    struct engine *x = arg;
    while (background_rest(&x->tallier, PERIOD_NS)) {
        for (struct collection *c = NULL; (c = collection_next(x, c));) {
            bool complete = false;
            struct err_info info = {0};
            while (!complete && tally_due(c->tally) && !background_stopping(&x->tallier)) {
                if (tally_fold(c->tally, clock_mono_ns(), &complete, &info)) {
                    log_event(LOG_WARN, "recommendations could not be counted; trying again",
                              LOG_S("collection", c->name), LOG_S("reason", info.message));
                    break;
                }
                (void)!background_sleep(&x->tallier, PAUSE_NS);
            }
        }
    }
}

void tally_start(struct engine *x)
{
    background_start(&x->tallier, "tallier", tally_run, x);
}

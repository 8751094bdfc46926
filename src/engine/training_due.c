/* When a collection is trained by itself: its setting `training`.
 *
 *   automatic   when the acts since the last training are a share of those it knew, or a reader was
 *               erased, or the embedding version is another; the first time as soon as there are
 *               readers enough
 *   periodic    every so many hours, if there was any act since
 *   manual      never
 *
 * no more often than every `every_hours`, and after a failure later, twice as late each time. */
#include "engine/training.h"
#include "base/clock.h"
#include "base/log.h"
#include <math.h>
#include <string.h>

#define HOUR_US 3600000000LL
#define ACTS_MIN 20
#define DOUBLINGS_MAX 5

void training_erased(struct collection *c, uint64_t change)
{
    lock_take(&c->lock);
    if (c->training.erased_change < change)
        c->training.erased_change = change;
    lock_drop(&c->lock);
}

void training_ended(struct collection *c, bool failed)
{
    lock_take(&c->lock);
    c->training.failures = failed ? c->training.failures + 1 : 0;
    c->training.tried_us = clock_wall_us();
    lock_drop(&c->lock);
}

struct due {
    struct collection *c;
    struct training_settings settings;
    struct training_state state;
    const struct recommender_record *last, *active; /* NULL: none */
};

static bool too_early(const struct due *d)
{
    unsigned n = d->state.failures < DOUBLINGS_MAX ? d->state.failures : DOUBLINGS_MAX;
    int64_t last_us = d->state.tried_us;
    if (d->last && d->last->created_us > last_us)
        last_us = d->last->created_us;
    double wait_us = d->settings.every_hours * HOUR_US * (double)(1u << n);
    return last_us && (double)(clock_wall_us() - last_us) < wait_us;
}

/* Acts since the last training; each is counted once. */
static uint64_t acts_since(struct due *d)
{
    struct store *s = d->c->engine->store;
    uint64_t base = d->last ? d->last->change : 0, count = 0;
    struct position now;
    store_position(s, &now);
    if (d->state.counted_base != base)
        d->state.counted_base = d->state.counted_to = base, d->state.counted = 0;
    if (!store_feedback_since(s, d->c->id, d->state.counted_to, INT64_MAX, &count, NULL)) {
        d->state.counted += count;
        d->state.counted_to = now.change;
    }
    return d->state.counted;
}

/* Of what was erased before this start the store knows. */
static bool erased(const struct due *d)
{
    bool yes = false;
    if (!d->active || !d->last)
        return false;
    uint64_t since = d->active->change > d->last->change ? d->active->change : d->last->change;
    return d->state.erased_change > since ||
           (!store_erased_since(d->c->engine->store, d->c->id, since, &yes, NULL) && yes);
}

static const char *due_automatic(struct due *d)
{
    unsigned readers = 0;
    if (store_feedback_readers(d->c->engine->store, d->c->id, TRAINING_READERS_MIN, &readers,
                               NULL) ||
        readers < TRAINING_READERS_MIN)
        return NULL;
    if (!d->last)
        return "changes";
    if (erased(d))
        return "erasure";
    struct version *v = version_active(d->c);
    bool other = d->last->version != v->id;
    version_unref(v);
    if (other)
        return "embedding version";
    double wanted = ceil(d->settings.min_changes * (double)d->last->acts);
    return (double)acts_since(d) >= (wanted > ACTS_MIN ? wanted : ACTS_MIN) ? "changes" : NULL;
}

static const char *due_periodic(struct due *d)
{
    unsigned readers = 0;
    if (store_feedback_readers(d->c->engine->store, d->c->id, TRAINING_READERS_MIN, &readers,
                               NULL) ||
        readers < TRAINING_READERS_MIN)
        return NULL;
    return erased(d) ? "erasure" : acts_since(d) ? "time" : NULL;
}

static const char *due_reason(struct due *d, struct arena *a)
{
    struct recommender_record *rows;
    size_t n;
    if (d->settings.schedule == TRAINING_MANUAL ||
        store_recommender_list(d->c->engine->store, a, d->c->id, &rows, &n, NULL))
        return NULL;
    for (size_t i = 0; i < n; i++) {
        if (rows[i].label.n)
            continue;
        d->last = &rows[i]; /* by id: the newest is the last */
        if (rows[i].state == RECOMMENDER_ACTIVE)
            d->active = &rows[i];
    }
    if (too_early(d))
        return NULL;
    return d->settings.schedule == TRAINING_PERIODIC ? due_periodic(d) : due_automatic(d);
}

static void collection_schedule(struct collection *c, struct arena *a)
{
    struct due d = {.c = c};
    struct training_order o = {
        .seed = TRAINING_SEED, .held_out = TRAINING_HELD_OUT, .promote = true};
    struct err_info info = {0};
    uint64_t id;
    lock_take(&c->lock);
    d.settings = c->settings.training;
    d.state = c->training;
    lock_drop(&c->lock);
    o.reason = due_reason(&d, a);
    lock_take(&c->lock);
    c->training.counted_base = d.state.counted_base;
    c->training.counted_to = d.state.counted_to;
    c->training.counted = d.state.counted;
    lock_drop(&c->lock);
    if (!o.reason)
        return;
    o.collection_id = c->id;
    memcpy(o.collection, c->name, sizeof o.collection);
    if (!training_queue(c->engine, &o, &id, &info))
        log_event(LOG_INFO, "a training is due", LOG_S("collection", c->name),
                  LOG_S("reason", o.reason), LOG_I("task", id));
}

void training_schedule(struct engine *x, struct arena *a)
{
    for (struct collection *c = NULL; (c = collection_next(x, c));) {
        if (!trainer_stopping(x))
            collection_schedule(c, a);
        arena_reset(a);
    }
}

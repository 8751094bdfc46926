/* What is popular and trending in a collection follows the feedback in the order in which it was
 * accepted. A request brings in what is new, if it is little, and the more that was the later the
 * next one does; after a start or a large import the thread beside the requests does it
 * (recommend_beside.c), and answers go by what is there. Settings that changed, and what was erased
 * while it was being counted, make it start anew. */
#include "base/clock.h"
#include "engine/internal.h"
#include "recommend/popularity.h"
#include <stdlib.h>
#include <string.h>

#define PAUSE_FREE 16       /* so few acts cost nothing worth a pause, */
#define PAUSE_NS_ACT 200000 /* of more each this: about 20 times as long as counting it took */
#define PAUSE_NS_MAX 500000000
#define NOW_MAX 2000 /* acts that a request counts itself */
#define BATCH 1000
#define ERASED_MAX 100000 /* acts of one reader that are taken away one by one */

struct counting {
    struct collection *c;
    struct feedback_settings settings;
    struct arena *a; /* of the batch */
    struct str ids[BATCH];
    double weights[BATCH];
    int64_t times_us[BATCH];
    size_t count, acts;
    struct err_info *e;
};

static enum err batch_count(struct counting *n)
{
    uint32_t *numbers = arena_array(n->a, n->count + 1, sizeof *numbers);
    enum err err = numbers_of_ids(n->c, NULL, n->a, n->ids, n->count, numbers, n->e);
    for (size_t i = 0; i < n->count && !err; i++)
        if (numbers[i])
            popularity_add(n->c->popular.sums, numbers[i], n->weights[i], n->times_us[i]);
    n->count = 0;
    arena_reset(n->a);
    return err;
}

static enum err act_count(void *ctx, const struct feedback_record *f)
{
    struct counting *n = ctx;
    double weight = feedback_weight(&n->settings, f->type, f->value, 0);
    n->acts++;
    if (!(weight > 0))
        return 0;
    n->ids[n->count] = arena_str(n->a, f->document);
    n->weights[n->count] = weight;
    n->times_us[n->count++] = f->time_us;
    return n->count == BATCH ? batch_count(n) : 0;
}

/* All that was accepted after `after` until `through`. */
static enum err acts_count(struct collection *c, uint64_t after, uint64_t through, size_t *acts,
                           struct err_info *e)
{
    struct counting *n = xcalloc(1, sizeof *n);
    n->c = c;
    n->e = e;
    n->a = arena_new(0);
    collection_feedback(c, &n->settings);
    enum err err = store_feedback_scan(c->engine->store, c->id, after, through, act_count, n, e);
    if (!err)
        err = batch_count(n);
    *acts = n->acts;
    arena_free(n->a);
    free(n);
    return err;
}

/* The right to count, and from where; false: it is up to date, or somebody counts so much that
 * nobody waits for it. */
static bool counting_begin(struct collection *c, uint64_t *after, uint64_t *change)
{
    struct popular_state *p = &c->popular;
    lock_take(&c->lock);
    while (p->busy && !p->much)
        cond_wait(&p->counted, &c->lock);
    bool fresh = p->filled && !p->stale &&
                 (p->change == c->feedback_change || clock_mono_ns() < p->not_before_ns);
    bool begin = !fresh && !p->busy;
    *after = p->stale ? 0 : p->at;
    *change = c->feedback_change;
    p->busy |= begin;
    lock_drop(&c->lock);
    return begin;
}

static void counting_much(struct collection *c)
{
    lock_take(&c->lock);
    c->popular.much = true;
    cond_broadcast(&c->popular.counted);
    lock_drop(&c->lock);
}

static void counting_done(struct collection *c, uint64_t at, uint64_t change, size_t acts)
{
    struct popular_state *p = &c->popular;
    int64_t pause_ns = acts > PAUSE_FREE ? (int64_t)acts * PAUSE_NS_ACT : 0;
    lock_take(&c->lock);
    p->at = at;
    p->change = change;
    p->not_before_ns = clock_mono_ns() + (pause_ns < PAUSE_NS_MAX ? pause_ns : PAUSE_NS_MAX);
    p->filled = true;
    p->stale = p->stale_again;
    lock_drop(&c->lock);
}

static void counting_end(struct collection *c)
{
    struct popular_state *p = &c->popular;
    lock_take(&c->lock);
    p->busy = p->much = p->stale_again = false;
    cond_broadcast(&p->counted);
    lock_drop(&c->lock);
}

static enum err count_on(struct collection *c, uint64_t after, uint64_t change, bool much,
                         struct err_info *e)
{
    uint64_t new = 0;
    size_t acts;
    struct position now;
    store_position(c->engine->store, &now);
    enum err err = store_feedback_since(c->engine->store, c->id, after, NOW_MAX + 1, &new, e);
    if (err)
        return err;
    if (new > NOW_MAX && !much) {
        sources_wake(c->engine);
        return 0;
    }
    if (new > NOW_MAX)
        counting_much(c);
    if (after == 0)
        popularity_clear(c->popular.sums);
    err = acts_count(c, after, now.change, &acts, e);
    if (err)
        popular_restart(c); /* some were counted and others not */
    else
        counting_done(c, now.change, change, acts);
    return err;
}

enum err popular_follow(struct collection *c, bool much, struct err_info *e)
{
    uint64_t after, change;
    if (!counting_begin(c, &after, &change))
        return 0;
    enum err err = count_on(c, after, change, much, e);
    counting_end(c);
    return err;
}

void popular_restart(struct collection *c)
{
    lock_take(&c->lock);
    c->popular.stale = true;
    c->popular.stale_again = c->popular.busy;
    lock_drop(&c->lock);
}

/* ---- a reader who is erased ---- */

enum err popular_erasing(struct collection *c, struct str user, struct arena *a,
                         struct feedback_record **out, size_t *count, struct err_info *e)
{
    size_t n = 0, cap = 0, page_count = BATCH;
    *out = NULL;
    while (page_count == BATCH && n <= ERASED_MAX) {
        struct feedback_record *page;
        enum err err =
            store_feedback_list(c->engine->store, a, c->id, user, STR(""),
                                n ? (*out)[n - 1].change : 0, BATCH, &page, &page_count, e);
        if (err)
            return err;
        if (n + page_count > cap) {
            struct feedback_record *more = arena_array(a, 2 * (n + page_count), sizeof *more);
            memcpy(more, *out ? *out : more, n * sizeof *more);
            *out = more;
            cap = 2 * (n + page_count);
        }
        if (page_count)
            memcpy(*out + n, page, page_count * sizeof *page);
        n += page_count;
    }
    *count = n;
    return 0;
}

void popular_erased(struct collection *c, const struct feedback_record *acts, size_t count,
                    struct arena *a)
{
    struct feedback_settings s;
    struct str *ids = arena_array(a, count + 1, sizeof *ids);
    uint32_t *numbers = arena_array(a, count + 1, sizeof *numbers);
    collection_feedback(c, &s);
    lock_take(&c->lock);
    uint64_t at = c->popular.at;
    bool surely = !c->popular.busy && !c->popular.stale && c->popular.filled;
    lock_drop(&c->lock);
    for (size_t i = 0; i < count; i++)
        ids[i] = acts[i].document;
    if (!surely || count > ERASED_MAX || numbers_of_ids(c, NULL, a, ids, count, numbers, NULL)) {
        popular_restart(c);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (numbers[i] && acts[i].change <= at)
            popularity_forget(c->popular.sums, numbers[i],
                              feedback_weight(&s, acts[i].type, acts[i].value, 0), acts[i].time_us);
}

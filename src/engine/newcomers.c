/* Of documents that a trained model does not know, the known texts nearest to each are looked up
 * beside the requests that need them: one thread, newest documents first, in slices. A request
 * that found some missing wakes it; a document that has just come is looked up by the first
 * request that meets it, if it is one of few. */
#include "base/clock.h"
#include "engine/recommend_sources.h"

#define SLICE 64
#define PAUSE_NS (5 * 1000000000LL)
#define REST_OF_SLICE 1 /* times what it took */

/* The `SLICE` newest documents below `*below` that the model does not know. */
static size_t slice_take(struct collection *c, const struct docset *known, uint32_t *below,
                         uint32_t *numbers, uint64_t *revisions)
{
    size_t n = 0;
    lock_take(&c->lock);
    uint32_t at = *below < c->live_count ? *below : (uint32_t)c->live_count;
    while (at > 0 && n < SLICE) {
        at--;
        if (!c->live[at].revision || docset_has(known, at))
            continue;
        numbers[n] = at;
        revisions[n++] = c->live[at].revision;
    }
    lock_drop(&c->lock);
    *below = at;
    return n;
}

/* False: it is to stop, or there is no room for more. */
static bool slice_make(struct engine *x, struct newcomers *all, struct version *v,
                       const uint32_t *numbers, const uint64_t *revisions, size_t count)
{
    const struct newcomer *found[SLICE];
    int64_t t0 = clock_mono_ns();
    bool room = true, any = false;
    newcomers_find(all, numbers, revisions, count, found);
    for (size_t i = 0; i < count && room && !background_stopping(&x->newcomers); i++)
        if (!found[i]) {
            room = newcomers_make(all, v->vectors, numbers[i], revisions[i]);
            any = true;
        }
    if (!any)
        return !background_stopping(&x->newcomers);
    return background_sleep(&x->newcomers, REST_OF_SLICE * (clock_mono_ns() - t0)) && room;
}

static void collection_work(struct engine *x, struct collection *c)
{
    uint32_t numbers[SLICE], below = UINT32_MAX;
    uint64_t revisions[SLICE];
    struct recommender *r = recommender_take(c, 0);
    struct version *v = version_active(c);
    if (learned_text_fits(r, v)) {
        struct newcomers *all = recommender_newcomers(r);
        size_t n;
        while ((n = slice_take(c, newcomers_known(all), &below, numbers, revisions)) > 0)
            if (!slice_make(x, all, v, numbers, revisions, n))
                break;
    }
    version_unref(v);
    recommender_release(r);
}

static void newcomers_run(void *arg)
{
    struct engine *x = arg;
    thread_background();
    do
        for (struct collection *c = NULL; (c = collection_next(x, c));)
            collection_work(x, c);
    while (background_rest(&x->newcomers, PAUSE_NS));
}

void newcomers_start(struct engine *x)
{
    background_start(&x->newcomers, "newcomers", newcomers_run, x);
}

void newcomers_wake(struct engine *x)
{
    background_wake(&x->newcomers);
}

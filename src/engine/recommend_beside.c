/* What the sources of recommendations need done beside the requests, in one thread: what is popular
 * follows the feedback after a start or a large import (popular.c); the mean of a version's vectors
 * is taken, for profiles; and of documents that a trained model does not know the known texts
 * nearest to each are looked up, the newest first, in slices. A request that found something
 * missing wakes it; one that met few new documents has looked them up itself. */
#include "base/clock.h"
#include "base/log.h"
#include "engine/recommend_sources.h"
#include <stdlib.h>

#define SLICE 64
#define CENTRE_DOCUMENTS 1000 /* below, two documents may have nothing in common */
#define CENTRE_SAMPLE 4000
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
    for (size_t i = 0; i < count && room && !background_stopping(&x->sources); i++)
        if (!found[i]) {
            room = newcomers_make(all, v->vectors, numbers[i], revisions[i]);
            any = true;
        }
    if (!any)
        return !background_stopping(&x->sources);
    return background_sleep(&x->sources, REST_OF_SLICE * (clock_mono_ns() - t0)) && room;
}

static void newcomers_work(struct engine *x, struct collection *c)
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

/* ---- centres ---- */

/* About CENTRE_SAMPLE of the documents, evenly over their numbers; how many had a vector. */
static size_t centre_sum(struct collection *c, struct version *v, double *sum)
{
    struct docset all;
    float *row = xmalloc(v->dims * sizeof *row);
    size_t n = 0, seen = 0;
    docset_init(&all);
    attributes_all(c->attributes, &all);
    size_t step = all.count / CENTRE_SAMPLE + 1;
    for (uint32_t k = docset_next(&all, 0); k != UINT32_MAX; k = docset_next(&all, k + 1)) {
        if (seen++ % step || !vectors_document(v->vectors, k, row))
            continue;
        n++;
        for (uint32_t d = 0; d < v->dims; d++)
            sum[d] += (double)row[d];
    }
    docset_release(&all);
    free(row);
    return n;
}

static void centre_work(struct collection *c, struct version *v)
{
    struct centre *old = atomic_load(&v->centre);
    size_t documents = vectors_documents(v->vectors);
    if (documents < CENTRE_DOCUMENTS || (old && documents < 2 * old->documents))
        return;
    struct centre *new = xmalloc(sizeof *new + v->dims * sizeof *new->mean);
    double *sum = xcalloc(v->dims, sizeof *sum);
    size_t n = centre_sum(c, v, sum);
    *new = (struct centre){.documents = documents, .older = old};
    for (uint32_t d = 0; d < v->dims; d++)
        new->mean[d] = n > 0 ? (float)(sum[d] / (double)n) : 0;
    atomic_store(&v->centre, new);
    free(sum);
}

void centres_free(struct version *v)
{
    for (struct centre *k = atomic_load(&v->centre), *older; k; k = older) {
        older = k->older;
        free(k);
    }
}

/* ---- the thread ---- */

static void collection_work(struct engine *x, struct collection *c)
{
    struct err_info info = {0};
    enum err err = popular_follow(c, true, &info);
    if (err && !collection_gone(c))
        log_event(LOG_WARN, "what is popular could not be counted", LOG_S("collection", c->name),
                  LOG_S("reason", info.message));
    struct version *v = version_active(c);
    centre_work(c, v);
    version_unref(v);
    newcomers_work(x, c);
}

static void sources_run(void *arg)
{
    struct engine *x = arg;
    thread_background();
    do
        for (struct collection *c = NULL; (c = collection_next(x, c));)
            collection_work(x, c);
    while (background_rest(&x->sources, PAUSE_NS));
}

void sources_start(struct engine *x)
{
    background_start(&x->sources, "sources", sources_run, x);
}

void sources_wake(struct engine *x)
{
    background_wake(&x->sources);
}

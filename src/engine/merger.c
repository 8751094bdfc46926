/* The merger: one thread that works at the vector graphs in the background (index/vectors.h), a
 * short step at a time, and saves the indexes now and then. The applier goes on beside it: neither
 * a merge nor a snapshot, of whatever size, is waited for. The thread is not a nice one, since the
 * applier may want the lock that a step holds; it keeps its pace instead. */
#include "base/pace.h"
#include "engine/internal.h"

#define PAUSE_NS 200000000 /* when there is nothing to do */

/* A step at each graph. True if one of them has more to do. */
static bool graphs_step(struct engine *x)
{
    bool more = false;
    for (struct collection *c = NULL; (c = collection_next(x, c));)
        for (struct version *v = NULL; (v = version_next(c, v));)
            more |= vectors_merge_step(v->vectors, PACE_STEP_NS);
    return more;
}

static void merger_run(void *arg)
{
    struct engine *x = arg;
    struct snapshot_clock k;
    struct pace pace = {0};
    snapshot_clock_start(x, &k);
    while (!background_stopping(&x->merger)) {
        pace_begin(&pace);
        bool more = graphs_step(x);
        pace_end(&pace);
        if (snapshot_due(x, &k)) {
            snapshots_save(x);
            snapshot_clock_saved(&k);
        }
        if (!more)
            background_rest(&x->merger, PAUSE_NS);
    }
    snapshots_save(x);
}

void merger_start(struct engine *x)
{
    background_start(&x->merger, "merger", merger_run, x);
}

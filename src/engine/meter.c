/* The meter: one thread that repeats a sample of live searches exactly (index/vectors.h), so that
 * what their answers are worth is known, and walks look as widely as holds the target.
 *
 * It takes about a hundredth of a core, however large the indexes and however busy the machine: it
 * works in slices of a few MB of vectors and rests after each for many times as long as it took. A
 * sample is not spread over long, since the index keeps what is deleted meanwhile. */
#include "base/clock.h"
#include "engine/internal.h"

#define PAUSE_NS 200000000 /* when there is nothing to measure */
#define SLICE_BYTES (4u << 20)
#define REST_OF_SLICE 9 /* times what it took */
#define REST_OF_SAMPLE 99

/* One sample of this version, if there is one. False: it is to stop. */
static bool sample_measure(struct engine *x, struct version *v, bool *any)
{
    uint32_t rows = SLICE_BYTES / v->dims;
    int64_t took_ns = 0;
    for (;;) {
        int64_t t0 = clock_mono_ns();
        enum vectors_measured m = vectors_measure_step(v->vectors, x->options.recall_target, rows);
        int64_t slice_ns = clock_mono_ns() - t0;
        took_ns += slice_ns;
        if (m == VECTORS_MEASURED_PART) {
            if (!background_sleep(&x->meter, REST_OF_SLICE * slice_ns))
                return false;
            continue;
        }
        if (m == VECTORS_MEASURED_NOTHING)
            return true;
        *any = true;
        metric_measured(x, m);
        return background_sleep(&x->meter, REST_OF_SAMPLE * took_ns);
    }
}

static void meter_run(void *arg)
{
    struct engine *x = arg;
    bool on = true;
    thread_background();
    while (on) {
        bool any = false;
        for (struct collection *c = NULL; (c = collection_next(x, c));)
            for (struct version *v = NULL; (v = version_next(c, v));)
                on = on && sample_measure(x, v, &any);
        if (on && !any)
            on = background_sleep(&x->meter, PAUSE_NS);
    }
}

void meter_start(struct engine *x)
{
    background_start(&x->meter, "meter", meter_run, x);
}

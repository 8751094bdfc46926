#include "base/pace.h"
#include "base/clock.h"

#define CROWD_MIN .5 /* below it nobody else wants the processor for long */
#define CROWD_MAX 3.0
#define REMEMBERED 8 /* steps */
#define AWAY 1       /* times what was computed, for each unit of the crowd */

int64_t pace_away_ns(struct pace *p, int64_t computed_ns, int64_t waited_ns)
{
    double crowd = 0;
    if (waited_ns > 0)
        crowd = computed_ns > 0 ? (double)waited_ns / (double)computed_ns : CROWD_MAX;
    crowd = crowd < CROWD_MAX ? crowd : CROWD_MAX;
    p->crowd += (crowd - p->crowd) / REMEMBERED;
    if (p->crowd < CROWD_MIN)
        return 0;
    double away_ns = AWAY * p->crowd * (double)computed_ns;
    return away_ns < PACE_AWAY_NS ? (int64_t)away_ns : PACE_AWAY_NS;
}

void pace_begin(struct pace *p)
{
    p->began_ns = clock_mono_ns();
    p->computed_ns = clock_thread_ns();
}

void pace_end(struct pace *p)
{
    int64_t computed_ns = clock_thread_ns() - p->computed_ns,
            away_ns = pace_away_ns(p, computed_ns, clock_mono_ns() - p->began_ns - computed_ns);
    if (away_ns > 0)
        clock_sleep_ns(away_ns);
}

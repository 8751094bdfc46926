/* Stepping back for others without being set aside: for a thread that computes in the background
 * and holds locks that others wait for. A nice one (thread_background) is set aside in the middle
 * of a step, with its lock, for as long as others are busy: holds of 8 ms of computing became 100
 * to 230 ms. This one has the share of all, works in steps that are shorter than a turn at the
 * processor (some 3 ms), and stays away between them, the longer the more it had to wait. */
#ifndef BASE_PACE_H
#define BASE_PACE_H

#include <stdint.h>

#define PACE_STEP_NS 2000000  /* what a step should take */
#define PACE_AWAY_NS 20000000 /* at most, after a step */

struct pace {
    int64_t began_ns, computed_ns;
    double crowd; /* how long it waited for each unit that it computed, of late */
};
void pace_begin(struct pace *p); /* of a step; zeroed before the first */
/* The step is over; no lock is held. Sleeps, if others want the processors. */
void pace_end(struct pace *p);
/* What pace_end sleeps after a step that computed and waited for so long. */
int64_t pace_away_ns(struct pace *p, int64_t computed_ns, int64_t waited_ns);

#endif

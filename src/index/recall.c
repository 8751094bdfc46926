#include "index/recall.h"

#include <math.h>
#include <stdbool.h>

#define NEWEST_MIN (1. / 256) /* weight of a new measurement in the mean */
#define EARLY_MIN 16          /* measurements before the width may rise */
/* Standard errors: an early rise is looked for several times a window, and must be surer. */
#define SURELY_BELOW 2.33
#define SURELY_ABOVE 1.645
#define RISE_MIN 1.05
#define RISE_MAX 2
#define FALL_MIN .7

void recall_mean_init(struct recall_mean *m)
{
    *m = (struct recall_mean){1, 0};
}

void recall_mean_add(struct recall_mean *m, double recall)
{
    double weight = 1. / (double)++m->count;
    m->value += (recall - m->value) * (weight > NEWEST_MIN ? weight : NEWEST_MIN);
}

static unsigned width_of(double width)
{
    return width < RECALL_WIDTH_MIN   ? RECALL_WIDTH_MIN
           : width > RECALL_WIDTH_MAX ? RECALL_WIDTH_MAX
                                      : (unsigned)lrint(width);
}

/* What a walk misses falls about as its width grows. */
static unsigned width_raised(unsigned width, double recall, double target)
{
    double times = (1 - recall) / (1 - target);
    times = times < RISE_MIN ? RISE_MIN : times > RISE_MAX ? RISE_MAX : times;
    return width_of(ceil(width * times));
}

/* Half the way there, on a logarithmic scale: too low is worse than too high. */
static unsigned width_lowered(unsigned width, double recall, double target)
{
    double times = sqrt((1 - recall) / (1 - target));
    return width_of(floor(width * (times > FALL_MIN ? times : FALL_MIN)));
}

/* The standard error of the mean. */
static double mean_error(const struct recall_window *w, double mean)
{
    double variance = w->squares / w->count - mean * mean;
    return variance > 0 ? sqrt(variance / w->count) : 0;
}

unsigned recall_width(struct recall_window *w, unsigned width, double recall, double target)
{
    if (w->width != width)
        *w = (struct recall_window){.width = width};
    w->count++;
    w->sum += recall;
    w->squares += recall * recall;
    bool full = w->count >= RECALL_WINDOW;
    bool early = w->count >= EARLY_MIN && (w->count & (w->count - 1)) == 0;
    if (!full && !early)
        return width;
    double mean = w->sum / w->count, error = mean_error(w, mean);
    double above = mean - SURELY_ABOVE * error;
    if (mean + SURELY_BELOW * error < target)
        width = width_raised(width, mean, target);
    else if (full && above < target)
        width = width_raised(width, above, target);
    else if (full && above > target + (1 - target) / 6)
        width = width_lowered(width, above, target);
    if (full)
        *w = (struct recall_window){.width = width};
    return width;
}

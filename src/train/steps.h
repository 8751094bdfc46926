/* How far a training is: steps of about equal cost, each with a name, told as one share of the
 * whole. One thread. */
#ifndef TRAIN_STEPS_H
#define TRAIN_STEPS_H

#include "train/recipe.h"

struct steps {
    const struct fit_options *told; /* whose progress is called */
    const char *name;
    double done, total; /* steps */
    double said;        /* the share that was told last: it never falls */
    const char *told_name;
};
void steps_begin(struct steps *s, const char *name); /* a step; tells */
void steps_end(struct steps *s);
/* Options for a fit within the step, whose own progress becomes a part of the step's. */
struct fit_options steps_fit(struct steps *s);
bool steps_stopped(const struct steps *s);

#endif

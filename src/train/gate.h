/* Whether a candidate is promoted, and why: the rule of train.h. */
#ifndef TRAIN_GATE_H
#define TRAIN_GATE_H

#include "train/evaluate.h"

#define GATE_MARGIN .02 /* of what it is held against */
#define GATE_P .05

struct gate {
    bool promote;
    char reason[400];
};
/* v->best is the candidate (>= 0), v->active may be -1. */
struct gate gate_decide(const struct evaluation *v, uint64_t seed);

#endif

/* How right the answers of an approximate search are, and how wide it should look so that they are
 * right enough. Arithmetic alone: who measures is vectors_meter.c.
 *
 * A measurement is the recall of one search, in [0, 1]: the share of the true answer that it had.
 * Not shared between threads. */
#ifndef INDEX_RECALL_H
#define INDEX_RECALL_H

#include <stdint.h>

/* Of all measurements, the last few hundred weigh most: 1/256 the newest. */
struct recall_mean {
    double value; /* 1 until there is a measurement */
    uint64_t count;
};
void recall_mean_init(struct recall_mean *m);
void recall_mean_add(struct recall_mean *m, double recall);

/* The measurements since the width was last chosen. Zeroed: none. */
struct recall_window {
    unsigned width, count;
    double sum, squares;
};
#define RECALL_WINDOW 512
#define RECALL_WIDTH_MIN 16
#define RECALL_WIDTH_MAX 65536
/* A measurement of a search of this width; how wide to look from now on. The width rises as soon
 * as recall is surely below the target, and when, after RECALL_WINDOW measurements, it is not
 * surely above; it falls, in small steps, when it is so by a sixth of what may be missed. */
unsigned recall_width(struct recall_window *w, unsigned width, double recall, double target);

#endif

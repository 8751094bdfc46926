/* A world of readers whose tastes are known, as large as asked, the same for a seed: documents
 * belong to topics and topics to areas; a reader likes one to three topics, mostly of one area, and
 * reads from them nine times of ten, in sessions; popular ones more often (Zipf). The texts'
 * vectors agree: area + topic + noise. Numbers follow nothing, so ties say nothing either. */
#ifndef BENCH_PLANTED_H
#define BENCH_PLANTED_H

#include "recommend/training_set.h"

struct planted_options {
    uint32_t items, readers, dims; /* at least 100 items */
    uint64_t acts;                 /* about so many, 3 a reader at least */
    uint64_t seed;
};
/* training_set_free. */
struct training_set *planted_make(const struct planted_options *o);

#endif

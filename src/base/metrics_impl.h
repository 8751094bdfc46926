/* Private to metrics.c (families, series, values) and metrics_render.c (their text).
 *
 * Families form a list that only grows; each has its series in a list (for the text, in the order
 * of their making) and in a hash table (for *_of). A series is found by its labels as they are
 * printed, which is unique since values are escaped. One lock guards all lists; values are atomics.
 * A double is kept as its bits and added to by compare-and-swap. */
#ifndef BASE_METRICS_IMPL_H
#define BASE_METRICS_IMPL_H

#include "base/metrics.h"
#include <stdatomic.h>

enum { LABELS_MAX = 8, BUCKETS_MAX = 24, SERIES_MAX = 2000, TABLE_SIZE = 256 };

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* What callers hold as struct counter, gauge or histogram. */
struct series {
    const struct family *family;
    struct series *next, *next_in_table;
    uint64_t hash;
    char *labels;               /* `method="GET",route="/x"`, or "" */
    _Atomic uint64_t bits;      /* the value; of a histogram the sum */
    _Atomic uint64_t buckets[]; /* of a histogram: a count for each bound, then for +Inf */
};

/* What callers hold as struct counter_family and so on. */
struct family {
    struct family *next;
    enum metric_kind kind;
    char *name, *help, *labels;
    char *label_names[LABELS_MAX];
    unsigned label_count, bound_count;
    double bounds[BUCKETS_MAX];
    struct series *first, **last, *table[TABLE_SIZE];
    unsigned series_count;
};

void metrics_lock(void);
void metrics_unlock(void);
const struct family *metrics_families(void); /* locked */
const char *metrics_prefix_get(void);        /* locked */
void metrics_collect(void);
void metrics_collect_end(void);
double metrics_double(const _Atomic uint64_t *bits);
void metrics_process(struct strbuf *out); /* metrics_process.c */

#endif

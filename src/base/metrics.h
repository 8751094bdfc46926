/* Metrics in the Prometheus text format. A metric is declared once with the label values that are
 * known (they stand at 0 from the start); adding to one is a relaxed atomic, any thread, no lock.
 * Metrics live as long as the process. Names are given without the prefix: "documents" becomes
 * "akin_documents" (metrics_prefix, setting metrics.prefix; "process_*" never gets one). */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include "base/str.h"
#include <stdint.h>

struct counter;
struct gauge;
struct histogram;

/* `labels`: "method,route,status" or NULL. The same name with other labels is a bug (assert). */
struct counter_family;
struct gauge_family;
struct histogram_family;
struct counter_family *counter_family(const char *name, const char *help, const char *labels);
struct gauge_family *gauge_family(const char *name, const char *help, const char *labels);
/* `buckets`: upper bounds in rising order, at most 24; NULL: 0.5 ms ... 60 s. */
struct histogram_family *histogram_family(const char *name, const char *help, const char *labels,
                                          const double *buckets, unsigned count);

/* The series of these label values (as many as labels), made on first use under a lock; keep the
 * pointer in hot paths. Beyond 2,000 series a family, all new ones share one labelled "other". */
struct counter *counter_of(struct counter_family *f, const char *const *values);
struct gauge *gauge_of(struct gauge_family *f, const char *const *values);
struct histogram *histogram_of(struct histogram_family *f, const char *const *values);
/* Remove a series (a deleted collection). The pointer must not be used any more. */
void gauge_drop(struct gauge_family *f, const char *const *values);

void counter_add(struct counter *c, double v);
double counter_value(const struct counter *c);
void gauge_set(struct gauge *g, double v);
void gauge_add(struct gauge *g, double v);
double gauge_value(const struct gauge *g);
void histogram_add(struct histogram *h, double v);

/* Called at each rendering, before it, to set gauges that are computed (at most 32). */
void metrics_collector(void (*collect)(void *ctx), void *ctx);
void metrics_collector_remove(void (*collect)(void *ctx), void *ctx);
void metrics_prefix(const char *prefix); /* "akin_" by default */
void metrics_render(struct strbuf *out); /* with the process_* metrics */

#endif

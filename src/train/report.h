/* What was measured, as JSON: the pieces that a training's report (train.h) and `akin eval
 * recommend --json` have in common. */
#ifndef TRAIN_REPORT_H
#define TRAIN_REPORT_H

#include "train/evaluate.h"

struct json_writer;
/* {"recall@20": {"mean", "low", "high"}, ..., "coverage@20", "gini@20"} */
void report_metrics(struct json_writer *w, const struct measured *m, uint64_t seed);
/* {"metric", "mean", "low", "high", "p"} of a - b */
void report_difference(struct json_writer *w, const struct measured *a, const struct measured *b,
                       enum measure metric, uint64_t seed);
/* The same members in an object that is open. */
void report_difference_members(struct json_writer *w, const struct measured *a,
                               const struct measured *b, enum measure metric, uint64_t seed);
/* Adds an element for each to an array that is open. */
void report_trials(struct json_writer *w, const struct trials *t, enum measure metric);

#endif

/* Training as the worker process and the commands do it. What is done: split, try recipes on
 * validation, judge the best on test beside popularity, neighbours and content, hold it against the
 * recipe that is active now (paired), train a ranker of the log of answers (rank.h), make the model
 * from everything, write it with its report.
 *
 * The report:
 *
 *     {"kind": "ease", "parameters": {recipe.h},      what the model was made with
 *      "seed": 42,
 *      "split": {"kind": "readers", "held_out": .2, "validation": 555, "test": 555},
 *      "counts": {"documents", "documents_read", "documents_with_text", "readers", "acts"},
 *      "window": {"from", "to"},                      times of the acts, RFC 3339; null without
 *      "tried": [{"parameters": {}, "ndcg@100": .35, "seconds": 4.1}],   each on validation; null:
 *                                                     could not be made
 *      "tried_again": [{"kind": "walks", "ndcg@100": .24}],   where trials were on a sample: each
 *                                                     kind's best on all acts, by which it was
 *                                                     chosen; null: trials were on all
 *      "metrics": {"recall@20": {"mean", "low", "high"}, ..., "coverage@20": .3, "gini@20": .6},
 *      "baselines": [{"name": "popularity", "metrics": {}, "difference": {"metric", "mean", "low",
 *                     "high", "p"}}],                 the candidate less this one
 *      "new_documents": {"documents", "readers", "tried", "metrics", "content": metrics,
 *                        "difference"},               the blend of texts was chosen by these
 *      "new_readers": {"readers", "metrics", "baselines": [{"name", "metrics", "difference"}]},
 *      "against_active": {"parameters", "metric", "mean", "low", "high", "p"},     null: none
 *      "ranker": {rank.h},                            null: without a log of answers
 *      "promote": true, "reason": "...", "left_out": "...",
 *      "seconds": 61.5, "memory_bytes": 123456}       memory: the estimate of the largest step
 *
 * new_documents and new_readers are null where they cannot be judged: no texts, no times, or a set
 * so large that it would be fitted for minutes more; "left_out" says so.
 *
 * The gate. A is not worse than B: on the same test readers its NDCG@100 is not lower, or lower by
 * less than 2 % with p >= .05 (paired randomisation test). Promoted is what is not worse than the
 * recipe that is active now, fitted on the same training readers, so that it knows no test reader
 * either, and not worse than the best of the baselines. */
#ifndef TRAIN_TRAIN_H
#define TRAIN_TRAIN_H

#include "base/err.h"
#include "train/recipe.h"
#include "train/split.h"

#define TRAIN_READERS_MIN 20

struct train_options {
    const char *active_path; /* model that serves now, whose recipe is tried beside; NULL: none */
    const struct answers *answers; /* of the log, for the ranker; NULL: there is none */
    const char *model_path;     /* written beside, synced, renamed, whether it is promoted or not */
    unsigned kinds;             /* bits of 1u << enum model_kind; 0: those that suit the size */
    struct split_options split; /* not by items; seed 0: 42; part_max 0: 5,000 */
    unsigned budget;            /* trials of each kind; 0: 10 */
    struct fit_options fit;
};
/* The report (JSON object, owned by the caller) says "promote": true or false and why.
 * ERR_CONFLICT: too few readers, with how many there are; ERR_FULL: it would not fit into
 * fit.memory_max, with the estimate; ERR_CANCELLED. An active model that cannot be read is as if
 * there were none, and "left_out" says so. */
struct strbuf;
enum err train_set(const struct training_set *s, const struct train_options *o,
                   struct strbuf *report, struct err_info *e) MUST_CHECK;

#endif

/* Ways to recommend beside each other on one split: popularity and content always, of each kind of
 * model the parameters that did best on validation, fitted on the training part. All are judged on
 * the same test cases, so that any two can be compared case by case.
 *
 *   SPLIT_ITEMS ranks the new documents alone; what says nothing of them (popularity, models
 *               without texts) is left out
 *   SPLIT_TIME  judges the readers who are new once more, apart */
#ifndef TRAIN_EVALUATE_H
#define TRAIN_EVALUATE_H

#include "train/measure.h"
#include "train/select.h"

#define CONTENDERS_MAX 8u

struct evaluate_options {
    struct split_options split;
    unsigned kinds;  /* bits of 1u << enum model_kind: what may be the best */
    unsigned beside; /* the same: tried and judged too, as baselines */
    /* These parameters and no trials, but of text_blend with SPLIT_ITEMS. NULL: they are tried. */
    const struct recipe *chosen;
    const struct recipe *active; /* one more, as it is: fitted on the same training part; NULL */
    unsigned budget;             /* trials of each kind; 0: select.h's */
    /* select.h. What is best on a sample need not be best on all acts: each kind's best is fitted
     * on all of them in any case, and that model's validation decides between kinds. */
    size_t trial_acts_max;
    struct fit_options fit;
};
struct contender {
    const char *name; /* "popularity", "content", "active", or of its kind */
    bool learned;     /* has a recipe */
    struct recipe recipe;
    struct trials trials; /* count 0: none */
    double validated;     /* on validation, by which kinds are chosen; NaN: was not */
    double seconds;       /* of the fit */
    struct measured all, new_readers;
};
struct evaluation {
    uint32_t validation, test, new_readers, items_new;
    uint32_t train_readers;
    size_t train_acts;
    int64_t after_us;
    struct split *split; /* of the first seed, with the cases that lists are of */
    struct contender contenders[CONTENDERS_MAX];
    unsigned count;
    int best;   /* of the kinds, by validation; -1: none could be made */
    int active; /* -1: none */
};
/* What judges: NDCG@100, of new documents recall@100. */
enum measure evaluate_metric(enum split_kind kind);
/* How many steps evaluate_run takes of `steps`. */
double evaluate_steps(const struct evaluate_options *o);
/* A kind that cannot be made (memory) is left out, and *left_out (may be NULL) says why of the
 * last; ERR_CONFLICT: nobody can be judged. ERR_CANCELLED. */
enum err evaluate_run(const struct training_set *s, const struct evaluate_options *o,
                      struct steps *steps, struct evaluation *out, struct err_info *left_out,
                      struct err_info *e) MUST_CHECK;
/* Another seed's of the same set and options: cases are joined by name. What `other` lacks goes. */
void evaluation_append(struct evaluation *v, const struct evaluation *other);
void evaluation_release(struct evaluation *v);
const struct contender *evaluation_find(const struct evaluation *v, const char *name); /* or NULL */

#endif

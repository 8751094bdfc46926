/* Training as the worker process and the commands do it. What is done: split, try recipes on
 * validation, judge the best on test beside popularity, neighbours and content, hold it against the
 * recipe that is active now (paired), make the model from everything, write it with its report. */
#ifndef TRAIN_TRAIN_H
#define TRAIN_TRAIN_H

#include "base/err.h"
#include "train/recipe.h"
#include "train/split.h"

#define TRAIN_READERS_MIN 20

struct train_options {
    const char *set_path;    /* training_set.h */
    const char *active_path; /* model that serves now, whose recipe is tried beside; NULL: none */
    const char *model_path;  /* written beside, synced, renamed, whether it is promoted or not */
    unsigned kinds;          /* bits of 1u << enum model_kind; 0: those that suit the size */
    struct split_options split;
    struct fit_options fit;
};
/* The report (JSON object, owned by the caller) says "promote": true or false and why.
 * ERR_CONFLICT: too few readers, with how many there are; ERR_FULL: it would not fit into
 * fit.memory_max, with the estimate; ERR_CANCELLED. */
struct strbuf;
enum err train_run(const struct train_options *o, struct strbuf *report,
                   struct err_info *e) MUST_CHECK;

#endif

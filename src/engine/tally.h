/* What became of recommendations: answers as they were served (the log), and the feedback that
 * names them, counted by day, scenario, recommender, experiment and variant. Feedback counts only
 * if it names an answer that the log has, a document that stood in it, and came within
 * TALLY_ATTRIBUTION_US; an answer counts at most once as clicked and once as converted:
 *
 *   clicked    a `click`
 *   converted  an act that weighs more than 0 by the collection's settings, other than `view` and
 *              `click`: like, save, read, a rating over 3, a custom type
 *
 * Counted as it grows, in steps of at most TALLY_SERVED answers or TALLY_CHANGES changes, each a
 * read of its own of some milliseconds; nothing else waits for them. In memory: after a start all
 * that the log still has is counted again in the background (a million answers and 100,000
 * clicks: 1.6 s).
 *
 * Threads: any; one folds at a time, without the lock while it reads. */
#ifndef ENGINE_TALLY_H
#define ENGINE_TALLY_H

#include "engine/experiments.h"
#include "math/distinct.h"
#include "math/sequential.h"

#define TALLY_SERVED 2048
#define TALLY_CHANGES 16384
#define TALLY_ATTRIBUTION_US (7 * 86400LL * 1000000)
#define TALLY_EARLY_US (5 * 60 * 1000000LL) /* clocks of readers are not ours */
#define TALLY_ROWS_MAX 4096
#define TALLY_NAMES_MAX 2048
#define TALLY_BUCKETS 512
#define TALLY_DAY_US 86400000000LL

struct tally_key {
    int32_t day; /* since 1970, UTC */
    uint32_t recommender;
    uint16_t scenario, experiment, variant; /* names */
};
struct tally_row {
    struct tally_key key;
    uint64_t answers, shown; /* answers that were not empty; documents in them */
    uint64_t clicked, converted;
    struct distinct documents, readers;
};
/* Of a variant of a running experiment. */
struct tally_variant {
    uint64_t shown;
    struct distinct documents, readers;
    struct sequential_bucket buckets[2][TALLY_BUCKETS]; /* by enum experiment_metric */
};
struct tally_experiment {
    char name[EXPERIMENT_NAME_MAX + 1];
    int64_t started_us;
    unsigned count;
    char names[EXPERIMENT_VARIANTS_MAX][EXPERIMENT_NAME_MAX + 1];
    struct tally_variant variants[EXPERIMENT_VARIANTS_MAX];
};

/* ---- tally.c ---- */
struct tally;
struct tally *tally_new(struct collection *c);
void tally_free(struct tally *t); /* NULL is allowed */
/* Counts what came since; *complete: all but what is younger than about a second. */
enum err tally_fold(struct tally *t, int64_t deadline_ns, bool *complete,
                    struct err_info *e) MUST_CHECK;
/* What an act counts as; false: as nothing. */
bool tally_act_metric(const struct feedback_settings *s, const struct feedback_record *f,
                      enum experiment_metric *out);
/* Is there anything to fold, as far as can be told without a read? */
bool tally_due(struct tally *t);
/* Rows whose day is in [from, to], copied; names by tally_name until the arena goes. */
void tally_rows(struct tally *t, int32_t from, int32_t to, struct arena *a, struct tally_row **rows,
                size_t *count, struct str **names);
/* A copy; NULL: nothing was counted for it. */
struct tally_experiment *tally_experiment_copy(struct tally *t, const char *name, struct arena *a);
int64_t tally_through_us(struct tally *t); /* answers up to that time are counted */
void tally_start(struct engine *x);        /* the thread that folds */

/* ---- tally_counts.c: what is counted; no locks, no reads ---- */
struct tally_counts;
struct tally_counts *tally_counts_new(void);
void tally_counts_free(struct tally_counts *t);
/* Experiments that run: others are forgotten, as is one that was started anew. */
void tally_counts_follow(struct tally_counts *t, const struct experiments *running);
struct tally_answer {
    int64_t at_us;
    uint32_t recommender;
    struct str user, scenario, experiment, variant;
    uint8_t token[SERVED_TOKEN];
    const uint32_t *numbers;
    size_t count;
};
void tally_counts_answer(struct tally_counts *t, const struct tally_answer *s);
/* An act that names `s`, which was counted. */
void tally_counts_act(struct tally_counts *t, const struct tally_answer *s,
                      enum experiment_metric metric);
struct tally_row **tally_counts_rows(struct tally_counts *t, size_t *count);
const struct str *tally_counts_names(struct tally_counts *t, size_t *count);
const struct tally_experiment *tally_counts_experiment(struct tally_counts *t, const char *name);

#endif

/* How good rankings are. Every item is ranked, never a sample of them (Krichene and Rendle: On
 * Sampled Metrics for Item Recommendation, KDD 2020), but for what the reader was given. Lists are
 * best first, at equal scores the lower place. Measures of one case, of its first N:
 *
 *   recall@N        of what was wanted, found / min(N, wanted), as Liang et al. 2018 count it
 *   plain_recall@N  found / wanted, as trec_eval counts it
 *   ndcg@N          gain 1, discount log2(rank + 1), as Liang et al. and trec_eval have it
 *   mrr@100         1 / the rank of the first that was wanted
 *   novelty@20      mean self-information, -log2((readers of the item + 1) / (readers + 1)), bits
 *                   (Vargas and Castells: Rank and Relevance in Novelty and Diversity Metrics,
 *                   RecSys 2011); there need not be anything wanted
 *
 * and of all lists' first 20: coverage@20, the share of the items that is in any; gini@20, how
 * unequally often the items are in them (0 all alike, 1 one alone). */
#ifndef TRAIN_MEASURE_H
#define TRAIN_MEASURE_H

#include "base/err.h"
#include "math/resample.h"
#include "train/split.h"
#include <stdatomic.h>

enum measure {
    MEASURE_RECALL_20,
    MEASURE_RECALL_50,
    MEASURE_RECALL_100,
    MEASURE_PLAIN_20,
    MEASURE_PLAIN_50,
    MEASURE_PLAIN_100,
    MEASURE_NDCG_10,
    MEASURE_NDCG_100,
    MEASURE_MRR,
    MEASURE_NOVELTY,
    MEASURE_COUNT
};
const char *measure_name(enum measure m);

#define MEASURE_DEPTH 100u
#define MEASURE_BATCH 16u

/* What ranks: scores + k * items gets the scores of cases[k], 0 <= k < count <= MEASURE_BATCH. NaN:
 * not ranked. Called by many threads. */
struct ranker {
    const char *name;
    void *ctx;
    void (*score)(void *ctx, const struct split_case *cases, unsigned count, float *scores);
};
struct measure_options {
    const uint8_t *among; /* items that are ranked; NULL: all */
    const float *readers; /* of each item, for the novelty */
    double reader_count;
    unsigned threads; /* 0: one a core */
    const atomic_bool *stop;
};
struct measured {
    uint32_t cases, items, ranked; /* ranked: items that could be listed */
    uint32_t *list;                /* cases x MEASURE_DEPTH */
    float *score;                  /* the same */
    uint32_t *length;              /* of each list */
    uint32_t *listed;              /* items: in how many lists' first 20 */
    double *values[MEASURE_COUNT]; /* a case each */
    double coverage, gini;
};
/* The same whatever the threads. ERR_CANCELLED: nothing is in `out`. Cost: scoring, and a pass over
 * the items a case. */
enum err measure_run(const struct split_case *cases, uint32_t count, uint32_t items,
                     const struct ranker *r, const struct measure_options *o, struct measured *out,
                     struct err_info *e) MUST_CHECK;
/* Appends the cases of `other`, of another split of the same items: coverage and gini become the
 * means by cases. Lists are left out. */
void measured_append(struct measured *m, const struct measured *other);
void measured_release(struct measured *m);

/* One list against what was wanted; its items differ. */
void measure_list(const uint32_t *list, uint32_t length, const struct training_act *wanted,
                  uint32_t wanted_count, double *values /* MEASURE_COUNT; no novelty */);

struct measured_mean {
    double mean;
    struct resample_range range; /* 95 %, bootstrap over the cases */
};
struct measured_mean measured_mean(const struct measured *m, enum measure what, uint64_t seed);
/* a - b, case by case: of the same cases. */
struct measured_difference {
    double mean, p; /* p: paired randomisation test, two-sided */
    struct resample_range range;
};
struct measured_difference measured_compare(const struct measured *a, const struct measured *b,
                                            enum measure what, uint64_t seed);

#endif

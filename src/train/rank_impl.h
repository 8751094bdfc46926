/* Private to rank.c, rank_groups.c and rank_judge.c: answers as the ranker takes them. */
#ifndef TRAIN_RANK_IMPL_H
#define TRAIN_RANK_IMPL_H

#include "train/rank.h"

enum rank_part { PART_TRAIN, PART_VALIDATION, PART_TEST, RANK_PARTS };
struct rank_row {
    const struct answer_slot *slot;
    float gain;        /* weighted by position */
    uint32_t position; /* in the whole list */
};
struct rank_group {
    uint64_t reader;
    size_t row; /* the first one's place */
    uint32_t count;
    double ideal;  /* DCG of the best order, of gains that are not weighted */
    double weight; /* mean position weight of what was taken */
    bool ranked;   /* came from a ranker */
};
struct rank_set {
    struct rank_group *groups; /* by reader */
    struct rank_row *rows;     /* as served */
    size_t group_count, row_count;
    uint32_t readers;
};
struct rank_sets {
    struct rank_set part[RANK_PARTS];
    uint32_t explored;
    double exponent;
};
void rank_sets_make(const struct answers *a, enum model_kind kind, uint64_t seed,
                    struct rank_sets *out);
void rank_sets_release(struct rank_sets *s);
/* rows x FEATURE_RANKER_READS */
float *rank_matrix(const struct rank_set *s);

/* 1 / log2(place + 2) */
double rank_discount(uint32_t place);
/* Places of a group's rows, best first; of equal scores the better rank first. */
void rank_order(const struct rank_set *s, const struct rank_group *g, const float *scores,
                uint32_t *order);
/* NDCG@10 of each reader, self-normalised by the position weights; values: one a reader. `scores`
 * of all rows; NULL: as served. */
void rank_values(const struct rank_set *s, const float *scores, double *values);

/* Test: the gate. */
void rank_judge(const struct rank_set *test, const struct rank_trees *t, uint64_t seed,
                struct ranking *out);

#endif

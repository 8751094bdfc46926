#include "train/rank.h"

#include "base/arena.h"
#include "base/clock.h"
#include "recommend/rank_trees.h"
#include "train/boost.h"
#include "train/rank_impl.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 200u
#define PATIENCE 30u /* rounds without a better one */
#define RATE .1
#define LAMBDA 1.
#define WEIGHT_MIN 1.
static const unsigned depths[RANK_TRIALS] = {2, 4, 6};

struct rank_run {
    struct rank_sets sets;
    float *rows[RANK_PARTS]; /* of train and validation */
    struct steps *steps;
    struct ranking *out;
};

/* ---- lambdas ---- */

/* Of a group: derivatives of the sum over pairs of log(1 + exp(s_j - s_i)) * |change of DCG|, where
 * i has the larger gain. */
static void group_lambdas(const struct rank_set *s, const struct rank_group *g, const float *scores,
                          float *first, float *second)
{
    uint32_t order[ANSWER_SLOTS_MAX];
    rank_order(s, g, scores, order);
    for (uint32_t p = 0; p < g->count; p++)
        for (uint32_t q = p + 1; q < g->count; q++) {
            size_t i = g->row + order[p], j = g->row + order[q];
            double difference = (double)s->rows[i].gain - (double)s->rows[j].gain;
            if (difference == 0)
                continue;
            double change = fabs(difference) * (rank_discount(p) - rank_discount(q)) / g->ideal;
            size_t up = difference > 0 ? i : j, down = difference > 0 ? j : i;
            double rho = 1 / (1 + exp((double)scores[up] - (double)scores[down]));
            first[up] -= (float)(rho * change);
            first[down] += (float)(rho * change);
            second[up] += (float)(rho * (1 - rho) * change);
            second[down] += (float)(rho * (1 - rho) * change);
        }
}

static void lambdas(const struct rank_set *s, const float *scores, float *first, float *second)
{
    memset(first, 0, s->row_count * sizeof *first);
    memset(second, 0, s->row_count * sizeof *second);
    for (size_t k = 0; k < s->group_count; k++)
        group_lambdas(s, &s->groups[k], scores, first, second);
}

/* ---- one depth ---- */

static double validated(const struct rank_set *s, const float *scores)
{
    double *values = xcalloc((size_t)s->readers + 1, sizeof *values);
    rank_values(s, scores, values);
    double mean = resample_mean(values, s->readers);
    free(values);
    return mean;
}

/* Grows until validation does not get better. */
static enum err grow(struct rank_run *r, struct boost *b, struct rank_trial *t, struct err_info *e)
{
    const struct rank_set *train = &r->sets.part[PART_TRAIN],
                          *beside = &r->sets.part[PART_VALIDATION];
    size_t n = train->row_count + 1, m = beside->row_count + 1;
    float *scores = xcalloc(n, sizeof *scores), *first = xcalloc(n, sizeof *first),
          *second = xcalloc(n, sizeof *second), *others = xcalloc(m, sizeof *others);
    enum err err = 0;
    t->ndcg = validated(beside, others);
    for (unsigned k = 1; k <= ROUNDS_MAX && k <= t->trees + PATIENCE && !err; k++) {
        lambdas(train, scores, first, second);
        err = steps_stopped(r->steps) ? err_set(e, ERR_CANCELLED, NULL, "cancelled")
                                      : boost_round(b, first, second, e);
        if (!err)
            err = boost_scores(b, false, scores, e);
        if (!err)
            err = boost_scores(b, true, others, e);
        double now = err ? 0 : validated(beside, others);
        if (now > t->ndcg) {
            t->ndcg = now;
            t->trees = k;
        }
    }
    free(scores);
    free(first);
    free(second);
    free(others);
    return err;
}

/* The best so far stays in r->out. */
static enum err depth_try(struct rank_run *r, unsigned depth, struct err_info *e)
{
    const struct boost_options o = {depth, RATE, LAMBDA, WEIGHT_MIN};
    struct ranking *out = r->out;
    struct rank_trial t = {.depth = depth};
    double gains[FEATURE_RANKER_READS] = {0};
    struct rank_trees *trees = NULL;
    struct boost *b = NULL;
    enum err err =
        boost_new(r->rows[PART_TRAIN], r->sets.part[PART_TRAIN].row_count, r->rows[PART_VALIDATION],
                  r->sets.part[PART_VALIDATION].row_count, FEATURE_RANKER_READS, &o, &b, e);
    if (!err)
        err = grow(r, b, &t, e);
    if (!err && t.trees && (!out->trees || t.ndcg > out->tried[out->best].ndcg))
        err = boost_trees(b, t.trees, &trees, gains, e);
    boost_free(b);
    if (err)
        return err;
    if (trees) {
        rank_trees_free(out->trees);
        out->trees = trees;
        out->best = out->tried_count;
        memcpy(out->gains, gains, sizeof gains);
    }
    out->tried[out->tried_count++] = t;
    return 0;
}

/* ---- the whole ---- */

static void gains_share(struct ranking *out)
{
    double sum = 0;
    for (int f = 0; f < FEATURE_RANKER_READS; f++)
        sum += out->gains[f];
    for (int f = 0; f < FEATURE_RANKER_READS; f++)
        out->gains[f] = sum > 0 ? out->gains[f] / sum : 0;
}

static enum err trees_make(struct rank_run *r, struct err_info *e)
{
    enum err err = 0;
    for (int p = 0; p < PART_TEST; p++)
        r->rows[p] = rank_matrix(&r->sets.part[p]);
    for (unsigned i = 0; i < RANK_TRIALS && !err; i++)
        err = depth_try(r, depths[i], e);
    gains_share(r->out);
    return err;
}

static void counts_fill(struct ranking *out, const struct rank_sets *s)
{
    out->train = s->part[PART_TRAIN].readers;
    out->validation = s->part[PART_VALIDATION].readers;
    out->test = s->part[PART_TEST].readers;
    out->readers = out->train + out->validation + out->test;
    for (int p = 0; p < RANK_PARTS; p++)
        out->answers += (uint32_t)s->part[p].group_count;
    out->explored = s->explored;
    out->exponent = s->exponent;
}

static enum err rank(struct rank_run *r, uint64_t seed, struct err_info *e)
{
    struct ranking *out = r->out;
    struct err_info why = {0};
    if (out->readers < RANK_READERS_MIN || !out->test || !out->validation) {
        snprintf(out->reason, sizeof out->reason,
                 "not on: %u readers did something with an answer of the log and said which, and "
                 "%u are needed",
                 out->readers, RANK_READERS_MIN);
        return 0;
    }
    enum err err = boost_open(&why);
    if (!err)
        err = trees_make(r, &why);
    if (err == ERR_CANCELLED)
        return err_set(e, err, NULL, "cancelled");
    if (err) {
        rank_trees_free(out->trees);
        out->trees = NULL;
        snprintf(out->reason, sizeof out->reason, "not on: %.300s", why.message);
    } else if (!out->trees) {
        snprintf(out->reason, sizeof out->reason,
                 "not on: no tree put the validation readers' answers in a better order than the "
                 "scores do (ndcg@10 %.4f)",
                 out->tried[0].ndcg);
    } else {
        rank_judge(&r->sets.part[PART_TEST], out->trees, seed, out);
    }
    return 0;
}

enum err rank_train(const struct answers *a, enum model_kind kind, uint64_t seed,
                    struct steps *steps, struct ranking *out, struct err_info *e)
{
    struct rank_run r = {.steps = steps, .out = out};
    int64_t t0 = clock_mono_ns();
    memset(out, 0, sizeof *out);
    rank_sets_make(a, kind, seed, &r.sets);
    counts_fill(out, &r.sets);
    enum err err = rank(&r, seed, e);
    out->seconds = (double)(clock_mono_ns() - t0) * 1e-9;
    rank_sets_release(&r.sets);
    for (int p = 0; p < RANK_PARTS; p++)
        free(r.rows[p]);
    if (err) {
        rank_trees_free(out->trees);
        out->trees = NULL;
    }
    return err;
}

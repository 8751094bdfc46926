/* The gate of the ranker, and its report. */
#include "train/rank_impl.h"

#include "base/arena.h"
#include "base/json.h"
#include "recommend/rank_trees.h"
#include "train/gate.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define RANGE_ROUNDS 1000
#define PAIRED_ROUNDS 10000

static const char *const order_names[RANK_ORDERS] = {"ranker", "served", "score"};

static void trees_score(const struct rank_set *s, const struct rank_trees *t, float *out)
{
    const float **rows = xmalloc((s->row_count + 1) * sizeof *rows);
    for (size_t i = 0; i < s->row_count; i++)
        rows[i] = s->rows[i].slot->features;
    rank_trees_score(t, rows, s->row_count, out);
    free(rows);
}

static struct measured_difference compare(const double *a, const double *b, size_t n, uint64_t seed)
{
    double *d = xmalloc((n + 1) * sizeof *d);
    for (size_t i = 0; i < n; i++)
        d[i] = a[i] - b[i];
    struct measured_difference out = {resample_mean(d, n),
                                      resample_paired_p(d, n, PAIRED_ROUNDS, seed),
                                      resample_mean_range(d, n, RANGE_ROUNDS, seed)};
    free(d);
    return out;
}

static bool served_ranked(const struct rank_set *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->group_count; i++)
        n += s->groups[i].ranked;
    return 2 * n > s->group_count;
}

static bool passed(const struct ranking *r, enum rank_order against)
{
    const struct measured_difference *d = &r->against[against];
    if (against == RANK_AS_SERVED && r->served_ranked)
        return d->mean >= 0 || (d->mean > -GATE_MARGIN * r->ndcg[against] && d->p >= GATE_P);
    return d->mean > 0 && d->p < GATE_P;
}

static void decide(struct ranking *r)
{
    bool score = passed(r, RANK_BY_SCORE), served = passed(r, RANK_AS_SERVED);
    r->on = score && served;
    snprintf(r->reason, sizeof r->reason,
             "%s: ndcg@10 %.4f on %u test readers; %s the order of the scores (%.4f, difference "
             "%+.4f, p %.4f), %s the order as served (%.4f, difference %+.4f, p %.4f)",
             r->on ? "on" : "not on", r->ndcg[RANK_BY_RANKER], r->test,
             score ? "better than" : "not certainly better than", r->ndcg[RANK_BY_SCORE],
             r->against[RANK_BY_SCORE].mean, r->against[RANK_BY_SCORE].p,
             served             ? r->served_ranked ? "not worse than" : "better than"
             : r->served_ranked ? "worse than"
                                : "not certainly better than",
             r->ndcg[RANK_AS_SERVED], r->against[RANK_AS_SERVED].mean,
             r->against[RANK_AS_SERVED].p);
}

void rank_judge(const struct rank_set *test, const struct rank_trees *t, uint64_t seed,
                struct ranking *out)
{
    size_t n = test->readers;
    float *ranker = xcalloc(test->row_count + 1, sizeof *ranker),
          *none = xcalloc(test->row_count + 1, sizeof *none);
    double *values[RANK_ORDERS];
    for (int k = 0; k < RANK_ORDERS; k++)
        values[k] = xcalloc(n + 1, sizeof **values);
    trees_score(test, t, ranker);
    rank_values(test, ranker, values[RANK_BY_RANKER]);
    rank_values(test, NULL, values[RANK_AS_SERVED]);
    rank_values(test, none, values[RANK_BY_SCORE]); /* all alike: their ranks decide */
    for (int k = 0; k < RANK_ORDERS; k++) {
        out->ndcg[k] = resample_mean(values[k], n);
        out->against[k] = compare(values[RANK_BY_RANKER], values[k], n, seed);
    }
    out->served_ranked = served_ranked(test);
    decide(out);
    for (int k = 0; k < RANK_ORDERS; k++)
        free(values[k]);
    free(ranker);
    free(none);
}

/* ---- the report ---- */

static void report_tried(struct json_writer *w, const struct ranking *r)
{
    json_key(w, "tried");
    json_array_begin(w);
    for (unsigned i = 0; i < r->tried_count; i++) {
        json_object_begin(w);
        json_key_int(w, "depth", r->tried[i].depth);
        json_key_int(w, "trees", r->tried[i].trees);
        json_key_double(w, "ndcg@10", r->tried[i].ndcg);
        json_object_end(w);
    }
    json_array_end(w);
}

static void report_judged(struct json_writer *w, const struct ranking *r)
{
    json_key(w, "metrics");
    json_object_begin(w);
    for (int k = 0; k < RANK_ORDERS; k++)
        json_key_double(w, order_names[k], r->trees ? r->ndcg[k] : NAN);
    json_object_end(w);
    json_key(w, "against");
    json_array_begin(w);
    for (int k = RANK_AS_SERVED; k < RANK_ORDERS && r->trees; k++) {
        json_object_begin(w);
        json_key_c(w, "order", order_names[k]);
        json_key_double(w, "mean", r->against[k].mean);
        json_key_double(w, "low", r->against[k].range.low);
        json_key_double(w, "high", r->against[k].range.high);
        json_key_double(w, "p", r->against[k].p);
        json_object_end(w);
    }
    json_array_end(w);
}

void rank_report(struct json_writer *w, const struct ranking *r)
{
    json_object_begin(w);
    json_key_bool(w, "on", r->on);
    json_key_c(w, "reason", r->reason);
    json_key_int(w, "answers", r->answers);
    json_key(w, "readers");
    json_object_begin(w);
    json_key_int(w, "all", r->readers);
    json_key_int(w, "train", r->train);
    json_key_int(w, "validation", r->validation);
    json_key_int(w, "test", r->test);
    json_object_end(w);
    json_key(w, "position");
    json_object_begin(w);
    json_key_int(w, "acts", r->explored);
    json_key_double(w, "exponent", r->exponent);
    json_object_end(w);
    report_tried(w, r);
    report_judged(w, r);
    json_key(w, "features");
    json_object_begin(w);
    for (int f = 0; f < FEATURE_RANKER_READS; f++)
        if (r->gains[f] > 0)
            json_key_double(w, recommend_feature_names[f], r->gains[f]);
    json_object_end(w);
    json_key_double(w, "seconds", r->seconds);
    json_object_end(w);
}

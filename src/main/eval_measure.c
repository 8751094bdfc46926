#include "main/eval.h"
#include "main/judgments.h"

enum { ROUNDS = 10000, SEED = 6, MRR_DEPTH = 10, RECALL_DEPTH = 100 };

void eval_measure(const json_t *grades, const json_t *hits, double *values)
{
    const char *ids[MRR_DEPTH];
    size_t relevant, found = 0, first = 0, count = 0, i;
    const json_t *hit;
    json_array_foreach(hits, i, hit)
    {
        const char *id = json_string_value(json_object_get(hit, "id"));
        bool good = json_integer_value(json_object_get(grades, id)) > 0;
        if (i < MRR_DEPTH)
            ids[count++] = id;
        if (good && !first)
            first = i + 1;
        found += good && i < RECALL_DEPTH;
    }
    values[EVAL_NDCG] = judgments_ndcg(grades, ids, count, &relevant);
    values[EVAL_RECALL] = relevant ? (double)found / (double)relevant : 0;
    values[EVAL_MRR] = first && first <= MRR_DEPTH ? 1.0 / (double)first : 0;
}

static struct eval_mean mean_of(const double *x, size_t count)
{
    return (struct eval_mean){resample_mean(x, count), resample_mean_range(x, count, ROUNDS, SEED)};
}

static void compare(const struct eval_ways *w, size_t judged, struct eval_pair *pair)
{
    double *difference = xcalloc(judged + 1, sizeof *difference);
    for (int m = 0; m < EVAL_MEASURES; m++) {
        for (size_t i = 0; i < judged; i++)
            difference[i] = w->items[pair->a].values[m][i] - w->items[pair->b].values[m][i];
        pair->difference[m] = mean_of(difference, judged);
        pair->p[m] = resample_paired_p(difference, judged, ROUNDS, SEED);
    }
    free(difference);
}

static void correct(struct eval_result *r, enum eval_measure m)
{
    double p[EVAL_PAIRS_MAX];
    for (size_t i = 0; i < r->pair_count; i++)
        p[i] = r->pairs[i].p[m];
    resample_holm(p, r->pair_count);
    for (size_t i = 0; i < r->pair_count; i++)
        r->pairs[i].p_holm[m] = p[i];
}

void eval_judge(struct eval_ways *w, size_t own, struct eval_result *r)
{
    for (size_t i = 0; i < w->count; i++) {
        for (int m = 0; m < EVAL_MEASURES; m++)
            r->means[i][m] = mean_of(w->items[i].values[m], r->judged);
        r->auc[i].value =
            resample_auc(w->items[i].own, own, w->items[i].foreign, r->foreign, &r->auc[i].range);
        for (size_t k = i + 1; k < w->count && r->judged; k++) {
            r->pairs[r->pair_count] = (struct eval_pair){.a = i, .b = k};
            compare(w, r->judged, &r->pairs[r->pair_count++]);
        }
    }
    for (int m = 0; m < EVAL_MEASURES; m++)
        correct(r, (enum eval_measure)m);
}

#include "train/measure.h"

#include "base/arena.h"
#include "math/topk.h"
#include "train/parallel.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LISTED_DEPTH 20u
#define RANGE_ROUNDS 1000
#define PAIRED_ROUNDS 10000

const char *measure_name(enum measure m)
{
    static const char *const names[MEASURE_COUNT] = {
        "recall@20",        "recall@50", "recall@100", "plain_recall@20", "plain_recall@50",
        "plain_recall@100", "ndcg@10",   "ndcg@100",   "mrr@100",         "novelty@20"};
    return names[m];
}

/* ---- one list ---- */

static bool is_wanted(const struct training_act *wanted, uint32_t count, uint32_t item)
{
    for (uint32_t i = 0; i < count; i++)
        if (wanted[i].item == item)
            return true;
    return false;
}

static double ideal(uint32_t depth, uint32_t wanted)
{
    double sum = 0;
    for (uint32_t i = 0; i < depth && i < wanted; i++)
        sum += 1 / log2(i + 2);
    return sum;
}

void measure_list(const uint32_t *list, uint32_t length, const struct training_act *wanted,
                  uint32_t wanted_count, double *values)
{
    static const uint32_t depths[] = {20, 50, 100};
    double found[3] = {0}, gain_10 = 0, gain_100 = 0;
    memset(values, 0, MEASURE_COUNT * sizeof *values);
    for (uint32_t i = 0; i < length && i < MEASURE_DEPTH; i++) {
        if (!is_wanted(wanted, wanted_count, list[i]))
            continue;
        for (int d = 0; d < 3; d++)
            found[d] += i < depths[d];
        gain_100 += 1 / log2(i + 2);
        gain_10 += i < 10 ? 1 / log2(i + 2) : 0;
        if (values[MEASURE_MRR] == 0)
            values[MEASURE_MRR] = 1 / (i + 1.0);
    }
    for (int d = 0; d < 3; d++) {
        values[MEASURE_RECALL_20 + d] =
            found[d] / (wanted_count < depths[d] ? wanted_count : depths[d]);
        values[MEASURE_PLAIN_20 + d] = found[d] / wanted_count;
    }
    values[MEASURE_NDCG_10] = gain_10 / ideal(10, wanted_count);
    values[MEASURE_NDCG_100] = gain_100 / ideal(100, wanted_count);
}

static double novelty(const struct measure_options *o, const uint32_t *list, uint32_t length)
{
    double sum = 0;
    uint32_t n = length < LISTED_DEPTH ? length : LISTED_DEPTH;
    for (uint32_t i = 0; i < n; i++)
        sum -= log2(((double)o->readers[list[i]] + 1) / (o->reader_count + 1));
    return n ? sum / n : 0;
}

/* ---- all cases ---- */

struct measuring {
    const struct split_case *cases;
    const struct ranker *ranker;
    const struct measure_options *o;
    struct measured *out;
    float *scores[PARALLEL_THREADS_MAX]; /* MEASURE_BATCH x items, of each worker */
};

static bool stopped(const struct measuring *m)
{
    return m->o->stop && atomic_load(m->o->stop);
}

static void case_list(struct measuring *m, uint32_t at, float *scores)
{
    const struct split_case *c = &m->cases[at];
    struct topk_item best[MEASURE_DEPTH];
    struct topk top;
    double values[MEASURE_COUNT];
    uint32_t *list = m->out->list + (size_t)at * MEASURE_DEPTH;
    topk_init(&top, best, MEASURE_DEPTH);
    for (uint32_t i = 0; i < c->given_count; i++)
        scores[c->given[i].item] = NAN;
    for (uint32_t i = 0; i < m->out->items; i++)
        if ((!m->o->among || m->o->among[i]) && topk_wants(&top, scores[i], i))
            topk_add(&top, scores[i], i);
    topk_sort(&top);
    for (uint32_t i = 0; i < top.count; i++) {
        list[i] = (uint32_t)best[i].id;
        m->out->score[(size_t)at * MEASURE_DEPTH + i] = best[i].score;
    }
    m->out->length[at] = (uint32_t)top.count;
    measure_list(list, (uint32_t)top.count, c->wanted, c->wanted_count, values);
    if (m->o->readers)
        values[MEASURE_NOVELTY] = novelty(m->o, list, (uint32_t)top.count);
    for (int k = 0; k < MEASURE_COUNT; k++)
        m->out->values[k][at] = values[k];
}

static void batch_run(void *ctx, unsigned worker, uint32_t batch)
{
    struct measuring *m = ctx;
    size_t items = m->out->items;
    uint32_t from = batch * MEASURE_BATCH, left = m->out->cases - from;
    unsigned count = left < MEASURE_BATCH ? left : MEASURE_BATCH;
    if (stopped(m))
        return;
    if (!m->scores[worker])
        m->scores[worker] = xmalloc((MEASURE_BATCH * items + 1) * sizeof(float));
    m->ranker->score(m->ranker->ctx, m->cases + from, count, m->scores[worker]);
    for (unsigned k = 0; k < count; k++)
        case_list(m, from + k, m->scores[worker] + k * items);
}

static void measured_init(struct measured *m, uint32_t cases, uint32_t items)
{
    *m = (struct measured){.cases = cases, .items = items};
    m->list = xmalloc(((size_t)cases * MEASURE_DEPTH + 1) * sizeof *m->list);
    m->score = xmalloc(((size_t)cases * MEASURE_DEPTH + 1) * sizeof *m->score);
    m->length = xcalloc((size_t)cases + 1, sizeof *m->length);
    m->listed = xcalloc((size_t)items + 1, sizeof *m->listed);
    for (int k = 0; k < MEASURE_COUNT; k++)
        m->values[k] = xcalloc((size_t)cases + 1, sizeof(double));
}

static int rising(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static double gini(uint32_t *counts, uint32_t n)
{
    double sum = 0, weighed = 0;
    qsort(counts, n, sizeof *counts, rising);
    for (uint32_t i = 0; i < n; i++) {
        sum += counts[i];
        weighed += (2.0 * i + 1 - n) * counts[i];
    }
    return sum > 0 ? weighed / (sum * n) : 0;
}

static void spread(struct measured *m, const uint8_t *among)
{
    uint32_t *counts = xmalloc(((size_t)m->items + 1) * sizeof *counts), used = 0;
    for (uint32_t c = 0; c < m->cases; c++)
        for (uint32_t i = 0; i < m->length[c] && i < LISTED_DEPTH; i++)
            m->listed[m->list[(size_t)c * MEASURE_DEPTH + i]]++;
    for (uint32_t i = 0; i < m->items; i++)
        if (!among || among[i]) {
            counts[m->ranked++] = m->listed[i];
            used += m->listed[i] > 0;
        }
    m->coverage = m->ranked ? (double)used / m->ranked : 0;
    m->gini = gini(counts, m->ranked);
    free(counts);
}

enum err measure_run(const struct split_case *cases, uint32_t count, uint32_t items,
                     const struct ranker *r, const struct measure_options *o, struct measured *out,
                     struct err_info *e)
{
    struct measured made;
    struct measuring m = {.cases = cases, .ranker = r, .o = o, .out = &made};
    measured_init(&made, count, items);
    parallel_run(parallel_threads(o->threads), (count + MEASURE_BATCH - 1) / MEASURE_BATCH,
                 batch_run, &m);
    for (unsigned i = 0; i < PARALLEL_THREADS_MAX; i++)
        free(m.scores[i]);
    if (stopped(&m)) {
        measured_release(&made);
        return err_set(e, ERR_CANCELLED, NULL, "the training was cancelled");
    }
    spread(&made, o->among);
    *out = made;
    return ERR_OK;
}

void measured_append(struct measured *m, const struct measured *other)
{
    size_t all = (size_t)m->cases + other->cases;
    double share = all ? (double)other->cases / (double)all : 0;
    for (int k = 0; k < MEASURE_COUNT; k++) {
        m->values[k] = xrealloc(m->values[k], (all + 1) * sizeof(double));
        if (other->cases)
            memcpy(m->values[k] + m->cases, other->values[k], other->cases * sizeof(double));
    }
    m->coverage += share * (other->coverage - m->coverage);
    m->gini += share * (other->gini - m->gini);
    m->cases = (uint32_t)all;
    free(m->list);
    free(m->score);
    free(m->length);
    m->list = NULL, m->score = NULL, m->length = NULL;
}

void measured_release(struct measured *m)
{
    free(m->list);
    free(m->score);
    free(m->length);
    free(m->listed);
    for (int k = 0; k < MEASURE_COUNT; k++)
        free(m->values[k]);
    *m = (struct measured){0};
}

/* ---- what the cases say together ---- */

struct measured_mean measured_mean(const struct measured *m, enum measure what, uint64_t seed)
{
    return (struct measured_mean){
        resample_mean(m->values[what], m->cases),
        resample_mean_range(m->values[what], m->cases, RANGE_ROUNDS, seed)};
}

struct measured_difference measured_compare(const struct measured *a, const struct measured *b,
                                            enum measure what, uint64_t seed)
{
    assert(a->cases == b->cases);
    double *d = xmalloc(((size_t)a->cases + 1) * sizeof *d);
    for (uint32_t i = 0; i < a->cases; i++)
        d[i] = a->values[what][i] - b->values[what][i];
    struct measured_difference out = {resample_mean(d, a->cases),
                                      resample_paired_p(d, a->cases, PAIRED_ROUNDS, seed),
                                      resample_mean_range(d, a->cases, RANGE_ROUNDS, seed)};
    free(d);
    return out;
}

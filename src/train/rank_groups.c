/* Answers -> groups of the ranker's training, and what an order of them is worth. */
#include "train/rank_impl.h"

#include "base/arena.h"
#include "base/hash.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TEST_SHARE .2
#define VALIDATION_SHARE .2
#define EXPLORED_BELOW                                                                             \
    .5f /* propensity of what exploration drew, unless it is most of the traffic */
#define EXPONENT_MAX 2.
#define EXPONENT_STEP .05
#define POSITIONS 200u

/* ---- which slots and answers ---- */

static bool slot_usable(const struct answer_slot *s, enum model_kind kind)
{
    return s->features[FEATURE_KIND] == (float)kind && !isnan(s->features[FEATURE_RANK]);
}

/* Something to learn: what was taken beside what was not, or was less liked. */
static bool answer_usable(const struct answers *a, const struct answer *x, enum model_kind kind,
                          uint32_t *rows)
{
    float least = INFINITY, most = 0;
    *rows = 0;
    for (uint32_t i = 0; i < x->slot_count; i++) {
        const struct answer_slot *s = &a->slots[x->slot + i];
        if (!slot_usable(s, kind))
            continue;
        ++*rows;
        least = fminf(least, s->gain);
        most = fmaxf(most, s->gain);
    }
    return most > least;
}

static enum rank_part part_of(uint64_t reader, uint64_t seed)
{
    double share = (double)(checksum64(&reader, sizeof reader, seed) >> 11) * 0x1p-53;
    return share < TEST_SHARE                      ? PART_TEST
           : share < TEST_SHARE + VALIDATION_SHARE ? PART_VALIDATION
                                                   : PART_TRAIN;
}

/* ---- who sees what ---- */

struct explored {
    double shown[POSITIONS], taken[POSITIONS], all;
};

static void explored_add(struct explored *x, const struct answer_slot *s, uint32_t position)
{
    if (s->propensity >= EXPLORED_BELOW || position >= POSITIONS)
        return;
    x->shown[position]++;
    x->taken[position] += s->gain > 0;
    x->all += s->gain > 0;
}

/* Poisson likelihood of taken ~ c * shown * (position + 1)^-x, with the best c. */
static double likelihood(const struct explored *x, double exponent)
{
    double sum = 0, log_sum = 0;
    for (uint32_t p = 0; p < POSITIONS; p++) {
        sum += x->shown[p] * pow(p + 1., -exponent);
        log_sum -= x->taken[p] * exponent * log(p + 1.);
    }
    return log_sum - x->all * log(sum);
}

static double exponent_fit(const struct explored *x)
{
    double best = 0;
    if (x->all < RANK_EXPLORED_MIN)
        return 0;
    for (int i = 1; i * EXPONENT_STEP <= EXPONENT_MAX + 1e-9; i++)
        if (likelihood(x, i * EXPONENT_STEP) > likelihood(x, best))
            best = i * EXPONENT_STEP;
    return best;
}

/* ---- groups ---- */

static int gain_compare(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

double rank_discount(uint32_t place)
{
    return 1 / log2(place + 2.);
}

static double ideal_of(const struct rank_row *rows, uint32_t count)
{
    float gains[ANSWER_SLOTS_MAX];
    double sum = 0;
    for (uint32_t i = 0; i < count; i++)
        gains[i] = rows[i].slot->gain;
    qsort(gains, count, sizeof *gains, gain_compare);
    for (uint32_t i = 0; i < count && i < RANK_DEPTH; i++)
        sum += (double)gains[i] * rank_discount(i);
    return sum;
}

static void group_add(struct rank_set *s, const struct answers *a, const struct answer *x,
                      enum model_kind kind, double exponent)
{
    struct rank_group *g = &s->groups[s->group_count];
    double plain = 0, weighted = 0;
    *g = (struct rank_group){.reader = x->reader, .row = s->row_count};
    for (uint32_t i = 0; i < x->slot_count; i++) {
        const struct answer_slot *slot = &a->slots[x->slot + i];
        uint32_t position = x->first + i;
        if (!slot_usable(slot, kind))
            continue;
        double weight = fmin(pow(position + 1., exponent), RANK_WEIGHT_MAX);
        plain += (double)slot->gain;
        weighted += (double)slot->gain * weight;
        g->ranked |= !isnan(slot->features[FEATURE_RANKED]);
        s->rows[s->row_count++] =
            (struct rank_row){slot, (float)((double)slot->gain * weight), position};
        g->count++;
    }
    g->weight = weighted / plain;
    g->ideal = ideal_of(s->rows + g->row, g->count);
    s->readers += s->group_count == 0 || g[-1].reader != g->reader;
    s->group_count++;
}

void rank_sets_make(const struct answers *a, enum model_kind kind, uint64_t seed,
                    struct rank_sets *out)
{
    struct explored x = {.all = 0};
    size_t groups[RANK_PARTS] = {0}, rows[RANK_PARTS] = {0};
    uint32_t n;
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < a->count; i++) {
        const struct answer *k = &a->all[i];
        if (!answer_usable(a, k, kind, &n))
            continue;
        groups[part_of(k->reader, seed)]++;
        rows[part_of(k->reader, seed)] += n;
        for (uint32_t j = 0; j < k->slot_count; j++)
            if (slot_usable(&a->slots[k->slot + j], kind))
                explored_add(&x, &a->slots[k->slot + j], k->first + j);
    }
    out->explored = (uint32_t)x.all;
    out->exponent = exponent_fit(&x);
    for (int p = 0; p < RANK_PARTS; p++) {
        out->part[p].groups = xcalloc(groups[p] + 1, sizeof *out->part[p].groups);
        out->part[p].rows = xcalloc(rows[p] + 1, sizeof *out->part[p].rows);
    }
    for (size_t i = 0; i < a->count; i++)
        if (answer_usable(a, &a->all[i], kind, &n))
            group_add(&out->part[part_of(a->all[i].reader, seed)], a, &a->all[i], kind,
                      out->exponent);
}

void rank_sets_release(struct rank_sets *s)
{
    for (int p = 0; p < RANK_PARTS; p++) {
        free(s->part[p].groups);
        free(s->part[p].rows);
    }
}

float *rank_matrix(const struct rank_set *s)
{
    float *m = xmalloc((s->row_count + 1) * FEATURE_RANKER_READS * sizeof *m);
    for (size_t i = 0; i < s->row_count; i++)
        memcpy(m + i * FEATURE_RANKER_READS, s->rows[i].slot->features,
               FEATURE_RANKER_READS * sizeof *m);
    return m;
}

/* ---- orders ---- */

struct ordered {
    float score, rank;
    uint32_t place;
};

static int ordered_compare(const void *a, const void *b)
{
    const struct ordered *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

void rank_order(const struct rank_set *s, const struct rank_group *g, const float *scores,
                uint32_t *order)
{
    struct ordered all[ANSWER_SLOTS_MAX];
    for (uint32_t i = 0; i < g->count; i++)
        all[i] = (struct ordered){scores[g->row + i],
                                  s->rows[g->row + i].slot->features[FEATURE_RANK], i};
    qsort(all, g->count, sizeof *all, ordered_compare);
    for (uint32_t i = 0; i < g->count; i++)
        order[i] = all[i].place;
}

static double group_value(const struct rank_set *s, const struct rank_group *g, const float *scores)
{
    uint32_t order[ANSWER_SLOTS_MAX];
    double sum = 0;
    for (uint32_t i = 0; i < g->count; i++)
        order[i] = i;
    if (scores)
        rank_order(s, g, scores, order);
    for (uint32_t i = 0; i < g->count && i < RANK_DEPTH; i++)
        sum += (double)s->rows[g->row + order[i]].gain * rank_discount(i);
    return sum / g->ideal;
}

void rank_values(const struct rank_set *s, const float *scores, double *values)
{
    double weights = 0;
    size_t reader = 0;
    for (size_t i = 0; i < s->group_count;) {
        double sum = 0, weight = 0;
        size_t first = i;
        for (; i < s->group_count && s->groups[i].reader == s->groups[first].reader; i++) {
            sum += group_value(s, &s->groups[i], scores);
            weight += s->groups[i].weight;
        }
        values[reader++] = sum / (double)(i - first);
        weights += weight / (double)(i - first);
    }
    for (size_t r = 0; r < reader; r++)
        values[r] *= (double)reader / weights;
}

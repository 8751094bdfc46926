/* Rankers against the same worked out one by one. */
#include "train/rankers.h"
#include "math/dense.h"
#include "math/half.h"
#include "recommend/item_model.h"
#include "recommend/text_model.h"
#include "sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define ITEMS 90
#define DIMS 6
#define NEAR 4
#define EACH 3

/* A set of which every third item was read by nobody, and the 7th has no text either. */
static struct training_set *world(void)
{
    struct training_set *s = set_make(30, ITEMS, 6, 1, true, DIMS, 5);
    for (size_t i = 0; i < s->start[30]; i++)
        s->acts[i].item -= s->acts[i].item % 3 == 2;
    memset(s->vectors + 7 * DIMS, 0, DIMS * sizeof *s->vectors);
    memset(s->vectors + 8 * DIMS, 0, DIMS * sizeof *s->vectors);
    return s;
}

static struct recommend_model *model_make(const struct training_set *s)
{
    struct recommend_model *m = xcalloc(1, sizeof *m);
    struct rng rng;
    uint32_t counts[ITEMS], to[ITEMS * EACH];
    float weights[ITEMS * EACH];
    rng_init(&rng, 9);
    for (uint32_t i = 0; i < ITEMS; i++) {
        counts[i] = i % 3 == 2 ? 0 : EACH;
        for (uint32_t k = 0; k < EACH; k++) {
            to[i * EACH + k] = 30 * k + 3 * (uint32_t)rng_below(&rng, 10);
            weights[i * EACH + k] = rng_normal(&rng);
        }
    }
    m->items = ITEMS;
    m->numbers = xcalloc(ITEMS, sizeof *m->numbers);
    memcpy(m->numbers, s->numbers, ITEMS * sizeof *m->numbers);
    m->readers = xcalloc(ITEMS, sizeof *m->readers);
    for (uint32_t i = 0; i < ITEMS; i++)
        m->readers[i] = i % 3 == 2 ? 0 : 1;
    m->rows = item_model_new(ITEMS, EACH, counts, to, weights);
    m->text = xcalloc(1, sizeof *m->text);
    *m->text =
        (struct text_model){.dims = DIMS, .near = NEAR, .blend = .7, .scale = 2, .offset = -.3};
    m->text->mean = xcalloc(DIMS, sizeof(float));
    m->text->readers = xcalloc(DIMS * DIMS, sizeof(float));
    for (int i = 0; i < DIMS * DIMS; i++)
        m->text->readers[i] = rng_normal(&rng);
    for (int i = 0; i < DIMS; i++)
        m->text->mean[i] = .1f * rng_normal(&rng);
    return m;
}

static void centred(const struct training_set *s, const float *mean, uint32_t item, double *out)
{
    double length = 0;
    bool has = false;
    for (uint32_t d = 0; d < DIMS; d++) {
        double x = (double)half_to_float(s->vectors[item * DIMS + d]);
        has = has || x != 0;
        out[d] = x - (double)mean[d];
    }
    for (uint32_t d = 0; d < DIMS; d++)
        length += out[d] * out[d];
    for (uint32_t d = 0; d < DIMS; d++)
        out[d] = has ? out[d] / sqrt(length) : 0;
}

static double dot(const double *a, const double *b)
{
    double sum = 0;
    for (int d = 0; d < DIMS; d++)
        sum += a[d] * b[d];
    return sum;
}

/* new(d) of text_model.h, by its definition. */
static double new_score(const struct training_set *s, const struct recommend_model *m,
                        const struct split_case *c, const float *known, uint32_t item)
{
    const struct text_model *t = m->text;
    double own[DIMS], other[DIMS], profile[DIMS] = {0}, cosine[ITEMS], sum = 0, weights = 0;
    bool used[ITEMS] = {false};
    for (uint32_t g = 0; g < c->given_count; g++) {
        centred(s, t->mean, c->given[g].item, other);
        for (int a = 0; a < DIMS; a++)
            for (int b = 0; b < DIMS; b++)
                profile[a] +=
                    (double)c->given[g].weight * (double)t->readers[a * DIMS + b] * other[b];
    }
    centred(s, t->mean, item, own);
    for (uint32_t i = 0; i < ITEMS; i++) {
        centred(s, t->mean, i, other);
        cosine[i] = dot(own, other);
        used[i] = i % 3 == 2 || i == 7;
    }
    for (int k = 0; k < NEAR; k++) {
        uint32_t best = ITEMS;
        for (uint32_t i = 0; i < ITEMS; i++)
            if (!used[i] && (best == ITEMS || cosine[i] > cosine[best]))
                best = i;
        used[best] = true;
        double w = cosine[best] > 0 ? pow(cosine[best], 3) : 0;
        sum += w * (double)known[best];
        weights += w;
    }
    return t->offset +
           t->scale * (dot(own, profile) + t->blend * (weights > 0 ? sum / weights : 0));
}

static void check_model(const struct training_set *s, const struct recommend_model *m,
                        const struct split_case *c, const float *scores, const uint8_t *among)
{
    float known[ITEMS];
    struct model_read read[64];
    for (uint32_t g = 0; g < c->given_count; g++)
        read[g] = (struct model_read){c->given[g].item, c->given[g].weight};
    recommend_model_score(m, read, c->given_count, known);
    for (uint32_t i = 0; i < ITEMS; i++) {
        bool text = i % 3 == 2 && i != 8 && (!among || among[i]);
        double expected = text ? new_score(s, m, c, known, i) : (double)known[i];
        assert_true(fabs((double)scores[i] - expected) < 1e-4 * (1 + fabs(expected)));
    }
}

static void test_model(void **state)
{
    if (dense_open(NULL) != ERR_OK)
        skip();
    struct training_set *s = world();
    struct recommend_model *m = model_make(s);
    struct split *p = split_make(s, &(struct split_options){.kind = SPLIT_READERS, .test = 20});
    uint8_t among[ITEMS];
    for (uint32_t i = 0; i < ITEMS; i++)
        among[i] = i < 50;
    for (int some = 0; some < 2; some++) {
        struct model_ranker *r = NULL;
        float *scores = xcalloc(MEASURE_BATCH * ITEMS, sizeof *scores);
        assert_int_equal(model_ranker_new(m, s, some ? among : NULL, 3, &r, NULL), 0);
        struct ranker ranker = ranker_model(r, "m");
        ranker.score(ranker.ctx, p->test, MEASURE_BATCH, scores);
        for (uint32_t k = 0; k < MEASURE_BATCH; k++)
            check_model(s, m, &p->test[k], scores + k * ITEMS, some ? among : NULL);
        model_ranker_free(r);
        free(scores);
    }
    split_free(p);
    recommend_model_free(m);
    set_free(s);
}

/* The cosine with the mean of what was read, up to the profile's length. */
static void test_content(void **state)
{
    struct training_set *s = world();
    struct texts *t = texts_new(s);
    struct split *p = split_make(s, &(struct split_options){.kind = SPLIT_READERS, .test = 20});
    struct ranker r = ranker_content(t);
    float mean[DIMS] = {0}, *scores = xcalloc(20 * ITEMS, sizeof *scores);
    for (uint32_t i = 0; i < ITEMS; i++)
        for (uint32_t d = 0; d < DIMS; d++)
            mean[d] += half_to_float(s->vectors[i * DIMS + d]) / (ITEMS - 2);
    r.score(r.ctx, p->test, 16, scores);
    for (uint32_t k = 0; k < 16; k++) {
        double profile[DIMS] = {0}, own[DIMS];
        for (uint32_t g = 0; g < p->test[k].given_count; g++) {
            centred(s, mean, p->test[k].given[g].item, own);
            for (int d = 0; d < DIMS; d++)
                profile[d] += (double)p->test[k].given[g].weight * own[d];
        }
        for (uint32_t i = 0; i < ITEMS; i++) {
            centred(s, mean, i, own);
            if (i == 7 || i == 8)
                assert_true(isnan(scores[k * ITEMS + i]));
            else
                assert_true(fabs((double)scores[k * ITEMS + i] - dot(own, profile)) < 1e-4);
        }
    }
    free(scores);
    texts_free(t);
    split_free(p);
    set_free(s);
}

static void test_popularity(void **state)
{
    struct training_set *s = world();
    float *readers = set_readers(s), scores[2 * ITEMS];
    struct popularity popularity = {readers, ITEMS};
    struct ranker r = ranker_popularity(&popularity);
    struct split_case cases[2] = {{0}};
    r.score(r.ctx, cases, 2, scores);
    for (uint32_t i = 0; i < 2 * ITEMS; i++) {
        float count = 0;
        for (size_t k = 0; k < s->start[30]; k++)
            count += s->acts[k].item == i % ITEMS && s->acts[k].weight > 0;
        assert_true(scores[i] == count);
    }
    free(readers);
    set_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_content),
        cmocka_unit_test(test_popularity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* From texts to readers: the ridge against its definition in double, and new documents among known
 * ones in one list. */
#include "train/ridge.h"
#include "base/json.h"
#include "math/dense.h"
#include "math/dot.h"
#include "math/topk.h"
#include "recommend/text_model.h"
#include "train/recipe.h"
#include "sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define DIMS 12u

static struct recommend_model *fitted(const struct recipe *r, const struct training_set *s,
                                      unsigned threads)
{
    struct recommend_model *m = NULL;
    struct err_info e = {0};
    struct fit_options o = {.seed = 42, .threads = threads};
    if (recipe_fit(r, s, &o, &m, &e))
        fail_msg("%s", e.message);
    return m;
}

/* M (E'E + lambda I) = I, in double. */
static void test_definition(void **state)
{
    struct training_set *s = set_make(200, 150, 5, 3, false, DIMS, 1);
    struct recipe r = recipe_default(MODEL_WALKS);
    r.text_lambda = 3;
    struct recommend_model *m = fitted(&r, s, 2);
    struct known *k = known_new(s);
    double gram[DIMS][DIMS] = {0};
    assert_true(k->items == 150 && m->text->dims == DIMS && m->text->near == RIDGE_NEAR);
    assert_memory_equal(m->text->mean, k->mean, DIMS * sizeof(float));
    for (uint32_t n = 0; n < k->items; n++)
        for (size_t a = 0; a < DIMS; a++)
            for (size_t b = 0; b < DIMS; b++)
                gram[a][b] += (double)k->text[n * DIMS + a] * (double)k->text[n * DIMS + b];
    for (size_t a = 0; a < DIMS; a++)
        gram[a][a] += 3;
    for (size_t a = 0; a < DIMS; a++)
        for (size_t b = 0; b < DIMS; b++) {
            double sum = 0;
            for (size_t c = 0; c < DIMS; c++)
                sum += (double)m->text->readers[a * DIMS + c] * gram[c][b];
            assert_true(fabs(sum - (a == b)) < 1e-4);
        }
    known_free(k);
    recommend_model_free(m);
    set_free(s);
}

/* ---- known and new ones in one list ---- */

#define READERS 500u
#define ITEMS 400u
#define SHOWN 20u

/* What a reader did with every fifth document is hidden: they are new. */
static struct training_set *hidden(const struct training_set *s)
{
    struct training_set *t = set_make(READERS, ITEMS, 10, 4, false, DIMS, 5);
    size_t n = 0;
    for (uint32_t r = 0; r < READERS; r++) {
        for (size_t i = s->start[r]; i < s->start[r + 1]; i++)
            if (s->acts[i].item % 5)
                t->acts[n++] = s->acts[i];
        t->start[r + 1] = n;
    }
    return t;
}

struct texts {
    const struct recommend_model *m;
    float rows[ITEMS][DIMS];
};

static void texts_make(struct texts *t, const struct recommend_model *m,
                       const struct training_set *s)
{
    float v[DIMS];
    t->m = m;
    for (uint32_t i = 0; i < ITEMS; i++) {
        half_to_f32(s->vectors + (size_t)i * DIMS, v, DIMS);
        assert_true(text_model_centre(m->text, v, t->rows[i]));
    }
}

static float new_score(const struct texts *t, const float *profile, const float *scores,
                       uint32_t item)
{
    struct topk_item room[RIDGE_NEAR];
    struct topk best;
    float near[RIDGE_NEAR], cosines[RIDGE_NEAR];
    topk_init(&best, room, RIDGE_NEAR);
    for (uint32_t i = 0; i < ITEMS; i++)
        if (recommend_model_knows(t->m, i))
            topk_add(&best, dot_f32(t->rows[i], t->rows[item], DIMS), i);
    for (size_t i = 0; i < best.count; i++) {
        near[i] = scores[room[i].id];
        cosines[i] = room[i].score;
    }
    return (float)text_model_score(t->m->text, profile, t->rows[item], near, cosines, best.count);
}

/* Of the first SHOWN of each reader: how many are new. */
static double share_of_new(const struct texts *t, const struct training_set *s, double *own)
{
    unsigned shown = 0, new = 0, of_group = 0;
    for (uint32_t r = 0; r < READERS; r += 5) {
        struct model_read read[64];
        struct topk_item room[SHOWN];
        struct topk best;
        float scores[ITEMS], profile[DIMS] = {0};
        bool given[ITEMS] = {0};
        size_t count = s->start[r + 1] - s->start[r];
        for (size_t i = 0; i < count; i++) {
            uint32_t item = s->acts[s->start[r] + i].item;
            read[i] = (struct model_read){item, 1};
            given[item] = true;
            text_model_read(t->m->text, t->rows[item], 1, profile);
        }
        recommend_model_score(t->m, read, count, scores);
        topk_init(&best, room, SHOWN);
        for (uint32_t i = 0; i < ITEMS; i++)
            if (!given[i])
                topk_add(&best, i % 5 ? scores[i] : new_score(t, profile, scores, i), i);
        for (size_t i = 0; i < best.count; i++) {
            new += room[i].id % 5 == 0;
            of_group += room[i].id % 5 == 0 && room[i].id % 4 == r % 4;
        }
        shown += SHOWN;
    }
    *own = (double)of_group / new;
    return (double)new / shown;
}

/* A fifth of the documents is new, and so is about a fifth of what is shown, for each kind of
 * model, whatever its scores are like; and they are those of the reader's group. */
static void test_one_scale(void **state)
{
    struct training_set *s = set_make(READERS, ITEMS, 10, 4, false, DIMS, 5), *t = hidden(s);
    struct texts *texts = xcalloc(1, sizeof *texts);
    for (enum model_kind k = MODEL_EASE; k <= MODEL_IALS; k++) {
        struct recipe r = recipe_default(k);
        r.dims = r.dims ? 8 : 0;
        struct recommend_model *m = fitted(&r, t, 2);
        double own;
        texts_make(texts, m, s);
        double share = share_of_new(texts, t, &own);
        if (share < .1 || share > .4 || own < .8)
            fail_msg("kind %d: %g of what is shown is new, %g of it of the reader's group", (int)k,
                     share, own);
        recommend_model_free(m);
    }
    free(texts);
    set_free(s);
    set_free(t);
}

static void test_threads(void **state)
{
    struct training_set *s = set_make(200, 150, 5, 3, false, DIMS, 7);
    struct recipe r = recipe_default(MODEL_EASE);
    struct recommend_model *a = fitted(&r, s, 1), *b = fitted(&r, s, 3);
    assert_memory_equal(a->text->readers, b->text->readers, DIMS * DIMS * sizeof(float));
    assert_true(a->text->blend == b->text->blend && a->text->scale == b->text->scale &&
                a->text->offset == b->text->offset && a->text->blend > 0);
    recommend_model_free(a);
    recommend_model_free(b);
    set_free(s);
}

/* Too few to compare by: the ridge stands alone. No text at all: no part. */
static void test_few(void **state)
{
    struct training_set *s = set_make(6, 30, 5, 1, false, DIMS, 7);
    struct recipe r = recipe_default(MODEL_NEIGHBOURS);
    struct recommend_model *m = fitted(&r, s, 1);
    assert_true(m->text->scale == 1 && m->text->offset == 0 && m->text->blend == 0);
    recommend_model_free(m);
    memset(s->vectors, 0, 30 * DIMS * sizeof *s->vectors);
    m = fitted(&r, s, 1);
    assert_null(m->text);
    recommend_model_free(m);
    set_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definition),
        cmocka_unit_test(test_one_scale),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_few),
    };
    json_setup();
    if (dense_open(NULL)) /* not installed here */
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

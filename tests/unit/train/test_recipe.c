/* Models from recipes: what is learned from, who is left out, and that a recipe is read as it was
 * written. */
#include "train/recipe.h"
#include "base/json.h"
#include "math/dense.h"
#include "recommend/factors.h"
#include "recommend/item_model.h"
#include "train/known.h"
#include "sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

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

static void assert_same_rows(const struct recommend_model *a, const struct recommend_model *b)
{
    assert_int_equal(a->factors == NULL, b->factors == NULL);
    if (a->factors) {
        assert_int_equal(a->factors->items, a->items);
        assert_memory_equal(a->factors->vectors, b->factors->vectors,
                            (size_t)a->items * a->factors->dims * sizeof(uint16_t));
        return;
    }
    size_t count = a->rows->rows.start[a->items];
    assert_int_equal(a->items, b->items);
    assert_memory_equal(a->rows->rows.start, b->rows->rows.start, (a->items + 1) * sizeof(size_t));
    assert_memory_equal(a->rows->rows.at, b->rows->rows.at, count * sizeof(uint32_t));
    assert_memory_equal(a->rows->rows.weight, b->rows->rows.weight, count * sizeof(float));
}

/* Share of the readers for whom a document of their own group, hidden, is above one of another. */
static double own_group(const struct recommend_model *m, const struct training_set *s,
                        uint32_t groups)
{
    unsigned won = 0, asked = 0;
    float *scores = xmalloc(m->items * sizeof *scores);
    for (uint32_t r = 0; r < s->readers; r++) {
        struct model_read read[8];
        const struct training_act *a = s->acts + s->start[r];
        for (size_t k = 0; k < 8; k++)
            read[k] = (struct model_read){a[k].item, a[k].weight};
        recommend_model_score(m, read, 8, scores);
        double own = 0, others = 0;
        for (uint32_t i = 0; i < m->items; i++)
            *(i % groups == r % groups ? &own : &others) += (double)scores[i];
        won += own > others / (groups - 1);
        asked++;
    }
    free(scores);
    return (double)won / asked;
}

static void test_kinds(void **state)
{
    struct training_set *s = set_make(300, 90, 8, 3, false, 12, 1);
    for (enum model_kind k = MODEL_EASE; k <= MODEL_IALS; k++) {
        struct recipe r = recipe_default(k);
        struct recommend_model *m = fitted(&r, s, 2), *again = fitted(&r, s, 3);
        assert_int_equal(m->kind, k);
        assert_int_equal(m->items, 90);
        assert_memory_equal(m->numbers, s->numbers, 90 * sizeof *s->numbers);
        assert_true(own_group(m, s, 3) > .95);
        assert_same_rows(m, again);
        recommend_model_free(m);
        recommend_model_free(again);
    }
    set_free(s);
}

/* Documents that nobody read, readers who did nothing and what was turned down change nothing. */
static void test_left_out(void **state)
{
    struct training_set *s = set_make(100, 40, 5, 2, false, 6, 2),
                        *more = set_make(100, 40, 5, 2, false, 6, 2);
    for (size_t i = 0; i < more->start[100]; i++)
        more->acts[i].weight = more->acts[i].item % 7 == 3 ? -1 : 1.5f;
    for (size_t i = 0; i < s->start[100]; i++)
        if (s->acts[i].item % 7 == 3)
            s->acts[i].weight = -.1f;
    for (enum model_kind k = MODEL_EASE; k <= MODEL_WALKS; k++) {
        struct recipe r = recipe_default(k);
        struct recommend_model *a = fitted(&r, s, 1), *b = fitted(&r, more, 1);
        assert_same_rows(a, b);
        for (uint32_t i = 0; i < 40; i++) {
            bool none = i % 7 == 3;
            assert_int_equal(recommend_model_knows(a, i), !none);
            assert_true((a->rows->rows.start[i + 1] == a->rows->rows.start[i]) == none);
            for (uint32_t j = 3; j < 40; j += 7)
                assert_true(item_model_weight(a->rows, i, j) == 0);
        }
        recommend_model_free(a);
        recommend_model_free(b);
    }
    set_free(s);
    set_free(more);
}

static void test_nobody(void **state)
{
    struct training_set *s = set_make(10, 20, 3, 1, false, 4, 3);
    for (size_t i = 0; i < s->start[10]; i++)
        s->acts[i].weight = -1;
    for (enum model_kind k = MODEL_EASE; k <= MODEL_WALKS; k++) {
        struct recipe r = recipe_default(k);
        struct recommend_model *m = fitted(&r, s, 2);
        float scores[20];
        recommend_model_score(m, &(struct model_read){3, 1}, 1, scores);
        for (uint32_t i = 0; i < 20; i++)
            assert_true(scores[i] == 0 && !recommend_model_knows(m, i));
        recommend_model_free(m);
    }
    set_free(s);
}

/* Texts: less the mean of all, of length 1; one without a vector, or with one that is no number,
 * has zeros. */
static void test_known(void **state)
{
    struct training_set *s = set_make(50, 30, 4, 1, false, 8, 4);
    memset(s->vectors + 5 * 8, 0, 8 * sizeof *s->vectors);
    s->vectors[6 * 8 + 3] = 0x7C00; /* infinite */
    struct known *k = known_new(s);
    struct known_size z = known_measure(s);
    assert_int_equal(k->items, z.items);
    assert_int_equal(k->x->count, z.count);
    assert_int_equal(k->x->count, s->start[50]);
    double mean[8] = {0};
    for (uint32_t i = 0; i < 30; i++)
        for (uint32_t d = 0; d < 8; d++)
            mean[d] += i == 6 ? 0 : (double)half_to_float(s->vectors[i * 8 + d]) / 28;
    for (uint32_t n = 0; n < k->items; n++) {
        double length = 0;
        for (uint32_t d = 0; d < 8; d++)
            length += pow((double)k->text[n * 8 + d], 2);
        assert_true(fabs(length - (k->item[n] == 5 || k->item[n] == 6 ? 0 : 1)) < 1e-5);
    }
    for (uint32_t d = 0; d < 8; d++)
        assert_true(fabs((double)k->mean[d] - mean[d]) < 1e-6);
    known_free(k);
    set_free(s);
}

static void test_refused(void **state)
{
    struct training_set *s = set_make(100, 200, 5, 2, false, 6, 2);
    struct recommend_model *m = NULL;
    struct err_info e = {0};
    struct recipe r = recipe_default(MODEL_EASE);
    atomic_bool stop = true;
    struct fit_options o = {.memory_max = 20000};
    assert_int_equal(recipe_fit(&r, s, &o, &m, &e), ERR_FULL);
    assert_non_null(strstr(e.message, "100 readers and 200 documents"));
    assert_true(recipe_fit_bytes(&r, s) > 20000);
    assert_false(recipe_kinds(s, 20000) & 1u << MODEL_EASE);
    assert_true(recipe_kinds(s, 0) & 1u << MODEL_EASE);
    o = (struct fit_options){.stop = &stop};
    assert_int_equal(recipe_fit(&r, s, &o, &m, NULL), ERR_CANCELLED);
    r = recipe_default(MODEL_WALKS);
    assert_int_equal(recipe_fit(&r, s, &o, &m, NULL), ERR_CANCELLED);
    assert_null(m);
    set_free(s);
}

static void assert_again(const struct recipe *r)
{
    struct strbuf b;
    struct json_writer w;
    struct recipe again;
    json_t *v = NULL;
    strbuf_init(&b, 0);
    json_writer_init(&w, &b);
    recipe_render(&w, r);
    assert_int_equal(json_parse(strbuf_str(&b), &v, NULL), 0);
    assert_int_equal(recipe_read(v, &again, NULL), 0);
    assert_true(again.kind == r->kind && again.lambda == r->lambda && again.gamma == r->gamma &&
                again.alpha == r->alpha && again.beta == r->beta && again.k1 == r->k1 &&
                again.b == r->b && again.dims == r->dims && again.epochs == r->epochs &&
                again.kept == r->kept && again.text_lambda == r->text_lambda &&
                again.text_blend == r->text_blend);
    json_decref(v);
    strbuf_release(&b);
}

static bool same(const struct recipe *a, const struct recipe *b)
{
    return a->lambda == b->lambda && a->gamma == b->gamma && a->alpha == b->alpha &&
           a->beta == b->beta && a->k1 == b->k1 && a->b == b->b && a->dims == b->dims;
}

/* The default first, all of them different, each read as it was written. */
static void test_grid(void **state)
{
    for (uint32_t dims = 0; dims < 10; dims += 6) {
        struct training_set *s = set_make(20, 30, 5, 2, false, dims, 2);
        for (enum model_kind k = MODEL_EASE; k <= MODEL_IALS; k++) {
            struct recipe all[RECIPES_MAX + 4], first = recipe_default(k);
            unsigned n = recipe_grid(k, s, all, RECIPES_MAX);
            assert_true(n >= 5 && (same(&all[0], &first) || (k == MODEL_EASE && !dims)));
            n += recipe_near(&all[0], s, all + n, 4);
            assert_true(n >= 7);
            for (unsigned i = 0; i < n; i++) {
                assert_int_equal(all[i].kind, k);
                assert_true(dims || all[i].gamma == 0);
                assert_again(&all[i]);
                for (unsigned j = 0; j < i; j++)
                    assert_false(same(&all[i], &all[j]));
            }
            assert_int_equal(recipe_grid(k, s, all, 2), 2);
        }
        set_free(s);
    }
}

static void test_read_refused(void **state)
{
    static const char *const wrong[][2] = {
        {"{}", "kind"},
        {"{\"kind\":\"magic\"}", "kind"},
        {"{\"kind\":\"ease\",\"lambda\":-1}", "lambda"},
        {"{\"kind\":\"ease\",\"gamma\":\"1\"}", "gamma"},
        {"{\"kind\":\"ials\",\"dims\":100000}", "dims"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        json_t *v = NULL;
        struct recipe r;
        struct err_info e = {0};
        assert_int_equal(json_parse(str_c(wrong[i][0]), &v, NULL), 0);
        assert_int_equal(recipe_read(v, &r, &e), ERR_INVALID);
        assert_string_equal(e.field, wrong[i][1]);
        json_decref(v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),        cmocka_unit_test(test_left_out),
        cmocka_unit_test(test_nobody),       cmocka_unit_test(test_known),
        cmocka_unit_test(test_refused),      cmocka_unit_test(test_grid),
        cmocka_unit_test(test_read_refused),
    };
    json_setup();
    if (dense_open(NULL)) /* not installed here */
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* V-SKNN against its definition, written out plainly. */
#include "recommend/session_model.h"
#include "../base/test_folder.h"
#include "base/arena.h"
#include "base/rng.h"
#include "base/section.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <math.h>

enum { ITEMS = 60, SESSIONS = 1500 };
static size_t start[SESSIONS + 1];
static uint32_t at[SESSIONS * 8];
static struct session_model *m;
static struct arena *arena;

static bool holds(uint32_t session, uint32_t item)
{
    for (size_t k = start[session]; k < start[session + 1]; k++)
        if (at[k] == item)
            return true;
    return false;
}

static int setup(void **state)
{
    struct rng r;
    rng_init(&r, 3);
    for (uint32_t s = 0; s < SESSIONS; s++) {
        start[s + 1] = start[s];
        for (uint64_t n = 2 + rng_below(&r, 6); n; n--) {
            uint32_t item = (uint32_t)rng_below(&r, ITEMS - 1); /* the last is in none */
            if (!holds(s, item) || start[s + 1] < start[s] + 2) {
                while (holds(s, item))
                    item = (item + 1) % (ITEMS - 1);
                at[start[s + 1]++] = item;
            }
        }
    }
    m = session_model_new(ITEMS, SESSIONS, start, at);
    arena = arena_new(0);
    return folder_make(state);
}

static int teardown(void **state)
{
    session_model_free(m);
    arena_free(arena);
    return folder_remove(state);
}

/* All sessions, one after the other; `alike` is exact in float for lengths of powers of two. */
static void reference(const uint32_t *given, size_t count, double *scores)
{
    static double alike[SESSIONS], step[SESSIONS];
    bool taken[SESSIONS] = {false};
    double all = 0;
    for (uint32_t s = 0; s < SESSIONS; s++) {
        alike[s] = 0;
        for (size_t k = 0; k < count; k++)
            if (holds(s, given[k])) {
                alike[s] += (double)(k + 1) / (double)count;
                step[s] = (double)(count - k);
            }
    }
    memset(scores, 0, ITEMS * sizeof *scores);
    for (int n = 0; n < SESSION_NEAR; n++) {
        uint32_t best = SESSIONS;
        for (uint32_t s = 0; s < SESSIONS; s++)
            if (!taken[s] && alike[s] > 0 && (best == SESSIONS || alike[s] >= alike[best]))
                best = s;
        if (best == SESSIONS)
            break;
        taken[best] = true;
        all += alike[best] / step[best];
        for (size_t k = start[best]; k < start[best + 1]; k++)
            scores[at[k]] += alike[best] / step[best];
    }
    for (uint32_t i = 0; i < ITEMS; i++)
        scores[i] /= all > 0 ? all : 1;
    for (size_t k = 0; k < count; k++)
        scores[given[k]] = 0;
}

static void test_definition(void **state)
{
    static const uint32_t given[][4] = {
        {1, 2, 3, 4}, {50, 3, 9, 20}, {7, 59, 8, 30}, {59, 0, 0, 0}};
    for (size_t g = 0; g < 4; g++)
        for (size_t count = 1; count <= 4; count *= 2) {
            double want[ITEMS], parts[4];
            float scores[ITEMS];
            if (g == 3 && count > 1)
                continue;
            reference(given[g], count, want);
            session_model_score(m, given[g], count, scores);
            const struct session_asked *asked = session_model_ask(m, given[g], count, arena);
            for (uint32_t i = 0; i < ITEMS; i++) {
                double sum = 0;
                assert_true(fabs((double)scores[i] - want[i]) < 1e-6);
                assert_true(session_model_item(m, asked, i) == scores[i]);
                session_model_parts(m, asked, count, i, parts);
                for (size_t k = 0; k < count; k++)
                    sum += parts[k];
                assert_true(fabs(sum - want[i]) < 1e-6);
            }
        }
}

/* One that comes twice counts where it came last; of a long one the newest count. */
static void test_given(void **state)
{
    static const uint32_t twice[] = {5, 9, 5, 12}, once[] = {9, 5, 12};
    uint32_t many[100];
    float a[ITEMS], b[ITEMS];
    double parts[100];
    session_model_score(m, twice, 4, a);
    session_model_score(m, once, 3, b);
    assert_memory_equal(a, b, sizeof a);
    session_model_parts(m, session_model_ask(m, twice, 4, arena), 4, 20, parts);
    assert_true(parts[0] == 0 && parts[2] > 0);
    for (uint32_t i = 0; i < 100; i++)
        many[i] = i % 50;
    session_model_score(m, many, 100, a);
    session_model_score(m, many + 100 - SESSION_ITEMS_MAX, SESSION_ITEMS_MAX, b);
    assert_memory_equal(a, b, sizeof a);
    session_model_score(m, NULL, 0, a);
    for (uint32_t i = 0; i < ITEMS; i++)
        assert_true(a[i] == 0);
}

/* ---- file ---- */

static void put(const struct session_model *x)
{
    struct file *file;
    assert_int_equal(file_open(path_of("s"), FILE_CREATE, &file, NULL), 0);
    struct section_writer *w = section_writer_new(file);
    session_model_save(x, w);
    assert_int_equal(section_writer_end(w, NULL), 0);
    file_close(file);
}

static struct session_model *get(uint32_t items, enum err *err)
{
    struct file *file;
    uint64_t end;
    assert_int_equal(file_open(path_of("s"), FILE_READ_ONLY, &file, NULL), 0);
    struct section_reader *r = section_reader_new(file, 0);
    struct session_model *x = session_model_load(r, items);
    *err = section_reader_end(r, &end, NULL);
    file_close(file);
    return x;
}

static void test_saved_and_loaded(void **state)
{
    static const uint32_t given[] = {1, 2, 3};
    static const size_t nothing[] = {0};
    float a[ITEMS], b[ITEMS];
    enum err err;
    put(m);
    struct session_model *again = get(ITEMS, &err);
    assert_int_equal(err, 0);
    session_model_score(m, given, 3, a);
    session_model_score(again, given, 3, b);
    assert_memory_equal(a, b, sizeof a);
    assert_int_equal(session_model_count(again), SESSIONS);
    session_model_free(again);
    assert_null(get(ITEMS - 1, &err));
    assert_int_equal(err, ERR_CORRUPT);
    struct session_model *empty = session_model_new(ITEMS, 0, nothing, NULL);
    put(empty);
    again = get(ITEMS, &err);
    assert_int_equal(err, 0);
    session_model_score(again, given, 3, a);
    assert_true(a[5] == 0);
    session_model_free(empty);
    session_model_free(again);
}

static void refused(const size_t *starts, const uint32_t *items)
{
    enum err err;
    struct session_model *x = session_model_new(9, 2, starts, items);
    put(x);
    session_model_free(x);
    assert_null(get(9, &err));
    assert_int_equal(err, ERR_CORRUPT);
}

static void test_not_as_it_should_be(void **state)
{
    static const uint32_t twice[] = {1, 2, 3, 4, 3}, right[] = {1, 2, 3, 4, 5};
    refused((size_t[]){0, 2, 5}, twice);
    refused((size_t[]){0, 1, 5}, right);
    enum err err;
    struct session_model *x = session_model_new(9, 2, (size_t[]){0, 2, 5}, right);
    put(x);
    session_model_free(x);
    assert_null(get(5, &err)); /* of more items than the model has */
    x = get(9, &err);
    assert_non_null(x);
    session_model_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definition),
        cmocka_unit_test(test_given),
        cmocka_unit_test(test_saved_and_loaded),
        cmocka_unit_test(test_not_as_it_should_be),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

/* Trained models: lent, swapped, rolled back; files that are torn, foreign or missing. */
#include "help.h"
#include "engine/recommend_impl.h"
#include "engine/recommenders.h"
#include "recommend/item_model.h"
#include "base/thread.h"
#include <stdatomic.h>

static struct collection *collection_of(struct fixture *f)
{
    struct collection *c;
    OK(collection_find(f->x, C, &c, e));
    return c;
}

/* A model of three documents, told apart by its first weight. */
static void model_write(const char *path, float weight, char digest[65])
{
    uint32_t counts[] = {1, 1, 0}, to[] = {1, 0, 0};
    float weights[] = {weight, .5f, 0};
    struct recommend_model *m = xcalloc(1, sizeof *m);
    m->kind = MODEL_EASE;
    m->items = 3;
    m->numbers = xcalloc(3, sizeof *m->numbers);
    m->readers = xcalloc(3, sizeof *m->readers);
    for (uint32_t i = 0; i < 3; i++) {
        m->numbers[i] = i + 1;
        m->readers[i] = 1;
    }
    m->rows = item_model_new(3, 1, counts, to, weights);
    m->position = 1;
    m->report = xstrdup("{\"promote\":true}");
    OK(recommend_model_save(m, path, e));
    OK(file_sha256(path, digest, e));
    recommend_model_free(m);
}

/* As a training does it. */
static uint32_t made(struct fixture *f, float weight)
{
    struct collection *c = collection_of(f);
    char digest[65], beside[300];
    struct store_act act = {.kind = ACT_RECOMMENDER_CREATE};
    snprintf(beside, sizeof beside, "%s/tmp/made.model", f->dir);
    model_write(beside, weight, digest);
    act.recommender = (struct recommender_record){
        .collection = c->id, .kind = STR("ease"), .digest = str_c(digest), .change = 1};
    OK(recommender_act(f->x, &act, e));
    OK(file_mkdirs(recommender_path(c, 0, f->a), 0700, e));
    OK(file_rename(beside, recommender_path(c, (uint32_t)act.id, f->a), e));
    collection_unref(c);
    return (uint32_t)act.id;
}

static void promote(struct fixture *f, uint32_t id)
{
    struct recommender_info info;
    OK(engine_recommender_promote(f->x, C, id, f->a, &info, e));
    assert_int_equal(info.id, id);
    assert_string_equal(info.state, "active");
}

static float weight_of(const struct recommender *r)
{
    return item_model_weight(r->model->rows, 0, 1);
}

/* Which one serves, and that it is what it says; 0: none. */
static uint32_t serving(struct fixture *f)
{
    struct collection *c = collection_of(f);
    struct recommender *r = recommender_take(c, 0);
    uint32_t id = r ? r->id : 0;
    if (r)
        assert_true(weight_of(r) == (float)id);
    recommender_release(r);
    collection_unref(c);
    return id;
}

static void spoil(struct fixture *f, uint32_t id)
{
    struct collection *c = collection_of(f);
    struct file *file;
    uint64_t size;
    OK(file_open(recommender_path(c, id, f->a), FILE_READ_WRITE, &file, e));
    OK(file_size(file, &size, e));
    OK(file_pwrite(file, size / 2, "torn", 4, e));
    file_close(file);
    collection_unref(c);
}

static struct recommender_info info_of(struct fixture *f, uint32_t id)
{
    struct recommender_info info;
    OK(engine_recommender_get(f->x, C, id, f->a, &info, e));
    return info;
}

static void test_promoted(void **state)
{
    struct fixture *f = *state;
    struct recommender_info info;
    create(f, "c");
    assert_int_equal(serving(f), 0);
    uint32_t one = made(f, 1), two = made(f, 2);
    assert_int_equal(serving(f), 0);
    assert_int_equal(engine_recommender_rollback(f->x, C, STR(""), f->a, &info, NULL),
                     ERR_CONFLICT);
    promote(f, one);
    assert_int_equal(serving(f), one);
    promote(f, two);
    promote(f, two); /* again changes nothing */
    assert_int_equal(serving(f), two);
    OK(engine_recommender_rollback(f->x, C, STR(""), f->a, &info, e));
    assert_int_equal(info.id, one);
    assert_int_equal(serving(f), one);
    assert_int_equal(engine_recommender_delete(f->x, C, one, NULL), ERR_CONFLICT);
    OK(engine_recommender_retire(f->x, C, one, f->a, &info, e));
    assert_int_equal(serving(f), 0);
    promote(f, two);
    fixture_close(f);
    fixture_open(f);
    assert_int_equal(serving(f), two);
    OK(engine_recommender_delete(f->x, C, one, e));
    assert_int_equal(engine_recommender_get(f->x, C, one, f->a, &info, NULL), ERR_NOT_FOUND);
    struct collection *c = collection_of(f);
    assert_false(file_exists(recommender_path(c, one, f->a)));
    assert_null(recommender_take(c, one));
    collection_unref(c);
    assert_int_equal(engine_recommender_promote(f->x, C, 99, f->a, &info, NULL), ERR_NOT_FOUND);
}

/* Whoever holds a model keeps it; others are read when they are asked for. */
static void test_lent(void **state)
{
    struct fixture *f = *state;
    create(f, "c");
    uint32_t ids[6];
    for (int i = 0; i < 6; i++)
        ids[i] = made(f, (float)(i + 1));
    promote(f, ids[0]);
    struct collection *c = collection_of(f);
    struct recommender *first = recommender_take(c, 0);
    for (int i = 5; i > 0; i--) { /* more than are kept */
        struct recommender *r = recommender_take(c, ids[i]);
        assert_int_equal(r->id, ids[i]);
        assert_true(weight_of(r) == (float)(i + 1));
        recommender_release(r);
    }
    promote(f, ids[1]);
    OK(engine_recommender_delete(f->x, C, ids[0], e));
    assert_true(weight_of(first) == 1);
    recommender_release(first);
    collection_unref(c);
}

static void test_torn(void **state)
{
    struct fixture *f = *state;
    struct recommender_info info;
    struct err_info why = {0};
    create(f, "c");
    uint32_t one = made(f, 1), two = made(f, 2);
    promote(f, one);
    spoil(f, two);
    assert_int_equal(engine_recommender_promote(f->x, C, two, f->a, &info, &why), ERR_CONFLICT);
    assert_true(strstr(why.message, "not the file that was made") != NULL);
    assert_true(info_of(f, two).error.n > 0);
    assert_int_equal(serving(f), one);
    /* The active one is spoilt on disk: what is in memory serves; after a start the one before. */
    uint32_t three = made(f, 3);
    promote(f, three);
    spoil(f, three);
    assert_int_equal(serving(f), three);
    fixture_close(f);
    fixture_open(f);
    assert_int_equal(serving(f), one);
    assert_string_equal(info_of(f, three).state, "active");
    assert_true(info_of(f, three).error.n > 0);
    assert_true(info_of(f, one).serving && !info_of(f, three).serving);
    OK(engine_recommender_rollback(f->x, C, STR(""), f->a, &info, e));
    assert_int_equal(info.id, one);
}

/* A model of another collection, or of another time, in the place of one. */
static void test_foreign(void **state)
{
    struct fixture *f = *state;
    struct recommender_info info;
    char digest[65];
    create(f, "c");
    uint32_t one = made(f, 1), two = made(f, 2);
    struct collection *c = collection_of(f);
    promote(f, one);
    model_write(recommender_path(c, two, f->a), 9, digest);
    assert_int_equal(engine_recommender_promote(f->x, C, two, f->a, &info, NULL), ERR_CONFLICT);
    OK(file_remove(recommender_path(c, two, f->a), e));
    assert_int_equal(engine_recommender_promote(f->x, C, two, f->a, &info, NULL), ERR_CONFLICT);
    assert_int_equal(serving(f), one);
    collection_unref(c);
}

static void test_kept(void **state)
{
    struct fixture *f = *state;
    struct recommender_info *list;
    size_t n;
    create(f, "c");
    promote(f, made(f, 1));
    promote(f, made(f, 2));
    struct collection *c = collection_of(f);
    for (int i = 3; i <= 9; i++)
        recommenders_trim(c, made(f, (float)i));
    OK(engine_recommender_list(f->x, C, f->a, &list, &n, e));
    assert_int_equal(n, RECOMMENDERS_KEPT);
    assert_int_equal(list[0].id, 1); /* which a rollback takes */
    assert_int_equal(list[1].id, 2); /* active */
    assert_int_equal(list[4].id, 9);
    collection_unref(c);
}

/* What a crash left is removed, and nothing else. */
static void test_tidy(void **state)
{
    struct fixture *f = *state;
    struct recommender_info *list;
    size_t n;
    create(f, "c");
    create(f, "gone");
    uint32_t one = made(f, 1), two = made(f, 2);
    struct collection *c = collection_of(f);
    char *dir = arena_printf(f->a, "%s/recommenders/77", f->dir);
    char *stray = arena_printf(f->a, "%s/99.model", recommender_path(c, 0, f->a));
    promote(f, one);
    OK(file_mkdirs(dir, 0700, e));
    OK(file_write_atomic(stray, "x", 1, 0600, e));
    OK(file_remove(recommender_path(c, two, f->a), e));
    recommenders_tidy(f->x);
    assert_false(file_exists(dir));
    assert_false(file_exists(stray));
    OK(engine_recommender_list(f->x, C, f->a, &list, &n, e));
    assert_int_equal(n, 1);
    assert_int_equal(serving(f), one);
    dir = arena_strdup(f->a, recommender_path(c, 0, f->a));
    collection_unref(c);
    OK(engine_collection_delete(f->x, C, e));
    assert_false(file_exists(dir));
}

struct taker {
    struct collection *c;
    atomic_bool stop;
    atomic_uint taken;
};

static void take_run(void *arg)
{
    struct taker *t = arg;
    while (!atomic_load(&t->stop)) {
        struct recommender *r = recommender_take(t->c, 0);
        assert_non_null(r);
        assert_true(weight_of(r) == (float)r->id);
        recommender_release(r);
        atomic_fetch_add(&t->taken, 1);
    }
}

static void test_swap(void **state)
{
    struct fixture *f = *state;
    struct thread *threads[3];
    create(f, "c");
    uint32_t one = made(f, 1), two = made(f, 2);
    promote(f, one);
    struct taker t = {.c = collection_of(f)};
    for (int i = 0; i < 3; i++)
        threads[i] = thread_start("taker", take_run, &t);
    for (int i = 0; i < 20; i++) {
        promote(f, i % 2 ? one : two);
        unsigned seen = atomic_load(&t.taken);
        while (atomic_load(&t.taken) < seen + 3)
            clock_sleep_ns(100000);
    }
    atomic_store(&t.stop, true);
    for (int i = 0; i < 3; i++)
        thread_join(threads[i]);
    collection_unref(t.c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_promoted), TEST(test_lent), TEST(test_torn),
                                       TEST(test_foreign),  TEST(test_kept), TEST(test_tidy),
                                       TEST(test_swap)};
    return cmocka_run_group_tests_name("recommenders", tests, NULL, NULL);
}

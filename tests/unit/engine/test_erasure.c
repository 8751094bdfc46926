/* A reader who was erased: what is trained afterwards is trained as if they had never been. */
#include "help.h"
#include "base/rng.h"
#include "engine/recommend_impl.h"
#include "engine/training.h"
#include "recommend/training_feed.h"

enum { DOCUMENTS = 12, READERS = 21, ACTS = 12 };

static void fill(struct fixture *f)
{
    char text[120];
    create(f, "c");
    for (int i = 0; i < DOCUMENTS; i++) {
        snprintf(text, sizeof text, "{'id':'d%d','text':'text number %d of several'}", i, i);
        put(f, text);
    }
}

static void acts(struct fixture *f, const char *user, uint64_t seed)
{
    static const char *const types[] = {"view", "like", "dislike", "rate", "custom"};
    struct feedback_in rows[ACTS] = {0};
    struct put_result results[ACTS];
    struct rng r;
    rng_init(&r, seed);
    for (int i = 0; i < ACTS; i++) {
        rows[i] = (struct feedback_in){
            .user = str_c(user),
            .document = str_c(arena_printf(f->a, "d%u", (unsigned)rng_below(&r, DOCUMENTS))),
            .type = str_c(types[rng_below(&r, 5)]),
            .session = str_c(arena_printf(f->a, "s%u", (unsigned)rng_below(&r, 3))),
            .value = 1 + (double)rng_below(&r, 5),
            .value_set = true,
            .position = -1,
            .time = str_c(
                arena_printf(f->a, "2026-01-%02uT03:04:05Z", 1 + (unsigned)rng_below(&r, 28))),
        };
    }
    struct str position;
    OK(engine_feedback_add(f->x, C, rows, ACTS, NULL, f->a, results, &position, e));
    for (int i = 0; i < ACTS; i++)
        assert_int_equal(results[i].err, 0);
}

static struct training_set *training_of(struct fixture *f, struct collection *c)
{
    char path[300];
    struct training_order order = {0};
    struct training_set *set;
    struct training_job j = {
        .x = f->x, .c = c, .a = f->a, .task = 1, .order = &order, .feed = path};
    snprintf(path, sizeof path, "%s/feed", f->dir);
    j.v = version_active(c);
    OK(training_snapshot(&j, e));
    version_unref(j.v);
    OK(feed_read(path, &set, NULL, e));
    return set;
}

static void same(const void *x, const void *y, size_t bytes)
{
    assert_memory_equal(x, y, bytes);
}

static void trainings_do_not_know_an_erased_reader(void **state)
{
    struct fixture *f = *state;
    struct collection *c;
    char user[16];
    fill(f);
    OK(collection_find(f->x, C, &c, e));
    for (unsigned i = 0; i < READERS; i++) {
        snprintf(user, sizeof user, "u%u", i);
        acts(f, user, 100 + i);
        if (i == READERS / 2)
            acts(f, "gone", 7); /* in the midst of the others */
    }
    struct training_set *with = training_of(f, c);
    OK(engine_user_delete(f->x, C, STR("gone"), e));
    struct training_set *after = training_of(f, c);
    assert_int_equal(with->readers, READERS + 1);
    assert_int_equal(after->readers, READERS);

    /* The same readers in another collection, of the same documents, who never met the other. */
    struct fixture other = {.workers = 2, .a = f->a};
    snprintf(other.dir, sizeof other.dir, "%.200s/other", f->dir);
    assert_int_equal(file_mkdirs(other.dir, 0700, NULL), 0);
    struct collection *never;
    fixture_open(&other);
    fill(&other);
    OK(collection_find(other.x, C, &never, e));
    for (unsigned i = READERS; i-- > 0;) { /* in another order */
        snprintf(user, sizeof user, "u%u", i);
        acts(&other, user, 100 + i);
    }
    struct training_set *without = training_of(&other, never);
    assert_int_equal(after->items, without->items);
    assert_int_equal(after->readers, without->readers);
    same(after->numbers, without->numbers, after->items * sizeof *after->numbers);
    same(after->vectors, without->vectors,
         (size_t)after->items * after->dims * sizeof *after->vectors);
    same(after->keys, without->keys, after->readers * sizeof *after->keys);
    same(after->start, without->start, (after->readers + 1) * sizeof *after->start);
    same(after->acts, without->acts, after->start[after->readers] * sizeof *after->acts);
    training_set_free(with);
    training_set_free(after);
    training_set_free(without);
    collection_unref(never);
    collection_unref(c);
    fixture_close(&other);
}

/* A training that ended before is due again, also when the engine was started anew meanwhile. */
static void an_erasure_is_remembered(void **state)
{
    struct fixture *f = *state;
    struct position before;
    struct collection *c;
    bool erased;
    fill(f);
    acts(f, "gone", 7);
    store_position(f->x->store, &before);
    OK(engine_user_delete(f->x, C, STR("gone"), e));
    fixture_close(f);
    fixture_open(f);
    OK(collection_find(f->x, C, &c, e));
    OK(store_erased_since(f->x->store, c->id, before.change, &erased, e));
    assert_true(erased);
    collection_unref(c);
}

static void brought_scores_are_exported_and_erased(void **state)
{
    struct fixture *f = *state;
    struct score_of score = {STR("d1"), 2.5};
    struct scores_in in = {.user = STR("u"), .scores = &score, .count = 1};
    struct scores_result result;
    struct user_export x;
    struct err_info info = {0};
    fill(f);
    OK(engine_scores_put(f->x, C, STR("ours"), &in, 1, f->a, &result, e));
    OK(engine_user_export(f->x, C, STR(""), STR("u"), NULL, 10, f->a, &x, e));
    assert_true(x.score_count == 1 && str_eq_c(x.scores[0].source, "ours"));
    assert_true(x.scores[0].scores.count == 1 && x.scores[0].scores.scores[0].score == 2.5);
    assert_false(x.known || x.more);
    OK(engine_user_delete(f->x, C, STR("u"), e));
    assert_int_equal(engine_user_export(f->x, C, STR(""), STR("u"), NULL, 10, f->a, &x, &info),
                     ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(trainings_do_not_know_an_erased_reader),
        TEST(an_erasure_is_remembered),
        TEST(brought_scores_are_exported_and_erased),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

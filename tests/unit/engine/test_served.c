/* The log of answers, from the moment that one is added. */
#include "help.h"
#include "base/thread.h"
#include "engine/recommend_impl.h"
#include <math.h>

static float nothing[FEATURE_COUNT];
static int64_t base_us; /* lately: the keeper forgets what is old */

static void answer_add(struct collection *c, unsigned id, const char *user, const uint32_t *numbers,
                       size_t count, int64_t at_us)
{
    struct served_slot slots[16];
    struct served s = {.user = str_c(user), .at_us = at_us, .slots = slots, .count = count};
    memcpy(s.token, &id, sizeof id);
    for (size_t i = 0; i < count; i++)
        slots[i] = (struct served_slot){numbers[i], .5f, 1, nothing};
    served_add(c, &s);
}

static struct served_record logged(struct fixture *f, struct collection *c, unsigned id)
{
    uint8_t token[1][SERVED_TOKEN] = {{0}};
    struct served_record r;
    memcpy(token[0], &id, sizeof id);
    OK(served_by_token(c, (const uint8_t(*)[SERVED_TOKEN])token, 1, f->a, &r, e));
    return r;
}

static struct collection *collection_of(struct fixture *f, const char *name)
{
    struct collection *c;
    OK(collection_find(f->x, str_c(name), &c, e));
    return c;
}

static void an_answer_is_found_at_once_and_after_a_start(void **state)
{
    struct fixture *f = *state;
    create(f, "c");
    create(f, "other");
    struct collection *c = collection_of(f, "c"), *other = collection_of(f, "other");
    answer_add(c, 7, "u", (const uint32_t[]){3, 1, 2}, 3, base_us);
    assert_int_not_equal(logged(f, c, 7).id, 0);
    assert_int_equal(logged(f, c, 8).id, 0);
    assert_int_equal(logged(f, other, 7).id, 0);
    collection_unref(c);
    collection_unref(other);
    fixture_close(f); /* writes what waits */
    fixture_open(f);
    c = collection_of(f, "c");
    struct served_record r = logged(f, c, 7);
    struct served_list list;
    assert_true(r.id && r.id != UINT64_MAX && str_eq_c(r.user, "u") && r.at_us == base_us);
    OK(served_unpack(r.payload, FEATURE_COUNT, f->a, &list, e));
    assert_int_equal(list.count, 3);
    assert_int_equal(list.slots[1].number, 1);
    collection_unref(c);
}

static void what_was_shown_is_counted_stored_or_not(void **state)
{
    struct fixture *f = *state;
    create(f, "c");
    struct collection *c = collection_of(f, "c");
    int64_t now_us = clock_wall_us();
    float counts[3];
    for (unsigned i = 1; i <= 4; i++) {
        answer_add(c, i, "u", (const uint32_t[]){10, 10 + i}, 2, now_us);
        if (i == 2)
            served_flush(f->x);
    }
    answer_add(c, 5, "v", (const uint32_t[]){10}, 1, now_us);
    answer_add(c, 6, "u", (const uint32_t[]){10}, 1, now_us - 40 * 86400LL * 1000000);
    OK(served_counts(c, STR("u"), (const uint32_t[]){12, 99, 10}, 3, f->a, counts, e));
    assert_true(counts[0] == 1 && counts[1] == 0 && counts[2] == 4);
    OK(served_counts(c, STR(""), (const uint32_t[]){10}, 1, f->a, counts, e));
    assert_true(counts[0] == 0);
    collection_unref(c);
}

static void a_deleted_reader_leaves_no_answers(void **state)
{
    struct fixture *f = *state;
    create(f, "c");
    struct collection *c = collection_of(f, "c");
    answer_add(c, 1, "u", (const uint32_t[]){1}, 1, base_us);
    served_flush(f->x);
    answer_add(c, 2, "u", (const uint32_t[]){1}, 1, base_us); /* not yet stored */
    answer_add(c, 3, "v", (const uint32_t[]){1}, 1, base_us);
    OK(engine_user_delete(f->x, C, STR("u"), e));
    assert_int_equal(logged(f, c, 1).id, 0);
    assert_int_equal(logged(f, c, 2).id, 0);
    assert_int_not_equal(logged(f, c, 3).id, 0);
    collection_unref(c);
}

/* More than a batch holds, from several threads: adding waits for the disk, nothing is lost. */
struct adder {
    struct collection *c;
    unsigned from, to;
};

static void adder_run(void *arg)
{
    struct adder *d = arg;
    for (unsigned i = d->from; i < d->to; i++)
        answer_add(d->c, i, "u", (const uint32_t[]){1, 2, 3}, 3, base_us + i);
}

static void many_threads_lose_nothing(void **state)
{
    enum { THREADS = 3, EACH = 2500 };
    struct fixture *f = *state;
    struct thread *t[THREADS];
    struct adder adders[THREADS];
    struct served_record *rows;
    size_t n, all = 0;
    create(f, "c");
    struct collection *c = collection_of(f, "c");
    for (unsigned i = 0; i < THREADS; i++) {
        adders[i] = (struct adder){c, 1 + i * EACH, 1 + (i + 1) * EACH};
        t[i] = thread_start("adder", adder_run, &adders[i]);
    }
    for (unsigned i = 0; i < THREADS; i++)
        thread_join(t[i]);
    served_flush(f->x);
    struct served_range range = {0};
    do {
        OK(store_served_list(f->x->store, f->a, c->id, &range, 1000, &rows, &n, e));
        for (size_t i = 0; i < n; i++)
            assert_int_equal(rows[i].at_us - base_us, ++all);
        if (n)
            range = (struct served_range){rows[n - 1].at_us, rows[n - 1].id, 0};
    } while (n);
    assert_int_equal(all, THREADS * EACH);
    collection_unref(c);
}

static void tokens_are_read(void **state)
{
    uint8_t token[SERVED_TOKEN];
    assert_true(served_token(STR("000102030405060708090a0b0c0d0eff"), token));
    assert_int_equal(token[1], 1);
    assert_int_equal(token[15], 255);
    assert_false(served_token(STR("000102030405060708090a0b0c0d0ef"), token));
    assert_false(served_token(STR("000102030405060708090a0b0c0d0efg"), token));
    assert_false(served_token(STR(""), token));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_is_found_at_once_and_after_a_start),
        TEST(what_was_shown_is_counted_stored_or_not),
        TEST(a_deleted_reader_leaves_no_answers),
        TEST(many_threads_lose_nothing),
        cmocka_unit_test(tokens_are_read),
    };
    base_us = clock_wall_us();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Feeds: what was written is joined into a training set; what is not whole is refused. */
#include "recommend/training_feed.h"
#include "../base/test_folder.h"
#include "base/arena.h"
#include "base/file.h"
#include "recommend/served.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DAY 1000

static const uint16_t vector[2] = {0x3C00, 0};

struct act {
    const char *user;
    uint32_t number;
    float weight;
    int64_t time_us;
    const char *session;
};

static double threshold;

static void feed_write(const char *path, const struct act *acts, size_t count)
{
    struct feed_writer *w;
    assert_int_equal(feed_writer_open(path, 2, threshold, 77, &w, NULL), ERR_OK);
    feed_put_item(w, 1, 10, vector);
    feed_put_item(w, 5, 20, NULL);
    feed_put_item(w, 9, 30, vector);
    for (size_t i = 0; i < count; i++)
        feed_put_act(w, str_c(acts[i].user), acts[i].number, acts[i].weight, 2 * acts[i].weight,
                     acts[i].time_us, str_c(acts[i].session));
    assert_int_equal(feed_writer_end(w, NULL), ERR_OK);
}

static struct training_set *feed_of(const struct act *acts, size_t count)
{
    struct training_set *s;
    struct err_info e = {0};
    const char *path = path_of("feed");
    feed_write(path, acts, count);
    if (feed_read(path, &s, NULL, &e))
        fail_msg("%s", e.message);
    unlink(path);
    return s;
}

static size_t reader_of(const struct training_set *s, const char *user)
{
    for (size_t r = 0; r < s->readers; r++)
        if (s->keys[r] == training_key(str_c(user)))
            return r;
    fail_msg("no reader %s", user);
    return 0;
}

static void test_joined(void **state)
{
    static const struct act acts[] = {
        {"ann", 9, 1, 5 * DAY, "s1"}, {"bob", 1, 1, 1 * DAY, ""},    {"ann", 1, .5f, 2 * DAY, "s1"},
        {"ann", 9, -3, 6 * DAY, ""},  {"ann", 1, .25f, 9 * DAY, ""}, {"cyd", 5, 1, 1 * DAY, ""},
        {"cyd", 5, -1, 2 * DAY, ""},  {"bob", 5, 0, 1 * DAY, ""},
    };
    struct training_set *s = feed_of(acts, sizeof acts / sizeof *acts);
    assert_int_equal(s->items, 3);
    assert_int_equal(s->dims, 2);
    assert_int_equal(s->position, 77);
    assert_int_equal(s->numbers[2], 9);
    assert_int_equal(s->created_us[1], 20);
    assert_int_equal(s->vectors[0], 0x3C00);
    assert_int_equal(s->vectors[2], 0);
    assert_int_equal(s->readers, 2); /* what cyd did adds up to nothing */
    assert_true(s->keys[0] < s->keys[1]);
    const struct training_act *ann = s->acts + s->start[reader_of(s, "ann")];
    assert_int_equal(s->start[reader_of(s, "ann") + 1] - s->start[reader_of(s, "ann")], 2);
    assert_int_equal(ann[0].item, 2); /* by time of the last act: 6, then 9 */
    assert_true(ann[0].weight == -2 && ann[0].time_us == 6 * DAY && ann[0].session == 0);
    assert_int_equal(ann[1].item, 0);
    assert_true(ann[1].weight == .75f && ann[1].time_us == 9 * DAY);
    const struct training_act *bob = s->acts + s->start[reader_of(s, "bob")];
    assert_int_equal(s->start[reader_of(s, "bob") + 1] - s->start[reader_of(s, "bob")], 1);
    assert_int_equal(bob->item, 0);
    training_set_free(s);
}

/* The order in which acts were accepted, and readers who were erased, leave no trace. */
static void test_order(void **state)
{
    static const struct act one[] = {{"ann", 9, 1, 5, "x"},
                                     {"ann", 1, .1f, 5, "x"},
                                     {"bob", 1, 1, 5, "y"},
                                     {"ann", 9, .2f, 5, "z"}},
                            other[] = {{"bob", 1, 1, 5, "y"},
                                       {"ann", 9, .2f, 5, "z"},
                                       {"ann", 1, .1f, 5, "x"},
                                       {"ann", 9, 1, 5, "x"}};
    struct training_set *a = feed_of(one, 4), *b = feed_of(other, 4);
    assert_int_equal(a->readers, 2);
    assert_memory_equal(a->keys, b->keys, 2 * sizeof *a->keys);
    assert_memory_equal(a->acts, b->acts, 3 * sizeof *a->acts);
    training_set_free(a);
    training_set_free(b);
}

/* What counts is told by totals, not by what decay has left. */
static void test_threshold(void **state)
{
    static const struct act acts[] = {{"ann", 9, .2f, 5, ""},
                                      {"ann", 9, .3f, 6, ""},
                                      {"ann", 1, .4f, 6, ""},
                                      {"ann", 5, -.5f, 7, ""}};
    threshold = 1;
    struct training_set *s = feed_of(acts, 4);
    threshold = 0;
    assert_int_equal(s->start[1], 2);
    assert_int_equal(s->acts[0].item, 2);
    assert_int_equal(s->acts[1].item, 1);
    training_set_free(s);
}

static void test_none(void **state)
{
    struct training_set *s = feed_of(NULL, 0);
    assert_int_equal(s->readers, 0);
    assert_int_equal(s->start[0], 0);
    training_set_free(s);
}

static void test_sessions(void **state)
{
    assert_true(training_session(STR("ann"), STR("")) == 0);
    assert_true(training_session(STR("ann"), STR("1")) != training_session(STR("bob"), STR("1")));
}

/* ---- answers ---- */

struct named {
    const char *user;
    uint8_t token;
    uint32_t number;
    float total;
};

static void token_make(uint8_t token, uint8_t out[FEED_TOKEN])
{
    memset(out, 0, FEED_TOKEN);
    out[FEED_TOKEN - 1] = token;
}

static void answer_put(struct feed_writer *w, uint8_t token, const char *user, int64_t time_us,
                       size_t first)
{
    static const uint32_t numbers[] = {9, 5, 1};
    uint8_t whole[FEED_TOKEN];
    float features[3][FEATURE_COUNT];
    struct served_slot slots[3];
    for (size_t i = 0; i < 3; i++) {
        for (int f = 0; f < FEATURE_COUNT; f++)
            features[i][f] = f == FEATURE_SHOWN ? NAN : (float)(10 * i) + (float)f;
        slots[i] = (struct served_slot){numbers[i], 1, i == 1 ? .25f : 1, features[i]};
    }
    token_make(token, whole);
    feed_put_answer(w, whole, str_c(user), time_us, &(struct served_list){slots, 3, first});
}

static void answers_write(const char *path, const struct named *named, size_t count)
{
    struct feed_writer *w;
    uint8_t whole[FEED_TOKEN];
    assert_int_equal(feed_writer_open(path, 2, 0, 77, &w, NULL), ERR_OK);
    feed_put_item(w, 1, 10, vector);
    feed_put_act(w, STR("ann"), 1, 1, 1, 5, STR(""));
    for (size_t i = 0; i < count; i++) {
        token_make(named[i].token, whole);
        feed_put_named(w, whole, str_c(named[i].user), named[i].number, named[i].total);
    }
    answer_put(w, 7, "ann", 70, 20);
    answer_put(w, 3, "ann", 30, 0);
    answer_put(w, 4, "bob", 40, 0);
    answer_put(w, 5, "", 50, 0);
    assert_int_equal(feed_writer_end(w, NULL), ERR_OK);
}

static void test_answers(void **state)
{
    static const struct named named[] = {
        {"ann", 7, 9, .5f}, {"ann", 7, 9, 1},  {"ann", 7, 5, -1}, /* */
        {"ann", 3, 1, 1},   {"bob", 3, 9, 1},  {"ann", 3, 77, 1}, /* his is not this answer */
        {"ann", 4, 9, 1},   {"bob", 4, 5, -1}, {"ann", 99, 9, 1}, /* nothing is left of 4 */
        {"cyd", 5, 5, 1},   {"ann", 5, 1, 0},                     /* for nobody: anybody's */
    };
    struct training_set *s;
    struct answers *a;
    const char *path = path_of("feed");
    answers_write(path, named, sizeof named / sizeof *named);
    assert_int_equal(feed_read(path, &s, &a, NULL), ERR_OK);
    assert_int_equal(a->count, 3);
    const struct answer *ann = a->all;
    while (ann->reader != training_key(STR("ann")))
        ann++;
    assert_true(ann[0].reader == ann[1].reader && ann[0].time_us == 30 && ann[1].time_us == 70);
    assert_int_equal(ann[1].first, 20);
    assert_int_equal(ann[1].slot_count, 3);
    const struct answer_slot *slots = a->slots + ann[1].slot;
    assert_int_equal(slots[0].number, 9);
    assert_true(slots[0].gain == 1.5f && slots[1].gain == 0 && slots[2].gain == 0);
    assert_true(slots[1].propensity == .25f && slots[2].features[FEATURE_AGE] == 26);
    assert_true(isnan(slots[2].features[FEATURE_SHOWN]));
    slots = a->slots + ann[0].slot;
    assert_true(slots[0].gain == 0 && slots[1].gain == 0 && slots[2].gain == 1);
    answers_free(a);
    training_set_free(s);
    unlink(path);
}

static void put(const char *path, const char *p, size_t n)
{
    unlink(path); /* to empty one is slower than to make one */
    FILE *f = fopen(path, "wb");
    assert_int_equal(fwrite(p, 1, n, f), n);
    fclose(f);
}

/* Every byte flipped, every length cut. */
static void test_spoilt(void **state)
{
    static const struct act acts[] = {{"ann", 9, 1, 5, "x"}, {"bob", 1, 1, 5, "y"}};
    struct training_set *s;
    char *whole;
    size_t n;
    const char *path = path_of("feed");
    for (int answers = 0; answers < 2; answers++) {
        if (answers)
            answers_write(path, (const struct named[]){{"ann", 7, 9, 1}}, 1);
        else
            feed_write(path, acts, 2);
        assert_int_equal(file_read_all(path, 1 << 20, &whole, &n, NULL), ERR_OK);
        for (size_t i = 0; i < n; i++) {
            whole[i] ^= 0x20;
            put(path, whole, n);
            assert_int_not_equal(feed_read(path, &s, NULL, NULL), ERR_OK);
            whole[i] ^= 0x20;
            put(path, whole, i);
            assert_int_not_equal(feed_read(path, &s, NULL, NULL), ERR_OK);
        }
        free(whole);
        unlink(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_joined),    cmocka_unit_test(test_order),
        cmocka_unit_test(test_threshold), cmocka_unit_test(test_none),
        cmocka_unit_test(test_sessions),  cmocka_unit_test(test_answers),
        cmocka_unit_test(test_spoilt),
    };
    return cmocka_run_group_tests_name("training feed", tests, folder_make, folder_remove);
}

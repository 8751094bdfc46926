/* Near-duplicates over random texts with planted edits, against what was planted; every invariant
 * after every step. */
#include "base/arena.h"
#include "base/file.h"
#include "base/rng.h"
#include "index/duplicates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define WORDS_MAX 400
#define TEXTS_MAX 6000

struct text {
    uint32_t words[WORDS_MAX];
    size_t count; /* 0: there is none */
};

struct fixture {
    struct duplicates *d;
    struct text *texts; /* by number */
    struct rng rng;
    size_t reads;
};

static bool read_text(void *ctx, uint32_t number, const uint32_t **words, size_t *count)
{
    struct fixture *f = ctx;
    f->reads++;
    *words = f->texts[number].words;
    *count = f->texts[number].count;
    return *count > 0;
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    f->d = duplicates_new();
    f->texts = xcalloc(TEXTS_MAX, sizeof *f->texts);
    rng_init(&f->rng, 5);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    duplicates_free(f->d);
    free(f->texts);
    free(f);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void check(struct fixture *f)
{
    struct err_info e = {0};
    if (duplicates_check(f->d, &e))
        fail_msg("%s", e.message);
}

/* Words as in a language: a few are in every text, most in few. */
static uint32_t word(struct fixture *f)
{
    double u = rng_unit(&f->rng);
    return (uint32_t)(u * u * u * 20000) * 2654435761u;
}

static struct text text_new(struct fixture *f, size_t count)
{
    struct text t = {.count = count};
    for (size_t i = 0; i < count; i++)
        t.words[i] = word(f);
    return t;
}

static void word_remove(struct text *t, size_t at)
{
    memmove(t->words + at, t->words + at + 1, (--t->count - at) * sizeof *t->words);
}

static void word_insert(struct text *t, size_t at, uint32_t w)
{
    memmove(t->words + at + 1, t->words + at, (t->count++ - at) * sizeof *t->words);
    t->words[at] = w;
}

/* As many edits as `edits`: words changed, inserted, deleted. */
static struct text edited(struct fixture *f, const struct text *from, size_t edits)
{
    struct text t = *from;
    for (size_t i = 0; i < edits; i++) {
        size_t at = rng_below(&f->rng, t.count);
        switch (rng_below(&f->rng, 3)) {
        case 0:
            t.words[at] = word(f);
            break;
        case 1:
            word_insert(&t, at, word(f));
            break;
        default:
            word_remove(&t, at);
        }
    }
    return t;
}

/* A run of words moved to another place. */
static struct text moved(struct fixture *f, const struct text *from, size_t run)
{
    struct text t = *from;
    size_t at = rng_below(&f->rng, t.count - run), to;
    uint32_t words[WORDS_MAX];
    memcpy(words, t.words + at, run * sizeof *words);
    for (size_t i = 0; i < run; i++)
        word_remove(&t, at);
    to = rng_below(&f->rng, t.count);
    for (size_t i = 0; i < run; i++)
        word_insert(&t, to + i, words[i]);
    return t;
}

static struct text appended(struct fixture *f, const struct text *from, size_t run)
{
    struct text t = *from;
    for (size_t i = 0; i < run; i++)
        word_insert(&t, t.count, word(f));
    return t;
}

static void put(struct fixture *f, uint32_t number, struct text t)
{
    f->texts[number] = t;
    duplicates_put(f->d, number, t.words, t.count, read_text, f);
}

static void drop(struct fixture *f, uint32_t number)
{
    f->texts[number].count = 0;
    duplicates_delete(f->d, number, read_text, f);
}

static uint32_t original(struct fixture *f, uint32_t number)
{
    return duplicates_original(f->d, number);
}

/* ---- what is found ---- */

static void planted_edits_are_found_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    enum { N = 2000 };
    size_t found = 0, wrong = 0, planted = 0;
    for (uint32_t i = 1; i <= N; i++)
        put(f, i, text_new(f, 20 + rng_below(&f->rng, 150)));
    for (uint32_t i = 1; i <= N; i++)
        wrong += original(f, i) != 0;
    for (uint32_t i = 1; i <= N; i++) {
        struct text *t = &f->texts[i];
        size_t few = 1 + rng_below(&f->rng, t->count < 60 ? 2 : 4);
        switch (i % 4) {
        case 0:
        case 1:
            put(f, N + i, edited(f, t, few));
            break;
        case 2:
            put(f, N + i, moved(f, t, 8));
            break;
        default:
            put(f, N + i, appended(f, t, t->count / 8));
        }
        planted++;
        found += original(f, N + i) == i;
        wrong += original(f, N + i) != i && original(f, N + i) != 0;
    }
    check(f);
    if (wrong > planted / 200 || found < planted * 98 / 100)
        fail_msg("%zu of %zu found, %zu wrong", found, planted, wrong);
}

static void sharing_half_of_the_text_is_not_a_copy(void **state)
{
    struct fixture *f = *state;
    struct text shared = text_new(f, 40);
    size_t wrong = 0;
    for (uint32_t i = 1; i <= 600; i++) {
        struct text t = appended(f, &shared, 40);
        put(f, i, t);
        wrong += original(f, i) != 0;
    }
    check(f);
    assert_int_equal(wrong, 0);
}

static void short_texts(void **state)
{
    struct fixture *f = *state;
    put(f, 1, (struct text){{11, 12}, 2});
    put(f, 2, (struct text){{11, 13}, 2}); /* "item 12", "item 13" */
    put(f, 3, (struct text){{11, 12}, 2});
    put(f, 4, (struct text){{14}, 1});
    put(f, 5, (struct text){{14}, 1});
    put(f, 6, (struct text){{0}, 0});
    put(f, 7, (struct text){{0}, 0});
    assert_int_equal(original(f, 2), 0);
    assert_int_equal(original(f, 3), 1);
    assert_int_equal(original(f, 4), 0);
    assert_int_equal(original(f, 5), 4);
    assert_int_equal(original(f, 7), 0);
    check(f);
}

/* ---- change ---- */

static void the_next_oldest_takes_over(void **state)
{
    struct fixture *f = *state;
    struct text t = text_new(f, 100);
    for (uint32_t i = 1; i <= 9; i++)
        put(f, i, i == 1 ? t : edited(f, &t, 2));
    for (uint32_t first = 1; first < 9; first++) {
        for (uint32_t i = first + 1; i <= 9; i++)
            assert_int_equal(original(f, i), first);
        assert_int_equal(original(f, first), 0);
        if (first % 2)
            drop(f, first);
        else
            put(f, first, text_new(f, 50)); /* changed into something else */
        check(f);
    }
}

static void an_older_one_that_becomes_alike_takes_over(void **state)
{
    struct fixture *f = *state;
    struct text t = text_new(f, 80);
    put(f, 1, text_new(f, 60));
    for (uint32_t i = 2; i <= 5; i++)
        put(f, i, edited(f, &t, 1));
    assert_int_equal(original(f, 5), 2);
    put(f, 1, t);
    for (uint32_t i = 2; i <= 5; i++)
        assert_int_equal(original(f, i), 1);
    put(f, 3, text_new(f, 70));
    assert_int_equal(original(f, 3), 0);
    assert_int_equal(original(f, 4), 1);
    check(f);
}

static void copies_of_copies_point_to_an_original(void **state)
{
    struct fixture *f = *state;
    put(f, 1, text_new(f, 100));
    for (uint32_t i = 2; i < 40; i++)
        put(f, i, edited(f, &f->texts[i - 1], 3));
    for (uint32_t i = 2; i < 40; i++)
        if (original(f, i))
            assert_int_equal(original(f, original(f, i)), 0);
    assert_int_equal(original(f, 2), 1);
    assert_int_equal(original(f, 39), original(f, 38) ? original(f, 39) : 38);
    check(f);
}

/* Random writes; then the same documents put by number must be judged the same but for texts at the
 * edge, which can fall to either of two originals. */
static void any_order_of_writes_comes_to_the_same(void **state)
{
    struct fixture *f = *state;
    enum { FAMILIES = 60, NUMBERS = 900 };
    struct text family[FAMILIES];
    size_t differ = 0;
    for (int i = 0; i < FAMILIES; i++)
        family[i] = text_new(f, 60 + rng_below(&f->rng, 60));
    for (int step = 0; step < 6000; step++) {
        uint32_t number = 1 + (uint32_t)rng_below(&f->rng, NUMBERS);
        if (rng_below(&f->rng, 3) == 0)
            drop(f, number);
        else
            put(f, number, edited(f, &family[rng_below(&f->rng, FAMILIES)], 2));
        if (step % 500 == 0)
            check(f);
    }
    check(f);
    struct duplicates *again = duplicates_new();
    for (uint32_t i = 1; i <= NUMBERS; i++)
        duplicates_put(again, i, f->texts[i].words, f->texts[i].count, read_text, f);
    for (uint32_t i = 1; i <= NUMBERS; i++)
        differ += original(f, i) != duplicates_original(again, i);
    duplicates_free(again);
    assert_in_range(differ, 0, NUMBERS / 100);
}

static void many_from_one_mould_cost_no_more_than_few(void **state)
{
    struct fixture *f = *state;
    struct text t = text_new(f, 40);
    for (uint32_t i = 1; i < 1000; i++) /* copies */
        put(f, i, i % 3 ? t : edited(f, &t, 1));
    assert_in_range(f->reads, 0, 1000 * 2);
    f->reads = 0;
    drop(f, 1);
    assert_int_equal(original(f, 998), 2);
    assert_in_range(f->reads, 0, 1000 * 2);
    for (uint32_t i = 1000; i < 1600; i++) /* each shares half with all others */
        put(f, i, appended(f, &t, 45));
    check(f);
    f->reads = 0;
    for (uint32_t i = 2; i < 1600; i++)
        drop(f, i);
    assert_in_range(f->reads, 0, 1600 * 60);
    check(f);
}

/* ---- file ---- */

static struct file *file_new(char *path, size_t n)
{
    const char *tmp = getenv("TMPDIR");
    struct file *f = NULL;
    snprintf(path, n, "%s/akin-duplicates-%ld", tmp ? tmp : "/tmp", (long)getpid());
    assert_int_equal(file_open(path, FILE_CREATE, &f, NULL), 0);
    return f;
}

static void fill(struct fixture *f)
{
    for (uint32_t i = 1; i <= 200; i++) {
        struct text t = text_new(f, 60);
        put(f, 3 * i, t);
        put(f, 3 * i + 1, edited(f, &t, 1));
    }
    for (uint32_t i = 1; i <= 200; i += 5)
        drop(f, 3 * i);
}

static void saved_and_loaded_is_the_same(void **state)
{
    struct fixture *f = *state;
    struct duplicates *again = NULL;
    struct docset x, y;
    char path[256];
    uint64_t offset = 0;
    fill(f);
    struct file *file = file_new(path, sizeof path);
    assert_int_equal(duplicates_save(f->d, file, NULL), 0);
    assert_int_equal(duplicates_load(file, &offset, &again, NULL), 0);
    assert_true(duplicates_equal(f->d, again));
    assert_true(duplicates_equal(again, f->d));
    assert_int_equal(duplicates_check(again, NULL), 0);
    docset_init(&x);
    docset_init(&y);
    duplicates_copies(f->d, &x);
    duplicates_copies(again, &y);
    assert_true(x.count > 100 && x.count == y.count);
    docset_release(&x);
    docset_release(&y);
    duplicates_free(again);
    file_close(file);
    unlink(path);
}

static void flipped_bits_are_noticed(void **state)
{
    struct fixture *f = *state;
    char path[256];
    uint64_t bytes;
    fill(f);
    struct file *file = file_new(path, sizeof path);
    assert_int_equal(duplicates_save(f->d, file, NULL), 0);
    assert_int_equal(file_size(file, &bytes, NULL), 0);
    uint8_t *all = xmalloc(bytes);
    assert_int_equal(file_pread(file, 0, all, bytes, NULL), 0);
    file_close(file);
    for (int i = 0; i < 2000; i++) {
        struct duplicates *again = NULL;
        uint64_t offset = 0, bit = rng_below(&f->rng, bytes * 8), cut = bytes;
        if (i % 10 == 0)
            cut = rng_below(&f->rng, bytes);
        else
            all[bit / 8] ^= (uint8_t)(1 << bit % 8);
        file = file_new(path, sizeof path);
        if (cut)
            assert_int_equal(file_write(file, all, cut, NULL), 0);
        assert_int_equal(duplicates_load(file, &offset, &again, NULL), ERR_CORRUPT);
        file_close(file);
        if (cut == bytes)
            all[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    free(all);
    unlink(path);
}

static void memory_is_small_and_used_again(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 1; i <= 5000; i++)
        put(f, i, text_new(f, 30));
    size_t full = duplicates_bytes(f->d);
    assert_in_range(full, 5000 * 100, 5000 * 200);
    for (int round = 0; round < 5; round++) {
        for (uint32_t i = 1; i <= 5000; i += 2)
            drop(f, i);
        for (uint32_t i = 1; i <= 5000; i += 2)
            put(f, i, text_new(f, 30));
    }
    check(f);
    assert_in_range(duplicates_bytes(f->d), 0, full + full / 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(planted_edits_are_found_and_nothing_else),
        TEST(sharing_half_of_the_text_is_not_a_copy),
        TEST(short_texts),
        TEST(the_next_oldest_takes_over),
        TEST(an_older_one_that_becomes_alike_takes_over),
        TEST(copies_of_copies_point_to_an_original),
        TEST(any_order_of_writes_comes_to_the_same),
        TEST(many_from_one_mould_cost_no_more_than_few),
        TEST(saved_and_loaded_is_the_same),
        TEST(flipped_bits_are_noticed),
        TEST(memory_is_small_and_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

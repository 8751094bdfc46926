/* Near-duplicates over random texts with planted edits, against what was planted; every invariant
 * after every step. */
#include "../sanitized.h"
#include "base/arena.h"
#include "base/file.h"
#include "base/rng.h"
#include "base/thread.h"
#include "base/wordmark.h"
#include "index/duplicates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define WORDS_MAX 400
#define TEXTS_MAX 6000

struct text {
    uint64_t words[WORDS_MAX];
    size_t count; /* 0: there is none */
};

struct fixture {
    struct duplicates *d;
    struct text *texts; /* by number */
    struct rng rng;
    size_t reads;
};

static bool read_text(void *ctx, uint32_t number, const uint64_t **words, size_t *count)
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

static uint64_t mark(const char *word)
{
    struct wordmark w = {0};
    for (; *word; word++)
        wordmark_add(&w, (uint32_t)*word, *word >= '0' && *word <= '9');
    return wordmark_end(&w);
}

/* Word n of a language: unlike all others in its letters. */
static uint64_t word_at(uint32_t n)
{
    struct wordmark w = {0};
    for (uint32_t h = n * 2654435761u + 1, left = 4 + n % 5; left > 0; left--, h = h * 69069 + 1)
        wordmark_add(&w, 'a' + (h >> 16) % 26, false);
    return wordmark_end(&w);
}

/* A few words are in every text, most in few. */
static uint64_t word(struct fixture *f)
{
    double u = rng_unit(&f->rng);
    return word_at((uint32_t)(u * u * u * 20000));
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

static void word_insert(struct text *t, size_t at, uint64_t w)
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
    uint64_t words[WORDS_MAX];
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
    duplicates_put(f->d, number, 0, t.words, t.count, read_text, f);
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

/* Words between spaces. */
static struct text text_of(const char *words)
{
    struct text t = {0};
    char copy[1000], *save = NULL;
    snprintf(copy, sizeof copy, "%s", words);
    for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
        t.words[t.count++] = mark(w);
    return t;
}

static void pair(struct fixture *f, const char *a, const char *b, bool near)
{
    put(f, 1, text_of(a));
    put(f, 2, text_of(b));
    if (original(f, 2) != (near ? 1 : 0))
        fail_msg("%s: %s\n%s", near ? "not found" : "no copy", a, b);
    drop(f, 1);
    drop(f, 2);
}

static void in_short_texts_another_word_is_another_thing(void **state)
{
    struct fixture *f = *state;
    static const char *const same[][2] = {
        {"item", "item"},
        {"item 12", "item 12"},
        {"a python wrapper for the sample service", "a python wraper for the sample service"},
        {"a python wrapper for the sample service", "a pyhton wrapper for the sample service"},
        {"a python wrapper for the sample service", "python wrapper for the sample service"},
        {"build native apps for phones with python",
         "build native mobile apps for phones with python"},
        {"find and restore the punctuation of any text",
         "restore and find the punctuation of any text"},
    };
    static const char *const other[][2] = {
        {"item 12", "item 13"},
        {"item", "items 2"},
        {"", ""},
        {"documentation for the library of maps", "documentation for the library of fonts"},
        {"a python wrapper for the cloudshare service",
         "a python wrapper for the wirecard service"},
        {"price of a ticket from here to there is 12 crowns",
         "price of a ticket from here to there is 13 crowns"},
        {"header files and modules of the version 1", "header files and modules of the version 10"},
        {"library for reading maps with python", "library for reading maps with python 3"},
        {"environment variable management", "tpds environment variable management"},
        {"translate english into german", "translate german into english"},
        {"dns plugin for the gcp service", "dns plugin for the gcs service"},
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        pair(f, same[i][0], same[i][1], true);
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        pair(f, other[i][0], other[i][1], false);
    check(f);
}

static void a_word_that_is_replaced_throughout_makes_another_text(void **state)
{
    struct fixture *f = *state;
    struct text t = text_new(f, 120), once, twice;
    t.words[10] = t.words[70] = mark("kerbero");
    once = twice = t;
    once.words[10] = mark("saltimo");
    twice.words[10] = twice.words[70] = mark("saltimo");
    put(f, 1, t);
    put(f, 2, once);
    put(f, 3, twice);
    assert_int_equal(original(f, 2), 1);
    assert_int_equal(original(f, 3), 0);
    twice.words[10] = twice.words[70] = mark("kerbreo"); /* misspelt as often */
    put(f, 3, twice);
    assert_int_equal(original(f, 3), 1);
    t.words[10] = t.words[70] = mark("heat"); /* of short words that is another */
    put(f, 1, t);
    t.words[10] = t.words[70] = mark("beat");
    put(f, 2, t);
    assert_int_equal(original(f, 2), 0);
    check(f);
}

/* The same sketch, but not the same text. */
static void a_change_that_the_sketch_does_not_show_is_judged(void **state)
{
    struct fixture *f = *state;
    size_t changed = 0;
    for (int i = 0; i < 40; i++) {
        struct text t = text_new(f, 390);
        for (size_t at = 20; at < 380; at += 120)
            t.words[at] = mark("kerbero");
        put(f, 1, t);
        put(f, 2, t);
        assert_int_equal(original(f, 2), 1);
        for (size_t at = 20; at < 380; at += 120)
            t.words[at] = mark("saltimo");
        put(f, 2, t);
        changed += original(f, 2) == 0;
    }
    assert_int_equal(changed, 40);
}

static void the_nearest_of_several_is_the_original(void **state)
{
    struct fixture *f = *state;
    struct text t = text_new(f, 100), other = t, copy;
    for (size_t at = 0; at < 14 * 7; at += 7) /* not near to each other */
        other.words[at] = word(f);
    copy = other;
    for (size_t at = 0; at < 8 * 7; at += 7) /* near to both */
        copy.words[at] = t.words[at];
    put(f, 1, t);
    put(f, 2, other);
    assert_int_equal(original(f, 2), 0);
    copy = other;
    for (size_t at = 0; at < 5 * 7; at += 7)
        copy.words[at] = t.words[at];
    put(f, 3, copy);
    assert_int_equal(original(f, 3), 2);
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
        duplicates_put(again, i, 0, f->texts[i].words, f->texts[i].count, read_text, f);
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

struct saving {
    struct duplicates *d;
    atomic_bool ended;
    char path[256];
    uint64_t saves;
};

/* What is saved beside the writer is of several moments: it loads, and holds its invariants. */
static void save_loop(void *arg)
{
    struct saving *s = arg;
    bool last = false;
    do {
        struct duplicates *again = NULL;
        uint64_t offset = 0;
        last = atomic_load(&s->ended);
        struct file *file = file_new(s->path, sizeof s->path);
        assert_int_equal(duplicates_save(s->d, file, NULL), 0);
        assert_int_equal(duplicates_load(file, &offset, &again, NULL), 0);
        assert_int_equal(duplicates_check(again, NULL), 0);
        duplicates_free(again);
        file_close(file);
        s->saves++;
    } while (!last);
}

static void saved_beside_the_writer(void **state)
{
    struct fixture *f = *state;
    struct saving s = {.d = f->d};
    struct duplicates *again = NULL;
    struct file *file = NULL;
    uint64_t offset = 0;
    for (uint32_t i = 1; i <= 3000; i++)
        f->texts[i] = i % 3 ? edited(f, &f->texts[i - 1], 1) : text_new(f, 30);
    for (uint32_t i = 1; i <= 3000; i++)
        duplicates_put(f->d, i, 0, f->texts[i].words, f->texts[i].count, read_text, f);
    struct thread *saver = thread_start("saver", save_loop, &s);
    for (int i = 0; i < 6000; i++) {
        uint32_t n = 1 + (uint32_t)rng_below(&f->rng, 3000);
        if (rng_below(&f->rng, 3)) {
            f->texts[n] = edited(f, &f->texts[1 + rng_below(&f->rng, 3000)], 1);
            duplicates_put(f->d, n, 0, f->texts[n].words, f->texts[n].count, read_text, f);
        } else {
            f->texts[n] = text_new(f, 30);
            duplicates_delete(f->d, n, read_text, f);
        }
    }
    atomic_store(&s.ended, true);
    thread_join(saver);
    check(f);
    assert_int_equal(file_open(s.path, FILE_READ_ONLY, &file, NULL), 0);
    assert_int_equal(duplicates_load(file, &offset, &again, NULL), 0);
    assert_true(duplicates_equal(f->d, again)); /* the last was made when nothing changed */
    duplicates_free(again);
    file_close(file);
    unlink(s.path);
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
        TEST(in_short_texts_another_word_is_another_thing),
        TEST(a_word_that_is_replaced_throughout_makes_another_text),
        TEST(a_change_that_the_sketch_does_not_show_is_judged),
        TEST(the_nearest_of_several_is_the_original),
        TEST(the_next_oldest_takes_over),
        TEST(an_older_one_that_becomes_alike_takes_over),
        TEST(copies_of_copies_point_to_an_original),
        TEST(any_order_of_writes_comes_to_the_same),
        TEST(many_from_one_mould_cost_no_more_than_few),
        TEST(saved_and_loaded_is_the_same),
        TEST(saved_beside_the_writer),
        TEST(flipped_bits_are_noticed),
        TEST(memory_is_small_and_used_again),
    };
    const struct CMUnitTest threads[] = {TEST(saved_beside_the_writer)};
    if (THREADS_ONLY)
        return cmocka_run_group_tests(threads, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What is loaded is what was saved: all of it, one state, whatever the writer does meanwhile, and
 * from a file that was damaged nothing. */
#include "world.h"
#include "base/file.h"
#include "base/section.h"
#include "base/thread.h"

#include "../sanitized.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define FLIPS (SLOW ? 1500u : 10000u)
#define FORGED (SLOW ? 1000u : 3000u)
#define FRAME_HEADER 16u

static char path[64];

static struct file *file_made(void)
{
    struct file *f = NULL;
    assert_int_equal(file_open(path, FILE_CREATE, &f, NULL), ERR_OK);
    return f;
}

static void check_whole(struct lexical *x)
{
    struct err_info e = {0};
    if (lexical_check(x, &e))
        fail_msg("%s", e.message);
}

static void queries_check(struct world *w, unsigned count)
{
    struct arena *a = arena_new(0);
    for (unsigned i = 0; i < count; i++) {
        struct lexical_query q = world_query(w, a);
        world_check_query(w, &q, a);
        arena_reset(a);
    }
    arena_free(a);
}

static void changes(struct world *w, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint32_t number = 1 + (uint32_t)rng_below(&w->rng, w->numbers - 1);
        if (rng_below(&w->rng, 3))
            world_put(w, number);
        else
            world_delete(w, number);
    }
}

static struct lexical *saved_and_loaded(struct lexical *x)
{
    struct file *f = file_made();
    struct lexical *again = NULL;
    struct err_info e = {0};
    uint64_t offset = 7, end = 0;
    assert_int_equal(file_write(f, "before ", 7, NULL), ERR_OK);
    assert_int_equal(lexical_save(x, f, NULL), ERR_OK);
    assert_int_equal(file_size(f, &end, NULL), ERR_OK);
    assert_int_equal(file_write(f, "behind", 6, NULL), ERR_OK);
    if (lexical_load(f, &offset, &again, &e))
        fail_msg("%s", e.message);
    assert_int_equal(offset, end);
    file_close(f);
    return again;
}

static void test_back(void **state)
{
    static const unsigned sizes[][3] = {{2, 10, 5}, {60, 30, 40}, {700, 4000, 30}, {900, 50, 20}};
    for (unsigned i = 0; i < 4; i++) {
        struct world w;
        world_init(&w, i + 1, sizes[i][0], sizes[i][1], sizes[i][2]);
        for (unsigned round = 0; round < 3; round++) {
            struct lexical *again = saved_and_loaded(w.x);
            check_whole(w.x);
            lexical_free(w.x);
            w.x = again;
            check_whole(w.x);
            world_check(&w);
            queries_check(&w, 12);
            changes(&w, 2 * w.numbers);
            check_whole(w.x);
            world_check(&w);
        }
        world_release(&w);
    }
}

/* ---- beside the writer ---- */

struct saver {
    struct lexical *x;
    struct file *f;
    enum err err;
};

static void save(void *arg)
{
    struct saver *s = arg;
    s->err = lexical_save(s->x, s->f, NULL);
}

/* By revision: the changes after which its document was there, and no longer. */
#define MOMENTS 60000u
static uint64_t born[MOMENTS + 1], died[MOMENTS + 1];

static bool is_state_of(const bool *there, uint64_t revisions, uint64_t moment)
{
    for (uint64_t r = 1; r <= revisions; r++)
        if (there[r] != (born[r] <= moment && moment < died[r]))
            return false;
    return true;
}

/* After one change or another of those between. */
static void check_one_state(const struct world *w, struct lexical *loaded, uint64_t from,
                            uint64_t to)
{
    static bool there[MOMENTS + 1];
    memset(there, 0, sizeof there);
    size_t documents = 0;
    for (uint32_t n = 0; n < w->numbers; n++) {
        uint64_t revision = lexical_revision(loaded, n);
        documents += revision != 0;
        there[revision] = revision != 0;
    }
    assert_int_equal(documents, lexical_documents(loaded, 0));
    while (from <= to && !is_state_of(there, w->revision, from))
        from++;
    assert_true(from <= to);
}

#define CHANGES (SLOW ? 2000u : 8000u)

static void test_beside_writer(void **state)
{
    uint64_t moment = 0;
    struct world w;
    memset(died, 0xFF, sizeof died);
    world_init(&w, 5, 5000, 300, 6);
    for (unsigned round = 0; round < 6; round++) {
        struct saver s = {.x = w.x, .f = file_made()};
        struct thread *t = NULL;
        struct lexical *loaded = NULL;
        uint64_t first = 0, offset = 0;
        for (unsigned i = 0; i < CHANGES; i++) {
            if (i == CHANGES / 2) {
                first = moment;
                t = thread_start("saver", save, &s);
            }
            uint32_t number = 1 + (uint32_t)rng_below(&w.rng, w.numbers - 1);
            uint64_t old = w.texts[number].revision;
            moment++;
            if (old)
                died[old] = moment;
            if (rng_below(&w.rng, 4) && w.revision < MOMENTS) {
                world_put(&w, number);
                born[w.revision] = moment;
            } else
                world_delete(&w, number);
        }
        thread_join(t);
        assert_int_equal(s.err, ERR_OK);
        assert_int_equal(lexical_load(s.f, &offset, &loaded, NULL), ERR_OK);
        check_whole(loaded);
        check_one_state(&w, loaded, first, moment);
        lexical_free(loaded);
        file_close(s.f);
        check_whole(w.x);
    }
    world_release(&w);
}

/* ---- damage ---- */

static void sample_make(struct world *w, uint8_t **bytes, size_t *n)
{
    struct file *f = file_made();
    world_init(w, 8, 120, 200, 12);
    changes(w, 300);
    assert_int_equal(lexical_save(w->x, f, NULL), ERR_OK);
    file_close(f);
    assert_int_equal(file_read_all(path, 1u << 20, (char **)bytes, n, NULL), ERR_OK);
}

static void write_all(const uint8_t *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static enum err load(struct lexical **out, struct err_info *e)
{
    struct file *f = NULL;
    uint64_t offset = 0;
    assert_int_equal(file_open(path, 0, &f, NULL), ERR_OK);
    enum err err = lexical_load(f, &offset, out, e);
    file_close(f);
    return err;
}

/* Either an error that says why, or all is as it was. */
static void check_damaged(struct world *w)
{
    struct lexical *x = NULL, *own = w->x;
    struct err_info e = {0};
    if (load(&x, &e)) {
        assert_true(e.message[0]);
        return;
    }
    check_whole(x);
    w->x = x;
    world_check(w);
    w->x = own;
    lexical_free(x);
}

static void test_flips(void **state)
{
    struct world w;
    uint8_t *bytes;
    size_t n;
    struct rng r;
    rng_init(&r, 3);
    if (THREADS_ONLY)
        return;
    sample_make(&w, &bytes, &n);
    for (unsigned i = 0; i < FLIPS; i++) {
        size_t at = rng_below(&r, n);
        uint8_t bit = (uint8_t)(1u << rng_below(&r, 8));
        bytes[at] ^= bit;
        write_all(bytes, i % 4 ? n : at);
        check_damaged(&w);
        bytes[at] ^= bit;
    }
    write_all(bytes, n);
    check_damaged(&w);
    free(bytes);
    world_release(&w);
}

/* Damage that has the right checksums: what loads is whole, whatever it holds, and can be searched
 * and changed. */
static bool check_forged(struct world *w, const uint8_t *payload, size_t n)
{
    struct lexical *x = NULL, *own = w->x;
    struct err_info e = {0};
    struct arena *a = arena_new(0);
    struct lexical_hit *hits;
    struct section_writer *writer;
    struct file *f = file_made();
    writer = section_writer_new(f);
    section_put(writer, payload, n);
    assert_int_equal(section_writer_end(writer, NULL), ERR_OK);
    file_close(f);
    enum err err = load(&x, &e);
    if (!err) {
        check_whole(x);
        w->x = x;
        struct lexical_query q = world_query(w, a);
        lexical_search(x, &q, 10, a, &hits);
        for (uint32_t number = 1; number < w->numbers; number++)
            lexical_delete(x, number);
        check_whole(x);
        w->x = own;
    }
    lexical_free(x);
    arena_free(a);
    return !err;
}

static void test_forged(void **state)
{
    struct world w;
    uint8_t *bytes;
    size_t n, loaded = 0;
    struct rng r;
    rng_init(&r, 4);
    if (THREADS_ONLY)
        return;
    sample_make(&w, &bytes, &n);
    uint8_t *payload = bytes + FRAME_HEADER;
    n -= 2 * FRAME_HEADER;
    for (unsigned i = 0; i < FORGED; i++) {
        size_t at = rng_below(&r, n);
        uint8_t byte = payload[at];
        payload[at] = (uint8_t)rng_next(&r);
        loaded += check_forged(&w, payload, n);
        payload[at] = byte;
    }
    assert_true(loaded > FORGED / 20 && loaded < FORGED);
    assert_true(check_forged(&w, payload, n));
    free(bytes);
    world_release(&w);
}

static void remove_file(void)
{
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_back),
        cmocka_unit_test(test_beside_writer),
        cmocka_unit_test(test_flips),
        cmocka_unit_test(test_forged),
    };
    snprintf(path, sizeof path, "/dev/shm/akin-lexical-%ld", (long)getpid());
    atexit(remove_file);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

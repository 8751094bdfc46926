#include "base/arena.h"
#include "base/file.h"
#include "base/rng.h"
#include "base/thread.h"
#include "index/vectors.h"
#include "math/dot.h"
#include "math/half.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static struct rng rng;

/* What the index should hold: rows of float16 by document. */
struct model {
    uint32_t dims, documents;
    uint16_t **rows;
    uint32_t *count;
    uint64_t *revision;
};

static struct model model_new(uint32_t dims, uint32_t documents)
{
    return (struct model){dims, documents, xcalloc(documents, sizeof(void *)),
                          xcalloc(documents, 4), xcalloc(documents, 8)};
}

static void model_free(struct model *m)
{
    for (uint32_t i = 0; i < m->documents; i++)
        free(m->rows[i]);
    free(m->rows);
    free(m->count);
    free(m->revision);
}

enum kind { RANDOM, CLUSTERED, DUPLICATED, ADVERSARIAL, SPARSE, KINDS };

/* A row of length 1 in the manner of `kind`. */
static void random_row(float *x, uint32_t dims, enum kind kind)
{
    struct rng centre;
    rng_init(&centre, 100 + rng_below(&rng, kind == DUPLICATED ? 5 : 12));
    for (uint32_t i = 0; i < dims; i++)
        x[i] = kind == RANDOM       ? rng_normal(&rng)
               : kind == CLUSTERED  ? rng_normal(&centre) + .02f * rng_normal(&rng)
               : kind == DUPLICATED ? rng_normal(&centre)
               /* one huge coordinate wastes the scale: everything else is coarse */
               : kind == ADVERSARIAL
                   ? (i == 3 ? 40 : (rng_below(&rng, 2) ? .49f : -.49f) * 40 / 127)
                   : (rng_below(&rng, 8) ? 0 : rng_normal(&rng));
    if (normalise_f32(x, dims) == 0)
        x[0] = 1;
}

static void put(struct vectors *v, struct model *m, uint32_t number, uint32_t count, enum kind kind)
{
    float *x = xmalloc(m->dims * sizeof *x);
    free(m->rows[number]);
    m->rows[number] = xmalloc((size_t)count * m->dims * 2);
    m->count[number] = count;
    m->revision[number]++;
    for (uint32_t p = 0; p < count; p++) {
        random_row(x, m->dims, kind);
        half_from_f32(x, m->rows[number] + (size_t)p * m->dims, m->dims);
    }
    assert_int_equal(vectors_put(v, number, m->revision[number], m->rows[number], count, NULL), 0);
    free(x);
}

static void delete (struct vectors *v, struct model *m, uint32_t number)
{
    m->count[number] = 0;
    vectors_delete(v, number);
}

/* The full float32 scan. */
static struct vector_hit best_of(const struct model *m, uint32_t number, const float *query)
{
    struct vector_hit hit = {.number = number, .cosine = NAN, .revision = m->revision[number]};
    for (uint32_t p = 0; p < m->count[number]; p++) {
        float c = dot_f16_f32(m->rows[number] + (size_t)p * m->dims, query, m->dims);
        if (!(hit.cosine >= c)) {
            hit.cosine = c;
            hit.passage = p;
        }
    }
    return hit;
}

static int hit_cmp(const void *a, const void *b)
{
    const struct vector_hit *x = a, *y = b;
    if (x->cosine != y->cosine)
        return x->cosine < y->cosine ? 1 : -1;
    return x->number < y->number ? -1 : 1;
}

static void check_search(struct vectors *v, const struct model *m, const float *query, size_t k,
                         const struct docset *within)
{
    struct vector_hit *all = xmalloc(m->documents * sizeof *all),
                      *out = xmalloc((k + 1) * sizeof *out);
    size_t n = 0;
    for (uint32_t i = 0; i < m->documents; i++)
        if (m->count[i] && (!within || docset_has(within, i)))
            all[n++] = best_of(m, i, query);
    qsort(all, n, sizeof *all, hit_cmp);
    size_t got = vectors_search(v, query, k, within, true, out);
    assert_int_equal(got, n < k ? n : k);
    for (size_t i = 0; i < got; i++) {
        assert_int_equal(out[i].number, all[i].number);
        assert_int_equal(out[i].passage, all[i].passage);
        assert_int_equal(out[i].revision, all[i].revision);
        assert_true(out[i].cosine == all[i].cosine);
    }
    free(all);
    free(out);
}

static void check_score(struct vectors *v, const struct model *m, const float *query)
{
    uint32_t numbers[40];
    struct vector_hit out[40];
    for (int i = 0; i < 40; i++)
        numbers[i] = (uint32_t)rng_below(&rng, m->documents + 5);
    numbers[39] = UINT32_MAX;
    vectors_score(v, query, numbers, 40, out);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(out[i].number, numbers[i]);
        if (numbers[i] >= m->documents || !m->count[numbers[i]]) {
            assert_true(isnan(out[i].cosine));
            continue;
        }
        struct vector_hit hit = best_of(m, numbers[i], query);
        assert_true(out[i].cosine == hit.cosine && out[i].passage == hit.passage);
    }
}

static void check_document(struct vectors *v, const struct model *m, uint32_t number)
{
    float *x = xmalloc(m->dims * sizeof *x), *y = xcalloc(m->dims, sizeof *y);
    uint32_t count = 0;
    uint64_t revision = 0;
    uint16_t *rows = vectors_rows(v, number, &count, &revision);
    bool found = vectors_document(v, number, x);
    assert_int_equal(rows != NULL, m->count[number] > 0);
    if (rows) {
        assert_int_equal(count, m->count[number]);
        assert_int_equal(revision, m->revision[number]);
        assert_memory_equal(rows, m->rows[number], (size_t)count * m->dims * 2);
        for (uint32_t i = 0; i < count * m->dims; i++)
            y[i % m->dims] += half_to_float(rows[i]);
        assert_int_equal(found, normalise_f32(y, m->dims) > 0); /* opposite rows leave nothing */
        for (uint32_t i = 0; found && i < m->dims; i++)
            assert_true(fabsf(x[i] - y[i]) < 1e-5f);
    } else {
        assert_false(found);
    }
    free(rows);
    free(x);
    free(y);
}

/* A query: random, or a row of the index itself (ties with its duplicates). */
static void random_query(const struct model *m, float *query, enum kind kind)
{
    uint32_t number = (uint32_t)rng_below(&rng, m->documents);
    if (rng_below(&rng, 2) && m->count[number]) {
        half_to_f32(m->rows[number], query, m->dims);
        normalise_f32(query, m->dims);
    } else {
        random_row(query, m->dims, kind);
    }
}

static void check_all(struct vectors *v, const struct model *m, enum kind kind, int queries)
{
    static const size_t ks[] = {1, 10, 100, 5000};
    float *query = xmalloc(m->dims * sizeof *query);
    struct err_info e = {0};
    if (vectors_check(v, &e))
        fail_msg("%s", e.message);
    for (int q = 0; q < queries; q++) {
        struct docset within;
        docset_init(&within);
        uint64_t share = 1 + rng_below(&rng, 30);
        for (uint32_t i = 0; i < m->documents; i++)
            if (rng_below(&rng, share) == 0)
                docset_add(&within, i);
        random_query(m, query, kind);
        check_search(v, m, query, ks[q % 4], q % 3 ? &within : NULL);
        check_score(v, m, query);
        check_document(v, m, (uint32_t)rng_below(&rng, m->documents));
        docset_release(&within);
    }
    free(query);
}

static void test_exact(void **state)
{
    static const uint32_t dims[] = {384, 1, 17, 100, 768};
    rng_init(&rng, 1);
    for (int kind = 0; kind < KINDS; kind++)
        for (int d = 0; d < 5; d++) {
            uint32_t documents = d ? 300 : 3000;
            struct model m = model_new(dims[d], documents);
            struct vectors *v = vectors_new(dims[d]);
            for (uint32_t i = 0; i < documents; i++)
                put(v, &m, i, kind == SPARSE ? 1 : 1 + (uint32_t)rng_below(&rng, 3),
                    (enum kind)kind);
            check_all(v, &m, (enum kind)kind, d ? 12 : 24);
            vectors_free(v);
            model_free(&m);
        }
}

static void reload(struct vectors **v)
{
    char path[] = "/tmp/akin-vectors-XXXXXX";
    close(mkstemp(path));
    struct file *f = NULL;
    struct vectors *y = NULL;
    uint64_t offset = 5, size = 0;
    assert_int_equal(file_open(path, FILE_CREATE, &f, NULL), 0);
    assert_int_equal(file_write(f, "abcde", 5, NULL), 0);
    assert_int_equal(vectors_save(*v, f, NULL), 0);
    assert_int_equal(vectors_load(f, &offset, &y, NULL), 0);
    assert_int_equal(file_size(f, &size, NULL), 0);
    assert_int_equal(offset, size);
    for (int i = 0; i < 30; i++) {
        struct vectors *z = NULL;
        uint64_t at = 5 + rng_below(&rng, size - 5), from = 5;
        uint8_t byte = 0, wrong = 0;
        assert_int_equal(file_pread(f, at, &byte, 1, NULL), 0);
        wrong = byte ^ (uint8_t)(1 + rng_below(&rng, 255));
        assert_int_equal(file_pwrite(f, at, &wrong, 1, NULL), 0);
        assert_int_equal(vectors_load(f, &from, &z, NULL), ERR_CORRUPT);
        assert_int_equal(file_pwrite(f, at, &byte, 1, NULL), 0);
    }
    file_close(f);
    unlink(path);
    vectors_free(*v);
    *v = y;
}

static void test_changes(void **state)
{
    rng_init(&rng, 2);
    struct model m = model_new(48, 500);
    struct vectors *v = vectors_new(48);
    for (int i = 0; i < 6000; i++) {
        uint32_t n = (uint32_t)rng_below(&rng, m.documents);
        if (rng_below(&rng, 3))
            put(v, &m, n, 1 + (uint32_t)rng_below(&rng, 4), CLUSTERED);
        else
            delete (v, &m, n);
        if (i % 200 == 0)
            check_all(v, &m, CLUSTERED, 4);
        if (i % 2000 == 1999)
            reload(&v);
    }
    size_t bytes = 0; /* slots are used again: no growth once there are enough */
    for (int i = 0; i < 20000; i++) {
        put(v, &m, (uint32_t)rng_below(&rng, 500), 2, RANDOM);
        if (i == 4000)
            bytes = vectors_bytes(v);
    }
    assert_int_equal(vectors_bytes(v), bytes);
    for (uint32_t n = 0; n < m.documents; n++)
        delete (v, &m, n);
    assert_int_equal(vectors_count(v), 0);
    assert_int_equal(vectors_documents(v), 0);
    check_all(v, &m, RANDOM, 4);
    vectors_free(v);
    model_free(&m);
}

static void test_bad(void **state)
{
    struct vectors *v = vectors_new(3);
    struct err_info e = {0};
    uint16_t rows[3] = {0x3C00, 0x7C00, 0};
    struct vector_hit hit;
    float query[3] = {1, 0, 0};
    assert_int_equal(vectors_put(v, 1, 1, rows, 1, &e), ERR_INVALID);
    assert_int_equal(vectors_documents(v), 0);
    rows[1] = 0;
    assert_int_equal(vectors_put(v, 1, 1, rows, 1, &e), 0);
    assert_int_equal(vectors_search(v, query, 0, NULL, true, &hit), 0);
    assert_int_equal(vectors_search(v, query, 1, NULL, true, &hit), 1);
    assert_true(hit.cosine == 1);
    rows[0] = 0; /* a row of zeros */
    assert_int_equal(vectors_put(v, 1, 2, rows, 1, &e), 0);
    assert_int_equal(vectors_search(v, query, 1, NULL, true, &hit), 1);
    assert_true(hit.cosine == 0 && hit.revision == 2);
    assert_int_equal(vectors_put(v, 1, 3, rows, 0, &e), 0);
    assert_int_equal(vectors_documents(v), 0);
    vectors_free(v);
}

static void test_mean(void **state)
{
    rng_init(&rng, 6);
    struct model m = model_new(16, 100);
    struct vectors *v = vectors_new(16);
    assert_true(vectors_mean_cosine(v, 10, 1) == 0);
    for (uint32_t i = 0; i < 100; i++)
        put(v, &m, i, 2, RANDOM);
    assert_true(fabsf(vectors_mean_cosine(v, 20000, 1)) < .02f);
    assert_true(vectors_mean_cosine(v, 100, 7) == vectors_mean_cosine(v, 100, 7));
    vectors_free(v);
    model_free(&m);
}

/* --- readers beside the writer --- */

/* All passages of a document carry the same first coordinates, its revision in disguise: a reader
 * that saw half a change would see a document twice, not at all, or with rows of two revisions. */
#define SHARED_DOCUMENTS 64
struct shared {
    struct vectors *v;
    atomic_bool stop;
    atomic_long searches;
};

static void read_loop(void *arg)
{
    struct shared *s = arg;
    struct vector_hit hits[2 * SHARED_DOCUMENTS];
    struct docset within;
    float query[32] = {1};
    docset_init(&within);
    for (uint32_t i = 0; i < 8; i++)
        docset_add(&within, i * 8);
    while (!atomic_load(&s->stop)) {
        bool seen[SHARED_DOCUMENTS] = {0};
        size_t n = vectors_search(s->v, query, 2 * SHARED_DOCUMENTS, NULL, true, hits);
        assert_int_equal(n, SHARED_DOCUMENTS);
        for (size_t i = 0; i < n; i++) {
            assert_false(seen[hits[i].number]);
            seen[hits[i].number] = true;
            assert_true(hits[i].cosine ==
                        half_to_float(half_of_float((float)(hits[i].revision % 997) / 1000)));
        }
        assert_int_equal(vectors_search(s->v, query, 8, &within, true, hits), 8);
        uint32_t count = 0, number = hits[3].number;
        uint64_t revision = 0;
        uint16_t *rows = vectors_rows(s->v, number, &count, &revision);
        for (uint32_t p = 0; p < count; p++)
            assert_int_equal(rows[p * 32], half_of_float((float)(revision % 997) / 1000));
        free(rows);
        vectors_score(s->v, query, &number, 1, hits);
        vectors_document(s->v, number, query + 0);
        memset(query, 0, sizeof query);
        query[0] = 1;
        vectors_mean_cosine(s->v, 3, 1);
        atomic_fetch_add(&s->searches, 1);
    }
    docset_release(&within);
}

static void put_revision(struct vectors *v, uint32_t number, uint64_t revision)
{
    uint16_t rows[5 * 32] = {0};
    uint32_t count = 1 + (uint32_t)rng_below(&rng, 5);
    for (uint32_t p = 0; p < count; p++) {
        rows[p * 32] = half_of_float((float)(revision % 997) / 1000);
        rows[p * 32 + 1 + p] = 0x3800;
    }
    assert_int_equal(vectors_put(v, number, revision, rows, count, NULL), 0);
}

static void test_threads(void **state)
{
    struct shared s = {.v = vectors_new(32)};
    struct thread *readers[3];
    rng_init(&rng, 7);
    for (uint32_t i = 0; i < SHARED_DOCUMENTS; i++)
        put_revision(s.v, i, i);
    for (int i = 0; i < 3; i++)
        readers[i] = thread_start("reader", read_loop, &s);
    for (uint64_t i = 0; i < 20000 || atomic_load(&s.searches) < 300; i++)
        put_revision(s.v, (uint32_t)rng_below(&rng, SHARED_DOCUMENTS), i);
    atomic_store(&s.stop, true);
    for (int i = 0; i < 3; i++)
        thread_join(readers[i]);
    assert_int_equal(vectors_check(s.v, NULL), 0);
    vectors_free(s.v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact), cmocka_unit_test(test_changes), cmocka_unit_test(test_bad),
        cmocka_unit_test(test_mean),  cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

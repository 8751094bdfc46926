/* bench_filters --base A.npy --queries Q.npy [--width N] [--k N] [--keep FILE] [--sweep 1]:
 * the vector index under filters.
 *
 * Puts A (float32 or float16 rows, made length 1) one document a row, merges all of it, and prints
 * for filters that pass 50, 10, 1, .1 and .01 %, at random, following clusters, and all but the
 * query's own neighbourhood: recall, answers shorter than min(k, matches), queries a second, beside
 * the exact scan of what passes; how long a save holds writers up, and a load. --keep: the index is
 * loaded from the file, or made and saved there. --sweep 1: without a filter, widths for several k.
 */
#include "npy.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/rng.h"
#include "base/thread.h"
#include "index/vectors.h"
#include "math/half.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define K_MAX 1000
#define CENTRES 1000
#define STEP_NS 10000000

static struct matrix base, queries;
static size_t k = 10;

static double seconds(void)
{
    return (double)clock_mono_ns() / 1e9;
}

static uint16_t *half_of_row(size_t row)
{
    static uint16_t half[4096];
    half_from_f32(base.rows + row * base.dims, half, base.dims);
    return half;
}

static struct vectors *filled(void)
{
    struct vectors *v = vectors_new(base.dims);
    double begin = seconds(), longest = 0, now;
    size_t steps = 0;
    for (size_t i = 0; i < base.count; i++)
        if (vectors_put(v, (uint32_t)i, 1, half_of_row(i), 1, NULL))
            die("put", "refused");
    printf("%zu rows of %u: put %.2f us a row", base.count, base.dims,
           (seconds() - begin) / (double)base.count * 1e6);
    fflush(stdout);
    begin = seconds();
    for (bool more = true; more; steps++) {
        double from = seconds();
        more = vectors_merge_step(v, STEP_NS);
        now = seconds();
        longest = now - from > longest ? now - from : longest;
    }
    printf(", merged and refined in %.1f s, %zu steps of at most %.1f ms, %zu bytes a row\n",
           seconds() - begin, steps, 1e3 * longest, vectors_bytes(v) / base.count);
    return v;
}

/* --- filters --- */

enum kind { RANDOM, CLUSTERS, ELSEWHERE };
static const char *const kinds[] = {"random", "clusters", "elsewhere"};

static uint32_t *cluster; /* of each row: the nearest of CENTRES random rows */

static void clusters_make(void)
{
    struct rng r;
    struct vectors *centres = vectors_new(base.dims);
    rng_init(&r, 5);
    for (uint32_t c = 0; c < CENTRES; c++)
        if (vectors_put(centres, c, 1, half_of_row(rng_below(&r, base.count)), 1, NULL))
            die("put", "refused");
    cluster = xcalloc(base.count, sizeof *cluster);
    for (size_t i = 0; i < base.count; i++) {
        struct vector_hit hit;
        vectors_search(centres, base.rows + i * base.dims, 1, NULL, true, &hit);
        cluster[i] = hit.number;
    }
    vectors_free(centres);
}

/* CLUSTERS: those of the clusters around the query's nearest row, as many as make the share;
 * ELSEWHERE: at random, but none of the query's own cluster. */
static void filter_make(struct docset *d, enum kind kind, double share, uint32_t own, uint64_t seed)
{
    struct rng r;
    rng_init(&r, seed);
    size_t want = (size_t)((double)base.count * share);
    want = want ? want : 1;
    docset_init(d);
    if (kind == CLUSTERS)
        for (uint32_t c = own; d->count < want; c = (c + 1) % CENTRES)
            for (size_t i = 0; i < base.count && d->count < want; i++)
                if (cluster[i] == c)
                    docset_add(d, (uint32_t)i);
    while (d->count < want) {
        uint32_t i = (uint32_t)rng_below(&r, base.count);
        if (kind == RANDOM || cluster[i] != own)
            docset_add(d, i);
    }
}

struct sums {
    size_t right, wanted, shorter, asked;
    double walk_s, scan_s;
};

static void compare(struct vectors *v, const float *query, const struct docset *within,
                    struct sums *s)
{
    static struct vector_hit exact[K_MAX], hits[K_MAX];
    double t0 = seconds();
    size_t n = vectors_search(v, query, k, within, false, hits);
    double t1 = seconds();
    size_t want = vectors_search(v, query, k, within, true, exact);
    s->scan_s += seconds() - t1;
    s->walk_s += t1 - t0;
    s->wanted += want;
    s->shorter += n < want;
    s->asked++;
    for (size_t i = 0; i < n; i++)
        s->right += want && hits[i].cosine >= exact[want - 1].cosine;
}

static void measure(struct vectors *v, enum kind kind, double share)
{
    struct sums s = {0};
    size_t step = kind == RANDOM ? 1 : queries.count / 50 + 1; /* filters of their own are dear */
    struct docset d;
    docset_init(&d);
    for (size_t q = 0; q < queries.count; q += step) {
        const float *query = queries.rows + q * queries.dims;
        struct vector_hit nearest = {0};
        if (kind != RANDOM || q == 0) {
            vectors_search(v, query, 1, NULL, true, &nearest);
            docset_release(&d);
            filter_make(&d, kind, share, cluster[nearest.number], q);
        }
        compare(v, query, &d, &s);
    }
    printf("%-10s %7.2f %%  recall %.4f  shorter %zu  %8.0f q/s  scan of the matches %8.0f q/s\n",
           kinds[kind], 100 * share, (double)s.right / (double)(s.wanted ? s.wanted : 1), s.shorter,
           (double)s.asked / s.walk_s, (double)s.asked / s.scan_s);
    fflush(stdout);
    docset_release(&d);
}

static void unfiltered(struct vectors *v)
{
    struct sums s = {0};
    for (size_t q = 0; q < queries.count; q++)
        compare(v, queries.rows + q * queries.dims, NULL, &s);
    printf("all, k %4zu, width %4u: recall %.4f  %8.0f q/s  scan %8.0f q/s\n", k, vectors_width(v),
           (double)s.right / (double)s.wanted, (double)s.asked / s.walk_s,
           (double)s.asked / s.scan_s);
    fflush(stdout);
}

static void widths(struct vectors *v)
{
    static const size_t ks[] = {10, 50, 200, 1000};
    size_t before = k;
    for (size_t i = 0; i < sizeof ks / sizeof *ks; i++)
        for (unsigned width = 64; width <= 4096; width *= 2) {
            k = ks[i];
            vectors_width_set(v, width);
            if (width > k && width <= 16 * k)
                unfiltered(v);
        }
    k = before;
}

/* --- saving beside a writer --- */

static void kept(struct vectors *v, const char *path)
{
    struct file *f = NULL;
    struct err_info e = {0};
    if (file_open(path, FILE_CREATE, &f, &e) || vectors_save(v, f, &e))
        die(path, e.message);
    file_close(f);
}

static struct vectors *loaded(const char *path)
{
    struct file *f = NULL;
    struct err_info e = {0};
    struct vectors *v = NULL;
    uint64_t offset = 0;
    if (file_open(path, FILE_READ_ONLY, &f, &e) || vectors_load(f, &offset, &v, &e))
        die(path, e.message);
    file_close(f);
    return v;
}

struct writing {
    struct vectors *v;
    atomic_bool stop;
    double longest;
};

static void write_loop(void *arg)
{
    struct writing *w = arg;
    for (uint64_t i = 0; !atomic_load(&w->stop); i++) {
        double from = seconds();
        if (vectors_put(w->v, (uint32_t)(i % 1000), 2 + i, half_of_row(i % 1000), 1, NULL))
            die("put", "refused");
        double took = seconds() - from;
        w->longest = took > w->longest ? took : w->longest;
        clock_sleep_ns(200000);
    }
}

static void save_and_load(struct vectors *v)
{
    char path[] = "/tmp/akin-bench-XXXXXX";
    close(mkstemp(path));
    struct file *f = NULL;
    struct err_info e = {0};
    struct vectors *y = NULL;
    struct writing w = {.v = v};
    uint64_t offset = 0;
    if (file_open(path, FILE_CREATE, &f, &e))
        die(path, e.message);
    struct thread *t = thread_start("writer", write_loop, &w);
    double begin = seconds();
    if (vectors_save(v, f, &e))
        die(path, e.message);
    double saved = seconds();
    atomic_store(&w.stop, true);
    thread_join(t);
    printf("saved in %.2f s, a put beside it waited at most %.1f ms\n", saved - begin,
           1e3 * w.longest);
    begin = seconds();
    if (vectors_load(f, &offset, &y, &e))
        die(path, e.message);
    printf("loaded and verified in %.3f s (cached), %zu documents\n", seconds() - begin,
           vectors_documents(y));
    file_close(f);
    unlink(path);
    vectors_free(y);
}

int main(int argc, char **argv)
{
    const char *base_path = NULL, *query_path = NULL, *keep = NULL;
    bool sweep = false;
    unsigned width = VECTORS_WIDTH;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--base"))
            base_path = argv[i + 1];
        else if (!strcmp(argv[i], "--queries"))
            query_path = argv[i + 1];
        else if (!strcmp(argv[i], "--width"))
            width = (unsigned)atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--keep"))
            keep = argv[i + 1];
        else if (!strcmp(argv[i], "--sweep"))
            sweep = atoi(argv[i + 1]) != 0;
        else if (!strcmp(argv[i], "--k"))
            k = (size_t)atoi(argv[i + 1]);
    }
    if (!base_path || !query_path || !k || k > K_MAX)
        die("usage",
            "--base A.npy --queries Q.npy [--width N] [--k 1..1000] [--keep FILE] [--sweep 1]");
    base = npy_read(base_path);
    queries = npy_read(query_path);
    if (base.dims != queries.dims || !base.count || !queries.count)
        die("queries", "other dimensions than the base");
    struct vectors *v = keep && access(keep, R_OK) == 0 ? loaded(keep) : filled();
    if (keep && access(keep, R_OK))
        kept(v, keep);
    save_and_load(v);
    while (vectors_merge_step(v, STEP_NS))
        ;
    clusters_make();
    if (sweep)
        widths(v);
    vectors_width_set(v, width);
    unfiltered(v);
    static const double shares[] = {.5, .1, .01, .001, .0001};
    for (enum kind kind = RANDOM; kind <= ELSEWHERE; kind++)
        for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
            measure(v, kind, shares[i]);
    vectors_free(v);
    free(cluster);
    return 0;
}

/* bench_filters --base A.npy --queries Q.npy [--width N] [--k N] [--keep FILE] [--json 1]
 *               [--force walk|scan] [--only KIND] [--save 1] [--sweep 1]: the vector index under
 * filters.
 *
 * Puts A (float32 or float16 rows, made length 1) one document a row, merges all of it, and prints
 * for filters that pass 50, 10, 1, .1 and .01 %, at random, following clusters, and all but the
 * query's own cluster: recall, answers shorter than min(k, matches), queries a second beside those
 * of the exact scan of what passes, and which way the planner took. --force takes the choice from
 * it: to find where it should change its mind. --only: one kind of filters. --keep: the index is
 * loaded from the file, or made and saved there. --save 1: how long a save holds writers up, and a
 * load. --sweep 1: without a filter, widths for several k. */
#include "npy.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/rng.h"
#include "base/thread.h"
#include "index/vectors_impl.h" /* the planner's bounds, for --force */
#include "math/half.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define K_MAX 1000
#define CENTRES 1000
#define QUESTIONS_MAX 200
#define ROUNDS 3
#define STEP_NS 10000000

static struct matrix base, queries;
static size_t k = 10;
static bool json;

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
    fprintf(stderr, "%zu rows of %u: put %.2f us a row", base.count, base.dims,
            (seconds() - begin) / (double)base.count * 1e6);
    begin = seconds();
    for (bool more = true; more; steps++) {
        double from = seconds();
        more = vectors_merge_step(v, STEP_NS);
        now = seconds();
        longest = now - from > longest ? now - from : longest;
    }
    fprintf(stderr,
            ", merged and refined in %.1f s, %zu steps of at most %.1f ms, %zu bytes a row\n",
            seconds() - begin, steps, 1e3 * longest, vectors_bytes(v) / base.count);
    return v;
}

/* --- filters --- */

enum kind { RANDOM, CLUSTERS, ELSEWHERE };
static const char *const kinds[] = {"random", "clusters", "elsewhere"};

static uint32_t *cluster; /* of each row: the nearest of CENTRES random rows */
static uint32_t *ordered; /* rows by cluster */
static size_t cluster_begin[CENTRES + 1];

static void clusters_make(void)
{
    struct rng r;
    struct vectors *centres = vectors_new(base.dims);
    rng_init(&r, 5);
    for (uint32_t c = 0; c < CENTRES; c++)
        if (vectors_put(centres, c, 1, half_of_row(rng_below(&r, base.count)), 1, NULL))
            die("put", "refused");
    cluster = xcalloc(base.count, sizeof *cluster);
    ordered = xcalloc(base.count, sizeof *ordered);
    for (size_t i = 0; i < base.count; i++) {
        struct vector_hit hit;
        vectors_search(centres, base.rows + i * base.dims, 1, NULL, true, &hit);
        cluster[i] = hit.number;
        cluster_begin[hit.number + 1]++;
    }
    for (size_t c = 0; c < CENTRES; c++)
        cluster_begin[c + 1] += cluster_begin[c];
    size_t next[CENTRES];
    memcpy(next, cluster_begin, sizeof next);
    for (size_t i = 0; i < base.count; i++)
        ordered[next[cluster[i]]++] = (uint32_t)i;
    vectors_free(centres);
}

/* CLUSTERS: the cluster of the query's nearest row and others as they come, as many as make the
 * share; ELSEWHERE: at random, but none of the query's own cluster. */
static void filter_make(struct docset *d, enum kind kind, double share, uint32_t own, uint64_t seed)
{
    struct rng r;
    rng_init(&r, seed);
    size_t want = (size_t)((double)base.count * share);
    want = want ? want : 1;
    docset_init(d);
    if (kind == CLUSTERS)
        for (uint32_t c = own; d->count < want; c = (c + 1) % CENTRES)
            for (size_t i = cluster_begin[c]; i < cluster_begin[c + 1] && d->count < want; i++)
                docset_add(d, ordered[i]);
    while (d->count < want) {
        uint32_t i = (uint32_t)rng_below(&r, base.count);
        if (kind == RANDOM || cluster[i] != own)
            docset_add(d, i);
    }
}

/* Questions of one kind, each with its filter, and both answers. */
struct question {
    const float *query;
    struct docset *within; /* NULL: all */
    struct vector_hit hits[2][K_MAX];
    size_t found[2];
};
static struct question questions[QUESTIONS_MAX];
static size_t question_count;

static void questions_make(struct vectors *v, enum kind kind, double share)
{
    static struct docset filters[QUESTIONS_MAX];
    question_count = queries.count < QUESTIONS_MAX ? queries.count : QUESTIONS_MAX;
    for (size_t i = 0; i < question_count; i++) {
        struct question *q = &questions[i];
        struct vector_hit nearest = {0};
        q->query = queries.rows + i * queries.dims;
        q->within = &filters[kind == RANDOM ? i % 4 : i];
        if (kind == RANDOM && i >= 4)
            continue;
        vectors_search(v, q->query, 1, NULL, true, &nearest);
        docset_release(q->within);
        filter_make(q->within, kind, share, cluster[nearest.number], i);
    }
}

/* Seconds for all of them; the same questions are not asked twice in a row, so that neither way
 * finds its rows in the cache. */
static double ask(struct vectors *v, bool exact)
{
    double begin = seconds();
    for (size_t i = 0; i < question_count; i++) {
        struct question *q = &questions[i];
        q->found[exact] = vectors_search(v, q->query, k, q->within, exact, q->hits[exact]);
    }
    return seconds() - begin;
}

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

static double recall(size_t *shorter)
{
    size_t right = 0, wanted = 0;
    *shorter = 0;
    for (size_t i = 0; i < question_count; i++) {
        const struct question *q = &questions[i];
        wanted += q->found[1];
        *shorter += q->found[0] < q->found[1];
        for (size_t j = 0; j < q->found[0]; j++)
            right += q->found[1] && q->hits[0][j].cosine >= q->hits[1][q->found[1] - 1].cosine;
    }
    return (double)right / (double)(wanted ? wanted : 1);
}

static void report(struct vectors *v, const char *kind, double share, double found_s, double scan_s,
                   const uint64_t ways[VECTORS_WAYS])
{
    size_t shorter = 0;
    double r = recall(&shorter), n = (double)question_count;
    if (json)
        printf("{\"filter\":\"%s\",\"share\":%g,\"k\":%zu,\"width\":%u,\"recall\":%.4f,\"shorter\":"
               "%zu,"
               "\"qps\":%.0f,\"scan_qps\":%.0f,\"scanned\":%" PRIu64 ",\"walked\":%" PRIu64
               ",\"gave_up\":%" PRIu64 "}\n",
               kind, share, k, vectors_width(v), r, shorter, n / found_s, n / scan_s,
               ways[VECTORS_SCANNED], ways[VECTORS_WALKED], ways[VECTORS_GAVE_UP]);
    else
        printf(
            "%-10s %7.2f %%  recall %.4f  shorter %zu  %8.0f q/s  exact scan %8.0f q/s  x %5.2f  "
            "scanned %" PRIu64 ", walked %" PRIu64 ", gave up %" PRIu64 "\n",
            kind, 100 * share, r, shorter, n / found_s, n / scan_s, scan_s / found_s,
            ways[VECTORS_SCANNED], ways[VECTORS_WALKED], ways[VECTORS_GAVE_UP]);
    fflush(stdout);
}

/* The best of some rounds for each way. */
static void measure(struct vectors *v, const char *kind, double share)
{
    double found_s = 1e9, scan_s = 1e9;
    uint64_t before[VECTORS_WAYS], ways[VECTORS_WAYS];
    for (int round = 0; round < ROUNDS; round++) {
        vectors_ways(v, before);
        found_s = smaller(found_s, ask(v, false));
        vectors_ways(v, ways);
        scan_s = smaller(scan_s, ask(v, true));
    }
    for (int i = 0; i < VECTORS_WAYS; i++)
        ways[i] -= before[i];
    report(v, kind, share, found_s, scan_s, ways);
}

static void unfiltered(struct vectors *v)
{
    question_count = queries.count < QUESTIONS_MAX ? queries.count : QUESTIONS_MAX;
    for (size_t i = 0; i < question_count; i++) {
        questions[i].query = queries.rows + i * queries.dims;
        questions[i].within = NULL;
    }
    measure(v, "all", 1);
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

/* All walks but where that cannot be, or no walk. */
static void force(struct vectors *v, const char *way)
{
    v->scan_to_walk = strcmp(way, "walk") ? 1e9 : 0;
}

static void filters(struct vectors *v, const char *only)
{
    static const double shares[] = {.5, .1, .01, .001, .0001};
    for (enum kind kind = RANDOM; kind <= ELSEWHERE; kind++)
        for (size_t i = 0;
             (!only || !strcmp(only, kinds[kind])) && i < sizeof shares / sizeof *shares; i++) {
            questions_make(v, kind, shares[i]);
            measure(v, kinds[kind], shares[i]);
        }
}

static const char *option(int argc, char **argv, const char *name)
{
    for (int i = 1; i + 1 < argc; i += 2)
        if (!strcmp(argv[i], name))
            return argv[i + 1];
    return NULL;
}

int main(int argc, char **argv)
{
    const char *base_path = option(argc, argv, "--base"),
               *query_path = option(argc, argv, "--queries"), *keep = option(argc, argv, "--keep"),
               *width = option(argc, argv, "--width"), *forced = option(argc, argv, "--force");
    if (option(argc, argv, "--k"))
        k = (size_t)atoi(option(argc, argv, "--k"));
    if (!base_path || !query_path || !k || k > K_MAX || argc % 2 == 0)
        die("usage", "--base A.npy --queries Q.npy [--width N] [--k 1..1000] [--keep FILE] "
                     "[--json 1] [--force walk|scan] [--only random|clusters|elsewhere] "
                     "[--save 1] [--sweep 1]");
    json = option(argc, argv, "--json");
    base = npy_read(base_path);
    queries = npy_read(query_path);
    if (base.dims != queries.dims || !base.count || !queries.count)
        die("queries", "other dimensions than the base");
    struct vectors *v = keep && access(keep, R_OK) == 0 ? loaded(keep) : filled();
    if (keep && access(keep, R_OK))
        kept(v, keep);
    if (option(argc, argv, "--save"))
        save_and_load(v);
    while (vectors_merge_step(v, STEP_NS))
        ;
    clusters_make();
    if (option(argc, argv, "--sweep"))
        widths(v);
    vectors_width_set(v, width ? (unsigned)atoi(width) : VECTORS_WIDTH);
    unfiltered(v);
    if (forced)
        force(v, forced);
    filters(v, option(argc, argv, "--only"));
    vectors_free(v);
    return 0;
}

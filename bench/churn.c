/* build/bench/bench_churn --base A.npy --queries Q.npy [--rows N] [--rounds N] [--clusters N]: does
 * the graph stay as good as a new one? ./dev bench index is the graph alone, at rest.
 *
 * N rows of A are inserted, the others wait. A round deletes half of what is there at random, or
 * a third of the clusters (rows by the nearest of some that are chosen at random), in turns, and
 * inserts as many that wait; two slots are refined for each that was deleted, as the vector index
 * does it. Then, beside a graph that is built of the same rows: recall@10 at the widths where the
 * new one has .95 and .99, memory, and the share of rows that find themselves at the latter. An
 * answer with a row that was deleted ends it. */
#include "npy.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/rng.h"
#include "graph/graph.h"
#include "math/dot.h"
#include "math/topk.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define K 10
#define NONE UINT32_MAX
#define REFINED_FOR_DELETED 2
#define BLOCK 1024

struct options {
    const char *base, *queries;
    size_t rows;
    unsigned rounds, clusters;
};

struct churn {
    struct options o;
    uint16_t *halves;
    float *values;
    size_t count;
    uint32_t dims;
    uint32_t *cluster; /* by row */
    uint32_t *slot_of; /* by row: NONE: it waits */
    uint32_t *row_of;  /* by slot */
    uint32_t *live, *waiting;
    size_t live_count, waiting_count;
    struct graph *g;
    struct rng rng;
    double deletes_s, inserts_s, refines_s; /* seconds spent */
    size_t deletes, inserts;
};

static double seconds(void)
{
    return (double)clock_mono_ns() / 1e9;
}

/* --- changes --- */

static void row_insert(struct churn *c, size_t at)
{
    uint32_t row = c->waiting[at], slot = graph_slot_take(c->g);
    if (slot >= 2 * c->count)
        die("churn", "slots are not used again");
    graph_row_set(c->g, slot, c->halves + (size_t)row * c->dims);
    graph_insert(c->g, slot);
    c->slot_of[row] = slot;
    c->row_of[slot] = row;
    c->live[c->live_count++] = row;
    c->waiting[at] = c->waiting[--c->waiting_count];
    c->inserts++;
}

static void row_delete(struct churn *c, size_t at)
{
    uint32_t row = c->live[at];
    double begin = seconds();
    graph_delete(c->g, c->slot_of[row]);
    double middle = seconds();
    c->row_of[c->slot_of[row]] = NONE;
    c->slot_of[row] = NONE;
    c->live[at] = c->live[--c->live_count];
    c->waiting[c->waiting_count++] = row;
    c->deletes++;
    for (unsigned i = 0; i < REFINED_FOR_DELETED; i++)
        graph_refine_step(c->g, 1);
    c->deletes_s += middle - begin;
    c->refines_s += seconds() - middle;
}

static void rows_fill(struct churn *c)
{
    double begin = seconds();
    while (c->live_count < c->o.rows)
        row_insert(c, rng_below(&c->rng, c->waiting_count));
    c->inserts_s += seconds() - begin;
    while (graph_unrefined(c->g)) {
        begin = seconds();
        graph_refine_step(c->g, 64);
        c->refines_s += seconds() - begin;
    }
}

static void round_run(struct churn *c, unsigned round)
{
    if (round % 2)
        for (size_t n = c->live_count / 2; n > 0; n--)
            row_delete(c, rng_below(&c->rng, c->live_count));
    else
        for (size_t i = 0; i < c->live_count;)
            if (c->cluster[c->live[i]] % 3 == round / 2 % 3)
                row_delete(c, i);
            else
                i++;
    rows_fill(c);
}

static void clusters_make(struct churn *c)
{
    uint32_t *centres = xmalloc(c->o.clusters * sizeof *centres);
    for (unsigned k = 0; k < c->o.clusters; k++)
        centres[k] = (uint32_t)rng_below(&c->rng, c->count);
    for (size_t i = 0; i < c->count; i++) {
        float best = -2;
        for (unsigned k = 0; k < c->o.clusters; k++) {
            float d =
                dot_f32(c->values + i * c->dims, c->values + (size_t)centres[k] * c->dims, c->dims);
            c->cluster[i] = d > best ? k : c->cluster[i];
            best = d > best ? d : best;
        }
    }
    free(centres);
}

/* --- answers --- */

struct truth {
    float *least; /* the cosine of the 10th, by query */
};

static struct truth truth_make(const struct churn *c, const struct matrix *queries)
{
    struct truth t = {xmalloc(queries->count * sizeof *t.least)};
    struct topk_item *items = xmalloc(queries->count * K * sizeof *items);
    struct topk *tops = xmalloc(queries->count * sizeof *tops);
    for (size_t q = 0; q < queries->count; q++)
        topk_init(&tops[q], items + q * K, K);
    for (size_t from = 0; from < c->live_count; from += BLOCK)
        for (size_t q = 0; q < queries->count; q++)
            for (size_t i = from; i < from + BLOCK && i < c->live_count; i++)
                topk_add(&tops[q],
                         dot_f16_f32(c->halves + (size_t)c->live[i] * c->dims,
                                     queries->rows + q * c->dims, c->dims),
                         c->live[i]);
    for (size_t q = 0; q < queries->count; q++) {
        topk_sort(&tops[q]);
        t.least[q] = tops[q].items[tops[q].count - 1].score;
    }
    free(tops);
    free(items);
    return t;
}

/* `churned`: its slots are checked. */
static double recall(struct churn *c, struct graph *g, const struct matrix *queries,
                     const struct truth *truth, size_t width)
{
    size_t right = 0;
    struct graph_hit hits[K];
    for (size_t q = 0; q < queries->count; q++) {
        struct graph_reader *r = graph_enter(g);
        size_t n = graph_search(r, queries->rows + q * c->dims, K, width, NULL, hits, NULL);
        graph_leave(r);
        for (size_t i = 0; i < n; i++) {
            if (g == c->g && c->row_of[hits[i].slot] == NONE)
                die("churn", "a deleted row was found");
            right += hits[i].cosine >= truth->least[q] - 1e-6f;
        }
    }
    return (double)right / (double)(queries->count * K);
}

static double found_themselves(struct churn *c, size_t width)
{
    size_t found = 0;
    for (size_t i = 0; i < c->live_count; i++) {
        struct graph_hit hit;
        const uint16_t *row = c->halves + (size_t)c->live[i] * c->dims;
        struct graph_reader *r = graph_enter(c->g);
        size_t n =
            graph_search(r, c->values + (size_t)c->live[i] * c->dims, 1, width, NULL, &hit, NULL);
        found += n == 1 && (hit.slot == c->slot_of[c->live[i]] ||
                            memcmp(graph_row(c->g, hit.slot), row, 2 * c->dims) == 0);
        graph_leave(r);
    }
    return (double)found / (double)c->live_count;
}

static struct graph *fresh_make(const struct churn *c)
{
    struct graph *g = graph_new(c->dims);
    uint32_t *slots = xmalloc(c->live_count * sizeof *slots);
    for (size_t i = 0; i < c->live_count; i++) {
        slots[i] = graph_slot_take(g);
        graph_row_set(g, slots[i], c->halves + (size_t)c->live[i] * c->dims);
    }
    graph_build(g, slots, c->live_count, 1);
    free(slots);
    return g;
}

static void compare(struct churn *c, const struct matrix *queries, unsigned round)
{
    static const size_t widths[] = {16, 20,  24,  28,  32,  40,  48,  56,  64,  80,
                                    96, 112, 128, 160, 192, 256, 384, 512, 1024};
    static const double wanted[] = {.95, .99, 2};
    struct graph *fresh = fresh_make(c);
    struct truth truth = truth_make(c, queries);
    struct err_info e = {0};
    size_t at = 0, width = 0, reachable = 0;
    if (graph_check(c->g, &reachable, &e))
        die("churn", e.message);
    printf("round %u, %zu rows: ", round, c->live_count);
    for (size_t i = 0; i < sizeof widths / sizeof *widths && wanted[at] < 1; i++) {
        double of_fresh = recall(c, fresh, queries, &truth, widths[i]);
        if (of_fresh < wanted[at])
            continue;
        width = widths[i];
        printf("recall at width %zu %.4f (new %.4f), ", width,
               recall(c, c->g, queries, &truth, width), of_fresh);
        at++;
    }
    printf("%.3f bytes for each of the new one, %.3f slots a row, %zu reachable, ",
           (double)graph_bytes(c->g).all / (double)graph_bytes(fresh).all,
           (double)graph_slots_end(c->g) / (double)c->live_count, reachable);
    printf("%.5f find themselves\n", found_themselves(c, width));
    fflush(stdout);
    graph_free(fresh);
    free(truth.least);
}

/* --- */

static size_t number(const char *name, const char *text, size_t least, size_t most)
{
    char *end;
    unsigned long long n = strtoull(text, &end, 10);
    if (*end || end == text || n < least || n > most)
        die(name, "wanted a number in its range");
    return (size_t)n;
}

static struct options options_read(int argc, char **argv)
{
    struct options o = {.rounds = 10, .clusters = 100};
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--base") == 0)
            o.base = argv[i + 1];
        else if (strcmp(argv[i], "--queries") == 0)
            o.queries = argv[i + 1];
        else if (strcmp(argv[i], "--rows") == 0)
            o.rows = number(argv[i], argv[i + 1], 100, GRAPH_SLOTS_MAX / 4);
        else if (strcmp(argv[i], "--rounds") == 0)
            o.rounds = (unsigned)number(argv[i], argv[i + 1], 1, 1000);
        else if (strcmp(argv[i], "--clusters") == 0)
            o.clusters = (unsigned)number(argv[i], argv[i + 1], 3, 10000);
        else
            die(argv[i], "not an option (--base, --queries, --rows, --rounds, --clusters)");
    }
    if (argc % 2 == 0 || !o.base || !o.queries)
        die("churn", "usage: --base A.npy --queries Q.npy [--rows N] [--rounds N] [--clusters N]");
    return o;
}

static void rows_make(struct churn *c, struct matrix *base)
{
    c->count = base->count;
    c->dims = base->dims;
    c->values = base->rows;
    c->halves = xmalloc(c->count * c->dims * sizeof *c->halves);
    half_from_f32(base->rows, c->halves, c->count * c->dims);
    c->cluster = xcalloc(c->count, sizeof *c->cluster);
    c->slot_of = xmalloc(c->count * sizeof *c->slot_of);
    c->row_of = xmalloc(2 * c->count * sizeof *c->row_of);
    c->live = xmalloc(c->count * sizeof *c->live);
    c->waiting = xmalloc(c->count * sizeof *c->waiting);
    memset(c->slot_of, 0xff, c->count * sizeof *c->slot_of);
    memset(c->row_of, 0xff, 2 * c->count * sizeof *c->row_of);
    for (size_t i = 0; i < c->count; i++)
        c->waiting[c->waiting_count++] = (uint32_t)i;
}

int main(int argc, char **argv)
{
    struct churn c = {.o = options_read(argc, argv)};
    struct matrix base = npy_read(c.o.base), queries = npy_read(c.o.queries);
    if (base.dims != queries.dims || !queries.count || base.count < 200)
        die("--base, --queries", "wanted the same dimensions, 200 rows and a query");
    rng_init(&c.rng, 7);
    rows_make(&c, &base);
    c.o.rows = c.o.rows ? c.o.rows : c.count / 2;
    if (c.o.rows > c.count)
        die("--rows", "more than there are");
    clusters_make(&c);
    c.g = graph_new(c.dims);
    rows_fill(&c);
    compare(&c, &queries, 0);
    c.deletes = c.inserts = 0;
    c.deletes_s = c.inserts_s = c.refines_s = 0;
    for (unsigned round = 1; round <= c.o.rounds; round++) {
        round_run(&c, round);
        if (round <= 2 || round % 5 == 0 || round == c.o.rounds)
            compare(&c, &queries, round);
    }
    printf("%zu deletes, %.0f/s; %zu inserts, %.0f/s; %.1f s of refining\n", c.deletes,
           (double)c.deletes / c.deletes_s, c.inserts, (double)c.inserts / c.inserts_s,
           c.refines_s);
    graph_free(c.g);
    return 0;
}

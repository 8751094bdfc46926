#include "main/model_bench.h"
#include "base/clock.h"
#include "base/file.h"
#include "math/dot.h"
#include "math/topk.h"
#include "text/passage.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUERIES_TIMED 200u
#define CHUNK 2048u         /* passages embedded by one call */
#define PASSAGE_TOKENS 256u /* as collections have it, if the model reads so many */

struct bench {
    const struct bench_corpus *corpus;
    struct model *model;
    struct embedder *embedder;
    struct arena *arena;
    struct embed_text *passages;
    uint32_t *document_of; /* a passage each */
    size_t count, cap;
    float *vectors, *query_vectors;
};

static uint64_t resident_bytes(void)
{
    char *text = NULL;
    unsigned long long pages = 0;
    if (file_read_all("/proc/self/statm", 4096, &text, NULL, NULL) == ERR_OK)
        (void)!sscanf(text, "%*s %llu", &pages);
    free(text);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static double seconds_since(int64_t start_ns)
{
    return (double)(clock_mono_ns() - start_ns) * 1e-9;
}

/* --- passages --- */

static void passage_add(struct bench *b, struct str text, size_t document)
{
    if (b->count == b->cap) {
        b->cap = 2 * b->cap + 1024;
        b->passages = xrealloc(b->passages, b->cap * sizeof *b->passages);
        b->document_of = xrealloc(b->document_of, b->cap * sizeof *b->document_of);
    }
    b->document_of[b->count] = (uint32_t)document;
    b->passages[b->count++] = (struct embed_text){.text = text};
}

static enum err split(struct bench *b, struct err_info *e)
{
    const struct model_info *i = model_info(b->model);
    unsigned room = i->tokens_best < PASSAGE_TOKENS ? i->tokens_best : PASSAGE_TOKENS;
    unsigned taken = tokenizer_specials(model_tokenizer(b->model)) + i->prefix_tokens[ROLE_PASSAGE];
    struct passage_options o = {.tokens_max = room > taken + 8 ? room - taken : 8,
                                .overlap_tokens = room / 8};
    enum err rc = ERR_OK;
    for (size_t d = 0; d < b->corpus->document_count && rc == ERR_OK; d++) {
        struct passage *list = NULL;
        size_t n = 0;
        struct str text = b->corpus->documents[d].text;
        rc = passages_split(model_tokenizer(b->model), text, &o, b->arena, &list, &n, e);
        for (size_t p = 0; p < n && rc == ERR_OK; p++)
            passage_add(b, (struct str){text.s + list[p].start, list[p].end - list[p].start}, d);
    }
    return rc;
}

static enum err embed_passages(struct bench *b, struct bench_result *r, struct err_info *e)
{
    unsigned dims = r->info.dims;
    enum err rc = ERR_OK;
    b->vectors = xcalloc(b->count * dims, sizeof *b->vectors);
    for (size_t i = 0; i < b->count; i++)
        b->passages[i].out = b->vectors + i * dims;
    int64_t start_ns = clock_mono_ns();
    for (size_t i = 0; i < b->count && rc == ERR_OK; i += CHUNK)
        rc = embedder_embed(b->embedder, b->model, ROLE_PASSAGE, LANE_BULK, b->passages + i,
                            b->count - i < CHUNK ? b->count - i : CHUNK, 0, e);
    r->embed_s = seconds_since(start_ns);
    for (size_t i = 0; i < b->count; i++)
        r->tokens += b->passages[i].tokens;
    r->passages = b->count;
    return rc;
}

/* --- queries --- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* One at a time, as somebody who searches; a query that the model cannot read whole is cut. */
static enum err embed_queries(struct bench *b, struct bench_result *r, struct err_info *e)
{
    size_t count = b->corpus->query_count;
    double *ms = xcalloc(count + 1, sizeof *ms);
    enum err rc = ERR_OK;
    b->query_vectors = xcalloc(count * r->info.dims + 1, sizeof *b->query_vectors);
    for (size_t i = 0; i < count && rc == ERR_OK; i++) {
        struct embed_text t = {.text = b->corpus->queries[i].text,
                               .out = b->query_vectors + i * r->info.dims};
        int64_t start_ns = clock_mono_ns();
        rc = embedder_embed(b->embedder, b->model, ROLE_QUERY, LANE_INTERACTIVE, &t, 1, 0, e);
        ms[i] = seconds_since(start_ns) * 1e3;
    }
    size_t timed = count < QUERIES_TIMED ? count : QUERIES_TIMED;
    qsort(ms, timed, sizeof *ms, by_value);
    r->query_p50_ms = timed ? ms[timed / 2] : 0;
    free(ms);
    return rc;
}

static void search(const struct bench *b, struct bench_result *r, size_t query, float *best)
{
    struct topk_item items[BENCH_DEPTH];
    struct topk top;
    unsigned dims = r->info.dims;
    size_t documents = b->corpus->document_count;
    const float *q = b->query_vectors + query * dims;
    topk_init(&top, items, BENCH_DEPTH);
    for (size_t d = 0; d < documents; d++)
        best[d] = -INFINITY;
    for (size_t i = 0; i < b->count; i++) {
        float cosine = dot_f32(q, b->vectors + i * dims, dims);
        if (cosine > best[b->document_of[i]])
            best[b->document_of[i]] = cosine;
    }
    for (size_t d = 0; d < documents; d++)
        if (topk_wants(&top, best[d], d) && (int64_t)d != b->corpus->queries[query].document)
            topk_add(&top, best[d], d);
    topk_sort(&top);
    r->hit_counts[query] = (uint32_t)top.count;
    for (size_t i = 0; i < top.count; i++)
        r->hits[query * BENCH_DEPTH + i] = (uint32_t)items[i].id;
}

static void search_all(const struct bench *b, struct bench_result *r)
{
    size_t count = b->corpus->query_count;
    float *best = xcalloc(b->corpus->document_count, sizeof *best);
    r->hits = xcalloc(count * BENCH_DEPTH, sizeof *r->hits);
    r->hit_counts = xcalloc(count + 1, sizeof *r->hit_counts);
    for (size_t i = 0; i < count; i++)
        search(b, r, i, best);
    free(best);
}

/* --- all --- */

/* So that neither speed nor memory is that of the first block. */
static enum err warm_up(struct bench *b, struct err_info *e)
{
    size_t n = b->count < 64 ? b->count : 64;
    float *out = xcalloc(n * model_info(b->model)->dims, sizeof *out);
    for (size_t i = 0; i < n; i++)
        b->passages[i].out = out + i * model_info(b->model)->dims;
    enum err rc =
        embedder_embed(b->embedder, b->model, ROLE_PASSAGE, LANE_BULK, b->passages, n, 0, e);
    free(out);
    return rc;
}

static enum err measure(struct bench *b, struct bench_result *r, uint64_t resident_before,
                        struct err_info *e)
{
    enum err rc = warm_up(b, e);
    uint64_t now = resident_bytes();
    r->resident_bytes = now > resident_before ? now - resident_before : 0;
    if (rc == ERR_OK)
        rc = embed_passages(b, r, e);
    if (rc == ERR_OK)
        rc = embed_queries(b, r, e);
    if (rc == ERR_OK)
        search_all(b, r);
    return rc;
}

enum err bench_run(const struct bench_corpus *c, const char *dir, const struct model_options *o,
                   unsigned threads, struct bench_result *out, struct err_info *e)
{
    struct bench b = {.corpus = c, .arena = arena_new(0)};
    struct embedder_options eo = {.threads = threads, .queue_tokens_max = SIZE_MAX / 2};
    uint64_t before = resident_bytes();
    int64_t start_ns = clock_mono_ns();
    *out = (struct bench_result){0};
    enum err rc = model_open(dir, o, &b.model, e);
    if (rc == ERR_OK) {
        out->open_s = seconds_since(start_ns);
        out->info = *model_info(b.model);
        b.embedder = embedder_new(&eo);
        rc = split(&b, e);
    }
    if (rc == ERR_OK)
        rc = measure(&b, out, before, e);
    if (b.embedder)
        embedder_free(b.embedder);
    model_unref(b.model);
    free(b.passages);
    free(b.document_of);
    free(b.vectors);
    free(b.query_vectors);
    arena_free(b.arena);
    return rc;
}

void bench_result_release(struct bench_result *r)
{
    free(r->hits);
    free(r->hit_counts);
}

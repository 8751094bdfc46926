/* akin model bench: models side by side on one's own documents. The first is what the others are
 * compared with. */
#include "main/cmd_model.h"
#include "main/judgments.h"
#include "main/model_bench.h"
#include "main/settings.h"
#include "math/ranking.h"
#include <stdio.h>

#define QUERIES_SAMPLED 200
#define MODELS_MAX 16u

struct quality {
    double ndcg;
    unsigned judged;     /* queries */
    double overlap, rbo; /* with the first model */
};
struct row {
    const char *name;
    struct strbuf dir;
    struct bench_result result;
    struct quality quality;
};

/* Judgments of documents that are not there (--documents) cannot be met by any model. */
static void drop_absent(const struct bench_corpus *c, json_t *judgments)
{
    json_t *present = json_object(), *grades, *v;
    const char *query, *id;
    void *next;
    for (size_t i = 0; i < c->document_count; i++)
        json_object_set_new(present, c->documents[i].id, json_true());
    json_object_foreach(judgments, query, grades)
    {
        json_object_foreach_safe(grades, next, id, v)
        {
            if (!json_object_get(present, id))
                json_object_del(grades, id);
        }
    }
    json_decref(present);
}

static void judge(const struct bench_corpus *c, const json_t *judgments, struct row *row)
{
    struct quality *q = &row->quality;
    for (size_t i = 0; i < c->query_count; i++) {
        const char *ids[BENCH_DEPTH];
        const json_t *grades = json_object_get(judgments, c->queries[i].id);
        size_t relevant;
        size_t n = row->result.hit_counts[i];
        for (size_t k = 0; k < n; k++)
            ids[k] = c->documents[row->result.hits[i * BENCH_DEPTH + k]].id;
        q->ndcg += judgments_ndcg(grades, ids, n, &relevant);
        q->judged += relevant > 0;
    }
    if (q->judged)
        q->ndcg /= q->judged;
}

static void agree(const struct bench_corpus *c, const struct row *first, struct row *row)
{
    for (size_t i = 0; i < c->query_count; i++) {
        const uint32_t *a = first->result.hits + i * BENCH_DEPTH;
        const uint32_t *b = row->result.hits + i * BENCH_DEPTH;
        size_t a_count = first->result.hit_counts[i], b_count = row->result.hit_counts[i];
        row->quality.overlap += ranking_overlap(a, a_count, b, b_count, 10);
        row->quality.rbo += ranking_rbo(a, a_count, b, b_count, .9);
    }
    if (c->query_count) {
        row->quality.overlap /= (double)c->query_count;
        row->quality.rbo /= (double)c->query_count;
    }
}

/* --- printing --- */

static double a_second(uint64_t n, double s)
{
    return s > 0 ? (double)n / s : 0;
}

static void print_json(const struct row *rows, unsigned count, const struct bench_corpus *c,
                       bool judged)
{
    struct strbuf b;
    struct json_writer w;
    strbuf_init(&b, 0);
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_key(&w, "documents"), json_put_int(&w, (int64_t)c->document_count);
    json_key(&w, "queries"), json_put_int(&w, (int64_t)c->query_count);
    json_key(&w, "models"), json_array_begin(&w);
    for (const struct row *r = rows; r < rows + count; r++) {
        const struct bench_result *x = &r->result;
        json_object_begin(&w);
        model_put(&w, &x->info, r->dir.buf);
        if (judged) {
            json_key(&w, "ndcg@10"), json_put_double(&w, r->quality.ndcg);
            json_key(&w, "judged_queries"), json_put_int(&w, r->quality.judged);
        }
        json_key(&w, "overlap@10"), json_put_double(&w, r->quality.overlap);
        json_key(&w, "rbo"), json_put_double(&w, r->quality.rbo);
        json_key(&w, "open_seconds"), json_put_double(&w, x->open_s);
        json_key(&w, "tokens"), json_put_int(&w, (int64_t)x->tokens);
        json_key(&w, "tokens_per_second"), json_put_double(&w, a_second(x->tokens, x->embed_s));
        json_key(&w, "passages"), json_put_int(&w, (int64_t)x->passages);
        json_key(&w, "passages_per_second"), json_put_double(&w, a_second(x->passages, x->embed_s));
        json_key(&w, "query_p50_ms"), json_put_double(&w, x->query_p50_ms);
        json_key(&w, "resident_bytes"), json_put_int(&w, (int64_t)x->resident_bytes);
        json_object_end(&w);
    }
    json_array_end(&w);
    json_object_end(&w);
    printf("%s\n", b.buf);
    strbuf_release(&b);
}

static void print_table(const struct row *rows, unsigned count, const struct bench_corpus *c,
                        bool judged)
{
    printf("%zu documents, %zu queries; overlap and RBO are with %s\n\n", c->document_count,
           c->query_count, rows[0].name);
    printf("%-26s %-5s %5s %8s %8s %6s %9s %11s %9s %8s\n", "model", "prec", "dims",
           judged ? "nDCG@10" : "", "overl@10", "RBO", "tokens/s", "passages/s", "query p50",
           "memory");
    for (const struct row *r = rows; r < rows + count; r++) {
        const struct bench_result *x = &r->result;
        char ndcg[16] = "";
        if (judged)
            snprintf(ndcg, sizeof ndcg, "%.4f", r->quality.ndcg);
        printf("%-26.26s %-5s %5u %8s %8.3f %6.3f %9.0f %11.1f %6.2f ms %5.0f MB\n", r->name,
               precision_name(x->info.precision), x->info.dims, ndcg, r->quality.overlap,
               r->quality.rbo, a_second(x->tokens, x->embed_s), a_second(x->passages, x->embed_s),
               x->query_p50_ms, (double)x->resident_bytes / 1e6);
    }
}

/* --- the command --- */

struct request {
    struct bench_corpus corpus;
    struct row rows[MODELS_MAX];
    unsigned count;
    json_t *judgments; /* NULL: none */
    struct model_options model;
    int64_t threads, documents_max;
};

static enum err read_options(const struct args *a, struct request *q, struct err_info *e)
{
    const char *precision = args_get(a, "--precision");
    if (a->word_count < 2 || a->word_count > MODELS_MAX + 1 || !args_get(a, "--corpus"))
        return err_set(e, ERR_INVALID, "bench",
                       "akin model bench wants one to %u models and --corpus FILE", MODELS_MAX);
    if (args_get(a, "--judgments") && !args_get(a, "--queries"))
        return err_set(e, ERR_INVALID, "--queries", "judgments are of queries: --queries FILE");
    enum err rc = args_int(a, "--documents", 2, 1000000, 5000, &q->documents_max, e);
    if (rc == ERR_OK)
        rc = args_int(a, "--threads", 1, 256, 0, &q->threads, e);
    if (rc == ERR_OK && precision)
        rc = precision_parse(str_c(precision), &q->model.precision, e);
    return rc;
}

static enum err read_files(const struct args *a, struct request *q, struct err_info *e)
{
    enum err rc =
        bench_corpus_read(&q->corpus, args_get(a, "--corpus"), (size_t)q->documents_max, e);
    if (rc == ERR_OK)
        rc = bench_queries_read(&q->corpus, args_get(a, "--queries"), QUERIES_SAMPLED, e);
    if (rc == ERR_OK && args_get(a, "--judgments")) {
        q->judgments = json_object();
        rc = judgments_read(args_get(a, "--judgments"), q->judgments, e);
        drop_absent(&q->corpus, q->judgments);
    }
    return rc;
}

static enum err run_models(const struct config *c, const struct args *a, struct request *q,
                           struct err_info *e)
{
    enum err rc = ERR_OK;
    for (unsigned i = 1; i < a->word_count && rc == ERR_OK; i++) {
        struct row *r = &q->rows[q->count++];
        r->name = a->words[i];
        strbuf_init(&r->dir, 0);
        rc = settings_model_dir(c, r->name, &r->dir, e);
        if (rc == ERR_OK)
            rc = bench_run(&q->corpus, r->dir.buf, &q->model, (unsigned)q->threads, &r->result, e);
        if (rc != ERR_OK)
            break;
        agree(&q->corpus, &q->rows[0], r);
        if (q->judgments)
            judge(&q->corpus, q->judgments, r);
    }
    return rc;
}

enum err model_bench(const struct config *c, const struct args *a, struct err_info *e)
{
    struct request q = {0};
    char cache[MODEL_CACHE_BYTES];
    enum err rc = read_options(a, &q, e);
    q.model.cache_dir = model_cache_dir(c, cache);
    if (rc == ERR_OK)
        rc = read_files(a, &q, e);
    if (rc == ERR_OK)
        rc = run_models(c, a, &q, e);
    if (rc == ERR_OK)
        (args_has(a, "--json") ? print_json : print_table)(q.rows, q.count, &q.corpus,
                                                           q.judgments != NULL);
    for (unsigned i = 0; i < q.count; i++) {
        bench_result_release(&q.rows[i].result);
        strbuf_release(&q.rows[i].dir);
    }
    json_decref(q.judgments);
    bench_corpus_release(&q.corpus);
    return rc;
}

/* One version held against another: exact search of the same queries in both.
 *
 *   overlap@10  how many of the ten nearest documents are the same, as a share
 *   RBO         the same, but what stands higher counts more (ranking_rbo, p = .9)
 *   nDCG@10     with judgments (ranking_dcg)
 *
 * The report is an object:
 *
 *     {"against":1,"at":"..","queries":100,"overlap_at_10":.9,"rbo":.93,"rbo_p":.9,"judged_queries":0,
 *      "active":{"version":1,"latency_ms_p50":1.2,"bytes":n,"model_bytes":n,"ndcg_at_10":null},
 *      "candidate":{ the same }} */
#include "base/clock.h"
#include "base/rng.h"
#include "engine/internal.h"
#include "math/ranking.h"
#include "text/text.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 10
#define RBO_P .9
#define SAMPLE 100
#define SAMPLE_TRIES 4 /* numbers drawn for each wanted, since some are gone */
#define SAMPLE_SEED 1
#define QUERY_BYTES 300

struct side {
    struct version *v;
    float *vector;
    struct vector_hit hits[DEPTH];
    size_t count;
    int64_t *times_ns; /* of queries that were not answered from a cache */
    size_t time_count;
    double ndcg;
};

struct comparison {
    struct collection *c;
    struct arena *a;
    const struct compare_request *r;
    int64_t deadline_ns;
    struct side sides[2]; /* the active one, the candidate */
    struct str *queries;
    size_t query_count, judged;
    uint32_t *judged_numbers; /* of r->judgments */
    double *grades;           /* room for those of one query */
    double overlap, rbo;
};

/* ---- queries ---- */

static struct str first_sentence(struct str text)
{
    size_t n = text.n < QUERY_BYTES ? text.n : utf8_floor(text, QUERY_BYTES);
    for (size_t i = 0; i + 1 < n; i++)
        if (text.s[i] == '\n' || (strchr(".?!", text.s[i]) && text.s[i + 1] == ' '))
            n = i + 1;
    return str_trim((struct str){text.s, n});
}

static void query_add(struct comparison *k, struct str query)
{
    if (str_trim(query).n == 0 || k->query_count > COMPARE_QUERIES_MAX)
        return;
    for (size_t i = 0; i < k->query_count; i++)
        if (str_eq(k->queries[i], query))
            return;
    k->queries[k->query_count++] = query;
}

/* Title, or else first sentence of a document. */
static void sample_add(struct comparison *k, const struct document_record *d)
{
    json_t *object = NULL;
    if (!d->number || json_parse_stored(d->payload, &object, NULL))
        return;
    struct str title = json_str(json_object_get(object, "title"));
    struct str text = first_sentence(title.n ? title : json_str(json_object_get(object, "text")));
    if (text.n)
        query_add(k, arena_str(k->a, text));
    json_decref(object);
}

static enum err queries_sample(struct comparison *k, struct err_info *e)
{
    uint32_t numbers[SAMPLE];
    struct document_record *docs = arena_array(k->a, SAMPLE, sizeof *docs);
    struct rng rng;
    lock_take(&k->c->lock);
    size_t live = k->c->live_count;
    lock_drop(&k->c->lock);
    rng_init(&rng, SAMPLE_SEED);
    enum err err = 0;
    for (int try = 0; try < SAMPLE_TRIES && live > 1 && k->query_count < SAMPLE && !err; try++) {
        for (size_t i = 0; i < SAMPLE; i++)
            numbers[i] = 1 + (uint32_t)rng_below(&rng, live - 1);
        err = store_documents_by_number(k->c->engine->store, k->a, k->c->id, numbers, SAMPLE,
                                        DOCUMENT_PAYLOAD, docs, e);
        for (size_t i = 0; i < SAMPLE && !err && k->query_count < SAMPLE; i++)
            sample_add(k, &docs[i]);
    }
    return err;
}

static enum err queries_make(struct comparison *k, struct err_info *e)
{
    const struct compare_request *r = k->r;
    size_t most = r->query_count + r->judgment_count;
    k->queries = arena_array(k->a, most > SAMPLE ? most : SAMPLE, sizeof *k->queries);
    for (size_t i = 0; i < r->query_count; i++)
        query_add(k, r->queries[i]);
    for (size_t i = 0; i < r->judgment_count; i++)
        query_add(k, r->judgments[i].query);
    if (k->query_count > COMPARE_QUERIES_MAX)
        return err_set(e, ERR_TOO_LARGE, "/queries", "at most %d different queries",
                       COMPARE_QUERIES_MAX);
    enum err err = most == 0 ? queries_sample(k, e) : 0;
    if (!err && k->query_count == 0)
        err = err_set(e, ERR_INVALID, "/queries",
                      "there is nothing to compare with: no queries, and no documents");
    return err;
}

static enum err judgments_read(struct comparison *k, struct err_info *e)
{
    size_t n = k->r->judgment_count;
    struct str *ids = arena_array(k->a, n + 1, sizeof *ids);
    k->grades = arena_array(k->a, n + 1, sizeof *k->grades);
    k->judged_numbers = arena_array(k->a, n + 1, sizeof *k->judged_numbers);
    for (size_t i = 0; i < n; i++)
        ids[i] = k->r->judgments[i].document;
    return numbers_of_ids(k->c, NULL, k->a, ids, n, k->judged_numbers, e);
}

/* ---- measures ---- */

static void query_alike(struct comparison *k)
{
    uint32_t numbers[2][DEPTH];
    for (int i = 0; i < 2; i++)
        for (size_t h = 0; h < k->sides[i].count; h++)
            numbers[i][h] = k->sides[i].hits[h].number;
    size_t x = k->sides[0].count, y = k->sides[1].count;
    k->overlap += ranking_overlap(numbers[0], x, numbers[1], y, DEPTH);
    k->rbo += ranking_rbo(numbers[0], x, numbers[1], y, RBO_P);
}

static double ideal_of(struct comparison *k, struct str query)
{
    size_t n = 0;
    for (size_t i = 0; i < k->r->judgment_count; i++)
        if (str_eq(k->r->judgments[i].query, query))
            k->grades[n++] = k->r->judgments[i].grade;
    return ranking_dcg_ideal(k->grades, n, DEPTH);
}

static double gain_of(const struct comparison *k, const struct side *s, struct str query)
{
    double gains[DEPTH] = {0};
    for (size_t i = 0; i < k->r->judgment_count; i++)
        for (size_t h = 0; h < s->count && str_eq(k->r->judgments[i].query, query); h++)
            if (s->hits[h].number == k->judged_numbers[i])
                gains[h] += k->r->judgments[i].grade;
    return ranking_dcg(gains, s->count);
}

static void query_judge(struct comparison *k, struct str query)
{
    double ideal = ideal_of(k, query);
    if (ideal <= 0)
        return;
    k->judged++;
    for (int i = 0; i < 2; i++)
        k->sides[i].ndcg += gain_of(k, &k->sides[i], query) / ideal;
}

/* ---- the queries in both ---- */

static enum err side_search(struct comparison *k, struct side *s, struct str query,
                            struct err_info *e)
{
    const struct model_info *m = model_info(s->v->model);
    size_t room = m->tokens_max - tokenizer_specials(model_tokenizer(s->v->model)) -
                  m->prefix_tokens[ROLE_QUERY]; /* a token is a byte at least */
    struct embed_text text = {.text = query, .out = s->vector};
    if (query.n > room)
        text.text.n = utf8_floor(query, room);
    int64_t t0 = clock_mono_ns();
    enum err err = embedder_embed(k->c->engine->embedder, s->v->model, ROLE_QUERY, LANE_INTERACTIVE,
                                  &text, 1, k->deadline_ns, e);
    if (err)
        return err;
    s->count = vectors_search(s->v->vectors, s->vector, DEPTH, NULL, true, s->hits);
    if (!text.cached)
        s->times_ns[s->time_count++] = clock_mono_ns() - t0;
    return 0;
}

static enum err queries_run(struct comparison *k, struct err_info *e)
{
    enum err err = 0;
    for (size_t i = 0; i < k->query_count && !err; i++) {
        if (engine_closing(k->c->engine))
            return err_set(e, ERR_CANCELLED, NULL, "akin is stopping");
        for (size_t s = 0; s < 2 && !err; s++) /* in turns, so that neither has the warmer caches */
            err = side_search(k, &k->sides[(i + s) % 2], k->queries[i], e);
        if (err)
            break;
        query_alike(k);
        query_judge(k, k->queries[i]);
    }
    return err;
}

/* ---- the report ---- */

static int time_compare(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void put_share(struct json_writer *w, const char *key, double v)
{
    json_key_double(w, key, round(v * 1e4) / 1e4);
}

static void side_put(struct json_writer *w, const char *key, const struct comparison *k,
                     struct side *s)
{
    json_key(w, key);
    json_object_begin(w);
    json_key_int(w, "version", s->v->id);
    qsort(s->times_ns, s->time_count, sizeof *s->times_ns, time_compare);
    if (s->time_count)
        put_share(w, "latency_ms_p50", (double)s->times_ns[s->time_count / 2] / 1e6);
    json_key_int(w, "bytes", vectors_bytes(s->v->vectors));
    json_key_int(w, "model_bytes", model_info(s->v->model)->weight_bytes);
    if (k->judged)
        put_share(w, "ndcg_at_10", s->ndcg / (double)k->judged);
    json_object_end(w);
}

static struct str report_make(struct comparison *k)
{
    struct strbuf b;
    struct json_writer w;
    char at[CLOCK_TEXT];
    clock_format(clock_wall_us(), at);
    strbuf_init(&b, 0);
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_key_int(&w, "against", k->sides[0].v->id);
    json_key_c(&w, "at", at);
    json_key_int(&w, "queries", k->query_count);
    put_share(&w, "overlap_at_10", k->overlap / (double)k->query_count);
    put_share(&w, "rbo", k->rbo / (double)k->query_count);
    put_share(&w, "rbo_p", RBO_P);
    json_key_int(&w, "judged_queries", k->judged);
    side_put(&w, "active", k, &k->sides[0]);
    side_put(&w, "candidate", k, &k->sides[1]);
    json_object_end(&w);
    struct str text = arena_str(k->a, strbuf_str(&b));
    strbuf_release(&b);
    return text;
}

enum err version_compare(struct version *active, struct version *v, const struct compare_request *r,
                         int64_t deadline_ns, struct arena *a, struct str *report,
                         struct err_info *e)
{
    struct comparison k = {.c = v->collection, .a = a, .r = r, .deadline_ns = deadline_ns};
    enum err err = version_check_model(active, e);
    if (!err)
        err = version_check_model(v, e);
    if (!err)
        err = queries_make(&k, e);
    if (!err)
        err = judgments_read(&k, e);
    if (err)
        return err;
    for (int i = 0; i < 2; i++) {
        struct side *s = &k.sides[i];
        s->v = i ? v : active;
        s->vector = arena_array(a, s->v->dims, sizeof *s->vector);
        s->times_ns = arena_array(a, k.query_count, sizeof *s->times_ns);
    }
    err = queries_run(&k, e);
    if (!err)
        *report = report_make(&k);
    return err;
}

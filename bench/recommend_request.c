/* bench_recommend_request DATA COLLECTION MODEL READER READERS [REQUESTS]: how long the engine
 * takes for the recommendations of a reader, in a data directory that no server holds. READER is
 * how readers are called, before their number ("u"); each request takes one of READERS. If no
 * trained model serves, one with random rows of 500 and a text part is planted first, of all
 * documents but the newest tenth, and after that one of random factors, with sessions, in its
 * place. A JSON line for each kind of request: microseconds. */
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/rng.h"
#include "engine/recommend_sources.h"
#include "engine/recommenders.h"
#include "math/half.h"
#include "recommend/factors.h"
#include "recommend/item_model.h"
#include "recommend/session_model.h"
#include "recommend/text_model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT 500
#define WARM 200
#define FACTORS 128
#define SESSIONS 50000
#define SESSION 5 /* documents of one, past or asked about */

static void must(enum err err, const struct err_info *info, const char *what)
{
    if (!err)
        return;
    fprintf(stderr, "%s: %s\n", what, info->message);
    exit(1);
}

static int rising(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static struct item_model *rows_random(struct rng *r, uint32_t items)
{
    uint32_t *counts = xcalloc(items, sizeof *counts);
    uint32_t *to = xmalloc((size_t)items * KEPT * sizeof *to);
    float *weights = xmalloc((size_t)items * KEPT * sizeof *weights);
    for (uint32_t i = 0; i < items; i++) {
        uint32_t *row = to + (size_t)i * KEPT;
        for (uint32_t k = 0; k < KEPT; k++) {
            row[k] = (uint32_t)rng_below(r, items);
            weights[(size_t)i * KEPT + k] = .05f * rng_normal(r);
        }
        qsort(row, KEPT, sizeof *row, rising);
        for (uint32_t k = 0; k < KEPT; k++)
            if (counts[i] == 0 || row[counts[i] - 1] != row[k])
                row[counts[i]++] = row[k];
    }
    struct item_model *m = item_model_new(items, KEPT, counts, to, weights);
    free(counts);
    free(to);
    free(weights);
    return m;
}

static struct text_model *text_random(struct rng *r, uint32_t dims)
{
    struct text_model *t = xcalloc(1, sizeof *t);
    *t = (struct text_model){.dims = dims, .near = 20, .blend = 1, .scale = .1};
    t->mean = xcalloc(dims, sizeof *t->mean);
    t->readers = xcalloc((size_t)dims * dims, sizeof *t->readers);
    for (uint32_t i = 0; i < dims; i++)
        for (uint32_t j = 0; j <= i; j++)
            t->readers[i * dims + j] = t->readers[j * dims + i] =
                .001f * rng_normal(r) + (i == j ? .1f : 0);
    return t;
}

static struct factors *factors_random(struct rng *r, uint32_t items)
{
    struct factors *f = xcalloc(1, sizeof *f);
    *f = (struct factors){
        .items = items, .known = items, .dims = FACTORS, .alpha = .01, .lambda = .001, .nu = 1};
    f->gram = xcalloc(FACTORS, sizeof *f->gram);
    f->vectors = xmalloc((size_t)items * FACTORS * sizeof *f->vectors);
    for (size_t i = 0; i < (size_t)items * FACTORS; i++) {
        float x = .1f * rng_normal(r);
        f->vectors[i] = half_of_float(x);
        f->gram[i % FACTORS] += f->alpha * (double)x * (double)x;
    }
    return f;
}

static struct session_model *sessions_random(struct rng *r, uint32_t items)
{
    size_t *start = xmalloc((SESSIONS + 1) * sizeof *start);
    uint32_t *at = xmalloc(SESSIONS * SESSION * sizeof *at);
    for (size_t s = 0; s <= SESSIONS; s++)
        start[s] = s * SESSION;
    for (size_t s = 0; s < SESSIONS; s++)
        for (size_t k = 0, first = rng_below(r, items); k < SESSION; k++)
            at[s * SESSION + k] = (uint32_t)((first + k * 7) % items);
    struct session_model *m = session_model_new(items, SESSIONS, start, at);
    free(start);
    free(at);
    return m;
}

static struct recommend_model *model_random(struct collection *c, uint32_t dims,
                                            enum model_kind kind)
{
    struct docset all;
    struct rng r;
    rng_init(&r, 1);
    docset_init(&all);
    attributes_all(c->attributes, &all);
    struct recommend_model *m = xcalloc(1, sizeof *m);
    m->kind = kind;
    m->items = (uint32_t)(all.count - all.count / 10);
    m->numbers = xcalloc(m->items, sizeof *m->numbers);
    m->readers = xcalloc(m->items, sizeof *m->readers);
    uint32_t number = docset_next(&all, 0);
    for (uint32_t i = 0; i < m->items; i++, number = docset_next(&all, number + 1)) {
        m->numbers[i] = number;
        m->readers[i] = 1;
    }
    if (kind == MODEL_IALS) {
        m->factors = factors_random(&r, m->items);
        m->sessions = sessions_random(&r, m->items);
    } else {
        m->rows = rows_random(&r, m->items);
    }
    m->text = text_random(&r, dims);
    m->report = xstrdup("{}");
    m->position = 1;
    docset_release(&all);
    return m;
}

static void plant(struct engine *x, struct collection *c, enum model_kind kind, struct arena *a)
{
    char digest[65], *beside = arena_printf(a, "%s/tmp/planted.model", x->data_dir);
    struct err_info e = {0};
    struct version *v = version_active(c);
    struct recommend_model *m = model_random(c, v->dims, kind);
    struct store_act act = {.kind = ACT_RECOMMENDER_CREATE};
    struct recommender_info info;
    must(recommend_model_save(m, beside, &e), &e, "save");
    must(file_sha256(beside, digest, &e), &e, "digest");
    recommend_model_free(m);
    act.recommender = (struct recommender_record){.collection = c->id,
                                                  .kind = STR("planted"),
                                                  .digest = str_c(digest),
                                                  .version = v->id,
                                                  .change = 1};
    must(recommender_act(x, &act, &e), &e, "record");
    must(file_mkdirs(recommender_path(c, 0, a), 0700, &e), &e, "folder");
    must(file_rename(beside, recommender_path(c, (uint32_t)act.id, a), &e), &e, "rename");
    must(engine_recommender_promote(x, str_c(c->name), (uint32_t)act.id, a, &info, &e), &e,
         "promote");
    version_unref(v);
}

static int double_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Ids of documents that the model knows, near to each other in the planted sessions. */
static void session_make(struct engine *x, struct collection *c, struct arena *a, struct str *out)
{
    struct err_info e = {0};
    struct recommender *served = recommender_take(c, 0);
    struct document_record docs[SESSION];
    uint32_t numbers[SESSION];
    for (uint32_t k = 0; k < SESSION; k++)
        numbers[k] = served->model->numbers[(5 + 7 * k) % served->model->items];
    must(store_documents_by_number(x->store, a, c->id, numbers, SESSION, DOCUMENT_HEAD, docs, &e),
         &e, "documents");
    for (uint32_t k = 0; k < SESSION; k++)
        out[k] = docs[k].id;
    recommender_release(served);
}

struct bench {
    struct engine *x;
    struct str collection;
    const char *reader;
    unsigned readers, requests;
};

static void measure(const struct bench *b, const char *kind, struct recommend_request r)
{
    struct arena *a = arena_new(0);
    struct rng random;
    double *us = xcalloc(b->requests, sizeof *us), sum = 0;
    char name[64];
    rng_init(&random, 2);
    for (unsigned i = 0; i < WARM + b->requests; i++) {
        struct recommend_answer answer;
        struct err_info e = {0};
        unsigned who = (unsigned)rng_below(&random, b->readers);
        snprintf(name, sizeof name, "%.40s%u", b->reader, who);
        r.user = str_c(name);
        int64_t t0 = clock_mono_ns();
        must(engine_recommend(b->x, b->collection, &r, a, &answer, &e), &e, "recommend");
        if (i >= WARM)
            us[i - WARM] = (double)(clock_mono_ns() - t0) / 1e3;
        arena_reset(a);
    }
    for (unsigned i = 0; i < b->requests; i++)
        sum += us[i] / b->requests;
    qsort(us, b->requests, sizeof *us, double_compare);
    printf(
        "{\"requests\":\"%s\",\"p50_us\":%.0f,\"p99_us\":%.0f,\"max_us\":%.0f,\"mean_us\":%.0f}\n",
        kind, us[b->requests / 2], us[b->requests * 99 / 100], us[b->requests - 1], sum);
    fflush(stdout);
    free(us);
    arena_free(a);
}

static void measure_factors(const struct bench *b, struct collection *c, struct recommend_request r)
{
    struct arena *a = arena_new(0);
    struct str session[SESSION];
    plant(b->x, c, MODEL_IALS, a);
    measure(b, "iALS, new documents not yet looked up", r);
    clock_sleep_ns(15000000000);
    measure(b, "iALS", r);
    r.explain = true;
    measure(b, "iALS, explained", r);
    session_make(b->x, c, a, session);
    r.session = session;
    r.session_count = SESSION;
    measure(b, "session, explained", r);
    r.explain = false;
    measure(b, "session", r);
    arena_free(a);
}

int main(int argc, char **argv)
{
    struct engine_options o = {.snapshot_seconds = 3600};
    struct err_info e = {0};
    struct bench b;
    struct collection *c;
    if (argc < 6) {
        fprintf(stderr, "usage: %s DATA COLLECTION MODEL READER READERS [REQUESTS]\n", argv[0]);
        return 2;
    }
    json_setup();
    log_set_level(LOG_ERROR);
    o.data_dir = argv[1];
    o.model_dir = argv[3];
    b = (struct bench){.collection = str_c(argv[2]),
                       .reader = argv[4],
                       .readers = (unsigned)strtoul(argv[5], NULL, 10),
                       .requests = argc > 6 ? (unsigned)strtoul(argv[6], NULL, 10) : 2000};
    must(engine_open(&o, &b.x, &e), &e, "open");
    must(collection_find(b.x, b.collection, &c, &e), &e, "collection");
    struct arena *a = arena_new(0);
    struct recommend_request r = {.limit = 20, .exclude_seen = true};
    struct recommender *served = recommender_take(c, 0);
    if (!served) {
        measure(&b, "profile", r);
        plant(b.x, c, MODEL_EASE, a);
        measure(&b, "model, new documents not yet looked up", r);
        clock_sleep_ns(15000000000);
    }
    measure(&b, "model", r);
    r.explain = true;
    measure(&b, "model, explained", r);
    r.explain = false;
    r.diversity = .3;
    measure(&b, "model, diverse", r);
    r.diversity = 0;
    if (!served)
        measure_factors(&b, c, r);
    recommender_release(served);
    collection_unref(c);
    arena_free(a);
    engine_close(b.x, clock_mono_ns() + 1000000000);
    return 0;
}

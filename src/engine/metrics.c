/* Metrics of the engine; names in the design. Declared at opening, so that they stand at 0 from the
 * start. */
#include "engine/internal.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const stage_names[STAGE_COUNT] = {"parse",  "split", "embed",
                                                     "commit", "apply", "all"};
static const char *const feedback_types[] = {"view", "click", "like",    "save",
                                             "read", "rate",  "dislike", "custom"};
#define FEEDBACK_TYPES (sizeof feedback_types / sizeof *feedback_types)
#define STRATEGIES (sizeof strategies / sizeof *strategies)
static const char *const strategies[] = {"profile", "popular",  "newest", "model",
                                         "session", "trending", "blend"};
static const char *const indexes[INDEX_COUNT] = {"documents", "vectors", "words"};
static const char *const task_states[] = {"queued", "running", "done", "failed", "cancelled"};
static const char *const task_types[] = {"embed", "train"};
static const double train_bounds[] = {1, 5, 15, 60, 300, 900, 3600, 14400};

/* What memory an index takes. */
enum part { PART_VECTORS, PART_WORDS, PART_ATTRIBUTES, PART_DUPLICATES, PART_LIVE, PART_COUNT };
static const char *const part_names[PART_COUNT] = {"vectors", "words", "attributes", "duplicates",
                                                   "live"};

static const char *const model_metrics[] = {"recall@20", "recall@50", "recall@100",  "ndcg@10",
                                            "ndcg@100",  "mrr@100",   "coverage@20", "gini@20"};

struct engine_metrics {
    struct histogram *stages[STAGE_COUNT][2]; /* ok, failed */
    struct histogram *search[4];              /* by mode; similar */
    struct histogram *recommend[STRATEGIES];
    struct counter *feedback[FEEDBACK_TYPES];
    struct counter_family *errors;
    struct counter *cache_hits, *cache_misses;
    struct counter *truncated, *quota_refused;
    struct gauge *lag, *index_bytes, *parts[PART_COUNT], *tail, *rough;
    struct histogram *train;
    struct gauge_family *model_metrics;
    struct gauge_family *documents, *passages, *tasks, *recall, *width;
    struct counter *measured[3];
    struct counter *saves[INDEX_COUNT][2], *rebuilds[INDEX_COUNT]; /* saves: ok, failed */
};

static void collect(void *ctx)
{
    struct engine *x = ctx;
    struct position now;
    size_t bytes = 0, parts[PART_COUNT] = {0}, tail = 0, rough = 0;
    for (struct collection *c = NULL; (c = collection_next(x, c));) {
        lock_take(&c->lock);
        size_t documents = c->documents, passages = 0;
        struct vectors_recall recall = {.ratio = 1};
        parts[PART_LIVE] += c->live_count * sizeof *c->live;
        lock_drop(&c->lock);
        for (struct version *v = NULL; (v = version_next(c, v));) {
            parts[PART_VECTORS] += vectors_bytes(v->vectors);
            tail += vectors_tail(v->vectors);
            rough += vectors_rough(v->vectors);
            if (version_state(v) == VERSION_ACTIVE) {
                passages = vectors_count(v->vectors);
                recall = vectors_recall(v->vectors);
            }
        }
        const char *name[] = {c->name};
        gauge_set(gauge_of(x->metrics->recall, name), recall.ratio);
        gauge_set(gauge_of(x->metrics->width, name), recall.width);
        gauge_set(gauge_of(x->metrics->documents, name), (double)documents);
        gauge_set(gauge_of(x->metrics->passages, name), (double)passages);
        parts[PART_ATTRIBUTES] += attributes_bytes(c->attributes);
        parts[PART_DUPLICATES] += duplicates_bytes(c->duplicates);
        parts[PART_WORDS] += words_bytes(c->words);
    }
    for (int i = 0; i < PART_COUNT; i++) {
        bytes += parts[i];
        gauge_set(x->metrics->parts[i], (double)parts[i]);
    }
    gauge_set(x->metrics->tail, (double)tail);
    gauge_set(x->metrics->rough, (double)rough);
    gauge_set(x->metrics->index_bytes, (double)bytes);
    if (!x->store)
        return;
    store_position(x->store, &now);
    lock_take(&x->applied_lock);
    uint64_t applied = x->applied;
    lock_drop(&x->applied_lock);
    gauge_set(x->metrics->lag, now.change > applied ? (double)(now.change - applied) : 0);
}

static void declare_recall(struct engine_metrics *m)
{
    m->recall = gauge_family("index_recall_ratio",
                             "Share of the true answers among vectors that searches had, as "
                             "measured on a sample of the last ones; 1 before the first sample.",
                             "collection");
    m->width =
        gauge_family("index_walk_width", "How wide a walk for 10 looks, to hold the recall target.",
                     "collection");
    struct counter_family *f =
        counter_family("index_recall_samples_total",
                       "Searches that were measured, by how they were answered.", "plan");
    m->measured[0] = counter_of(f, (const char *[]){"scan"});
    m->measured[1] = counter_of(f, (const char *[]){"walk"});
    m->measured[2] = counter_of(f, (const char *[]){"filtered_walk"});
}

static void declare_histograms(struct engine_metrics *m)
{
    struct histogram_family *f =
        histogram_family("document_processing_seconds",
                         "Time of a document in a stage of its way in; stage all: as long as its "
                         "request or batch took.",
                         "stage,outcome", NULL, 0);
    for (int s = 0; s < STAGE_COUNT; s++) {
        m->stages[s][0] = histogram_of(f, (const char *[]){stage_names[s], "ok"});
        m->stages[s][1] = histogram_of(f, (const char *[]){stage_names[s], "failed"});
    }
    f = histogram_family("search_duration_seconds", "Time of a search in the engine.", "mode", NULL,
                         0);
    for (int i = 0; i < 3; i++)
        m->search[i] = histogram_of(f, (const char *[]){search_mode_name((enum search_mode)i)});
    m->search[3] = histogram_of(f, (const char *[]){"similar"});
    f = histogram_family("recommend_duration_seconds", "Time of a recommendation in the engine.",
                         "strategy", NULL, 0);
    for (size_t i = 0; i < STRATEGIES; i++)
        m->recommend[i] = histogram_of(f, (const char *[]){strategies[i]});
}

static void declare_files(struct engine_metrics *m)
{
    struct counter_family *saves =
        counter_family("index_saves_total", "Index files written.", "index,outcome");
    struct counter_family *rebuilds = counter_family(
        "index_rebuilds_total",
        "Indexes made anew from the store: missing, damaged or too far behind.", "index");
    for (int i = 0; i < INDEX_COUNT; i++) {
        m->rebuilds[i] = counter_of(rebuilds, (const char *[]){indexes[i]});
        m->saves[i][0] = counter_of(saves, (const char *[]){indexes[i], "ok"});
        m->saves[i][1] = counter_of(saves, (const char *[]){indexes[i], "failed"});
    }
}

void metrics_open(struct engine *x)
{
    struct engine_metrics *m = x->metrics = xcalloc(1, sizeof *m);
    declare_histograms(m);
    declare_recall(m);
    declare_files(m);
    struct counter_family *feedback =
        counter_family("feedback_total", "Feedback accepted.", "type");
    for (size_t i = 0; i < FEEDBACK_TYPES; i++)
        m->feedback[i] = counter_of(feedback, (const char *[]){feedback_types[i]});
    m->errors = counter_family("errors_total", "Errors by class.", "class");
    m->truncated = counter_of(
        counter_family("embed_truncated_total", "Texts cut off because that was asked for", NULL),
        NULL);
    static const enum err classes[] = {ERR_INVALID, ERR_BUSY, ERR_TIMEOUT,
                                       ERR_FULL,    ERR_IO,   ERR_CORRUPT};
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        counter_of(m->errors, (const char *[]){err_name(classes[i])});
    const char *cache[] = {"embedding_store"};
    m->cache_hits =
        counter_of(counter_family("cache_hits_total", "Look-ups that found it", "cache"), cache);
    m->cache_misses = counter_of(
        counter_family("cache_misses_total", "Look-ups that did not find it", "cache"), cache);
    m->lag = gauge_of(gauge_family("index_lag_changes",
                                   "Committed changes that the indexes do not hold yet.", NULL),
                      NULL);
    m->index_bytes = gauge_of(
        gauge_family("index_bytes", "Bytes of all indexes, in memory and of words on disk.", NULL),
        NULL);
    struct gauge_family *memory =
        gauge_family("index_memory_bytes", "Bytes of the indexes in memory.", "part");
    for (int i = 0; i < PART_COUNT; i++)
        m->parts[i] = gauge_of(memory, (const char *[]){part_names[i]});
    m->tail = gauge_of(
        gauge_family("index_tail_rows", "Vectors that are scanned until a graph has them.", NULL),
        NULL);
    m->rough = gauge_of(gauge_family("index_rough_rows",
                                     "Vectors in a graph whose links will be chosen anew.", NULL),
                        NULL);
    m->documents = gauge_family("documents", "Documents that the indexes hold.", "collection");
    m->passages =
        gauge_family("passages", "Passages with a vector that the indexes hold.", "collection");
    m->tasks = gauge_family("tasks", "Tasks by state.", "status,type");
    for (size_t i = 0; i < sizeof task_states / sizeof *task_states; i++)
        for (size_t k = 0; k < sizeof task_types / sizeof *task_types; k++)
            gauge_of(m->tasks, (const char *[]){task_states[i], task_types[k]});
    m->train = histogram_of(
        histogram_family("model_train_seconds", "Time of a training, to its promotion or not.",
                         NULL, train_bounds, sizeof train_bounds / sizeof *train_bounds),
        NULL);
    m->model_metrics = gauge_family("model_metric_ratio",
                                    "What the recommender that serves reached on held-out readers.",
                                    "collection,metric");
    m->quota_refused = counter_of(
        counter_family("quota_refused_total",
                       "Documents that were refused by the quota of their collection.", NULL),
        NULL);
    metrics_collector(collect, x);
}

void metrics_close(struct engine *x)
{
    metrics_collector_remove(collect, x);
    free(x->metrics);
    x->metrics = NULL;
}

void metric_embedding_cache(struct engine *x, size_t hits, size_t misses)
{
    counter_add(x->metrics->cache_hits, (double)hits);
    counter_add(x->metrics->cache_misses, (double)misses);
}

void metric_stage(struct engine *x, enum stage s, size_t ok, size_t failed, int64_t ns)
{
    size_t n = ok + failed;
    double each = n ? (double)ns / 1e9 / (s == STAGE_ALL ? 1 : (double)n) : 0;
    for (size_t i = 0; i < ok; i++)
        histogram_add(x->metrics->stages[s][0], each);
    for (size_t i = 0; i < failed; i++)
        histogram_add(x->metrics->stages[s][1], each);
}

void metric_search(struct engine *x, enum search_mode mode, int64_t ns)
{
    histogram_add(x->metrics->search[mode], (double)ns / 1e9);
}

void metric_similar(struct engine *x, int64_t ns)
{
    histogram_add(x->metrics->search[3], (double)ns / 1e9);
}

void metric_recommend(struct engine *x, const char *strategy, int64_t ns)
{
    for (size_t i = 0; i < STRATEGIES; i++)
        if (strcmp(strategies[i], strategy) == 0)
            histogram_add(x->metrics->recommend[i], (double)ns / 1e9);
}

static int feedback_type_index(struct str type)
{
    for (size_t i = 0; i < FEEDBACK_TYPES; i++)
        if (str_eq_c(type, feedback_types[i]))
            return (int)i;
    return -1;
}

void metric_feedback(struct engine *x, struct str type)
{
    int i = feedback_type_index(type);
    if (i < 0)
        i = feedback_type_index(STR("custom")); /* a type of the collection's own: labels are few */
    if (i >= 0)
        counter_add(x->metrics->feedback[i], 1);
}

void metric_error(struct engine *x, enum err err)
{
    if (err)
        counter_add(counter_of(x->metrics->errors, (const char *[]){err_name(err)}), 1);
}

void metric_index_saved(struct engine *x, enum index_kind index, bool ok)
{
    counter_add(x->metrics->saves[index][!ok], 1);
}

void metric_index_rebuilt(struct engine *x, enum index_kind index)
{
    counter_add(x->metrics->rebuilds[index], 1);
}

void metric_task(struct engine *x, const char *type, const char *state, double change)
{
    gauge_add(gauge_of(x->metrics->tasks, (const char *[]){state, type}), change);
}

void metric_trained(struct engine *x, double seconds)
{
    histogram_add(x->metrics->train, seconds);
}

void metric_recommender(struct collection *c, struct str report)
{
    json_t *v = NULL;
    if (report.n && json_parse_within(report, 64u << 20, &v, NULL))
        v = NULL;
    const json_t *metrics = json_object_get(v, "metrics");
    for (size_t i = 0; i < sizeof model_metrics / sizeof *model_metrics; i++) {
        const json_t *m = json_object_get(metrics, model_metrics[i]);
        const json_t *mean = json_is_object(m) ? json_object_get(m, "mean") : m;
        const char *labels[] = {c->name, model_metrics[i]};
        if (json_is_number(mean))
            gauge_set(gauge_of(c->engine->metrics->model_metrics, labels), json_number_value(mean));
        else
            gauge_drop(c->engine->metrics->model_metrics, labels);
    }
    json_decref(v);
}

void metric_quota_refused(struct engine *x, size_t count)
{
    counter_add(x->metrics->quota_refused, (double)count);
}

void metric_truncated(struct engine *x, size_t count)
{
    counter_add(x->metrics->truncated, (double)count);
}

void metric_measured(struct engine *x, enum vectors_measured how)
{
    assert(how >= VECTORS_MEASURED_SCAN);
    counter_add(x->metrics->measured[how - VECTORS_MEASURED_SCAN], 1);
}

void metric_collection_drop(struct engine *x, const char *name)
{
    gauge_drop(x->metrics->recall, (const char *[]){name});
    gauge_drop(x->metrics->width, (const char *[]){name});
    gauge_drop(x->metrics->documents, (const char *[]){name});
    gauge_drop(x->metrics->passages, (const char *[]){name});
    for (size_t i = 0; i < sizeof model_metrics / sizeof *model_metrics; i++)
        gauge_drop(x->metrics->model_metrics, (const char *[]){name, model_metrics[i]});
}

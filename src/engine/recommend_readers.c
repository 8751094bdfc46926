/* Who would like a document: the readers who did something lately. The model that serves judges
 * those of whom it knows something: what their documents say for this one, or for what is nearest
 * to it if nobody has read it. The others are judged by a content profile of what they did; they
 * stand behind, since that counts a thousandth, as in recommendations (recommend_sources.c). */
#include "base/clock.h"
#include "engine/recommend_sources.h"
#include "recommend/text_model.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BEHIND 1e-3
#define ROWS_MAX 10000 /* newest feedback that is looked at */
#define DAY_US 86400000000.0

struct reading {
    struct collection *c;
    struct version *v;
    const struct document_readers_request *r;
    struct sight sight;
    struct arena *a;
    uint32_t document;
    float *row;                  /* the document's vector, as profiles see it */
    struct recommender *learned; /* NULL: none */
    uint32_t item;               /* the document's place in its model; MODEL_ITEM_NONE: it is new */
    const struct newcomer *near; /* a new one, with what is near to it; NULL: not */
    float *reach;                /* M e of a new one (recommend/text_model.h) */
    struct document_reader *found;
    size_t count, considered;
};
/* One act; of one reader together, the newest reader first. */
struct act {
    struct str user;
    size_t first; /* the place of the reader's newest act */
    uint32_t number;
    double weight;
};

static int user_compare(const void *a, const void *b)
{
    const struct act *x = a, *y = b;
    int c = str_cmp(x->user, y->user);
    return c ? c : (x->first > y->first) - (x->first < y->first);
}

static int first_compare(const void *a, const void *b)
{
    const struct act *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

static int reader_compare(const void *a, const void *b)
{
    const struct document_reader *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return str_cmp(x->user, y->user);
}

static enum err acts_read(struct reading *g, struct act **out, size_t *count, struct err_info *e)
{
    struct feedback_record *rows;
    struct feedback_settings f;
    size_t n, kept = 0;
    int64_t now_us = clock_wall_us();
    double since_us = (double)now_us - g->r->active_days * DAY_US;
    uint32_t *numbers;
    enum err err =
        feedback_newest(g->c, &g->sight, STR(""), ROWS_MAX, g->a, &rows, &numbers, &n, NULL, e);
    if (err)
        return err;
    collection_feedback(g->c, &f);
    struct act *acts = *out = arena_array(g->a, n + 1, sizeof *acts);
    for (size_t i = 0; i < n; i++) {
        int64_t age_us = now_us > rows[i].time_us ? now_us - rows[i].time_us : 0;
        double weight = feedback_weight(&f, rows[i].type, rows[i].value, age_us);
        if (numbers[i] && (double)rows[i].time_us >= since_us)
            acts[kept++] = (struct act){rows[i].user, kept, numbers[i], weight};
    }
    *count = kept;
    return 0;
}

/* Readers together, those who were active last first. */
static void acts_group(struct act *acts, size_t count)
{
    qsort(acts, count, sizeof *acts, user_compare);
    for (size_t i = 1; i < count; i++)
        if (str_eq(acts[i].user, acts[i - 1].user))
            acts[i].first = acts[i - 1].first;
    qsort(acts, count, sizeof *acts, first_compare);
}

/* ---- by the model ---- */

/* What the reader did to documents that the model knows, one read a document. */
static size_t reads_make(const struct reading *g, const struct act *acts, size_t count,
                         struct model_read *reads)
{
    const struct recommend_model *m = g->learned->model;
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        uint32_t item = recommend_model_item(m, acts[i].number);
        if (item == MODEL_ITEM_NONE || !recommend_model_knows(m, item))
            continue;
        while (k < n && reads[k].item != item)
            k++;
        if (k == n)
            reads[n++] = (struct model_read){.item = item};
        reads[k].weight += (float)acts[i].weight;
    }
    return n;
}

static double item_score(const struct recommend_model *m, const struct model_read *reads, size_t n,
                         uint32_t item, double *parts)
{
    double sum = 0;
    recommend_model_parts(m, reads, n, item, parts);
    for (size_t k = 0; k < n; k++)
        sum += parts[k];
    return sum;
}

/* As text_model_score, but with M moved to the document: one product however many readers. */
static double new_score(const struct reading *g, const struct act *acts, size_t count,
                        const struct model_read *reads, size_t n, struct arena *a)
{
    const struct recommend_model *m = g->learned->model;
    const struct text_model *t = m->text;
    const struct newcomer *k = g->near;
    double ridge = 0, *parts = arena_array(a, n + 1, sizeof *parts);
    float scores[TEXT_MODEL_NEAR_MAX], *row = arena_array(a, t->dims, sizeof *row);
    size_t near = k->near_count < TEXT_MODEL_NEAR_MAX ? k->near_count : TEXT_MODEL_NEAR_MAX;
    for (size_t i = 0; i < count; i++) {
        if (!vectors_document(g->v->vectors, acts[i].number, row) ||
            !text_model_centre(t, row, row))
            continue;
        for (uint32_t d = 0; d < t->dims; d++)
            ridge += acts[i].weight * (double)row[d] * (double)g->reach[d];
    }
    for (size_t j = 0; j < near; j++)
        scores[j] = (float)item_score(m, reads, n, k->near[j], parts);
    return t->offset + t->scale * (ridge + t->blend * text_model_near(scores, k->cosines, near));
}

/* NaN: the model says nothing. */
static double model_score(const struct reading *g, const struct act *acts, size_t count,
                          struct arena *a)
{
    if (!g->learned || (g->item == MODEL_ITEM_NONE && !g->near))
        return NAN;
    struct model_read *reads = arena_array(a, count + 1, sizeof *reads);
    size_t n = reads_make(g, acts, count, reads);
    if (n == 0)
        return NAN;
    if (g->item != MODEL_ITEM_NONE)
        return item_score(g->learned->model, reads, n, g->item,
                          arena_array(a, n + 1, sizeof(double)));
    return new_score(g, acts, count, reads, n, a);
}

/* What the model has of the document. */
static void model_find(struct reading *g, uint64_t revision)
{
    g->item = MODEL_ITEM_NONE;
    g->learned = recommender_for(&g->sight, 0);
    if (!g->learned)
        return;
    const struct recommend_model *m = g->learned->model;
    uint32_t item = recommend_model_item(m, g->document);
    if (item != MODEL_ITEM_NONE && recommend_model_knows(m, item)) {
        g->item = item;
        return;
    }
    if (!learned_text_fits(g->learned, g->v))
        return;
    struct newcomers *all = recommender_newcomers(g->learned);
    newcomers_find(all, &g->document, &revision, 1, &g->near);
    if (!g->near && newcomers_make(all, g->v->vectors, g->document, revision))
        newcomers_find(all, &g->document, &revision, 1, &g->near);
    if (g->near && !g->near->centred)
        g->near = NULL;
    if (!g->near)
        return;
    g->reach = arena_array(g->a, m->text->dims, sizeof *g->reach);
    text_model_read(m->text, g->near->centred, 1, g->reach); /* M is symmetric */
}

/* ---- each reader ---- */

static double profile_judge(const struct reading *g, const struct act *acts, size_t count,
                            struct arena *a)
{
    struct profile p;
    struct recommend_example *examples = arena_array(a, count, sizeof *examples);
    for (size_t i = 0; i < count; i++)
        examples[i] =
            (struct recommend_example){.number = acts[i].number, .weight = acts[i].weight};
    if (!profile_make(g->v->vectors, NULL, (double)version_mean_cosine(g->v), examples, count, a,
                      &p))
        return 0;
    return (g->learned ? BEHIND : 1) * profile_likeness(&p, g->row);
}

static void reader_judge(struct reading *g, const struct act *acts, size_t count, struct arena *a)
{
    for (size_t i = 0; i < count && !g->r->include_seen; i++)
        if (acts[i].number == g->document)
            return;
    double score = model_score(g, acts, count, a);
    const char *source = g->item != MODEL_ITEM_NONE ? "model" : "text";
    if (isnan(score)) {
        score = profile_judge(g, acts, count, a);
        source = "profile";
    }
    if (score > 0)
        g->found[g->count++] = (struct document_reader){acts[0].user, score, source};
}

static enum err readers_find(struct reading *g, struct err_info *e)
{
    struct act *acts;
    size_t n;
    enum err err = acts_read(g, &acts, &n, e);
    if (err)
        return err;
    acts_group(acts, n);
    g->found = arena_array(g->a, DOCUMENT_READERS_MAX, sizeof *g->found);
    struct arena *a = arena_new(0);
    for (size_t i = 0, end; i < n && g->considered < DOCUMENT_READERS_MAX; i = end) {
        for (end = i + 1; end < n && acts[end].first == acts[i].first; end++)
            ;
        g->considered++;
        reader_judge(g, acts + i, end - i, a);
        arena_reset(a);
    }
    arena_free(a);
    if (g->count)
        qsort(g->found, g->count, sizeof *g->found, reader_compare);
    return 0;
}

static enum err document_read(struct reading *g, struct err_info *e)
{
    struct document_record d;
    enum err err = store_document_get(g->c->engine->store, g->a, g->c->id, g->r->document,
                                      DOCUMENT_PAYLOAD, &d, e);
    if (err)
        return err;
    if (!sight_sees(&g->sight, &d))
        return err_set(e, ERR_NOT_FOUND, "id", "there is no document of this id");
    g->document = d.number;
    g->row = arena_array(g->a, g->v->dims, sizeof *g->row);
    if (!vectors_document(g->v->vectors, d.number, g->row))
        return err_set(e, ERR_UNAVAILABLE, "", "is not embedded yet; try again in a moment");
    model_find(g, d.revision);
    return 0;
}

enum err engine_document_readers(struct engine *x, struct str collection,
                                 const struct document_readers_request *r, struct arena *a,
                                 struct document_reader **out, size_t *count, size_t *considered,
                                 struct err_info *e)
{
    struct reading g = {.r = r, .a = a};
    if (r->limit < 1 || r->limit > RECOMMEND_LIMIT_MAX)
        return err_set(e, ERR_INVALID, "/limit", "must be from 1 to %d", RECOMMEND_LIMIT_MAX);
    if (!(r->active_days > 0))
        return err_set(e, ERR_INVALID, "/active_days", "must be above 0");
    enum err err = collection_find(x, collection, &g.c, e);
    if (err)
        return err;
    g.v = version_active(g.c);
    err = sight_open(g.c, a, r->within, &g.sight, e);
    if (!err)
        err = document_read(&g, e);
    if (!err)
        err = readers_find(&g, e);
    recommender_release(g.learned);
    sight_close(&g.sight);
    version_unref(g.v);
    collection_unref(g.c);
    metric_error(x, err);
    if (err)
        return err;
    *out = g.found;
    *count = g.count < r->limit ? g.count : r->limit;
    *considered = g.considered;
    return 0;
}

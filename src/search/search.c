#include "search/search.h"
#include "base/clock.h"
#include "embed/embed.h"
#include "base/docset.h"
#include "index/filter.h"
#include "index/vectors.h"
#include "index/words.h"
#include "search/fuse.h"
#include "text/passage.h"
#include "text/text.h"
#include <assert.h>
#include <math.h>
#include <string.h>

/* Each of two lists gives this many distinct documents at least, so that a document that is good by
 * both parts and best by neither is among the candidates; and one list, where what is good enough
 * is counted. */
enum { CANDIDATES_MIN = 200 };

static const char *const mode_names[] = {"hybrid", "semantic", "lexical"};

const char *search_mode_name(enum search_mode m)
{
    return mode_names[m];
}

/* One search on its way: its sets and lists. */
struct search_job {
    const struct search_view *view;
    const struct search_query *query;
    struct arena *arena;
    struct docset selected;      /* of filter and within together */
    const struct docset *within; /* NULL: all */
    size_t depth;                /* of each list */
    float *vector;
    struct vector_hit *near;
    size_t near_count;
    struct word_hit *worded;
    size_t worded_count;
    double bound;
};

static enum err select_documents(struct search_job *j, struct err_info *e)
{
    j->within = j->query->within;
    if (!j->query->filter)
        return ERR_OK;
    enum err rc = attributes_select(j->view->attributes, j->query->filter, &j->selected, e);
    if (rc == ERR_OK && j->query->within)
        docset_and(&j->selected, j->query->within);
    j->within = &j->selected;
    return rc;
}

/* What the model reads of the query: all of it, or its first passage. */
static enum err readable_part(const struct model *m, struct str text, struct arena *a,
                              struct str *out, struct err_info *e)
{
    const struct tokenizer *t = model_tokenizer(m);
    struct passage *passages;
    size_t count;
    unsigned room = model_info(m)->tokens_max - tokenizer_specials(t);
    *out = text;
    if (text.n <= room) /* a token is a byte at least */
        return ERR_OK;
    struct passage_options o = {.tokens_max = room};
    enum err rc = passages_split(t, text, &o, a, &passages, &count, e);
    if (rc == ERR_OK)
        *out = (struct str){text.s + passages[0].start, passages[0].end - passages[0].start};
    return rc;
}

static enum err find_near(struct search_job *j, struct search_stages *stages, struct err_info *e)
{
    const struct search_view *v = j->view;
    struct embed_text text = {0};
    int64_t started = clock_mono_ns();
    enum err rc = readable_part(v->model, j->query->text, j->arena, &text.text, e);
    if (rc != ERR_OK)
        return rc;
    text.out = j->vector = arena_array(j->arena, vectors_dims(v->vectors), sizeof(float));
    rc = embedder_embed(v->embedder, v->model, ROLE_QUERY, LANE_INTERACTIVE, &text, 1,
                        j->query->deadline_ns, e);
    stages->embed_ns = clock_mono_ns() - started;
    if (rc != ERR_OK)
        return rc;
    started = clock_mono_ns();
    j->near = arena_array(j->arena, j->depth, sizeof(*j->near));
    j->near_count =
        vectors_search(v->vectors, j->vector, j->depth, j->within, j->query->exact, j->near);
    stages->vectors_ns = clock_mono_ns() - started;
    return ERR_OK;
}

/* A remote model that is away leaves hybrid search its words. */
static enum err find_near_or_degrade(struct search_job *j, struct search_result *r,
                                     struct err_info *e)
{
    struct err_info info = {0};
    enum err rc = find_near(j, &r->stages, &info);
    if (rc == ERR_OK)
        return rc;
    if (j->query->mode != SEARCH_HYBRID || !model_is_remote(j->view->model))
        return err_set(e, rc, rc == ERR_INVALID ? "/q" : info.field, "%s", info.message);
    j->vector = NULL;
    r->degraded = str_c(arena_printf(
        j->arena, "found by words alone, since the query could not be embedded: %s", info.message));
    return ERR_OK;
}

static enum err find_worded(struct search_job *j, struct search_stages *stages, struct err_info *e)
{
    int64_t started = clock_mono_ns();
    enum err rc = words_search(j->view->words, j->arena, j->query->text, j->depth, j->within,
                               &j->worded, &j->worded_count, &j->bound, e);
    stages->words_ns = clock_mono_ns() - started;
    return rc;
}

static void set_near(const struct search_job *j, struct search_hit *h, const struct vector_hit *v)
{
    if (isnan(v->cosine))
        return;
    h->passage = v->passage;
    h->revision = v->revision;
    h->cosine = (double)v->cosine;
    h->semantic = fuse_semantic(h->cosine, (double)j->view->mean_cosine);
}

static void set_worded(const struct search_job *j, struct search_hit *h, const struct word_hit *w)
{
    h->bm25 = (double)w->bm25;
    h->bound = j->bound;
    h->lexical = j->bound > 0 ? h->bm25 / j->bound : 0;
    if (!h->revision)
        h->revision = w->revision;
}

static struct search_hit new_hit(uint32_t number)
{
    return (struct search_hit){.number = number,
                               .passage = UINT32_MAX,
                               .semantic = NAN,
                               .lexical = NAN,
                               .cosine = NAN,
                               .bm25 = NAN,
                               .bound = NAN};
}

static int by_number(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* The documents of either list, each once. */
static uint32_t *unite(const struct search_job *j, size_t *count)
{
    uint32_t *numbers =
        arena_array(j->arena, j->near_count + j->worded_count + 1, sizeof(*numbers));
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < j->near_count; i++)
        numbers[n++] = j->near[i].number;
    for (size_t i = 0; i < j->worded_count; i++)
        numbers[n++] = j->worded[i].number;
    if (n)
        qsort(numbers, n, sizeof(*numbers), by_number);
    for (size_t i = 0; i < n; i++)
        if (!kept || numbers[kept - 1] != numbers[i])
            numbers[kept++] = numbers[i];
    *count = kept;
    return numbers;
}

/* Every candidate of either list, scored by both parts: a score must not depend on which list found
 * it. */
static enum err score_both(const struct search_job *j, struct search_hit **hits, size_t *count,
                           struct err_info *e)
{
    uint32_t *numbers = unite(j, count);
    size_t n = *count;
    struct vector_hit *near = arena_array(j->arena, n + 1, sizeof(*near));
    struct word_hit *worded = arena_array(j->arena, n + 1, sizeof(*worded));
    double bound = 0;
    if (j->vector)
        vectors_score(j->view->vectors, j->vector, numbers, n, near);
    enum err rc = words_score(j->view->words, j->query->text, numbers, n, worded, &bound, e);
    if (rc != ERR_OK)
        return rc;
    *hits = arena_array(j->arena, n + 1, sizeof(**hits));
    for (size_t i = 0; i < n; i++) {
        (*hits)[i] = new_hit(numbers[i]);
        if (j->vector)
            set_near(j, &(*hits)[i], &near[i]);
        set_worded(j, &(*hits)[i], &worded[i]);
    }
    return ERR_OK;
}

static enum err score_one(const struct search_job *j, struct search_hit **hits, size_t *count)
{
    bool lexical = j->query->mode == SEARCH_LEXICAL;
    *count = lexical ? j->worded_count : j->near_count;
    *hits = arena_array(j->arena, *count + 1, sizeof(**hits));
    for (size_t i = 0; i < *count; i++) {
        struct search_hit *h = &(*hits)[i];
        *h = new_hit(lexical ? j->worded[i].number : j->near[i].number);
        if (lexical)
            set_worded(j, h, &j->worded[i]);
        else
            set_near(j, h, &j->near[i]);
    }
    return ERR_OK;
}

/* How many documents match. By words: those that hold a term. By meaning: all that may be in the
 * answer, nearer or farther. With min_score only what was scored can be counted: a lower bound if
 * the lists were full. */
static enum err count_total(const struct search_job *j, struct search_result *out, size_t scored,
                            struct err_info *e)
{
    if (j->query->min_score > 0) {
        out->total = out->count;
        out->total_exact = scored < j->depth || out->count < scored;
        return ERR_OK;
    }
    out->total_exact = true;
    if (!j->vector)
        return words_count(j->view->words, j->query->text, j->within, &out->total, e);
    out->total = j->within ? j->within->count : vectors_documents(j->view->vectors);
    if (out->total < out->count)
        out->total = out->count; /* pending documents are found by their words */
    return ERR_OK;
}

static size_t list_depth(const struct search_query *q)
{
    if (q->mode != SEARCH_HYBRID && !(q->min_score > 0))
        return q->depth;
    return q->depth * 2 > CANDIDATES_MIN ? q->depth * 2 : CANDIDATES_MIN;
}

enum err search_run(const struct search_view *v, const struct search_query *q, struct arena *a,
                    struct search_result *out, struct err_info *e)
{
    struct search_job j = {.view = v, .query = q, .arena = a};
    struct search_result r = {0};
    size_t scored = 0;
    docset_init(&j.selected);
    j.depth = list_depth(q);
    enum err rc = select_documents(&j, e);
    if (rc == ERR_OK && q->mode != SEARCH_SEMANTIC)
        rc = find_worded(&j, &r.stages, e);
    if (rc == ERR_OK && q->mode != SEARCH_LEXICAL && !q->words_only)
        rc = find_near_or_degrade(&j, &r, e);
    int64_t started = clock_mono_ns();
    if (rc == ERR_OK)
        rc = q->mode == SEARCH_HYBRID ? score_both(&j, &r.hits, &scored, e)
                                      : score_one(&j, &r.hits, &scored);
    if (rc == ERR_OK) {
        for (size_t i = 0; i < scored; i++)
            fuse_score(&r.hits[i], q->mode);
        r.count = fuse_order(r.hits, scored, q->min_score);
        r.bound = j.bound;
        rc = count_total(&j, &r, scored, e);
        r.count = r.count < q->depth ? r.count : q->depth;
    }
    r.stages.fuse_ns = clock_mono_ns() - started;
    docset_release(&j.selected);
    if (rc == ERR_OK)
        *out = r;
    return rc;
}

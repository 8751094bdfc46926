#include "search/search.h"
#include "base/clock.h"
#include "embed/embed.h"
#include "base/docset.h"
#include "index/filter.h"
#include "index/vectors.h"
#include "index/words.h"
#include "search/boost.h"
#include "search/candidates.h"
#include "search/diversify.h"
#include "search/fuse.h"
#include "text/passage.h"
#include <math.h>

/* How deep the lists are at first, and how much deeper each time. A list of words costs a fraction
 * of a list of vectors. On 60,000 package descriptions these prove the best 10 of 99 queries in
 * 100. */
enum { NEAR_MIN = 32, WORDS_TO_NEAR = 4, WORDS_TO_NEAR_MAX = 32, DEEPER = 4, NEAR_PASSING = 256 };

/* So many unwanted documents are asked for and passed over; more are taken out before. */
enum { DROPPED_MAX = 64 };

static const char *const mode_names[] = {"hybrid", "semantic", "lexical"};

const char *search_mode_name(enum search_mode m)
{
    return mode_names[m];
}

/* One search on its way. */
struct search_job {
    const struct search_view *view;
    const struct search_query *query;
    struct arena *arena;
    struct docset selected; /* of filter and within together */
    struct candidates lists;
    struct fuse_weights weights;
    double boost_max;
    size_t wanted, sure; /* hits */
};

static enum err select_documents(struct search_job *j, struct err_info *e)
{
    const struct search_query *q = j->query;
    const struct docset *without = q->without && q->without->count ? q->without : NULL;
    enum err rc = ERR_OK;
    j->lists.within = q->within;
    if (!q->filter && !without)
        return ERR_OK;
    if (!q->filter && !q->within && q->mode == SEARCH_SEMANTIC && without->count <= DROPPED_MAX) {
        j->lists.dropped = without;
        return ERR_OK;
    }
    if (q->filter)
        rc = attributes_select(j->view->attributes, q->filter, &j->selected, e);
    else
        attributes_all(j->view->attributes, &j->selected);
    if (q->within)
        docset_and(&j->selected, q->within);
    if (without)
        docset_minus(&j->selected, without);
    j->lists.within = &j->selected;
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

static enum err embed_query(struct search_job *j, struct err_info *e)
{
    const struct search_view *v = j->view;
    struct embed_text text = {0};
    int64_t started = clock_mono_ns();
    enum err rc = readable_part(v->model, j->query->text, j->arena, &text.text, e);
    if (rc != ERR_OK)
        return rc;
    text.out = arena_array(j->arena, vectors_dims(v->vectors), sizeof(float));
    rc = embedder_embed(v->embedder, v->model, ROLE_QUERY, LANE_INTERACTIVE, &text, 1,
                        j->query->deadline_ns, e);
    j->lists.stages.embed_ns = clock_mono_ns() - started;
    j->lists.vector = text.out;
    return rc;
}

/* A remote model that is away leaves hybrid search its words. */
static enum err embed_or_degrade(struct search_job *j, struct str *degraded, struct err_info *e)
{
    struct err_info info = {0};
    enum err rc = embed_query(j, &info);
    if (rc == ERR_OK)
        return rc;
    if (j->query->mode != SEARCH_HYBRID || !model_is_remote(j->view->model))
        return err_set(e, rc, rc == ERR_INVALID ? "/q" : info.field, "%s", info.message);
    j->lists.vector = NULL;
    *degraded = str_c(arena_printf(
        j->arena, "found by words alone, since the query could not be embedded: %s", info.message));
    return ERR_OK;
}

static enum err lists_begin(struct search_job *j, struct str *degraded, struct err_info *e)
{
    const struct search_query *q = j->query;
    struct candidates *c = &j->lists;
    enum err rc = ERR_OK;
    c->view = j->view;
    c->arena = j->arena;
    c->exact = q->exact;
    c->words = q->mode != SEARCH_SEMANTIC ? q->words : NULL;
    c->lifts = q->lifts;
    c->lift_count = q->lifts ? q->lift_count : 0;
    c->lifts_alone = q->lifts && q->lifts_alone;
    if (q->mode != SEARCH_LEXICAL && !q->words_only) {
        if (q->vector)
            c->vector = q->vector;
        else
            rc = embed_or_degrade(j, degraded, e);
    }
    c->vectors = c->vector != NULL;
    return rc;
}

/* --- scores --- */

static double relevance_of(const struct search_job *j, size_t i)
{
    const struct candidates *c = &j->lists;
    const struct search_hit *h = &c->hits[i];
    if (c->lifts)
        return fuse_lift(c->lifts_alone ? 0 : h->semantic, h->lift);
    if (j->query->mode != SEARCH_HYBRID || j->query->fusion == SEARCH_LINEAR)
        return fuse_relevance(j->weights, h->lexical, h->semantic);
    if (j->query->fusion == SEARCH_RRF)
        return fuse_rrf(j->weights, c->words_rank[i], c->vectors_rank[i]);
    return fuse_relevance(
        j->weights,
        c->words_rank[i] ? fuse_minmax(h->lexical, c->lexical_range[0], c->lexical_range[1]) : 0,
        c->vectors_rank[i] ? fuse_minmax(h->cosine, c->cosine_range[0], c->cosine_range[1]) : 0);
}

static void score(struct search_job *j, struct search_result *r)
{
    struct candidates *c = &j->lists;
    int64_t started = clock_mono_ns();
    for (size_t i = 0; i < c->count; i++)
        c->hits[i].relevance = relevance_of(j, i);
    boost_hits(j->view, j->query, c->hits, c->count, j->arena);
    r->count =
        fuse_best(c->hits, c->count, j->query->min_score, j->wanted, j->arena, &r->hits, &r->total);
    c->stages.fuse_ns += clock_mono_ns() - started;
}

static bool lists_have_all(const struct candidates *c)
{
    return c->near_all && c->worded_all;
}

/* What no document beyond the lists scores more than. */
static double score_beyond(const struct search_job *j)
{
    const struct candidates *c = &j->lists;
    return j->boost_max * fuse_relevance(j->weights, c->lexical_beyond, c->semantic_beyond);
}

/* How many of the first hits no other document can be better than. Of equal ones the lists have the
 * first. */
static size_t count_sure(const struct search_job *j, const struct search_result *r)
{
    double beyond = score_beyond(j);
    size_t n = 0;
    if (lists_have_all(&j->lists))
        return r->count;
    while (n < r->count && r->hits[n].score >= beyond)
        n++;
    return n;
}

static bool is_complete(const struct search_job *j, const struct search_result *r)
{
    if (lists_have_all(&j->lists))
        return true;
    if (r->count == j->wanted)
        return r->sure >= j->sure;
    return score_beyond(j) < j->query->min_score;
}

/* Ranks and ranges say nothing of other documents: there are lists of one length, whatever is
 * wanted of them. */
static void find_in_window(struct search_job *j, struct search_result *r)
{
    size_t window = j->wanted > SEARCH_WINDOW ? j->wanted : SEARCH_WINDOW;
    candidates_find(&j->lists, (struct search_depth){window, window});
    score(j, r);
    r->complete = true;
    r->sure = r->count;
}

static struct search_depth depth_first(const struct search_job *j)
{
    size_t near = j->wanted > NEAR_MIN ? j->wanted : NEAR_MIN;
    if (j->query->min_score > 0 && near > NEAR_PASSING) /* all that pass it may be few */
        near = NEAR_PASSING;
    return (struct search_depth){j->lists.vectors ? WORDS_TO_NEAR * near : near, near};
}

/* The list that costs less first, as far as what is beyond it counts. False: they are as deep as
 * they may be. */
static bool deepen(const struct search_job *j, struct search_depth *d)
{
    const struct candidates *c = &j->lists;
    size_t most = j->wanted > SEARCH_DEPTH_MAX ? j->wanted : SEARCH_DEPTH_MAX;
    bool words = j->weights.words * c->lexical_beyond > 0 && d->lexical < WORDS_TO_NEAR * most;
    bool near = j->weights.vectors * c->semantic_beyond > 0 && d->semantic < most;
    if (words && (!near || d->lexical < WORDS_TO_NEAR_MAX * d->semantic))
        d->lexical *= DEEPER;
    else if (near)
        d->semantic = d->semantic * DEEPER < most ? d->semantic * DEEPER : most;
    return words || near;
}

static void find_best(struct search_job *j, struct search_result *r)
{
    struct search_depth depth = depth_first(j);
    do {
        candidates_find(&j->lists, depth);
        score(j, r);
        r->sure = count_sure(j, r);
        r->complete = is_complete(j, r);
    } while (!r->complete && deepen(j, &depth));
}

/* Those that are passed over and would be found. */
static size_t dropped(const struct candidates *c)
{
    uint32_t numbers[DROPPED_MAX];
    struct vector_hit of[DROPPED_MAX];
    size_t n = 0, count = 0;
    if (!c->dropped)
        return 0;
    for (uint32_t d = docset_next(c->dropped, 0); d != UINT32_MAX;
         d = docset_next(c->dropped, d + 1))
        numbers[n++] = d;
    vectors_score(c->view->vectors, c->vector, numbers, n, of);
    for (size_t i = 0; i < n; i++)
        count += !isnan(of[i].cosine);
    return count;
}

/* How many documents match. By words: those that hold a term. By meaning: all that may be in the
 * answer, nearer or farther. With min_score only what was scored can be counted: a lower bound if
 * others may pass. */
static void count_total(const struct search_job *j, struct search_result *out)
{
    const struct candidates *c = &j->lists;
    if (j->query->min_score > 0) {
        out->total_exact = lists_have_all(c) || score_beyond(j) < j->query->min_score;
        return; /* fuse_best has counted */
    }
    out->total_exact = true;
    if (!c->vector) {
        out->total = words_count(j->view->words, c->words, c->within, j->arena);
        return;
    }
    out->total = c->within ? c->within->count : vectors_documents(j->view->vectors) - dropped(c);
    if (out->total < out->count)
        out->total = out->count; /* pending documents are found by their words */
}

enum err search_run(const struct search_view *v, const struct search_query *q, struct arena *a,
                    struct search_result *out, struct err_info *e)
{
    struct search_job j = {
        .view = v,
        .query = q,
        .arena = a,
        .weights = fuse_weights(q),
        .boost_max = 1,
        .wanted = q->diversity > 0 ? diversify_whole(q->depth) : q->depth,
    };
    struct search_result r = {0};
    docset_init(&j.selected);
    j.sure = q->sure && q->diversity <= 0 ? q->sure : j.wanted;
    if (q->boost_count && !v->apart)
        j.boost_max = boost_factor_max(v, q);
    enum err rc = select_documents(&j, e);
    if (rc == ERR_OK)
        rc = lists_begin(&j, &r.degraded, e);
    if (rc == ERR_OK) {
        if (q->mode == SEARCH_HYBRID && q->fusion != SEARCH_LINEAR)
            find_in_window(&j, &r);
        else
            find_best(&j, &r);
        count_total(&j, &r);
    }
    if (rc == ERR_OK && q->diversity > 0)
        diversify_hits(v->vectors, r.hits, r.count, q->depth, q->diversity, a);
    r.count = r.count < q->depth ? r.count : q->depth;
    r.sure = r.sure < r.count ? r.sure : r.count;
    r.bound = j.lists.bound;
    r.depth = j.lists.depth;
    r.scored = j.lists.count;
    r.stages = j.lists.stages;
    docset_release(&j.selected);
    if (rc == ERR_OK)
        *out = r;
    return rc;
}

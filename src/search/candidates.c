#include "search/candidates.h"
#include "base/clock.h"
#include "base/docset.h"
#include "index/vectors.h"
#include "index/words.h"
#include "search/fuse.h"
#include <math.h>

/* A candidate's place by the document's number: open addressing, at most half full. */
struct places {
    uint32_t *table; /* place + 1; 0: empty */
    size_t mask;
};

static struct places places_new(struct arena *a, size_t count)
{
    size_t size = 16;
    while (size < 2 * count)
        size *= 2;
    return (struct places){arena_array(a, size, sizeof(uint32_t)), size - 1};
}

struct search_hit search_hit_new(uint32_t number)
{
    return (struct search_hit){.number = number,
                               .passage = UINT32_MAX,
                               .semantic = NAN,
                               .lexical = NAN,
                               .lift = NAN,
                               .cosine = NAN,
                               .bm25 = NAN,
                               .bound = NAN};
}

/* The place of the document among the hits; it is added if it is not there. */
static size_t place_of(struct candidates *c, struct places *p, uint32_t number)
{
    size_t i = (number * UINT32_C(2654435761)) & p->mask;
    while (p->table[i] && c->hits[p->table[i] - 1].number != number)
        i = (i + 1) & p->mask;
    if (!p->table[i]) {
        c->hits[c->count++] = search_hit_new(number);
        p->table[i] = (uint32_t)c->count;
    }
    return p->table[i] - 1;
}

static void set_near(const struct candidates *c, struct search_hit *h, const struct vector_hit *v)
{
    if (isnan(v->cosine))
        return;
    h->passage = v->passage;
    h->revision = v->revision;
    h->cosine = (double)v->cosine;
    h->semantic = fuse_semantic(h->cosine, (double)c->view->mean_cosine);
}

static void set_worded(const struct candidates *c, struct search_hit *h, const struct word_hit *w)
{
    h->bm25 = w->bm25;
    h->bound = c->bound;
    h->lexical = c->bound > 0 ? h->bm25 / c->bound : 0;
    if (!h->revision)
        h->revision = w->revision;
}

/* --- the lists --- */

static void near_list(struct candidates *c)
{
    int64_t started = clock_mono_ns();
    size_t n = 0, depth = c->depth.semantic + (c->dropped ? c->dropped->count : 0);
    c->near = arena_alloc(c->arena, (depth + 1) * sizeof *c->near);
    if (c->vectors && !c->lifts_alone)
        n = vectors_search(c->view->vectors, c->vector, depth, c->within, c->exact, c->near);
    c->near_all = n < depth;
    c->cosine_range[0] = n ? (double)c->near[n - 1].cosine : NAN;
    c->cosine_range[1] = n ? (double)c->near[0].cosine : NAN;
    c->semantic_beyond =
        c->near_all ? 0 : fuse_semantic(c->cosine_range[0], (double)c->view->mean_cosine);
    c->near_count = 0;
    for (size_t i = 0; i < n; i++)
        if (!c->dropped || !docset_has(c->dropped, c->near[i].number))
            c->near[c->near_count++] = c->near[i];
    c->stages.vectors_ns += clock_mono_ns() - started;
}

static void worded_list(struct candidates *c)
{
    int64_t started = clock_mono_ns();
    size_t n = 0;
    if (c->words) {
        n = words_search(c->view->words, c->words, c->depth.lexical, c->within, c->arena,
                         &c->worded);
        c->bound = words_query_bound(c->words);
    }
    double scale = c->bound > 0 ? c->bound : 1;
    c->worded_count = n;
    c->worded_all = n < c->depth.lexical;
    c->lexical_range[0] = n ? c->worded[n - 1].bm25 / scale : NAN;
    c->lexical_range[1] = n ? c->worded[0].bm25 / scale : NAN;
    c->lexical_beyond = c->worded_all ? 0 : c->lexical_range[0];
    c->stages.words_ns += clock_mono_ns() - started;
}

/* --- what the other list knows of a candidate --- */

/* The documents of the hits whose `part` is not known, and their places. */
static size_t unknown(const struct candidates *c, const size_t *rank, uint32_t **numbers,
                      uint32_t **places)
{
    size_t n = 0;
    *numbers = arena_alloc(c->arena, (c->count + 1) * sizeof **numbers);
    *places = arena_alloc(c->arena, (c->count + 1) * sizeof **places);
    for (size_t i = 0; i < c->count; i++)
        if (!rank[i]) {
            (*numbers)[n] = c->hits[i].number;
            (*places)[n++] = (uint32_t)i;
        }
    return n;
}

static void score_near(struct candidates *c)
{
    uint32_t *numbers, *places;
    int64_t started = clock_mono_ns();
    size_t n = unknown(c, c->vectors_rank, &numbers, &places);
    struct vector_hit *near = arena_alloc(c->arena, (n + 1) * sizeof *near);
    vectors_score(c->view->vectors, c->vector, numbers, n, near);
    for (size_t i = 0; i < n; i++)
        set_near(c, &c->hits[places[i]], &near[i]);
    c->stages.vectors_ns += clock_mono_ns() - started;
}

static void score_worded(struct candidates *c)
{
    uint32_t *numbers, *places;
    int64_t started = clock_mono_ns();
    size_t n = unknown(c, c->words_rank, &numbers, &places);
    struct word_hit *worded = arena_alloc(c->arena, (n + 1) * sizeof *worded);
    words_score(c->view->words, c->words, numbers, n, c->arena, worded);
    for (size_t i = 0; i < n; i++)
        set_worded(c, &c->hits[places[i]], &worded[i]);
    c->stages.words_ns += clock_mono_ns() - started;
}

static bool may_be_found(const struct candidates *c, uint32_t number)
{
    return (!c->within || docset_has(c->within, number)) &&
           (!c->dropped || !docset_has(c->dropped, number));
}

static void lift(struct candidates *c, struct places *p)
{
    for (size_t i = 0; i < c->count && c->lifts; i++)
        c->hits[i].lift = 0;
    for (size_t i = 0; i < c->lift_count; i++)
        if (may_be_found(c, c->lifts[i].number))
            c->hits[place_of(c, p, c->lifts[i].number)].lift = (double)c->lifts[i].lift;
}

/* The documents of both lists, and where each stands in them. */
static void unite(struct candidates *c)
{
    size_t most = c->near_count + c->worded_count + c->lift_count;
    struct places p = places_new(c->arena, most);
    c->hits = arena_alloc(c->arena, (most + 1) * sizeof *c->hits);
    c->vectors_rank = arena_array(c->arena, most + 1, sizeof(size_t));
    c->words_rank = arena_array(c->arena, most + 1, sizeof(size_t));
    c->count = 0;
    for (size_t i = 0; i < c->near_count; i++) {
        size_t at = place_of(c, &p, c->near[i].number);
        set_near(c, &c->hits[at], &c->near[i]);
        c->vectors_rank[at] = i + 1;
    }
    for (size_t i = 0; i < c->worded_count; i++) {
        size_t at = place_of(c, &p, c->worded[i].number);
        set_worded(c, &c->hits[at], &c->worded[i]);
        c->words_rank[at] = i + 1;
    }
    lift(c, &p);
}

void candidates_find(struct candidates *c, struct search_depth depth)
{
    struct search_depth before = c->depth;
    c->depth = depth;
    if (before.semantic != depth.semantic)
        near_list(c);
    if (before.lexical != depth.lexical)
        worded_list(c);
    unite(c);
    if (c->vectors && (c->words || c->lifts))
        score_near(c);
    if (c->vectors && c->words)
        score_worded(c);
}

/* Inside search and similar (engine.h has the two calls):
 *
 *     find.c          a request from its beginning to its end
 *     find_vector.c   similar: examples, a text or a vector -> the vector that is looked near
 *     find_readers.c  similar: what the readers of the examples read too
 *     find_embed.c    the queries of several searches, embedded together
 *     find_load.c     candidates from search/, their documents from the store, refilled until full
 *     find_ranking.c  fusion, weights and boosts, checked
 *     find_place.c    where a page by score begins
 *     find_passage.c  a hit's best passage and its highlights
 *     find_matching.c the set of all documents that match
 *     find_fields.c   the parts of a document that come back
 *     find_sort.c     what matches, in an order of its own
 *     find_group.c    the best of each value of a field
 *     find_facets.c   what matches, counted */
#ifndef ENGINE_FIND_IMPL_H
#define ENGINE_FIND_IMPL_H

#include "engine/internal.h"

struct lent_classifiers; /* classifiers.h */

/* The end of the page before (find_place.c). */
struct find_place {
    char lineage[LINEAGE_DIGITS + 1];
    uint32_t collection, version, number;
    uint64_t revision;
    double score;
    size_t shown;
};

struct find {
    struct engine *x;
    struct collection *c;
    struct version *v; /* whose model, vectors and passages they are, to the end */
    const struct find_request *r;
    struct arena *a;
    struct search_view view;
    const struct words_query *words;  /* of search */
    struct sight sight;               /* of the caller */
    const struct filter *filter_read; /* the request's; NULL: none */
    const struct filter *filter;      /* the same, if it is not in `within` */
    struct docset without;            /* exclusions */
    struct docset within;            /* what the words of the query leave, and the caller's sight */
    bool restricted;                 /* `within` counts */
    float *vector;                   /* similar */
    const struct search_lift *lifts; /* similar by readers; else NULL */
    size_t lift_count;
    const char *by;                                   /* similar: what the answer says */
    struct highlighter *highlighters[LANGUAGE_COUNT]; /* as they are needed */
    struct search_boost *boosts; /* the request's, with their origins, and the reader's */
    size_t boost_count;
    bool personalised;
    struct find_request unsorted; /* r points here when its order is that by score */
    struct order_key near;        /* by_distance: hits show that one */
    bool browse;                  /* no query: all that the filter passes */
    uint64_t applied; /* the last change that the indexes held for sure when they were asked */
    size_t limit;     /* of this page */
    bool placed;      /* it begins behind `place` */
    struct find_place place;
    struct search_result result;
    struct str degraded;
    struct lent_classifiers *classifiers; /* the request asks for predictions; NULL: not */
};

/* A hit and its document. */
struct loaded {
    const struct search_hit *hit;
    struct document_record document;
};

/* --- find.c --- */
/* What is found is among `set` too, which is taken over. */
void find_restrict(struct find *f, struct docset *set);

/* --- find_vector.c: into f->vector --- */
enum err find_vector(struct find *f, struct err_info *e);

/* --- find_readers.c: into f->lifts and f->by; find_vector comes before --- */
enum err find_readers(struct find *f, struct err_info *e);

/* --- find_load.c --- */
/* At most `depth` candidates into f->result; the first `sure` of them are the best there are (0:
 * all). */
enum err find_ask(struct find *f, size_t depth, size_t sure, struct err_info *e);
/* The documents of `set` (what matches), scored, into f->result: those that have a score. */
enum err find_score(struct find *f, const struct docset *set, struct err_info *e);
/* The best, or the first in order: as find_ask. */
enum err find_candidates(struct find *f, size_t depth, size_t sure, struct err_info *e);
/* Loads the documents of hits from `at` on until `wanted` of them stand. Those before `offset` are
 * only checked. A hit whose document was changed since it was indexed does not stand; `*newer`: the
 * last such change, 0 if none. */
enum err find_load(struct find *f, size_t at, size_t offset, size_t wanted, struct loaded *out,
                   size_t *count, uint64_t *newer, struct err_info *e);
/* Waits for a change that is in the store and not yet in the indexes; false: not so long. */
bool find_wait(struct find *f, uint64_t change);
/* Asks for more until the answer is full or there is no more. One more than wanted tells that there
 * are more. A document that is being changed right now must not be missing from the answer: the
 * applier is waited for, briefly, and asked again. */
enum err find_gather(struct find *f, struct loaded **out, size_t *count, struct find_answer *answer,
                     struct err_info *e);

/* --- find_ranking.c: checked, into f->boosts --- */
enum err find_ranking(struct find *f, struct err_info *e);

/* --- find_place.c --- */
/* The request's `after`, if it goes by score; sets the page's limit. ERR_GONE: it is too old. */
enum err find_place_read(struct find *f, struct err_info *e);
/* The first hit of f->result that belongs to this page or a later one. ERR_GONE. */
enum err find_place_start(const struct find *f, size_t *out, struct err_info *e);
/* What `after` of the next page is, when `count` hits are shown on this one; empty: a page ends
 * here, since it costs all that is before it. */
struct str find_place_mark(struct find *f, const struct loaded *last, size_t count);

/* --- find_passage.c --- */
/* `payload`: of the hit's document. */
void find_passage(struct find *f, const struct loaded *l, const json_t *payload,
                  struct find_hit *h);

/* --- find_matching.c --- */
/* Documents that are scored to find out which reach min_score, or for an order. */
#define FIND_SCORED_MAX 100000
/* The documents that match, into `out` (initialised): what the filter passes and is not excluded;
 * by words alone, of those what holds a word of the query; with min_score what reaches it. `*exact`
 * false: there are more of these than are scored for it. */
enum err find_matching(struct find *f, struct docset *out, bool *exact, struct err_info *e);

/* --- find_sort.c --- */
enum err find_sort_check(struct find *f, struct err_info *e);
bool find_sorts_by_score(const struct find_request *r);
/* The first `depth` of all that match, by the request's keys (none: as they came), behind
 * r->after, into f->result; ties by number. */
enum err find_sorted(struct find *f, size_t depth, struct err_info *e);
/* Where the next page goes on: what r->after of it is. */
/* Into f->near: which distance a hit shows. */
void find_distance_begin(struct find *f);
double find_distance(const struct find *f, const struct loaded *l);
struct str find_sort_mark(struct find *f, const struct loaded *last);

/* --- find_group.c --- */
enum err find_group_check(struct find *f, struct err_info *e);
/* As find_gather, by groups: the hits from `*start` on, and answer->groups of them. */
enum err find_grouped(struct find *f, struct loaded **out, size_t *start, size_t *count,
                      struct find_answer *answer, struct err_info *e);

/* --- find_facets.c --- */
enum err find_facets_check(struct find *f, struct err_info *e);
enum err find_facets(struct find *f, struct find_answer *answer, struct err_info *e);

#endif

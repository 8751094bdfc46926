/* Search: a request -> candidates from words and from vectors -> every candidate scored by both
 * parts -> one order.
 *
 *     relevance = .6 * BM25(q,d) / B(q)  +  .4 * max(0, (cos - mu) / (1 - mu))
 *     score     = relevance * (1 - sum of weight_i * (1 - boost_i(d)))
 *
 * A hit's score depends on the query, the document and the collection's statistics alone: filter,
 * limit, cursor and other hits never change it. Mode semantic: relevance = max(0, (cos - mu)/(1 -
 * mu)); lexical: BM25/B. Without boosts the score is the relevance. Both lie in [0, 1].
 *
 * A lift lies in [0, 1): what else than its text speaks for a document, for `similar` by readers
 * too. It takes the document so much of the way from its relevance to 1, so one without a lift
 * keeps the relevance that its text gives it:
 *
 *     relevance = semantic + (1 - semantic) * lift
 *
 * A boost lies in [0, 1] and rises with its field, so a document that has all of it keeps its
 * relevance and one that has none loses the boost's weight of it: what is not relevant never rises
 * above what is by being new.
 *
 *     recency   2^(-age / half life), 1 for what is younger than the origin; 0 without a date
 *     number    x / (x + pivot), 0 for x <= 0 and without a number
 *     profile   max(0, (cos - mu) / (1 - mu)) to the vector of a reader's profile; 0 without
 * vectors
 *
 * Which documents are scored: the best of either list, until no other can be better than the last
 * hit that is wanted: what is in neither list scores less than the two ends of the lists together
 * (the threshold algorithm: Fagin, Lotem, Naor: Optimal Aggregation Algorithms for Middleware, PODS
 * 2001). Lists end at SEARCH_DEPTH_MAX; `complete` says if that was deep enough.
 *
 * Fusion by ranks (rrf; Cormack, Clarke, Buettcher, SIGIR 2009: sum of weight / (60 + rank)) and by
 * the lists' own ranges (minmax) are for comparison: their scores depend on the other hits.
 *
 * Immutable inputs, no state: any thread. */
#ifndef SEARCH_SEARCH_H
#define SEARCH_SEARCH_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct vectors;
struct words;
struct words_query;
struct attributes;
struct filter;
struct docset;
struct embedder;
struct model;

enum search_mode { SEARCH_HYBRID, SEARCH_SEMANTIC, SEARCH_LEXICAL };
const char *search_mode_name(enum search_mode m);

enum search_fusion { SEARCH_LINEAR, SEARCH_RRF, SEARCH_MINMAX };

enum search_boost_kind { SEARCH_BOOST_RECENCY, SEARCH_BOOST_NUMBER, SEARCH_BOOST_PROFILE };
struct search_boost {
    enum search_boost_kind kind;
    struct str field;
    double weight;       /* > 0; of all boosts together at most 1 */
    double scale;        /* > 0; recency: the half life in seconds; number: the pivot */
    double origin;       /* recency: seconds since 1970, from which ages count; profile: mu */
    const float *vector; /* profile */
};
#define SEARCH_BOOSTS_MAX 9 /* eight fields and a profile */

/* Of the list of vectors, and four times as many words; deeper only if more hits are wanted. */
#define SEARCH_DEPTH_MAX 4096
/* Of each list, where ranks or ranges decide; deeper only if more hits are wanted. */
#define SEARCH_WINDOW 1000

struct search_lift {
    uint32_t number;
    float lift;
};

/* What is searched; borrowed. */
struct search_view {
    struct vectors *vectors;
    struct words *words;
    struct attributes *attributes;
    struct embedder *embedder;
    struct model *model; /* that made the vectors */
    float mean_cosine;   /* mu */
    bool apart; /* answers depend on no document but those in `within`, to the depth of lists */
};

struct search_query {
    enum search_mode mode;
    struct str text;                 /* what is embedded */
    const struct words_query *words; /* not in semantic search */
    const float *vector; /* length 1; of the text, if the caller has it, else that is embedded; or
                            what is to be like it (mode semantic, no text) */
    const struct filter *filter;           /* NULL: none */
    const struct docset *within, *without; /* by the caller; NULL: all, none */
    size_t depth;     /* how many hits are wanted at most: offset + limit (+ slack) */
    size_t sure;      /* so many of the first must be the best of all; 0: all of them */
    double min_score; /* cuts before totals and facets; <= 0: none. Of linear fusion alone */
    enum search_fusion fusion;           /* hybrid */
    double words_weight, vectors_weight; /* hybrid; both 0: .6 and .4; rrf 1 and 1 */
    const struct search_boost *boosts;
    size_t boost_count; /* <= SEARCH_BOOSTS_MAX */
    /* Mode semantic: all that have one, each once; they are candidates whatever their text is.
     * NULL: none. */
    const struct search_lift *lifts;
    size_t lift_count;
    bool lifts_alone; /* relevance = lift; `within` are those that have one */
    int64_t deadline_ns;
    /* Above 0 each 200 hits in a row are ordered anew by MMR (Carbonell, Goldstein 1998): argmax
     * (1 - diversity) * score - diversity * max cosine to those chosen of them. The order does not
     * depend on depth, so that pages neither repeat nor miss a document. */
    double diversity;
    bool exact;      /* among vectors: all are compared */
    bool words_only; /* hybrid: the query could not be embedded before, so it is not tried */
};

struct search_hit {
    uint32_t number;
    uint32_t passage;  /* the best one; UINT32_MAX: not known (found by words only, pending) */
    uint64_t revision; /* that was indexed */
    double score, relevance;
    double semantic,
        lexical; /* the two parts, each in [0, 1]; NaN: not part of this mode or not known */
    double lift; /* NaN: the query has none */
    double cosine, bm25, bound; /* for explain */
    /* Of each boost of the query: the field's number (NaN: none), and what that gives. */
    const double *boost_values, *boosts;
};
/* A hit of which nothing is known yet. */
struct search_hit search_hit_new(uint32_t number);

struct search_stages {
    int64_t embed_ns, words_ns, vectors_ns, fuse_ns;
};

/* How many documents each list has at most. */
struct search_depth {
    size_t lexical, semantic;
};

struct search_result {
    struct search_hit *hits; /* best first; ties by cosine, then by number */
    size_t count;
    size_t total; /* documents that match: for words exact; semantic and hybrid: those that pass the
                     filter */
    bool total_exact;          /* false: at least so many */
    double bound;              /* B(q) */
    bool complete;             /* no other document can be better than the hits that must be sure */
    size_t sure;               /* nor than so many of the first */
    struct search_depth depth; /* of the lists, at last */
    size_t scored;             /* candidates */
    struct str degraded;       /* hybrid: why the query has no vector; scores are of words alone */
    struct search_stages stages;
};

/* In the arena. ERR_BUSY and ERR_TIMEOUT from the embedder, and what a remote model fails with;
 * hybrid search goes on by words then (`degraded`); a query longer than the model reads is
 * embedded by its first passage and searched whole by words. */
enum err search_run(const struct search_view *v, const struct search_query *q, struct arena *a,
                    struct search_result *out, struct err_info *e) MUST_CHECK;

#endif

/* What the files that recommend share (recommend*.c, recommenders.c, served.c). An answer:
 *
 *   examples      what the reader did, or what the request names      recommend_examples.c
 *   candidates    from every source, each scored by all sources       recommend_sources.c
 *   order         of the best of them, if a ranker was trained        recommend_ranker.c
 *   rules         the request's, checked and resolved                 recommend_rules.c
 *   slots         candidates by those rules; pages                    recommend_slots.c
 *   explanation   what of the score came from which document          recommend_explain.c,
 *                 and what the score would be without it              recommend_without.c
 *   log           items, positions, propensities, features            served.c
 *
 * and recommend.c calls them in that order. */
#ifndef ENGINE_RECOMMEND_IMPL_H
#define ENGINE_RECOMMEND_IMPL_H

#include "engine/internal.h"
#include "recommend/feature.h"
#include "recommend/model.h"
#include "recommend/served.h"
#include "recommend/slots.h"

/* ---- recommenders.c: the models of a collection that are in memory ---- */
struct recommender {
    uint32_t id;
    uint32_t version; /* whose vectors its text part is of */
    struct recommend_model *model;
    /* Made when first asked for (recommender_newcomers); newcomers_free, with the model. */
    struct newcomers *_Atomic newcomers;
};
struct newcomers *recommender_newcomers(struct recommender *r); /* its model has a text part */
/* With a reference; id 0: the active one. NULL: there is none, or its file cannot be read (logged).
 * May read a file if it is not the active one. */
struct recommender *recommender_take(struct collection *c, uint32_t id);
/* The same, for who sees so much: a tenant gets none, since a model learns from all readers. */
struct recommender *recommender_for(const struct sight *s, uint32_t id);
void recommender_release(struct recommender *r); /* NULL is allowed */

/* ---- one recommendation on its way ---- */
struct candidate {
    uint32_t number;
    uint64_t revision;
    double relevance;   /* what explanations add up to: before rules */
    double ranked;      /* what the ranker adds to it; 0 without one */
    double score;       /* after boosts */
    const char *source; /* of the greatest part: "model", "text", "profile", "session", "trending",
                           "popular", "newest", "brought", "explore", "pin" */
    float features[FEATURE_COUNT]; /* NaN: not known */
    const float *brought;          /* one for each source that the blend names; NULL: none */
    double learned, profile;       /* the same as features, in full; of the profile by weights */
    double by_learned, by_profile, by_session; /* what of each the default blend took */
    bool known;                                /* to the model: somebody read it */
    const struct newcomer *new; /* else what is near to it, if that was looked up already */
    double propensity;          /* that it stands where it stands; 1 without exploration */
};
struct example {
    uint32_t number;
    double weight; /* > 0 liked, < 0 not wanted; decayed */
    double total;  /* without decay */
    int64_t time_us;
    const float *vector; /* number 0: a text's, of length 1 */
};
/* The request's rules, with numbers for ids and sets for filters. */
struct rules {
    struct docset excluded; /* by the request's ids */
    struct slot_pin *pins;
    struct slot_boost *boosts;
    struct docset *boosted; /* of each boost */
    size_t *caps;
    size_t boost_count;
    uint32_t *before; /* what earlier pages showed */
    size_t before_count;
    uint32_t *shown; /* those, and what stands on this page or was skipped by an offset */
    size_t shown_count;
    uint64_t seed;
};
struct recommendation {
    struct engine *x;
    struct collection *c;
    struct version *v;           /* whose vectors they are */
    struct recommender *learned; /* NULL: none */
    const struct recommend_request *r;
    const struct sight *sight; /* the caller's */
    struct arena *a;
    int64_t now_us;
    bool replayed;            /* as of now_us, which is past: later acts have not happened */
    struct docset within;     /* passes the filter */
    struct docset without;    /* excluded by the request, or seen */
    struct example *examples; /* one a document, by number */
    size_t example_count;
    const struct feedback_record *acts; /* of the user, newest first, as far as they count */
    const uint32_t *act_numbers;        /* 0: deleted since */
    size_t act_count;
    uint32_t *session; /* documents of the running session, oldest first */
    size_t session_count;
    const struct expression *blend; /* NULL: the default (recommend_sources.c) */
    struct sources *sources;
    struct candidate *candidates; /* best first by relevance, of equals the newer */
    size_t candidate_count;
    struct rules rules;
    const char *emptied_by; /* which rule left nothing; NULL */
    const char *model;      /* what the answer names */
    struct str experiment, variant;
};

/* recommend_examples.c: the newest acts, a reader's or (empty) anybody's, at most `limit`, newest
 * first, with their documents; numbers[i] 0: it is gone or not seen. A tenant's are looked for
 * among all, as far as FEEDBACK_PAGES pages of `limit`, so that others' acts do not crowd them out;
 * *last: the change of the last act that was looked at, if there may be more; 0. NULL: not wanted.
 */
#define FEEDBACK_PAGES 100
enum err feedback_newest(struct collection *c, const struct sight *s, struct str user, size_t limit,
                         struct arena *a, struct feedback_record **rows, uint32_t **numbers,
                         size_t *count, uint64_t *last, struct err_info *e) MUST_CHECK;
/* Fills in examples, and what was seen into `without`. */
enum err examples_make(struct recommendation *m, struct err_info *e) MUST_CHECK;
struct recommend_example *examples_weighted(const struct recommendation *m); /* in the arena */
/* The place of a document among the examples; example_count: it is none. */
size_t example_find(const struct recommendation *m, uint32_t number);
/* The same request of the same acts without the document of the example `gone`: what the examples
 * would weigh (weights[example_count], 0 for that one), and the session that would run, in the
 * arena. Acts older than those that count do not move up. */
void examples_without(const struct recommendation *m, size_t gone, double *weights,
                      uint32_t **session, size_t *session_count);
/* recommend_sources.c: `depth` candidates that are in `within` and not in `without`, at least, if
 * there are so many; relevance by the request's blend. */
enum err candidates_make(struct recommendation *m, size_t depth, struct err_info *e) MUST_CHECK;
/* By relevance, of equals the newer. */
void candidates_sort(struct recommendation *m);
/* recommend_ranker.c: of the default blend alone. Into the features what is known after the blend,
 * and the first RANKER_POOL candidates, which are sorted, in the ranker's order, if there is one.
 * Depth: so many candidates are wanted for it; 0: it is not asked. */
#define RANKER_POOL 200
size_t ranker_depth(const struct recommendation *m);
void ranker_apply(struct recommendation *m);
/* Given documents as candidates, in their order, less those that are deleted; after
 * candidates_make. Room for `count`. */
void candidates_score(struct recommendation *m, const uint32_t *numbers, size_t count,
                      struct candidate *out, size_t *found);
/* recommend_rules.c: checks the request and fills in rules; what is excluded into `without`.
 * m->within is there. rules_release in any case. */
enum err rules_make(struct recommendation *m, struct err_info *e) MUST_CHECK;
void rules_release(struct rules *r);
/* recommend_slots.c: asks for candidates and fills the slots of the page from the request's offset
 * on; what of them stands in the end, rows tell. Again with the same seed it draws the same. */
struct placed {
    struct candidate candidate; /* score, propensity and source as it is placed */
    struct slot slot;
};
enum err slots_make(struct recommendation *m, struct placed **out, size_t *count, bool *more,
                    struct err_info *e) MUST_CHECK;
/* What `after` of the next page is; empty: the list ends at RECOMMEND_REACH_MAX. */
struct str pages_mark(struct recommendation *m);
/* Into rules.before. ERR_GONE: of before a restore. */
enum err pages_read(struct recommendation *m, struct err_info *e) MUST_CHECK;
/* recommend_explain.c: of one candidate, the largest first, of up to EXACT_MAX documents that give
 * most. A part is what the relevance is less by without that document (relevance_without). `rest`:
 * the relevance less the parts, which is what no document has, and what several have together:
 * where they stand in for each other, it loses less by one than it has from it. */
#define EXACT_MAX 16
struct explanation_part {
    uint32_t number; /* the example */
    double part;     /* of relevance */
};
void explanation_make(struct recommendation *m, const struct candidate *k, size_t parts_max,
                      struct explanation_part **out, size_t *count, double *rest);

/* ---- recommend_blend.c ---- */
/* The setting recommend.blend, in the arena; empty: none. */
struct str collection_blend(struct collection *c, struct arena *a);
/* May it become that? ERR_CONFLICT with /recommend/blend: no experiment has found it to be no
 * worse. Counts what came since: up to 2 seconds. */
enum err collection_blend_check(struct collection *c, struct str blend, struct arena *a,
                                struct err_info *e) MUST_CHECK;

/* ---- brought.c ---- */
/* Scores of a source for a reader, by rising document number, in the arena: the reader's own, and
 * where they say nothing those for all readers. None: *count 0. Numbers may be of documents that
 * have gone. One or two reads by key: some 20 us, and 1 us for 100 scores. */
enum err brought_scores(struct collection *c, struct str source, struct str user, struct arena *a,
                        const uint32_t **numbers, const float **scores, size_t *count,
                        struct err_info *e) MUST_CHECK;

/* ---- experiments.c ---- */
/* Before a request is looked at: if an experiment runs in its scenario (else: one of no scenario),
 * the reader's variant by HMAC of r->user, or of `session` (any name of it) where there is no
 * user; what the variant overrides goes into `r`. *experiment, *variant: the names, in the arena;
 * empty: none runs, or nobody can be told from others; then nothing is overridden. No I/O. If
 * r->recommender has gone meanwhile, the active one serves. */
void experiment_assign(struct collection *c, struct recommend_request *r, struct str session,
                       struct arena *a, struct str *experiment, struct str *variant);

/* ---- served.c: what was answered ---- */
struct served {
    uint8_t token[16]; /* the recommendation id, in hex for clients */
    struct str user, scenario, experiment, variant;
    uint32_t recommender;
    int64_t at_us;
    const struct served_slot *slots; /* in the order of their positions, from `first` on;
                                        FEATURE_COUNT features each */
    size_t count, first;
};
/* Copied into a bounded queue that a thread writes to the store at least every 200 ms; a full queue
 * waits for it. Scores are finite, propensities in (0, 1]. */
void served_add(struct collection *c, const struct served *s);
/* A recommendation id as clients have it; false: not one. */
bool served_token(struct str id, uint8_t token[SERVED_TOKEN]);
/* Answers by token, those that are still in the queue too; out[i].id 0: there is none. */
enum err served_by_token(struct collection *c, const uint8_t (*tokens)[SERVED_TOKEN], size_t count,
                         struct arena *a, struct served_record *out, struct err_info *e) MUST_CHECK;
/* The newest answers that a reader got, newest first, those in the queue too. */
enum err served_of_user(struct collection *c, struct str user, size_t limit, struct arena *a,
                        struct served_record **out, size_t *count, struct err_info *e) MUST_CHECK;
/* FEATURE_SHOWN of documents: counts[i] of numbers[i] (each once), of the last 20 answers of two
 * weeks that this reader got; whoever knows that one was taken makes it 0. An empty user: all 0. */
enum err served_counts(struct collection *c, struct str user, const uint32_t *numbers, size_t count,
                       struct arena *a, float *counts, struct err_info *e) MUST_CHECK;

#endif

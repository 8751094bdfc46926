/* What the sources of candidates share: recommend_sources.c (lists, features, the blend),
 * recommend_learned.c (the trained model; recommend_learned_parts.c: why it says so),
 * recommend_explain.c and recommend_without.c. Made once a request, in its arena. */
#ifndef ENGINE_RECOMMEND_SOURCES_H
#define ENGINE_RECOMMEND_SOURCES_H

#include "engine/recommend_impl.h"
#include "recommend/newcomers.h"
#include "recommend/profile.h"

/* What the reader read, as the model takes it: a document that it does not know stands for the
 * known ones nearest to it. */
struct learned_read {
    struct model_read *reads;
    size_t *of; /* the example that it comes from */
    size_t count;
};
struct learned {
    const struct recommend_model *model; /* NULL: there is none, or it says nothing here */
    struct newcomers *newcomers;         /* NULL: no text part that belongs to these vectors */
    struct learned_read read;
    double like;       /* what the default blend adds of the profile; 0: nothing */
    float *scores;     /* of its items */
    double *weights;   /* of its items: zeros, for a while not; explain only */
    float *text;       /* dims: the reader's profile in the text part; NULL: none */
    uint32_t *session; /* items, oldest first */
    size_t session_count;
    float *session_scores;             /* NULL: no session, or the model has none */
    struct factors_fold *fold;         /* of iALS; explain only, made when asked for, as */
    const struct session_asked *asked; /* */
};
/* What the team uploaded under one name for this reader. */
struct brought {
    const uint32_t *numbers; /* rising */
    const float *scores;
    size_t count;
};
/* Which sources say something of this reader at all: by that a score's scale goes. */
struct voices {
    bool session, learned, profile;
    double like; /* how much of the profile the model's score gets */
};
/* The sources without one of the examples. */
struct remaining {
    size_t gone;     /* which example */
    double *weights; /* of all; that one's is 0 */
    uint32_t *session;
    size_t session_count;
    struct profile profile; /* without parts */
    bool has_profile;
    bool reads, text, session_known;   /* the model has something left to go by */
    float *reader;                     /* iALS: the reader's vector */
    const struct session_asked *asked; /* NULL: nothing of a session that matters */
};
struct sources {
    struct profile profile;
    bool has_profile;
    size_t *example_of; /* each of the profile's parts */
    struct learned learned;
    struct brought *brought;      /* one for each source that the blend names */
    struct docset allowed;        /* within, less without; while lists are made */
    struct remaining **remaining; /* by example: explain only, each made when asked for */
};

/* ---- recommend_learned.c ---- */
/* Its text part is of these vectors. */
bool learned_text_fits(const struct recommender *r, const struct version *v);
void learned_make(struct recommendation *m, struct learned *l);
bool learned_speaks(const struct learned *l); /* the model knows something of this reader */
/* The best of what the model has a score above 0 for; up to `depth` of the known, as many new ones.
 * numbers has room for 2 depth; returns how many. */
size_t learned_list(struct recommendation *m, size_t depth, uint32_t *numbers);
size_t learned_session_list(struct recommendation *m, size_t depth, uint32_t *numbers);
struct learned_score {
    double model, session;      /* NaN: it knows nothing of the document */
    bool known;                 /* somebody read it; else its text spoke: */
    const struct newcomer *new; /* NULL: without what is near to it */
};
void learned_score(struct recommendation *m, const uint32_t *numbers, const uint64_t *revisions,
                   size_t count, struct learned_score *out);

/* Of the numbers those that the model knows, as its items, in their order; returns how many. */
size_t session_items(const struct recommend_model *model, const uint32_t *numbers, size_t count,
                     struct arena *a, uint32_t **items);
/* Somebody read it: the model speaks of it by that. *item: its place, if it has one. */
bool item_known(const struct recommend_model *model, uint32_t number, uint32_t *item);

/* ---- recommend_learned_parts.c ---- */
/* Of the model's score of a candidate. linear[i]: what m->examples[i] has of it as long as scores
 * are sums over examples; parts[i]: the same, and by iALS its share of what all have together. */
void learned_parts(struct recommendation *m, const struct candidate *k, double *linear,
                   double *parts);
void learned_session_parts(struct recommendation *m, const struct candidate *k, double *parts);
/* What the model goes by without an example, from left->weights, session and gone. */
void learned_remain(struct recommendation *m, struct remaining *left);
/* Then, of a candidate: its score, its session's. NaN: it knows nothing of the document. */
double learned_without(struct recommendation *m, const struct remaining *left,
                       const struct candidate *k, const double *linear);
double learned_session_without(struct recommendation *m, const struct remaining *left,
                               const struct candidate *k);

/* ---- recommend_without.c ---- */
/* What a candidate's relevance is if the document of one example were neither in the request nor in
 * the feedback: the model, what others read, scores that were uploaded and the scale of the answer
 * stay as they are. In the default blend a source that has nothing left to go by is silent and the
 * next one counts behind it, as in this answer; what is not the reader's own (popular, newest)
 * counts 0. linear: by learned_parts; row: by profile_row, NULL: none. Cost: for each example once
 * a request what iALS (factors.h) and the session (session_model.h) take, then microseconds. */
double relevance_without(struct recommendation *m, const struct candidate *k, size_t gone,
                         const double *linear, const float *row);

/* ---- recommend_sources.c ---- */
struct voices voices_of(const struct recommendation *m);
/* Relevance and source from what all sources say. */
void candidate_blend(const struct recommendation *m, const struct voices *v, struct candidate *k);
bool blend_reads(const struct recommendation *m, enum recommend_feature f);
/* How much the blend's value rises with a feature; 0 if it does not read it. */
double blend_slope(const struct recommendation *m, const struct candidate *k,
                   enum recommend_feature f);

#endif

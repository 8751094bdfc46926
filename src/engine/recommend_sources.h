/* What the sources of candidates share: recommend_sources.c (lists, features, the blend),
 * recommend_learned.c (the trained model), recommend_popular.c (what others read) and
 * recommend_explain.c. Made once a request, in its arena. */
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
    size_t *session_of;    /* the example of each */
    float *session_scores; /* NULL: no session, or the model has none */
};
/* What the team uploaded under one name for this reader. */
struct brought {
    const uint32_t *numbers; /* rising */
    const float *scores;
    size_t count;
};
struct sources {
    struct profile profile;
    bool has_profile;
    size_t *example_of; /* each of the profile's parts */
    struct learned learned;
    struct brought *brought; /* one for each source that the blend names */
    struct docset allowed;   /* within, less without; while lists are made */
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
/* Of the score of a candidate: parts[i] of m->examples[i] (added to what is there). Returns what no
 * example has. */
double learned_parts(struct recommendation *m, const struct candidate *k, double *parts);
void learned_session_parts(struct recommendation *m, const struct candidate *k, double *parts);

/* ---- recommend_sources.c ---- */
/* How much the blend's value rises with a feature; 0 if it does not read it. */
double blend_slope(const struct recommendation *m, const struct candidate *k,
                   enum recommend_feature f);

#endif

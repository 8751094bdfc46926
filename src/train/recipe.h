/* How a model is made: its kind and its parameters. A training tries several on validation, then
 * makes the model from all the data with the one that did best. */
#ifndef TRAIN_RECIPE_H
#define TRAIN_RECIPE_H

#include "base/err.h"
#include "recommend/model.h"
#include "recommend/training_set.h"
#include <stdatomic.h>

struct recipe {
    enum model_kind kind;
    double lambda, gamma;  /* EASE: of the text pseudo-readers; iALS: lambda */
    double alpha, beta;    /* RP3beta; iALS: alpha */
    double k1, b;          /* BM25 */
    unsigned dims, epochs; /* iALS */
    unsigned kept;         /* weights a row */
    double text_lambda;    /* of the ridge from text to readers */
    double text_blend;     /* text_model.h */
};
struct fit_options {
    uint64_t seed;
    unsigned threads;  /* 0: one a core */
    size_t memory_max; /* bytes; 0: no bound */
    bool parts_only;   /* rows or factors alone: no text, no sessions, for trying parameters */
    void (*progress)(void *ctx, const char *step, double done /* 0 ... 1 */);
    void *ctx;
    const atomic_bool *stop;
};
/* The items of the model are those of the set; one that nobody read is left to the text. ERR_FULL:
 * over memory_max, said beforehand; ERR_CANCELLED; ERR_UNAVAILABLE: no OpenBLAS. The same set,
 * recipe and seed give the same model, whatever the threads. */
enum err recipe_fit(const struct recipe *r, const struct training_set *s,
                    const struct fit_options *o, struct recommend_model **out,
                    struct err_info *e) MUST_CHECK;
size_t recipe_fit_bytes(const struct recipe *r, const struct training_set *s);
/* {"kind":"ease","lambda":30,...}: only what its kind uses. */
struct json_writer;
void recipe_render(struct json_writer *w, const struct recipe *r);

#endif

/* How a model is made: its kind and its parameters. A training tries several on validation, then
 * makes the model from all the data with the one that did best. What it learns from: known.h. */
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
    bool parts_only;   /* rows or factors alone: no text, no sessions, for trying parameters;
                        half the time, since texts take a fit without some readers */
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
/* {"kind":"ease","lambda":30,...}: only what its kind uses, and what texts use. */
struct json_writer;
void recipe_render(struct json_writer *w, const struct recipe *r);
/* Back from that (jansson's json_t); ERR_INVALID names the field. What is not there is as
 * recipe_default has it. */
struct json_t;
enum err recipe_read(const struct json_t *v, struct recipe *out, struct err_info *e) MUST_CHECK;

/* ---- what to try (recipe_grid.c) ---- */

const char *model_kind_name(enum model_kind kind); /* "ease", "neighbours", "walks", "ials" */
struct recipe recipe_default(enum model_kind kind);
/* Bits of 1u << enum model_kind that suit the size: EASE while its closed form takes minutes and
 * fits into memory_max (0: no bound), iALS where it does not; counting always. */
unsigned recipe_kinds(const struct training_set *s, size_t memory_max);
/* What to try of a kind, the default first: at most `max`, RECIPES_MAX of the closed forms and of
 * counting. First the strength of what is tried on every set; recipe_near gives what is next to the
 * best of them, other than what was in the grid, so that few trials find a good one. */
#define RECIPES_MAX 6
unsigned recipe_grid(enum model_kind kind, const struct training_set *s, struct recipe *out,
                     unsigned max);
unsigned recipe_near(const struct recipe *best, const struct training_set *s, struct recipe *out,
                     unsigned max);

#endif

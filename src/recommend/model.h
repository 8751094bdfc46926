/* A trained recommender: a versioned file, made by the worker (train/), read by the server. It
 * holds the parts that its training chose; what a part cannot say is left to the others:
 *
 *   rows      item_model.h: EASE, or neighbours; documents that readers have read
 *   factors   factors.h: iALS, where a closed form is too dear
 *   text      text_model.h: from texts to readers; also documents that nobody has read
 *   sessions  session_model.h: what came next in sessions like this one (V-SKNN)
 *   readers   how many read each item: popularity
 *   ranker    rank_trees.h: puts the best candidates in order, where that was proved to help
 *
 * Scores of rows, factors and text stand on one scale (text_model.h). Immutable once made: any
 * thread. Items are places in `numbers`; documents that are newer than the model have none. */
#ifndef RECOMMEND_MODEL_H
#define RECOMMEND_MODEL_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

enum model_kind { MODEL_EASE, MODEL_NEIGHBOURS, MODEL_WALKS, MODEL_IALS };
#define MODEL_ITEM_NONE UINT32_MAX

struct item_model;
struct factors;
struct text_model;
struct session_model;
struct rank_trees;
struct recommend_model {
    enum model_kind kind;
    uint32_t items;
    uint32_t *numbers;              /* document numbers, rising */
    float *readers;                 /* of each item */
    struct item_model *rows;        /* or */
    struct factors *factors;        /* */
    struct text_model *text;        /* NULL: no text vectors */
    struct session_model *sessions; /* NULL: too few sessions */
    struct rank_trees *ranker;      /* NULL: none, or none that won */
    uint64_t position;              /* the change of the store that it was trained at */
    char *report;                   /* JSON, as train/ wrote it: parameters, data, metrics */
    size_t bytes;                   /* in memory */
    double row_deviation;           /* item_model_deviation(rows); 0: no rows */
    double row_greatest;            /* item_model_greatest(rows); 0: no rows */
};

void recommend_model_free(struct recommend_model *m); /* NULL is allowed */
/* Fills in what follows from its parts: bytes, row_deviation, row_greatest. */
void recommend_model_measure(struct recommend_model *m);
/* Written to `path`.tmp, synced, renamed over `path`: old or new, never half. One writer a path. */
enum err recommend_model_save(const struct recommend_model *m, const char *path,
                              struct err_info *e) MUST_CHECK;
/* ERR_CORRUPT: torn, flipped, or it does not hold what it says; ERR_UNSUPPORTED: not a model, or of
 * a newer akin. */
enum err recommend_model_load(const char *path, struct recommend_model **out,
                              struct err_info *e) MUST_CHECK;

/* The place of a document; MODEL_ITEM_NONE. */
uint32_t recommend_model_item(const struct recommend_model *m, uint32_t number);
/* False: nobody has read it, rows and factors say 0 for it, and the text speaks. */
static inline bool recommend_model_knows(const struct recommend_model *m, uint32_t item)
{
    return m->readers[item] > 0;
}

/* What somebody read, of what the model knows. */
struct model_read {
    uint32_t item;
    float weight; /* < 0: not wanted */
};
/* scores[items] = what the model says for each (what was read included): no retraining, so the
 * newest feedback counts. Summed in double. Cost of rows: the kept entries of each, and two passes
 * over the items. */
void recommend_model_score(const struct recommend_model *m, const struct model_read *read,
                           size_t count, float *scores);
/* parts[k]: what read[k] gives of the score of `item`: they add up to it (1e-6). */
void recommend_model_parts(const struct recommend_model *m, const struct model_read *read,
                           size_t count, uint32_t item, double *parts);

/* How much it makes two documents alike that the same readers read both, in [0, 1), from the weight
 * that the one's row has for the other: half where it is a quarter of what rows have at most, in
 * their mean; 0 for weights below 0. A document without readers has none, and is alike by its text
 * alone: likeness = text + (1 - text) * lift, text in [0, 1]. What that reaches, and what texts and
 * rows reach alone, prints bench_related.
 */
double recommend_model_lift(const struct recommend_model *m, double weight);

#endif

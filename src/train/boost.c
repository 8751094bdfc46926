#include "train/boost.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/library.h"
#include "base/str.h"
#include "recommend/rank_trees.h"
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_BYTES_MAX (256u << 20)
#define MODEL_MEMORY_MAX ((size_t)2 << 30)

/* As xgboost/c_api.h of 1.7 has them. */
static struct {
    int (*matrix_create)(const float *data, uint64_t rows, uint64_t columns, float missing,
                         void **out);
    int (*matrix_free)(void *matrix);
    int (*create)(void *const matrices[], uint64_t count, void **out);
    int (*free)(void *booster);
    int (*set)(void *booster, const char *name, const char *value);
    int (*boost)(void *booster, void *matrix, float *first, float *second, uint64_t count);
    int (*predict)(void *booster, void *matrix, int what, unsigned trees, int training,
                   uint64_t *count, const float **out);
    int (*save)(void *booster, const char *config, uint64_t *count, const char **out);
    const char *(*error)(void);
    bool there;
} xgb;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
    static const struct library_symbol symbols[] = {
        {"XGDMatrixCreateFromMat", &xgb.matrix_create},
        {"XGDMatrixFree", &xgb.matrix_free},
        {"XGBoosterCreate", &xgb.create},
        {"XGBoosterFree", &xgb.free},
        {"XGBoosterSetParam", &xgb.set},
        {"XGBoosterBoostOneIter", &xgb.boost},
        {"XGBoosterPredict", &xgb.predict},
        {"XGBoosterSaveModelToBuffer", &xgb.save},
        {"XGBGetLastError", &xgb.error},
    };
    xgb.there = library_load("libxgboost.so.0", symbols, sizeof symbols / sizeof *symbols);
}

enum err boost_open(struct err_info *e)
{
    pthread_once(&once, load);
    return xgb.there ? 0
                     : err_set(e, ERR_UNAVAILABLE, NULL,
                               "a ranker needs XGBoost: apt-get install libxgboost0");
}

/* ---- growing ---- */

struct boost {
    void *rows, *beside, *booster;
    size_t count, beside_count;
    unsigned columns;
};

static enum err checked(int failed, struct err_info *e)
{
    return failed ? err_set(e, ERR_UNAVAILABLE, NULL, "XGBoost: %.300s", xgb.error()) : ERR_OK;
}

static enum err parameters_set(struct boost *b, const struct boost_options *o, struct err_info *e)
{
    char depth[16], rate[32], lambda[32], weight[32];
    snprintf(depth, sizeof depth, "%u", o->depth);
    snprintf(rate, sizeof rate, "%.9g", o->rate);
    snprintf(lambda, sizeof lambda, "%.9g", o->lambda);
    snprintf(weight, sizeof weight, "%.9g", o->weight_min);
    const char *all[][2] = {
        {"verbosity", "0"},           {"nthread", "1"},    {"booster", "gbtree"},
        {"tree_method", "hist"},      {"base_score", "0"}, {"seed", "42"},
        {"max_depth", depth},         {"eta", rate},       {"reg_lambda", lambda},
        {"min_child_weight", weight},
    };
    enum err err = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all && !err; i++)
        err = checked(xgb.set(b->booster, all[i][0], all[i][1]), e);
    return err;
}

enum err boost_new(const float *rows, size_t count, const float *beside, size_t beside_count,
                   unsigned columns, const struct boost_options *o, struct boost **out,
                   struct err_info *e)
{
    struct boost *b = xcalloc(1, sizeof *b);
    b->count = count;
    b->beside_count = beside_count;
    b->columns = columns;
    enum err err = checked(xgb.matrix_create(rows, count, columns, NAN, &b->rows), e);
    if (!err && beside_count)
        err = checked(xgb.matrix_create(beside, beside_count, columns, NAN, &b->beside), e);
    if (!err) {
        void *const cached[] = {b->rows, b->beside};
        err = checked(xgb.create(cached, b->beside ? 2 : 1, &b->booster), e);
    }
    if (!err)
        err = parameters_set(b, o, e);
    if (err)
        boost_free(b);
    else
        *out = b;
    return err;
}

void boost_free(struct boost *b)
{
    if (!b)
        return;
    if (b->booster)
        xgb.free(b->booster);
    if (b->rows)
        xgb.matrix_free(b->rows);
    if (b->beside)
        xgb.matrix_free(b->beside);
    free(b);
}

enum err boost_round(struct boost *b, float *first, float *second, struct err_info *e)
{
    return checked(xgb.boost(b->booster, b->rows, first, second, b->count), e);
}

enum err boost_scores(struct boost *b, bool beside, float *out, struct err_info *e)
{
    const float *scores = NULL;
    uint64_t n = 0;
    size_t wanted = beside ? b->beside_count : b->count;
    if (wanted == 0)
        return ERR_OK;
    enum err err =
        checked(xgb.predict(b->booster, beside ? b->beside : b->rows, 1, 0, 0, &n, &scores), e);
    if (!err && n != wanted)
        err = err_set(e, ERR_CORRUPT, NULL, "XGBoost: scores are missing");
    if (!err)
        memcpy(out, scores, n * sizeof *out);
    return err;
}

/* ---- its trees ---- */

/* One tree as the library's JSON has it: arrays by node, children -1 in a leaf, whose value stands
 * where others have their condition. */
struct grown {
    const json_t *left, *right, *column, *value, *unknown_left, *gain;
    size_t count;
};

static bool grown_open(const json_t *tree, struct grown *g)
{
    *g = (struct grown){.left = json_object_get(tree, "left_children"),
                        .right = json_object_get(tree, "right_children"),
                        .column = json_object_get(tree, "split_indices"),
                        .value = json_object_get(tree, "split_conditions"),
                        .unknown_left = json_object_get(tree, "default_left"),
                        .gain = json_object_get(tree, "loss_changes")};
    g->count = json_array_size(g->left);
    return g->count > 0 && json_array_size(g->right) == g->count &&
           json_array_size(g->column) == g->count && json_array_size(g->value) == g->count &&
           json_array_size(g->unknown_left) == g->count && json_array_size(g->gain) == g->count;
}

static double number_at(const json_t *array, size_t at)
{
    const json_t *v = json_array_get(array, at);
    return json_is_boolean(v) ? json_is_true(v) : json_number_value(v);
}

/* In the order of their depth, siblings beside each other. Returns how many; 0: it is no tree.
 * out: RANK_NODES_MAX. */
static uint32_t tree_convert(const struct grown *g, unsigned columns, struct rank_node *out,
                             double *gains)
{
    uint32_t of[RANK_NODES_MAX], n = 1; /* the library's number of each */
    of[0] = 0;
    for (uint32_t i = 0; i < n; i++) {
        double left = number_at(g->left, of[i]), right = number_at(g->right, of[i]),
               column = number_at(g->column, of[i]);
        out[i] = (struct rank_node){.value = (float)number_at(g->value, of[i])};
        if (left < 0)
            continue;
        if (!(left < (double)g->count) || !(right >= 0 && right < (double)g->count) ||
            !(column >= 0 && column < columns) || n + 2 > RANK_NODES_MAX)
            return 0;
        out[i].left = (uint16_t)n;
        out[i].feature = (uint8_t)column;
        out[i].unknown_right = number_at(g->unknown_left, of[i]) == 0;
        of[n++] = (uint32_t)left;
        of[n++] = (uint32_t)right;
        if (gains)
            gains[(size_t)column] += number_at(g->gain, of[i]);
    }
    return n;
}

static const json_t *trees_of(const json_t *model)
{
    const json_t *learner = json_object_get(model, "learner"),
                 *booster = json_object_get(learner, "gradient_booster");
    return json_object_get(json_object_get(booster, "model"), "trees");
}

/* NULL: not understood. */
static struct rank_trees *trees_convert(const json_t *all, unsigned trees, unsigned columns,
                                        double *gains)
{
    struct rank_node *nodes = xmalloc((size_t)RANK_NODES_MAX * (trees + 1) * sizeof *nodes);
    uint32_t *counts = xcalloc((size_t)trees + 1, sizeof *counts);
    struct rank_trees *t = NULL;
    bool understood = trees <= RANK_TREES_MAX && json_array_size(all) >= trees;
    for (unsigned k = 0; k < trees && understood; k++) {
        struct grown g;
        understood =
            grown_open(json_array_get(all, k), &g) &&
            (counts[k] = tree_convert(&g, columns, nodes + (size_t)k * RANK_NODES_MAX, gains)) > 0;
    }
    if (understood) {
        t = rank_trees_new(trees, counts);
        for (unsigned k = 0; k < trees; k++)
            memcpy(t->nodes + t->start[k], nodes + (size_t)k * RANK_NODES_MAX,
                   counts[k] * sizeof *nodes);
    }
    if (t && rank_trees_wrong(t)) {
        rank_trees_free(t);
        t = NULL;
    }
    free(nodes);
    free(counts);
    return t;
}

enum err boost_trees(struct boost *b, unsigned trees, struct rank_trees **out, double *gains,
                     struct err_info *e)
{
    const char *text = NULL;
    uint64_t n = 0;
    json_t *model = NULL;
    enum err err = checked(xgb.save(b->booster, "{\"format\":\"json\"}", &n, &text), e);
    if (!err && n > MODEL_BYTES_MAX)
        err = err_set(e, ERR_TOO_LARGE, NULL, "XGBoost: a model of %zu MB", (size_t)n >> 20);
    if (!err)
        err = json_parse_within((struct str){text, n}, MODEL_MEMORY_MAX, &model, e);
    struct rank_trees *t = err ? NULL : trees_convert(trees_of(model), trees, b->columns, gains);
    if (!err && !t)
        err = err_set(e, ERR_CORRUPT, NULL, "XGBoost: its model is not as 1.7 writes it");
    json_decref(model);
    if (!err)
        *out = t;
    return err;
}

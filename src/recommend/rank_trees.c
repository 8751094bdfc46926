#include "recommend/rank_trees.h"

#include "base/arena.h"
#include "base/section.h"
#include "recommend/feature.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct rank_node) == 8, "files hold nodes as they are");

struct rank_trees *rank_trees_new(uint32_t trees, const uint32_t *node_counts)
{
    struct rank_trees *t = xcalloc(1, sizeof *t);
    assert(trees <= RANK_TREES_MAX);
    t->trees = trees;
    t->start = xcalloc((size_t)trees + 1, sizeof *t->start);
    for (uint32_t k = 0; k < trees; k++) {
        assert(node_counts[k] >= 1 && node_counts[k] <= RANK_NODES_MAX);
        t->start[k + 1] = t->start[k] + node_counts[k];
    }
    t->nodes = xcalloc((size_t)t->start[trees] + 1, sizeof *t->nodes);
    return t;
}

void rank_trees_free(struct rank_trees *t)
{
    if (!t)
        return;
    free(t->start);
    free(t->nodes);
    free(t);
}

size_t rank_trees_bytes(const struct rank_trees *t)
{
    return sizeof *t + (t->trees + 1) * sizeof *t->start + t->start[t->trees] * sizeof *t->nodes;
}

/* `has`: room for a tree's nodes. */
static const char *tree_wrong(const struct rank_node *nodes, uint32_t count, bool *has)
{
    uint32_t children = 0;
    memset(has, 0, count * sizeof *has);
    for (uint32_t i = 0; i < count; i++) {
        const struct rank_node *n = &nodes[i];
        if (!isfinite(n->value))
            return "a number of a tree is not finite";
        if (n->feature >= FEATURE_RANKER_READS || n->unknown_right > 1)
            return "a tree asks for what there is not";
        if (n->left == 0)
            continue;
        if (n->left <= i || n->left + 1u >= count || has[n->left] || has[n->left + 1])
            return "a tree's nodes do not make a tree";
        has[n->left] = has[n->left + 1] = true;
        children += 2;
    }
    return children + 1 == count ? NULL : "a tree has nodes that nothing leads to";
}

const char *rank_trees_wrong(const struct rank_trees *t)
{
    bool has[RANK_NODES_MAX + 1];
    const char *wrong = NULL;
    for (uint32_t k = 0; k < t->trees && !wrong; k++)
        wrong = tree_wrong(t->nodes + t->start[k], t->start[k + 1] - t->start[k], has);
    return wrong;
}

static float tree_value(const struct rank_node *nodes, const float *x)
{
    const struct rank_node *n = nodes;
    while (n->left) {
        float v = x[n->feature];
        bool right = isnan(v) ? n->unknown_right : !(v < n->value);
        n = nodes + n->left + right;
    }
    return n->value;
}

/* Tree by tree, so that one is in the nearest cache for all candidates. */
void rank_trees_score(const struct rank_trees *t, const float *const *features, size_t count,
                      float *out)
{
    memset(out, 0, count * sizeof *out);
    for (uint32_t k = 0; k < t->trees; k++) {
        const struct rank_node *nodes = t->nodes + t->start[k];
        for (size_t i = 0; i < count; i++)
            out[i] += tree_value(nodes, features[i]);
    }
}

/* ---- the file ---- */

void rank_trees_save(const struct rank_trees *t, struct section_writer *w)
{
    section_put_u32(w, t->trees);
    for (uint32_t k = 0; k < t->trees; k++)
        section_put_u32(w, t->start[k + 1] - t->start[k]);
    section_put(w, t->nodes, t->start[t->trees] * sizeof *t->nodes);
}

struct rank_trees *rank_trees_load(struct section_reader *r)
{
    uint32_t counts[RANK_TREES_MAX], trees = section_get_u32(r);
    uint64_t nodes = 0;
    if (trees > RANK_TREES_MAX)
        section_corrupt(r, "the ranker has too many trees");
    for (uint32_t k = 0; k < trees && !section_error(r); k++) {
        nodes += counts[k] = section_get_u32(r);
        if (counts[k] < 1 || counts[k] > RANK_NODES_MAX)
            section_corrupt(r, "a tree of the ranker has no size that one may have");
    }
    if (!section_error(r) && nodes > section_left(r) / sizeof(struct rank_node))
        section_corrupt(r, "the ranker is larger than the file");
    if (section_error(r))
        return NULL;
    struct rank_trees *t = rank_trees_new(trees, counts);
    section_get(r, t->nodes, nodes * sizeof *t->nodes);
    const char *wrong = section_error(r) ? NULL : rank_trees_wrong(t);
    if (wrong)
        section_corrupt(r, wrong);
    if (!section_error(r))
        return t;
    rank_trees_free(t);
    return NULL;
}

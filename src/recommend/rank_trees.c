#include "recommend/rank_trees.h"

#include "base/arena.h"
#include "base/section.h"
#include "recommend/feature.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BESIDE 8u

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

/* Where a candidate goes from a node; a leaf leads to itself. Without a branch: which way is close
 * to chance. */
static uint32_t step(const struct rank_node *nodes, uint32_t at, const float *x)
{
    const struct rank_node *n = nodes + at;
    float v = x[n->feature];
    uint32_t right = (uint32_t)(v >= n->value) | ((uint32_t)(v != v) & n->unknown_right);
    return n->left ? n->left + right : at;
}

/* BESIDE candidates at once: while one waits for its node, the others go on. */
static void tree_add(const struct rank_node *nodes, const float *const *features, float *out)
{
    uint32_t at[BESIDE] = {0}, moved;
    do {
        moved = 0;
        for (unsigned k = 0; k < BESIDE; k++) {
            uint32_t next = step(nodes, at[k], features[k]);
            moved |= next ^ at[k];
            at[k] = next;
        }
    } while (moved);
    for (unsigned k = 0; k < BESIDE; k++)
        out[k] += nodes[at[k]].value;
}

static void tree_add_one(const struct rank_node *nodes, const float *x, float *out)
{
    uint32_t at = 0;
    while (nodes[at].left)
        at = step(nodes, at, x);
    *out += nodes[at].value;
}

/* Tree by tree, so that one is in the nearest cache for all candidates. */
void rank_trees_score(const struct rank_trees *t, const float *const *features, size_t count,
                      float *out)
{
    memset(out, 0, count * sizeof *out);
    for (uint32_t k = 0; k < t->trees; k++) {
        const struct rank_node *nodes = t->nodes + t->start[k];
        size_t i = 0;
        for (; i + BESIDE <= count; i += BESIDE)
            tree_add(nodes, features + i, out + i);
        for (; i < count; i++)
            tree_add_one(nodes, features[i], out + i);
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

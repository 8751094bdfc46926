/* The ranker: regression trees whose sum puts candidates in order (LambdaMART: Burges, From RankNet
 * to LambdaRank to LambdaMART, 2010), trained by train/rank.h on answers of the log. A tree asks a
 * feature at each node: below the value it goes left, else right, and where the feature is not
 * known (NaN) the way that the training found better. Only the order of its scores says something.
 *
 * Immutable once made: any thread. */
#ifndef RECOMMEND_RANK_TREES_H
#define RECOMMEND_RANK_TREES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RANK_TREES_MAX 1000u
#define RANK_NODES_MAX 4095u /* of a tree */

/* Eight bytes: a hundred trees of depth 6 fit into a core's second cache. */
struct rank_node {
    float value;   /* of a leaf: what it adds */
    uint16_t left; /* place in the tree, the right one behind it; 0: this is a leaf */
    uint8_t feature;
    uint8_t unknown_right; /* 0 or 1 */
};
struct rank_trees {
    uint32_t trees;
    uint32_t *start; /* trees + 1: of their nodes, the root first */
    struct rank_node *nodes;
};
/* Room for so many, all zeros: every tree is one leaf of 0. */
struct rank_trees *rank_trees_new(uint32_t trees, const uint32_t *node_counts);
void rank_trees_free(struct rank_trees *t); /* NULL is allowed */
size_t rank_trees_bytes(const struct rank_trees *t);
/* NULL, or what is wrong: children lie behind their parent and in the tree, each is the child of
 * one, numbers are finite, features are those that a ranker reads. Those that are not are not to be
 * scored with. */
const char *rank_trees_wrong(const struct rank_trees *t);

/* out[i] = the score of the FEATURE_COUNT features at features[i]. 10 ns a tree and candidate at a
 * depth of 6. */
void rank_trees_score(const struct rank_trees *t, const float *const *features, size_t count,
                      float *out);

/* u32 trees, u32 nodes of each, the nodes. */
struct section_writer;
struct section_reader;
void rank_trees_save(const struct rank_trees *t, struct section_writer *w);
/* NULL: section_error says why. */
struct rank_trees *rank_trees_load(struct section_reader *r);

#endif

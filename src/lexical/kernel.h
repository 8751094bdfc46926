/* The inner loops of a search: plain C beside AVX2 and AVX-512. Their sums differ in last bits. */
#ifndef LEXICAL_KERNEL_H
#define LEXICAL_KERNEL_H

#include "lexical/internal.h"

/* Scores of a window's slots: into[slot - start]. */
struct scoring {
    const uint32_t *lengths; /* of the window's slots */
    uint32_t start;
    float k0, k1, factor; /* factor * tf / (tf + k0 + k1 * length) */
};
/* Postings [from, to) of a block, all of the window: added, or where they are more. */
void kernel_add(const struct scoring *s, const struct block *b, unsigned from, unsigned to,
                float *into);
void kernel_most(const struct scoring *s, const struct block *b, unsigned from, unsigned to,
                 float *into);
/* The same of those whose score is >= least: their places and scores. Returns how many; room for 16
 * more is needed. */
unsigned kernel_list(const struct scoring *s, const struct block *b, unsigned from, unsigned to,
                     float least, uint32_t *places, float *found);
/* The first of postings [from, to) whose slot is >= slot; to: none. */
unsigned kernel_seek(const struct block *b, unsigned from, unsigned to, uint32_t slot);
/* The places of scores >= least (> 0), rising; how many. All CHUNK scores are 0 afterwards, those
 * found stand in `found`. */
unsigned kernel_collect(float *scores, float least, uint32_t *places, float *found);
/* Of `count` places with what was found of them: what `scores` has there (0: nothing) is added
 * (times `add`: 1 or 0), and those stay that have something, or need not, or must not, and have at
 * least so much. Returns how many. */
enum kernel_keep { KEEP_WITH, KEEP_ALL, KEEP_WITHOUT };
unsigned kernel_apply(const float *scores, enum kernel_keep keep, float add, float least,
                      unsigned count, uint32_t *places, float *found);
/* sums += scores; scores = 0. CHUNK of them. */
void kernel_join(float *sums, float *scores);

#endif

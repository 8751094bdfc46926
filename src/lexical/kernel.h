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
/* The same, of each: its place and score. */
void kernel_list(const struct scoring *s, const struct block *b, unsigned from, unsigned to,
                 uint16_t *places, float *found);
/* The first of postings [from, to) whose slot is >= slot; to: none. */
unsigned kernel_seek(const struct block *b, unsigned from, unsigned to, uint32_t slot);
/* The places of scores >= least (> 0), rising; how many. All CHUNK scores are 0 afterwards, those
 * found stand in `found`. */
unsigned kernel_collect(float *scores, float least, uint16_t *places, float *found);
/* sums += scores; scores = 0. CHUNK of them. */
void kernel_join(float *sums, float *scores);

#endif

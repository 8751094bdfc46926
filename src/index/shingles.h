/* What is compared of two texts: their words and their pairs of neighbouring words, as hashes; and
 * a sketch of the pairs, from which the resemblance is estimated without the texts. */
#ifndef INDEX_SHINGLES_H
#define INDEX_SHINGLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SKETCH_BYTES 48

struct shingles {
    uint32_t *words; /* sorted, with repeats */
    uint32_t *pairs; /* sorted, each once; of a single word: it alone */
    size_t word_count, pair_count;
};
/* `words`: in the order of the text, borrowed. Cost: about 15 ns a word and n log n of sorting. */
void shingles_init(struct shingles *s, const uint32_t *words, size_t count);
void shingles_release(struct shingles *s);

/* From 0 (nothing in common) to 1: the mean of two Jaccard indices, of the words (with repeats) and
 * of the pairs. Scattered small edits harm the first little and the second twice as much; texts
 * that only share a part lose the same in both. */
double shingles_resemblance(const struct shingles *a, const struct shingles *b);

/* MinHash (Broder 1997) of the pairs with SKETCH_BYTES permutations, of each the low byte of a mix
 * of the minimum: b-bit minwise hashing (Li, Koenig 2010). Two sketches agree in a byte with
 * probability J + (1 - J) / 256. */
void shingles_sketch(const struct shingles *s, uint8_t out[SKETCH_BYTES]);
unsigned sketch_agreement(const uint8_t a[SKETCH_BYTES], const uint8_t b[SKETCH_BYTES]);

#endif

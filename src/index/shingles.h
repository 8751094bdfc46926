/* What is compared of two texts: their words (base/wordmark.h) and their pairs of neighbouring
 * words; and a sketch of them, from which the resemblance is estimated without the texts. */
#ifndef INDEX_SHINGLES_H
#define INDEX_SHINGLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SKETCH_BYTES 48
#define SHINGLES_FIRSTS 16

struct shingles {
    uint64_t *words; /* sorted, with repeats */
    uint32_t *pairs; /* hashes, sorted, each once */
    size_t word_count, pair_count, dense_count;
    uint32_t firsts[SHINGLES_FIRSTS]; /* hashes of the first words */
    uint32_t digest;                  /* of all words in their order */
};
/* `words`: in the order of the text, borrowed. Cost: about 20 ns a word and n log n of sorting. */
void shingles_init(struct shingles *s, const uint64_t *words, size_t count);
void shingles_release(struct shingles *s);

/* Is one the other with small edits? By the words that only one of them has, n those of the longer:
 *   misspelt   at most 1 + n/8 (wordmark_misspelt)
 *   replaced   at most n/10; none in a text of fewer than 20 words, where another word is another
 *              thing ("bindings for foo", "bindings for bar")
 *   added or left out   at most .3 n; of fewer than 20 words n/6, and none with a digit
 *   renamed    none: where a word stood two times more and now another one does, and hardly the
 *              first, it is the name in a mould, be it misspelt if it is short (more than two
 *              times beyond 400 words)
 * and by their order: three pairs in ten in common at least. Two characters of a script without
 * spaces make one word of the 20. */
bool shingles_near(const struct shingles *a, const struct shingles *b);

/* MinHash (Broder 1997) of the pairs and the first words with SKETCH_BYTES permutations, of each
 * the low byte of a mix of the minimum: b-bit minwise hashing (Li, Koenig 2010). Two sketches agree
 * in a byte with probability J + (1 - J) / 256. The words by themselves are there for short texts,
 * of which one edit takes half of the pairs. */
void shingles_sketch(const struct shingles *s, uint8_t out[SKETCH_BYTES]);
unsigned sketch_agreement(const uint8_t a[SKETCH_BYTES], const uint8_t b[SKETCH_BYTES]);

#endif

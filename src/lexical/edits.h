/* How many edits from one word to another: insertions, deletions, changes, and swaps of
 * neighbouring characters, no part edited twice (optimal string alignment). Characters are the code
 * points of UTF-8; a byte that is none counts as one.
 *
 * A signature says it roughly: two bits for each class of characters (code point mod 32), there
 * once, there twice. A change alters at most two bits, an insertion or deletion one, a swap none.
 * Most words of a dictionary are passed over by it, at about 1 ns for 4. The rest: Hyyro, A
 * bit-vector algorithm for computing Levenshtein and Damerau edit distances (2003). Any thread. */
#ifndef LEXICAL_EDITS_H
#define LEXICAL_EDITS_H

#include "base/str.h"

#define EDITS_CHARS_MAX 64u

/* *chars: its length, at most EDITS_CHARS_MAX + 1. */
uint64_t edits_signature(struct str word, unsigned *chars);

/* A word prepared for being compared with many. */
struct edits_word {
    uint64_t signature;
    unsigned chars, others;
    uint64_t ascii[128]; /* where in the word the character stands */
    struct edits_other {
        uint32_t c;
        uint64_t at;
    } other[EDITS_CHARS_MAX];
};
/* False: not 1 to EDITS_CHARS_MAX characters. */
bool edits_prepare(struct edits_word *w, struct str word);
/* Of words of at most EDITS_CHARS_MAX characters. */
unsigned edits_between(const struct edits_word *w, struct str term);

/* The indexes i of signatures that differ from `of` in at most `bits_max` bits, rising, into out:
 * room for count. Returns how many. */
size_t edits_scan(const uint64_t *signatures, size_t count, uint64_t of, unsigned bits_max,
                  uint32_t *out);

#endif

/* A word in 64 bits: are two words the same, is one a misspelling of the other? For telling texts
 * that are nearly the same without keeping their letters.
 *
 *     bits 0-47   its letters, 4 bits each (1 to 15), 0 after the last; of more than 12 the first
 *                 and the last 6
 *     bit 48      it has a digit          bit 49  a character of a script without spaces
 *     bits 50-63  of a hash of all letters
 *
 * Different words are the same here once in many millions. No state. */
#ifndef BASE_WORDMARK_H
#define BASE_WORDMARK_H

#include <stdbool.h>
#include <stdint.h>

#define WORDMARK_LETTERS 12
#define WORDMARK_DIGIT (UINT64_C(1) << 48)
#define WORDMARK_DENSE (UINT64_C(1) << 49)

/* A word that is being read. */
struct wordmark {
    uint64_t hash, flags;
    uint32_t length; /* 0: none was begun */
    uint8_t letters[WORDMARK_LETTERS];
};
/* A letter in the case that counts; of a digit also sets the flag. */
void wordmark_add(struct wordmark *w, uint32_t c, bool digit);
/* What was read; begins anew. Never 0. */
uint64_t wordmark_end(struct wordmark *w);

/* How many letters are kept: 1 to WORDMARK_LETTERS. */
int wordmark_letters(uint64_t mark);

/* A letter left out, added, changed or swapped with the next; two such in words of 8 letters or
 * more. Of words of 3 letters only a swap; never of shorter ones or those with digits: they tell
 * things apart. About 50 ns if the words begin or end alike, else 5. */
bool wordmark_misspelt(uint64_t a, uint64_t b);

#endif

/* A word of a text -> the forms under which it is looked up. One thread at a time. */
#ifndef TEXT_TERM_FOLD_H
#define TEXT_TERM_FOLD_H

#include "base/str.h"
#include <stdbool.h>
#include <unicode/unorm2.h>

enum { TERM_BYTES_MAX = 64 };

/* At most so many UTF-16 units of a word are looked at: a term has 64 bytes, and what is removed
 * (marks, format characters) may not hide more than that. A unit becomes at most 18 in NFKC, and
 * one of those at most 4 in NFD. */
enum { FOLD_UNITS_MAX = 256, FOLD_CAP = FOLD_UNITS_MAX * 18 * 4 };

struct term_fold {
    const UNormalizer2 *nfkc_casefold, *nfd, *nfc;
    UChar a[FOLD_CAP], b[FOLD_CAP];
    bool apostrophe; /* the word has one */
    char folded[TERM_BYTES_MAX + 16], cased[TERM_BYTES_MAX + 16];
};

struct term_forms {
    struct str folded; /* the term: NFKC case folding; accents off Latin, Greek, Cyrillic, vowel
                          points off Hebrew and Arabic; empty if nothing is left */
    struct str cased;  /* case folding alone: what a stemmer wants */
};

void term_fold_init(struct term_fold *f);

/* Views into `f`, until the next call, of at most 64 bytes. Apostrophes are resolved in both: "the
 * dog's" is "dog", "l'eau" "eau", "don't" "dont", in whatever language. */
struct term_forms term_forms(struct term_fold *f, struct str word);
static inline struct str term_fold(struct term_fold *f, struct str word)
{
    return term_forms(f, word).folded;
}

/* A letter, digit or mark of a script that is written without spaces. */
bool term_is_dense(uint32_t c);

#endif

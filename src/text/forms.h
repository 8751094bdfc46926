/* Unicode's normal forms as the peer's crate (unicode-normalization-alignments, Unicode 9.0) makes
 * them: characters that came later neither decompose, compose nor move. Any thread. */
#ifndef TEXT_FORMS_H
#define TEXT_FORMS_H

#include "text/normal.h"

enum { FORM_DECOMPOSITION_MAX = 20 };

/* Full decomposition (the character itself if it has none); how many characters. */
unsigned form_decompose(uint32_t c, bool compatible, uint32_t out[FORM_DECOMPOSITION_MAX]);

/* A character of a decomposed text. */
struct form_char {
    uint32_t c;
    int32_t delta; /* as in struct change: 1 if it is not the first of its decomposition */
    uint8_t class;
};
/* Sorts a run of characters that have a class by it; stable, linear. */
void form_sort(struct form_char *run, size_t n);

void form_nfd(struct view from, bool compatible, struct normal *to); /* NFD, or NFKD */
void form_nfc(struct view from, bool compatible, struct normal *to); /* NFC, or NFKC */

#endif

/* What a text's letters and function words say about its language, beside the table of pieces. */
#ifndef TEXT_LANGUAGE_HINTS_H
#define TEXT_LANGUAGE_HINTS_H

#include "text/language.h"
#include <stdint.h>

enum script {
    SCRIPT_OTHER, /* of no language alone: Latin, Cyrillic, Arabic, Devanagari ... */
    SCRIPT_KANA,
    SCRIPT_HAN,
    SCRIPT_FIRST_OWN, /* from here on a script is that of one language */
    SCRIPT_COUNT = SCRIPT_FIRST_OWN + 20
};
struct language_hints {
    unsigned words, letters[SCRIPT_COUNT]; /* words; by the script of their first letter */
    float stops[64];                       /* of each list: words that it holds, a word that n lists
                                              hold counts 1/n */
};
void hints_word(struct language_hints *h, struct str word, uint32_t first_letter);

/* The language that has the script of most words for itself, Chinese and Japanese included;
 * LANGUAGE_UNKNOWN if there is none. */
enum language hints_by_script(const struct language_hints *h);
/* The language with the most function words, if that is clear. `confidence`: 0 to 1. */
enum language hints_by_words(const struct language_hints *h, float *confidence);
float hints_stops(const struct language_hints *h, enum language language);

#endif

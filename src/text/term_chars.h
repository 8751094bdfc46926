/* The characters that most texts are made of, so that they need no ICU: ASCII, Latin, Greek,
 * Cyrillic, Hangul syllables, punctuation. Each folds by itself, whatever stands beside it, and
 * its part in cutting words (UAX #29) is looked up. The table is made from ICU's data at the first
 * call, any thread. */
#ifndef TEXT_TERM_CHARS_H
#define TEXT_TERM_CHARS_H

#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum char_kind {
    CHAR_BREAK, /* parts words */
    CHAR_LETTER,
    CHAR_DIGIT,
    CHAR_LINE,       /* _ : holds letters and digits together */
    CHAR_MID_LETTER, /* between letters */
    CHAR_MID_DIGIT,  /* between digits */
    CHAR_MID_BOTH,   /* between letters and between digits */
    CHAR_COMPLEX,    /* for ICU */
};
enum { CHAR_FORM_MAX = 7 };
struct char_form {
    uint8_t n;
    char s[CHAR_FORM_MAX];
};
void term_chars_init(void);
enum char_kind term_char_kind(uint32_t c);
/* Of a character that is not CHAR_COMPLEX and not ASCII. NULL: stays as it is (Hangul). */
const struct char_form *term_char_folded(uint32_t c);
const struct char_form *term_char_cased(uint32_t c);

/* The character at `at`, well-formed or not. */
static inline unsigned text_char_at(struct str s, size_t at, uint32_t *c)
{
    const unsigned char *p = (const unsigned char *)s.s + at;
    if (p[0] < 0x80) {
        *c = p[0];
        return 1;
    }
    if (p[0] >= 0xc2 && p[0] < 0xe0 && at + 1 < s.n && (p[1] & 0xc0) == 0x80) {
        *c = (uint32_t)(p[0] & 31) << 6 | (p[1] & 63);
        return 2;
    }
    if (p[0] > 0xe0 && p[0] < 0xed && at + 2 < s.n && (p[1] & 0xc0) == 0x80 &&
        (p[2] & 0xc0) == 0x80) {
        *c = (uint32_t)(p[0] & 15) << 12 | (uint32_t)(p[1] & 63) << 6 | (p[2] & 63);
        return 3;
    }
    *c = 0xffff; /* complex, or bad: for ICU */
    return 1;
}

#endif

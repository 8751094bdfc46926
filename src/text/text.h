/* Text: a document -> clean text, its passages, its tokens, its terms.
 * No state but what is passed; every function may be called by any thread. */
#ifndef TEXT_TEXT_H
#define TEXT_TEXT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "text/language.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Byte offset of the first byte that is not well-formed UTF-8 (RFC 3629: no surrogates, no
 * overlong forms, <= U+10FFFF), or s.n if all is. About 4 GB/s on ASCII. */
size_t utf8_valid(struct str s);

/* The code point at *at and its end in *at; bad bytes give U+FFFD and advance by one. */
uint32_t utf8_next(struct str s, size_t *at);
size_t utf8_count(struct str s);            /* code points */
size_t utf8_floor(struct str s, size_t at); /* the largest boundary <= at */

/* Characters as a reader sees them (extended grapheme clusters, UAX #29): a letter with its marks,
 * a flag, a family of emoji. `at` lies at a code point. Cost: a look at the neighbours; of a run of
 * flags or marks, its length. */
bool grapheme_boundary(struct str s, size_t at);
size_t grapheme_floor(struct str s, size_t at); /* the largest boundary <= at, any `at` */
size_t grapheme_ceil(struct str s, size_t at);  /* the smallest boundary >= at */

/* NFC of valid UTF-8, in the arena; `s` itself if it is NFC already (the quick check is a scan).
 * ERR_SYNTAX names the byte offset of bad UTF-8. */
enum err text_nfc(struct arena *a, struct str s, struct str *out, struct err_info *e) MUST_CHECK;

/* Terms: what the word index looks up. Words as UAX #29 and ICU's dictionaries cut them, but parted
 * at @, _ and the dots of names; NFKC case folding, diacritics folded, apostrophes resolved
 * ("dog's" is dog, "l'eau" eau, "don't" dont, "U.S.A." usa). Beside a word its Snowball stem in the
 * text's language, where it differs, at the same position: made of the word with its diacritics,
 * and of ae, oe, ue, aa as of the letters that they stand for (German, Danish, Norwegian). Latin
 * words in a text of other letters have English stems. Beside the words of Han, Hiragana, Katakana,
 * Thai, Lao, Khmer and Myanmar runs stand the pairs of characters. Words and positions do not
 * depend on the language, only stems do. Stop words are kept: the ranking weighs them down itself.
 *
 * Positions rise by one a word; in runs of the scripts above, which are written without spaces, by
 * one a character, and a word or pair has that of its first. A phrase is what is marked
 * TERM_PHRASE: these terms, at the distances of their positions, are in every text that holds it.
 */
enum term_kind {
    TERM_WORD = 1,
    TERM_STEM = 2,   /* of the word in front of it; a word that is its own stem, or has none, has
                        both bits */
    TERM_PAIR = 4,   /* two characters; a word of two has both bits */
    TERM_PHRASE = 8, /* one of the terms by which a phrase is looked up */
};
struct term {
    struct str text; /* 1 to 64 bytes of UTF-8 (longer ones are cut at a character); for the call */
    size_t start, end; /* what it stands for, in bytes of the analysed text */
    uint32_t position; /* never falls */
    unsigned kind;     /* bits of enum term_kind */
};
typedef void term_fn(void *ctx, const struct term *term);
struct term_analyzer;
struct term_analyzer *term_analyzer_new(void); /* holds ICU iterators: one thread at a time */
void term_analyzer_free(struct term_analyzer *t);
/* `emit` is called in text order. Returns the number of positions used. LANGUAGE_UNKNOWN: no stems.
 * Any bytes will do; time is linear in them. */
uint32_t term_analyze(struct term_analyzer *t, enum language language, struct str text,
                      term_fn *emit, void *ctx);

/* The text's words in their order as marks (base/wordmark.h), the first `count_max`, in the arena;
 * returns how many. A word is a run of letters and digits, in any case; of scripts that are written
 * without spaces each character is one. Punctuation and spaces do not count, so texts that differ
 * in those alone have the same. */
size_t text_word_marks(struct arena *a, struct str text, size_t count_max, uint64_t **out);

#endif

/* SentencePiece's normaliser, the "precompiled_charsmap" of a model: a double-array trie (darts) of
 * UTF-8 strings, and what each becomes. Immutable after opening; any thread.
 *
 *   u32 bytes of the trie | u32 units of it, little-endian | texts, each with a NUL behind it
 *
 * The peer takes the shortest string of the trie at the start of a grapheme of less than 6 bytes
 * for the whole grapheme, else it looks up each character. So does this. */
#ifndef TEXT_CHARSMAP_H
#define TEXT_CHARSMAP_H

#include "base/err.h"
#include "text/normal.h"

enum { CHARSMAP_TEXT_MAX = 64 }; /* bytes; longer ones are taken for none */

struct charsmap;

/* `base64`: of the whole map. ERR_SYNTAX, ERR_INVALID; no field is named. */
enum err charsmap_open(struct str base64, struct charsmap **out, struct err_info *e) MUST_CHECK;
void charsmap_free(struct charsmap *m); /* NULL is allowed */

/* `to` becomes `from` normalised. `exact`: the ranges are the peer's also where it forgets that
 * characters at the very start were removed, and gives those behind them wrong ones. */
void charsmap_apply(const struct charsmap *m, struct view from, bool exact, struct normal *to);

#endif

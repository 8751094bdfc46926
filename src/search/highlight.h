/* What of a text a reader looks at first: the words that the query means, the passage that has most
 * of them, and a short piece around where they stand densest.
 *
 * Offsets are bytes of UTF-8. A range covers words as they stand in the text, whatever made them
 * match (case, marks, stem, correction); in scripts without spaces the run of characters that
 * matches. None begins or ends inside a character (grapheme cluster).
 *
 * A highlighter may be used for any number of texts, from any thread. Cost of a scan: the
 * analysis of the text, some 10 to 40 ns a byte. */
#ifndef SEARCH_HIGHLIGHT_H
#define SEARCH_HIGHLIGHT_H

#include "base/arena.h"
#include "base/str.h"
#include "text/language.h"
#include <stdbool.h>
#include <stdint.h>

struct text_range {
    uint32_t start, end;
};

/* More terms than those of the query as it stands: corrected, continued, synonyms. */
struct highlight_more {
    bool (*has)(const void *ctx, struct str term);
    const void *ctx;
};

struct highlighter;
/* For texts in one language: of the words of `query` and their stems in it, the first 256 terms.
 * Function words ("how to") count only if there are no others. `more`: NULL, or borrowed as long as
 * the highlighter lives. Everything in the arena. */
struct highlighter *highlighter_new(struct str query, enum language language,
                                    const struct highlight_more *more, struct arena *a);

/* What a text has of the query; in the arena. The first 4,096 places count. `cut`: pieces will be
 * cut from it (highlight_piece): its words are kept, 8 bytes each. */
struct highlights;
struct highlights *highlight_scan(const struct highlighter *h, struct str text, bool cut,
                                  struct arena *a);
/* The ranges inside [from, to), relative to `from`, in order, apart from each other; at most
 * HIGHLIGHT_RANGES_MAX. */
#define HIGHLIGHT_RANGES_MAX 256
void highlight_ranges(const struct highlights *s, size_t from, size_t to, struct arena *a,
                      struct text_range **out, size_t *count);

/* Which of the parts has most of the query: different words first, then how often. The first of
 * equals; 0 if none has any. */
size_t highlight_best(const struct highlights *s, const struct text_range *parts, size_t count);

/* A piece of [from, to) of at most `chars` code points, where the query's words stand densest: from
 * the beginning of a sentence or else of a word, to the end of one, without white space at its
 * ends. A word that is longer is cut between characters. Without any words of the query: the
 * beginning. */
struct text_range highlight_piece(const struct highlights *s, size_t from, size_t to, size_t chars);

#endif

/* Passages: a long text -> overlapping pieces that a model can read whole, so that nothing is
 * cut off silently. The passages of a text are about equally long. Cut at sentence bounds (ICU, UAX
 * #29) where one is near, else between words, else between tokens. Any thread. */
#ifndef TEXT_PASSAGE_H
#define TEXT_PASSAGE_H

#include "base/arena.h"
#include "text/tokenizer.h"

struct passage {
    size_t start, end; /* bytes of the text; starts and ends rise strictly */
    unsigned tokens;   /* without the special tokens */
};

struct passage_options {
    unsigned tokens_max;     /* of a passage, without special tokens; >= 8 */
    unsigned overlap_tokens; /* wanted overlap of neighbours; < tokens_max / 2. 0: none */
};

/* Invariants (tested): the passages cover every byte that carries a token (but white space); each
 * holds at most tokens_max tokens *when it is tokenized on its own*; neighbours overlap by whole
 * sentences up to overlap_tokens (as they count in the whole text). A text without tokens has one
 * empty passage. Cost: tokenizes the text once. */
enum err passages_split(const struct tokenizer *t, struct str text, const struct passage_options *o,
                        struct arena *a, struct passage **out, size_t *count,
                        struct err_info *e) MUST_CHECK;

#endif

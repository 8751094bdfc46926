/* The tokens of a filter's text. The first mistake ends it: `err` is set, all that follows is
 * T_END.
 */
#ifndef INDEX_FILTER_TOKENS_H
#define INDEX_FILTER_TOKENS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>

enum token { T_END, T_WORD, T_STRING, T_OP, T_PUNCT };

struct tokens {
    struct arena *arena; /* of unescaped strings */
    struct str text;
    size_t next;     /* byte behind the present token */
    size_t at;       /* its first byte */
    size_t last_end; /* end of the token before it */
    enum token token;
    struct str value; /* its text, unescaped */
    enum err err;
    struct err_info *e;
};

void tokens_advance(struct tokens *t);
/* Case does not matter for keywords. */
bool tokens_word_is(const struct tokens *t, const char *keyword);
/* Moves on if the present token is that. */
bool tokens_take_word(struct tokens *t, const char *keyword);
bool tokens_take_punct(struct tokens *t, char c);

/* "filter, character N: `what`"; `byte`: where. Only the first counts. */
void tokens_fail(struct tokens *t, size_t byte, enum err code, const char *what);
/* The present token is not what it should be: says what should stand there and what does. */
void tokens_expected(struct tokens *t, const char *what);

bool filter_word_is(struct str word, const char *keyword);

#endif

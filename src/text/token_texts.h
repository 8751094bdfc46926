/* id -> the token's text. Filled while a file is read, then immutable; any thread. */
#ifndef TEXT_TOKEN_TEXTS_H
#define TEXT_TOKEN_TEXTS_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct token_text {
    uint32_t id, n;
    uint32_t at;        /* of its text in `bytes` */
    uint8_t spaces : 7; /* byte-level spaces (U+0120) at the start, and ... */
    bool special : 1;
    uint8_t spaces_end; /* ... at the end; at most 127 */
    uint16_t zero;      /* no gap: it is kept in files as it is */
};

struct token_texts {
    struct token_text *list; /* by id, after _finish */
    uint32_t n, cap;
    struct strbuf bytes;
    bool borrowed; /* both are another's */
};

void token_texts_init(struct token_texts *t);
void token_texts_release(struct token_texts *t);
void token_texts_add(struct token_texts *t, uint32_t id, struct str text, bool special);
/* Sorts; of several texts of an id the last one stays. */
void token_texts_finish(struct token_texts *t);
/* In place of _init: what was finished once, borrowed and checked. ERR_CORRUPT. */
enum err token_texts_map(struct token_texts *t, struct str list, struct str bytes,
                         struct err_info *e) MUST_CHECK;
/* NULL if there is no such token. */
const struct token_text *token_texts_find(const struct token_texts *t, uint32_t id);
struct str token_texts_str(const struct token_texts *t, const struct token_text *x);

#endif

/* Decoder: the texts of tokens -> one text, as Hugging Face's decoders of the same names do it.
 * Immutable after reading; any thread. */
#ifndef TEXT_DECODER_H
#define TEXT_DECODER_H

#include "text/node.h"

enum { DECODERS_MAX = 16, DECODER_STRING_MAX = 64 };

enum decoder_kind {
    DECODER_WORDPIECE,
    DECODER_METASPACE,
    DECODER_BYTE_LEVEL,
    DECODER_BYTE_FALLBACK,
    DECODER_BPE,
    DECODER_REPLACE,
    DECODER_STRIP,
    DECODER_FUSE,
};

struct decoder_string {
    char s[DECODER_STRING_MAX];
    uint8_t n;
};

struct decoder_step {
    enum decoder_kind kind;
    struct decoder_string pattern; /* prefix, suffix, replacement or what is stripped */
    struct decoder_string content; /* REPLACE */
    bool cleanup;                  /* WORDPIECE */
    bool keep_first;               /* METASPACE: the first one stays a space (never prepended) */
    uint32_t start, stop;          /* STRIP: how many characters at most */
};

struct decoder {
    struct decoder_step steps[DECODERS_MAX];
    unsigned n;
};

enum err decoder_read(struct decoder *d, const struct node *n, struct err_info *e) MUST_CHECK;
/* "##" taken off, a space before others, with the clean-up of spaces before punctuation. */
void decoder_wordpiece(struct decoder *d);

/* The texts of tokens, one behind the other. */
struct token_list {
    struct strbuf bytes;
    size_t *ends;
    size_t n, cap;
};
void token_list_init(struct token_list *l);
void token_list_release(struct token_list *l);
void token_list_add(struct token_list *l, struct str text);
struct str token_list_at(const struct token_list *l, size_t i);

/* Appends the text to `out`. Without steps the tokens are joined by spaces. */
void decoder_run(const struct decoder *d, struct token_list *l, struct strbuf *out);

#endif

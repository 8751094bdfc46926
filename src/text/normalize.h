/* Normaliser: a text -> the text that is cut into words, by the steps of tokenizer.json's
 * "normalizer", each as Hugging Face `tokenizers` does it. Immutable after reading; any thread. */
#ifndef TEXT_NORMALIZE_H
#define TEXT_NORMALIZE_H

#include "text/charsmap.h"
#include "text/node.h"
#include "text/normal.h"
#include "text/regex.h"

/* GROWTH_MAX: how many times longer all steps together may make a text at worst. */
enum { NORMALIZERS_MAX = 32, NORMALIZER_STRING_MAX = 64, GROWTH_MAX = 100000 };

enum normalizer_kind {
    NORMALIZER_CLEAN, /* the four steps of BertNormalizer */
    NORMALIZER_CHINESE,
    NORMALIZER_STRIP_MARKS,
    NORMALIZER_LOWERCASE,
    NORMALIZER_NFC,
    NORMALIZER_NFD,
    NORMALIZER_NFKC,
    NORMALIZER_NFKD,
    NORMALIZER_STRIP,
    NORMALIZER_STRIP_ACCENTS,
    NORMALIZER_REPLACE,
    NORMALIZER_PREPEND,
    NORMALIZER_NMT,
    NORMALIZER_BYTE_LEVEL,
    NORMALIZER_PRECOMPILED,
};

struct normalizer_step {
    enum normalizer_kind kind;
    bool left, right;        /* STRIP */
    unsigned least;          /* REPLACE: of so many `pattern` in a row or more; 0: of each */
    char *pattern, *content; /* REPLACE, PREPEND; owned */
    size_t pattern_n, content_n;
    struct regex *regex; /* REPLACE, if it is no simple one */
    struct charsmap *charsmap;
};

struct normalizer {
    struct normalizer_step steps[NORMALIZERS_MAX];
    unsigned n;
};

void normalizer_release(struct normalizer *z);
enum err normalizer_read(struct normalizer *z, const struct node *n, struct err_info *e) MUST_CHECK;
/* Once all is read: ERR_UNSUPPORTED if a short text could become a huge one. */
enum err normalizer_check(const struct normalizer *z, const struct node *n,
                          struct err_info *e) MUST_CHECK;

/* *text, changed in place by all steps; `spare` is scratch. `exact`: see charsmap.h. */
void normalizer_apply(const struct normalizer *z, bool exact, struct normal *text,
                      struct normal *spare);

#endif

/* Pre-tokeniser: a normalised text -> the pieces that the model sees one by one, by the steps of
 * tokenizer.json's "pre_tokenizer", each as Hugging Face `tokenizers` does it. The steps are
 * immutable after reading (any thread); a splitter is one thread's. */
#ifndef TEXT_SPLIT_H
#define TEXT_SPLIT_H

#include "text/node.h"
#include "text/normal.h"
#include "text/regex.h"

enum { SPLITS_MAX = 8, SPLIT_STRING_MAX = 64 };

enum split_kind {
    SPLIT_SPACE,       /* WhitespaceSplit */
    SPLIT_PUNCTUATION, /* Punctuation; BertPreTokenizer is SPLIT_SPACE and this */
    SPLIT_DIGITS,
    SPLIT_CHARACTER, /* CharDelimiterSplit */
    SPLIT_WORDS,     /* Whitespace: runs of \w and of what is neither that nor white space */
    SPLIT_METASPACE,
    SPLIT_BYTE_LEVEL,
    SPLIT_STRING,
    SPLIT_REGEX,
    SPLIT_GPT2, /* the pattern of ByteLevel, without an engine */
};

enum split_behavior {
    BEHAVIOR_REMOVED,
    BEHAVIOR_ISOLATED,
    BEHAVIOR_CONTIGUOUS,
    BEHAVIOR_WITH_PREVIOUS,
    BEHAVIOR_WITH_NEXT,
};

enum split_prepend { PREPEND_ALWAYS, PREPEND_FIRST, PREPEND_NEVER };

struct split_step {
    enum split_kind kind;
    enum split_behavior behavior;
    enum split_prepend prepend; /* METASPACE */
    bool prefix_space;          /* BYTE_LEVEL: a space before a piece that starts with none, ... */
    bool cut;                   /* ... and whether its pattern is used; METASPACE: cut at it */
    bool map;                   /* BYTE_LEVEL: bytes become the characters that stand for them */
    bool invert;                /* STRING, REGEX */
    char string[SPLIT_STRING_MAX]; /* METASPACE, STRING, CHARACTER */
    unsigned string_n;
    struct regex *regex; /* REGEX */
};

struct splits {
    struct split_step steps[SPLITS_MAX];
    unsigned n;
};

void splits_release(struct splits *s);
enum err splits_read(struct splits *s, const struct node *n, struct err_info *e) MUST_CHECK;

/* The scratch of one call of tokenizer_encode. */
struct splitter {
    const struct splits *splits;
    struct normal scratch[SPLITS_MAX];
    struct normal mapped; /* there is one ByteLevel at most */
    struct regex_search *searches[SPLITS_MAX];
    void (*emit)(void *ctx, struct view piece); /* never empty; lives for the call */
    void *ctx;
};
void splitter_init(struct splitter *s, const struct splits *splits,
                   void (*emit)(void *ctx, struct view piece), void *ctx);
void splitter_release(struct splitter *s);
void splitter_run(struct splitter *s, struct view v);

/* The end of the match of GPT-2's pattern at `at`; every place has one:
 * 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ */
size_t gpt2_next(struct view v, size_t at);

#endif

/* The inside of the tokenizer.
 *
 *   text -> pieces between added tokens (added.c), and each of them
 *        -> characters, normalised, and words in one pass (bert_text.c), if normaliser and
 *           pre-tokeniser are BERT's and the model is WordPiece; else (pipeline.c)
 *        -> the normalised text (normalize.h) -> pieces (split.h)
 *        -> tokens (wordpiece.c, unigram.h, bpe.h) */
#ifndef TEXT_TOKENIZER_IMPL_H
#define TEXT_TOKENIZER_IMPL_H

#include "text/bpe.h"
#include "text/decoder.h"
#include "text/forms.h"
#include "text/normalize.h"
#include "text/split.h"
#include "text/token_texts.h"
#include "text/tokenizer.h"
#include "text/unigram.h"
#include "text/vocab.h"

enum model {
    MODEL_WORDPIECE,
    MODEL_UNIGRAM,
    MODEL_BPE,
    MODEL_STUB,     /* tokenizer_stub() */
    MODEL_ESTIMATE, /* tokenizer_estimate() */
};

/* What becomes of an ASCII character. */
enum ascii_kind { ASCII_WORD, ASCII_DROP, ASCII_SPACE, ASCII_PUNCTUATION };

/* Normaliser and pre-tokeniser of BERT. */
struct text_rules {
    bool clean, chinese, strip, lower;   /* BertNormalizer, in this order */
    bool split_space, split_punctuation; /* BertPreTokenizer: both */
    uint8_t ascii_kind[128], ascii_map[128];
};

struct added {
    struct str content; /* owned; as it stands in the text (normalised if the token is) */
    uint32_t id;
    bool single_word, lstrip, rstrip;
};
struct added_set {
    struct vocab trie; /* content -> index in list */
    struct added *list;
    uint32_t n, cap;
    bool first[256];  /* bytes that a token starts with */
    int only;         /* the only such byte, or -1 */
    bool single_word; /* of any: whether it is found depends on what stands around it */
};
struct added_match {
    size_t start, end;
    uint32_t id;
};

enum { TEMPLATE_IDS_MAX = 16, WORD_CHARS_MAX_MAX = 1000000 };

struct tokenizer {
    enum model model;
    struct vocab vocab; /* of the model */
    struct vocab added; /* the added tokens by their names, which the model may know too */
    uint32_t id_end;    /* every id is smaller */
    bool mapped;        /* vocabulary, scores, merges and texts are another's (tokenizer_pack.c) */
    struct str
        settings; /* owned; what else the files say, as JSON: {"from": "tokenizer.json", ...} */
    bool bert;    /* `rules` say what the steps of normalizer and splits say too */
    struct text_rules rules;
    struct normalizer normalizer;
    struct splits splits;
    struct unigram unigram;
    struct bpe bpe;
    /* Offsets without the spaces that belong to byte-level tokens. */
    bool trim, trim_keeps_prefix;
    /* WordPiece */
    uint32_t unk;
    uint32_t chars_max;      /* of a word; a longer one is `unk` */
    bool continued;          /* any token starts with the prefix of continuing subwords, */
    uint32_t continued_root; /* which leads to this node */
    /* Tokens found in the raw text, and those found in the normalised one. */
    struct added_set added_raw, added_normal;
    struct token_texts texts;
    struct decoder decoder;
    uint32_t before[TEMPLATE_IDS_MAX], after[TEMPLATE_IDS_MAX];
    unsigned before_n, after_n;
};

/* tokenizer_file.c. The new tokenizer is empty and has to be released on any error. */
struct tokenizer *tokenizer_new(void);
enum err tokenizer_read_json(struct tokenizer *t, struct str json, struct err_info *e) MUST_CHECK;
/* `config`: tokenizer_config.json, or the empty string if there is none. */
enum err tokenizer_read_vocab(struct tokenizer *t, struct str vocab, struct str config,
                              struct err_info *e) MUST_CHECK;

/* tokenizer_pack.c: keeps what a pack needs of the files, of `json` without its long lists (it
 * loses them; NULL is allowed). */
void tokenizer_keep_settings(struct tokenizer *t, const char *from, json_t *json);

/* What is not mapped of the files: of tokenizer.json all but its long lists, of a folder with
 * vocab.txt the tokenizer_config.json (NULL if there is none). */
enum err tokenizer_read_settings(struct tokenizer *t, const json_t *json,
                                 struct err_info *e) MUST_CHECK;
enum err tokenizer_read_vocab_settings(struct tokenizer *t, const json_t *config,
                                       struct err_info *e) MUST_CHECK;

void text_rules_finish(struct text_rules *r); /* the ASCII tables from the flags */

void added_set_init(struct added_set *s);
void added_set_release(struct added_set *s);
enum err added_set_add(struct added_set *s, struct str content, const struct added *like,
                       struct err_info *e) MUST_CHECK;
/* The next added token in `s` from *at on; what stands before `floor` belongs to earlier ones. */
bool added_set_next(const struct added_set *set, struct str s, size_t *at, size_t floor,
                    struct added_match *m);

/* A word on its way to WordPiece: its normalised bytes, and for each the range of the text it came
 * from. Of a word of more than chars_max characters only the whole range is kept. */
enum { WORD_INLINE = 512 };
struct word {
    unsigned char *bytes;
    struct span *spans;
    size_t n, cap;
    uint32_t chars, chars_max;
    uint32_t first, last;
    unsigned char bytes_inline[WORD_INLINE];
    struct span spans_inline[WORD_INLINE];
};

/* Characters with a combining class: they are sorted by it (NFD), and the accents among them
 * dropped by strip_accents. The ranges of the text stay in their order. */
enum { RUN_INLINE = 32 };
struct run {
    struct form_char *chars;
    struct span *spans;
    struct span before; /* of the character in front of the run */
    size_t n, cap;
    struct form_char chars_inline[RUN_INLINE];
    struct span spans_inline[RUN_INLINE];
};

struct encoder {
    const struct tokenizer *t;
    struct tokens *out;
    uint8_t **heads; /* of each token, whether a word starts with it; NULL: nobody asks */
    size_t heads_cap;
    struct word word;
    struct run run;
    struct word normal; /* a normalised piece, only kept if added_normal has tokens */
    struct str text;
    size_t first;              /* of `out`: what stands before are special tokens */
    struct pipeline *pipeline; /* if there is one; see pipeline.c */
};

void run_init(struct run *r);
void run_release(struct run *r);
void word_init(struct word *w, uint32_t chars_max);
void word_release(struct word *w);
void word_grow(struct word *w);
void word_put(struct word *w, uint32_t c, uint32_t from, uint32_t to);

void encoder_token(struct encoder *x, uint32_t id, uint32_t from, uint32_t to, bool head);
void encoder_added(struct encoder *x, uint32_t id, uint32_t from, uint32_t to);
void estimate_encode(struct encoder *x, struct str text); /* estimate.c; in place of all these */

void bert_piece_encode(struct encoder *x, struct str text, size_t start, size_t end);

struct pipeline *pipeline_new(struct encoder *x);
void pipeline_free(struct pipeline *p);
void pipeline_piece_encode(struct encoder *x, struct str text, size_t start, size_t end);

/* `chars`: of the word; `all`: where it came from. */
void wordpiece_encode(struct encoder *x, struct view w, uint32_t chars, struct span all);
uint32_t stub_id(struct str word);

/* tokenizer_encode for one who cuts the text: with the heads (*heads is grown with realloc and
 * freed by the caller), and with the true ranges where the peer's are not (pipeline.c). */
void tokenizer_encode_heads(const struct tokenizer *t, struct str text, bool specials,
                            struct tokens *out, uint8_t **heads);

#endif

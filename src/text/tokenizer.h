/* Tokenizer: text -> the ids that a model was trained on, exactly as Hugging Face `tokenizers`
 * makes them from the same tokenizer.json. Immutable after opening; any thread. WordPiece (BERT),
 * Unigram (XLM-R) and BPE (RoBERTa); what else is in a file is refused by name. Truncation and
 * padding in the file are not wanted: akin splits long texts itself and packs short ones. */
#ifndef TEXT_TOKENIZER_H
#define TEXT_TOKENIZER_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct tokenizer;

/* Reads DIR/tokenizer.json, else DIR/vocab.txt with tokenizer_config.json. Bounds: file 64 MiB,
 * 1 M tokens, a token 512 bytes. Errors name the file and the JSON path. */
enum err tokenizer_open(const char *dir, struct tokenizer **out, struct err_info *e) MUST_CHECK;
/* From memory (fuzzing, tests); `json` is borrowed for the call. */
enum err tokenizer_parse(struct str json, struct tokenizer **out, struct err_info *e) MUST_CHECK;
/* For tests: a token is a lower-cased word, its id a hash in [1000, 30522). */
struct tokenizer *tokenizer_stub(void);
/* Of a model that is elsewhere (estimate.c): counts that rather say too many; all ids are 0. */
struct tokenizer *tokenizer_estimate(void);
void tokenizer_free(struct tokenizer *t);

/* A tokenizer in parts that can be kept in a file and mapped again, so that nothing is parsed: its
 * tables as they lie in memory, and the settings as JSON. What they hold depends on the files, on
 * TOKENIZER_PARTS_FORMAT (counts up when the same files give other parts) and the byte order. */
#define TOKENIZER_PARTS_FORMAT 1u
enum { TOKENIZER_PARTS = 9 };
struct tokenizer_part {
    const char *name;
    struct str bytes; /* borrowed from the tokenizer; may be empty */
};
/* Not of a stub, an estimate, or one that is mapped itself. */
void tokenizer_parts(const struct tokenizer *t, struct tokenizer_part out[TOKENIZER_PARTS]);
const char *tokenizer_part_name(unsigned i); /* for i < TOKENIZER_PARTS; a static string */
/* In the order of the names, each 8-byte aligned, borrowed until tokenizer_free. They are checked
 * whole (about 5 GB/s): of wrong ones the worst that comes is other ids below the vocabulary's
 * size. ERR_CORRUPT, or the error of the settings. */
enum err tokenizer_map(const struct str parts[TOKENIZER_PARTS], struct tokenizer **out,
                       struct err_info *e) MUST_CHECK;

uint32_t tokenizer_vocab_size(const struct tokenizer *t);
/* Tokens added around a single text ([CLS], [SEP]): what a passage must leave room for. */
unsigned tokenizer_specials(const struct tokenizer *t);
/* Id of a token of the vocabulary, or -1. */
int64_t tokenizer_id(const struct tokenizer *t, struct str token);
/* The token's text as it stands in the file ("##ing"); s is NULL if there is none with this id. A
 * view that lives as long as the tokenizer. The stub has none. */
struct str tokenizer_token(const struct tokenizer *t, uint32_t id);
/* Whether it is one of the special tokens ("[CLS]", "[PAD]"). */
bool tokenizer_is_special(const struct tokenizer *t, uint32_t id);
/* Appends the text of the tokens as Hugging Face's decode() gives it; ids that no token has are
 * left out, and with `skip_specials` the special tokens. Bound and failure are the strbuf's.
 * Memory is linear in n (a token has at most 512 bytes). */
void tokenizer_decode(const struct tokenizer *t, const uint32_t *ids, size_t n, bool skip_specials,
                      struct strbuf *out);

/* A reused output buffer: ids[n], and for each the byte range of `text` it came from
 * ([0,0) for added special tokens). */
struct tokens {
    uint32_t *ids;
    uint32_t *starts, *ends;
    size_t n, cap;
};
void tokens_init(struct tokens *t);
void tokens_release(struct tokens *t);

/* Replaces what `out` holds. `text`: at most 2^31 bytes of any content (bad UTF-8 becomes
 * U+FFFD); memory is linear in it. `specials`: add [CLS] and [SEP] as the file says. Cannot fail.
 */
void tokenizer_encode(const struct tokenizer *t, struct str text, bool specials,
                      struct tokens *out);

/* Ids that were made elsewhere, with the special tokens around them as tokenizer_encode adds them:
 * replaces what `out` holds; every range is [0,0). */
void tokenizer_frame(const struct tokenizer *t, const uint32_t *ids, size_t n, struct tokens *out);

#endif

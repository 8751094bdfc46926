/* What the peer's BertNormalizer and BertPreTokenizer know of characters, code point by code point.
 * Hugging Face `tokenizers` 0.23 leans on three Unicode versions: general categories of 8.0 (crate
 * unicode_categories), decompositions and combining classes of 9.0 (unicode-normalization-
 * alignments), white space and lower case of 17.0 (Rust's standard library). ICU 72 is 15.0: here
 * are the differences. tests/quality/tokenizer_ids.py compares every code point. Any thread. */
#ifndef TEXT_BERT_CHARS_H
#define TEXT_BERT_CHARS_H

#include <stdbool.h>
#include <stdint.h>

enum { BERT_DECOMPOSITION_MAX = 8, BERT_LOWER_MAX = 2 };

bool bert_is_removed(uint32_t c); /* by clean_text: NUL, U+FFFD, controls, formats, private use */
bool bert_is_space(uint32_t c);
bool bert_is_punctuation(uint32_t c);
bool bert_is_mark(uint32_t c); /* removed by strip_accents: Mn */
bool bert_is_chinese(uint32_t c);
bool bert_is_word(uint32_t c);  /* \w of the peer's regex crate (UTS #18, annex C) */
uint8_t bert_class(uint32_t c); /* canonical combining class */
/* Canonical decomposition (the character itself if it has none), and lower case; both return the
 * number of code points. */
unsigned bert_decompose(uint32_t c, uint32_t out[BERT_DECOMPOSITION_MAX]);
unsigned bert_lower(uint32_t c, uint32_t out[BERT_LOWER_MAX]);

#endif

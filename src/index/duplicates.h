/* Near-duplicates: which document is a near-copy of which older one?
 *
 * Two texts are near if one is the other with small edits (shingles_near): some words misspelt, a
 * few replaced, words added or left out, a sentence appended or moved, in any case and punctuation.
 * Texts from one mould are not: the same sentence about another thing. But long texts are, that
 * differ in a sentence and speak of two things: of 63,700 descriptions of Debian's packages 12,700
 * are marked, mostly a library's parts; of 200,000 one-line summaries 670. Documents are taken by
 * their age, which is their number: one is a copy of the original that it resembles most, of
 * several the oldest, or an original itself; a copy is never the original of another. When an
 * original goes or changes, its copies are judged again, the oldest first.
 *
 * Measured with planted edits (tests/quality/test_duplicates.py: misspelt, replaced, added, left
 * out, swapped, case and punctuation, a sentence moved, appended, the end cut; 600 each in
 * abstracts and their titles, 240 each in English, German, Chinese and Thai) beside 1,000 texts
 * from ten moulds: precision .998 or more, recall .991 or more.
 *
 * Candidates come from a sketch of each text (MinHash in bands); those that agree most are judged
 * by their texts, which are not kept here: a callback reads them. Of originals that agree in a
 * whole band only 256 are found by it, so that very many texts from one mould cost no more than a
 * few.
 *
 * One writer (put, delete); the rest from any thread. No lock is held while a text is read.
 * Memory: 144 bytes a document and up to 16 more for an original; 168 with what is reserved. */
#ifndef INDEX_DUPLICATES_H
#define INDEX_DUPLICATES_H

#include "base/err.h"
#include "base/docset.h"
#include <stdint.h>

struct duplicates;
struct duplicates *duplicates_new(void);
void duplicates_free(struct duplicates *d);

/* More words of a text than so many need not be given: longer ones are told by their beginning. */
#define DUPLICATES_WORDS_MAX 20000

/* A document's words (base/wordmark.h), in the order of the text; borrowed until the next call.
 * False: there is no such text now. */
typedef bool duplicates_read_fn(void *ctx, uint32_t number, const uint64_t **words, size_t *count);

/* Replaces what is known of a document; without words it is a copy of nothing. Copies and originals
 * are of one `group`: documents of another are as if they were not there. Measured with
 * ./dev bench duplicates: 20 to 24 us among 200,000 texts of 10 words, 28 to 38 us among 64,000 of
 * 66 (a third of them near others), .6 and 1.2 other texts read for it included, from memory; at
 * most 8 on a side are read. */
void duplicates_put(struct duplicates *d, uint32_t number, uint64_t group, const uint64_t *words,
                    size_t count, duplicates_read_fn *read, void *ctx);
void duplicates_delete(struct duplicates *d, uint32_t number, duplicates_read_fn *read, void *ctx);

/* The number of the document that this one is a copy of; 0: of none. */
uint32_t duplicates_original(struct duplicates *d, uint32_t number);
/* All copies, into `out` (initialised by the caller; overwritten). */
void duplicates_copies(struct duplicates *d, struct docset *out);
size_t duplicates_bytes(struct duplicates *d);

/* Every invariant; ERR_CORRUPT names the first that does not hold. The
 * writer waits: some ms for a million. */
enum err duplicates_check(struct duplicates *d, struct err_info *e) MUST_CHECK;

/* A section of a snapshot file, with its own checksum. Saving holds the writer up for a millisecond
 * at a time: it has what was put before it began, and of what changed meanwhile the one or the
 * other. ERR_CORRUPT: damaged. */
struct file;
enum err duplicates_save(struct duplicates *d, struct file *f, struct err_info *e) MUST_CHECK;
enum err duplicates_load(struct file *f, uint64_t *offset, struct duplicates **out,
                         struct err_info *e) MUST_CHECK;
/* Tests: the same documents, sketches and originals. */
bool duplicates_equal(struct duplicates *x, struct duplicates *y);

#endif

/* The word index: terms -> the documents that hold them, scored by BM25.
 *
 * Now FTS5 in a database of its own (DIR/words.db) with its own copy of the text and its own
 * position; a later inverted index stands behind the same functions. It is a cache: a damaged or
 * missing one is made anew.
 *
 * BM25 without the factor (k1 + 1):  sum over query terms of idf(t) * tf / (tf + k1 (1 - b + b len
 * / avglen)), idf(t) = ln(1 + (N - df + .5) / (df + .5)), tf weighted by field. bound = sum of idf
 * of the query's distinct terms, unknown ones at df 0, so that score / bound lies in [0, 1).
 * Robertson, Zaragoza: The Probabilistic Relevance Framework (2009), sections 3.4 and 3.6.
 *
 * k1 = 1.2, b = 0.75. Of a query the first 256 distinct terms count.
 *
 * One writer thread; searches from any thread in parallel, on a committed state (a batch becomes
 * visible document by document). Searches run over doclists in memory, read from FTS5 when a term
 * is first asked for and kept up to date by the writer: at most 64 MiB beyond what a query needs,
 * and 12 bytes a document number. */
#ifndef INDEX_WORDS_H
#define INDEX_WORDS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/docset.h"

/* How text becomes terms; given by the caller (text/ is not known here). `analyze` calls emit for
 * each term; `session_new` makes per-thread state for it. */
struct words_analyzer {
    void *(*session_new)(void);
    void (*session_free)(void *session);
    void (*analyze)(void *session, struct str text,
                    void (*emit)(void *ctx, struct str term, size_t start, size_t end), void *ctx);
};

struct words;
/* Opens or makes DIR/words.db; reads a few bytes a document. The analyzer may differ from the one
 * that indexed (old documents keep their old terms until they are put again); its functions are
 * copied. ERR_CORRUPT: the caller removes the folder and rebuilds. */
enum err words_open(const char *dir, const struct words_analyzer *analyzer, struct words **out,
                    struct err_info *e) MUST_CHECK;
void words_close(struct words *w);

struct words_document {
    uint32_t number;
    uint64_t revision;
    struct str title, text, tags; /* tags joined by blanks; weights 2, 1, 1.5 */
};
/* A batch of changes and the position that it brings the index to, in one transaction: after it,
 * searches see it. `removed`: numbers, taken out before `put` goes in. On any error nothing has
 * changed. `position`: opaque text, <= 63 bytes. Writer only. */
enum err words_apply(struct words *w, const struct words_document *put, size_t put_count,
                     const uint32_t *removed, size_t removed_count, struct str position,
                     struct err_info *e) MUST_CHECK;
/* The position that the committed state holds, "" if new. */
void words_position(struct words *w, char out[64]);
size_t words_documents(struct words *w);

struct word_hit {
    uint32_t number;
    uint64_t revision;
    float bm25; /* before division by the bound */
};
/* The k best documents of `within` (NULL: all) that hold at least one term, best first, ties by
 * number.
 * `*bound`: see above; 0 if the query has no terms. Any thread. */
enum err words_search(struct words *w, struct arena *a, struct str query, size_t k,
                      const struct docset *within, struct word_hit **out, size_t *count,
                      double *bound, struct err_info *e) MUST_CHECK;
/* BM25 of given documents (0 if none of the terms): the same numbers words_search gives. */
enum err words_score(struct words *w, struct str query, const uint32_t *numbers, size_t count,
                     struct word_hit *out, double *bound, struct err_info *e) MUST_CHECK;
/* The documents of `within` (NULL: all) that hold at least one term; `out` is initialised. Cost:
 * the postings of all terms, about a ns each. */
enum err words_match(struct words *w, struct str query, const struct docset *within,
                     struct docset *out, struct err_info *e) MUST_CHECK;
/* How many those are. */
enum err words_count(struct words *w, struct str query, const struct docset *within, size_t *out,
                     struct err_info *e) MUST_CHECK;
enum err words_check(struct words *w, struct err_info *e) MUST_CHECK;
size_t words_bytes(struct words *w);  /* on disk */
size_t words_memory(struct words *w); /* bytes, without SQLite's */

#endif

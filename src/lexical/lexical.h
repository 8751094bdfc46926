/* The inverted index: terms -> the documents that hold them, ranked by BM25F. It knows document
 * numbers and the bytes of terms; text, languages and stems are index/words.h's.
 *
 *     score(q, d) = sum over the groups of a query of
 *                   weight * idf * max over the group's terms of boost * tf / (tf + K(d))
 *     K(d) = k1 (1 - b + b * length / mean length),  idf(df) = ln(1 + (N - df + .5) / (df + .5))
 *
 * tf and length are sums over the fields, weighted (title 2, text 1, tags 1.5): one saturation over
 * weighted fields. k1 = 1.2, b = .75. N, the mean length and every df are those of the documents
 * that are live now. Robertson, Zaragoza, Taylor: Simple BM25 Extension to Multiple Weighted Fields
 * (CIKM 2004); Robertson, Zaragoza: The Probabilistic Relevance Framework (2009), section 3.6.
 *
 * A group is one word of the query with all that stands for it (its raw form, its stems, synonyms,
 * corrected spellings): a document that holds several of them is counted once, by the best.
 *
 * Parts: a document may belong to one (a number above 0). Asked for a part, the index answers as
 * one that has never held other documents: N, mean length, df, its dictionary. For that the terms
 * of such a document are kept twice, once among all and once among those of its part alone; of a
 * part costs a query no more than what the part holds.
 *
 * Live: a document is visible when lexical_put returns and gone when lexical_delete returns, from
 * every list, without tombstones. Readers take no lock (base/epoch.h); one writer. A search sees a
 * document whole or not at all. All memory is the index's own; nothing is on disk but what
 * lexical_save writes. */
#ifndef LEXICAL_LEXICAL_H
#define LEXICAL_LEXICAL_H

#include "base/arena.h"
#include "base/docset.h"
#include "base/err.h"
#include "base/str.h"

#define LEXICAL_TERM_MAX 255 /* bytes; longer ones are cut by the caller */
#define LEXICAL_GROUPS_MAX 256
#define LEXICAL_MEMBERS_MAX 64 /* terms of a group */

enum lexical_field { LEXICAL_TITLE, LEXICAL_TEXT, LEXICAL_TAGS, LEXICAL_FIELDS };

struct lexical;
struct lexical *lexical_new(void);
void lexical_free(struct lexical *x);

/* ---- documents: writer only ---- */

/* Tokens of one word (raw form, stem, bigram) share its position. In rising order of position. */
struct lexical_token {
    struct str term;
    uint32_t position; /* within its field */
    uint32_t field;    /* enum lexical_field */
};
struct lexical_document {
    uint32_t number; /* not 0 */
    uint64_t revision;
    const struct lexical_token *tokens;
    size_t token_count;
    uint32_t lengths[LEXICAL_FIELDS]; /* words of each field: what a stem beside a form adds is not
                                         counted */
    uint32_t part;                    /* 0: of none; a table of parts grows with the largest */
};
/* Adds the document, or replaces what there was of it. Cost: about a hash lookup a token. */
void lexical_put(struct lexical *x, const struct lexical_document *d);
void lexical_delete(struct lexical *x, uint32_t number);

/* ---- what there is: any thread; `part` 0: of all documents, as everywhere below ---- */

size_t lexical_documents(struct lexical *x, uint32_t part);
uint64_t lexical_revision(struct lexical *x, uint32_t number); /* 0: not there */
/* Writer only: of the document that the number has now; 0 too if there is none. */
uint32_t lexical_part(struct lexical *x, uint32_t number);
/* df: live documents that hold it */
uint32_t lexical_frequency(struct lexical *x, uint32_t part, struct str term);
double lexical_idf(struct lexical *x, uint32_t part, uint32_t df);
size_t lexical_terms(struct lexical *x); /* distinct */
size_t lexical_bytes(struct lexical *x); /* memory, everything counted */
/* The number of every live document, into `out` (initialised). */
void lexical_all(struct lexical *x, uint32_t part, struct docset *out);

/* ---- searching: any thread ---- */

enum lexical_role { LEXICAL_SHOULD, LEXICAL_MUST, LEXICAL_MUST_NOT };
struct lexical_term {
    struct str term;
    float boost; /* > 0, <= 1 */
};
struct lexical_group {
    const struct lexical_term *terms;
    size_t term_count;
    double idf, weight; /* MUST_NOT: not used */
    enum lexical_role role;
};
/* Words that stand one after the other in one field: groups[i] at position p + offsets[i]. Decides
 * which documents match; its words are ranked as groups of the query too. */
struct lexical_phrase {
    const struct lexical_group *groups;
    const uint32_t *offsets;
    size_t count;
    enum lexical_role role; /* MUST or MUST_NOT */
};
/* Without MUST groups and phrases: documents that hold at least one SHOULD group. */
struct lexical_query {
    const struct lexical_group *groups;
    size_t group_count;
    const struct lexical_phrase *phrases;
    size_t phrase_count;
    const struct docset *within; /* document numbers; NULL: all */
    uint32_t part;
};
struct lexical_hit {
    uint32_t number;
    uint64_t revision;
    double score;
};
/* The k best, best first, ties by number; exactly those that scoring every document would give. In
 * the arena. Cost: block-max pruning; a common word of 60,000 documents some tens of us. */
size_t lexical_search(struct lexical *x, const struct lexical_query *q, size_t k, struct arena *a,
                      struct lexical_hit **out);
/* The scores of given documents, in their order: what lexical_search gives them, 0 where nothing
 * matches (revision 0: not there). */
void lexical_score(struct lexical *x, const struct lexical_query *q, const uint32_t *numbers,
                   size_t count, struct arena *a, struct lexical_hit *out);
/* All documents that match, into `out` (initialised), unranked. Cost: about 1 ns a posting. */
void lexical_match(struct lexical *x, const struct lexical_query *q, struct arena *a,
                   struct docset *out);

/* ---- the dictionary: any thread ---- */

struct lexical_word {
    struct str term; /* in the arena */
    uint32_t df;
    unsigned edits; /* lexical_near: how many */
};
/* The `max` most frequent terms that begin with `prefix` (itself among them), most frequent first,
 * ties bytewise. Cost: one letter of 500,000 terms about 0.2 ms. */
size_t lexical_prefixed(struct lexical *x, uint32_t part, struct str prefix, size_t max,
                        struct arena *a, struct lexical_word *out);
/* The `max` best terms at most `edits` (1 or 2) insertions, deletions, changes or swaps of
 * neighbouring characters away from `word` (UTF-8): fewest edits first, then most frequent, then
 * bytewise. `word` itself is not among them. None for a word of more than 64 characters. Cost: 0.1
 * to .3 ms for 500,000 terms, and bounded: of the terms whose letters nearly fit the first 65,536
 * are compared (near.c). Of a part: of all the index's terms that are near those that the part
 * has; all are compared, since others' terms must not crowd out its own. */
size_t lexical_near(struct lexical *x, uint32_t part, struct str word, unsigned edits, size_t max,
                    struct arena *a, struct lexical_word *out);

/* ---- a snapshot ---- */

/* Into and out of a file, after a caller's header; the section carries its own checksums. Saving is
 * for any one thread and holds nobody up: the file has the state of the moment at which it began,
 * and the caller replays what was changed since. (What dies meanwhile stays in memory until it
 * ends.) ERR_CORRUPT: the bytes are no whole index; also where the largest number is more than 1024
 * times the documents and a million: build such a one anew. Cost of 200,000 short documents: .06 s
 * to save, 0.1 s to load. */
struct file;
enum err lexical_save(struct lexical *x, struct file *f, struct err_info *e) MUST_CHECK;
enum err lexical_load(struct file *f, uint64_t *offset, struct lexical **out,
                      struct err_info *e) MUST_CHECK;
/* Every invariant; ERR_CORRUPT says which broke. Writer only. */
enum err lexical_check(struct lexical *x, struct err_info *e) MUST_CHECK;

#endif

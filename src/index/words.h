/* The word index: a text -> its terms, a query -> groups of terms, the documents that hold them,
 * ranked. What terms, postings and BM25F are is lexical/lexical.h's; here is what words mean:
 *
 *   document   each word goes in raw and, where it differs, as its stem in the document's language,
 *              both at one position; the length counts words.
 *   query      a word is one group: its raw form, its stems in every language that at least 1 % of
 *              the documents have, synonyms, endings that go on from it, corrected spellings. A
 *              document counts for a group once, by the best of them. The group's idf is that of
 *              its most frequent member (as Lucene's SynonymQuery): it is stable, and a word that
 *              the index does not know counts at document frequency 0. Pairs of characters that are
 *              no words weigh half: what they say, the words around them have said mostly. The
 *              function words of the query's languages weigh a quarter.
 *
 * tenant     a document may be one's; a query of a tenant is answered as if the others' documents
 * had never been there: every statistic, correction, continuation and language is of the tenant's
 * own. Its documents' words are kept twice for that (lexical/lexical.h).
 *
 * bound = B(q): the sum of weight * idf over the groups that are ranked, so that score / bound lies
 * in [0, 1).
 *
 * In memory; a cache of the store (words_save, words_load). One writer; searches from any thread,
 * without a lock, on the documents as they are at that moment, each whole or not at all. */
#ifndef INDEX_WORDS_H
#define INDEX_WORDS_H

#include "base/arena.h"
#include "base/docset.h"
#include "base/err.h"
#include "base/str.h"

/* ---- how text becomes terms; given by the caller (text/ is not known here) ---- */

struct words_term {
    struct str text; /* for the call */
    size_t start, end;
    uint32_t position; /* never falls */
    bool stem;         /* of the term in front of it, and not the same */
    bool word;         /* as the text was cut into words */
    bool pair;         /* of characters of a script without spaces; may be a word too */
    bool phrase;       /* one of those by which a phrase is looked up */
};
typedef void words_term_fn(void *ctx, const struct words_term *t);

#define WORDS_LANGUAGES 255
struct words_analyzer {
    uint32_t version; /* what was indexed under another is made anew */
    void *(*session_new)(void);
    void (*session_free)(void *session);
    /* Returns how many positions there are. `language` below WORDS_LANGUAGES, 0: not known. Only
     * stems depend on it. */
    uint32_t (*analyze)(void *session, unsigned language, struct str text, words_term_fn *emit,
                        void *ctx);
    unsigned (*language_of)(struct str code); /* 0: unknown */
    const char *(*language_code)(unsigned language);
    bool (*is_stop)(unsigned language, struct str word); /* a raw form; NULL: there are none */
};

/* ---- documents: writer only ---- */

struct words;
/* The analyzer's functions are copied. */
struct words *words_new(const struct words_analyzer *analyzer);
void words_free(struct words *w);

#define WORDS_TENANT_MAX 255 /* bytes */
struct words_document {
    uint32_t number; /* not 0 */
    uint64_t revision;
    struct str lang;              /* a code, "" if unknown */
    struct str title, text, tags; /* tags joined by line ends; weights 2, 1, 1.5 */
    struct str tenant;            /* whose it is, at most WORDS_TENANT_MAX bytes; empty: nobody's */
};
/* Adds or replaces; searches see it when this returns. Cost: the analysis of the text. */
void words_put(struct words *w, const struct words_document *d);
void words_delete(struct words *w, uint32_t number);

size_t words_documents(struct words *w); /* any thread */
size_t words_bytes(struct words *w);     /* in memory; any thread */

/* ---- what a collection says of its words ---- */

/* Equivalent: any of `words` stands for any other. One way: any of `words` also finds `means`. Each
 * is a word or several. */
struct words_synonym {
    const struct str *words, *means;
    size_t word_count, mean_count; /* mean_count 0: equivalent */
};
struct words_rules;
struct words_rules *words_rules_new(const struct words_analyzer *analyzer,
                                    const struct words_synonym *synonyms, size_t synonym_count,
                                    const struct str *stop_words, size_t stop_count);
struct words_rules *words_rules_ref(struct words_rules *r); /* NULL is allowed, as below */
void words_rules_unref(struct words_rules *r);

/* ---- queries: any thread ---- */

/*     word        ranks; with `all` it must be there, unless it is a stop word among others
 *     "a phrase"  these words as they stand, one after the other: must be there
 *     -word -"a phrase"   must not be there
 *
 * Everything else in a query is text. The first 256 distinct words count, of the first 64 KiB. */
struct words_options {
    bool all;                  /* every word must be there; else any will do */
    bool prefix;               /* the last word may go on: it is being typed */
    bool typos;                /* a word that the index does not know may be misspelt */
    struct words_rules *rules; /* NULL: none; borrowed for the call */
    struct str tenant;         /* empty: all documents; else none but the tenant's match */
};

/* A query, analysed once, as of the index then. In the arena, for as long as `w` lives. */
struct words_query;
const struct words_query *words_query(struct words *w, struct str text,
                                      const struct words_options *o, struct arena *a);
double words_query_bound(const struct words_query *q); /* B(q); 0: nothing to rank by */
/* It has words that must or must not be there: words_select says which documents those leave. */
bool words_query_selects(const struct words_query *q);
/* A term of a text, raw or stem, is one that the query looks for. For highlights. */
bool words_query_has(const struct words_query *q, struct str term);
/* What is looked for, without quotes and without what must not be there: for the embedding. */
struct str words_query_text(const struct words_query *q);

struct word_hit {
    uint32_t number;
    uint64_t revision;
    double bm25; /* before division by the bound */
};
/* The k best documents of `within` (NULL: all) that match, best first, ties by number. */
size_t words_search(struct words *w, const struct words_query *q, size_t k,
                    const struct docset *within, struct arena *a, struct word_hit **out);
/* Of given documents (0 if they do not match): the same numbers words_search gives. */
void words_score(struct words *w, const struct words_query *q, const uint32_t *numbers,
                 size_t count, struct arena *a, struct word_hit *out);
/* The documents of `within` (NULL: all) that match; `out` is initialised. */
void words_match(struct words *w, const struct words_query *q, const struct docset *within,
                 struct arena *a, struct docset *out);
size_t words_count(struct words *w, const struct words_query *q, const struct docset *within,
                   struct arena *a);
/* The documents that hold what must be there and nothing that must not; `out` is initialised. */
void words_select(struct words *w, const struct words_query *q, struct arena *a,
                  struct docset *out);

/* ---- a snapshot ---- */

struct file;
/* As lexical_save: beside the writer; the caller replays what changed meanwhile. */
enum err words_save(struct words *w, struct file *f, struct err_info *e) MUST_CHECK;
/* ERR_CORRUPT: damaged, or made under another version of the analyzer. */
enum err words_load(struct file *f, uint64_t *offset, const struct words_analyzer *analyzer,
                    struct words **out, struct err_info *e) MUST_CHECK;
enum err words_check(struct words *w, struct err_info *e) MUST_CHECK; /* writer only */

#endif

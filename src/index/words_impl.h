/* Inside the word index (words.h is what others see).
 *
 * words.c        documents and their languages; sessions of the analyzer
 * words_tenants.c  whose documents they are: names -> parts of lexical/, languages of each
 * words_parse.c  the syntax of a query
 * words_query.c  clauses -> groups -> what lexical/ is asked
 * words_expand.c the members of a group: stems, prefixes, corrected spellings
 * words_rules.c  a collection's synonyms and stop words
 * words_find.c   asking
 * words_file.c   a snapshot
 *
 * Threads: the postings are lexical/'s. `counts` is written by the writer and read by anyone;
 * `lock` guards `languages` between the writer and a save, and all of `tenants`; `sessions_lock`
 * the spare sessions. */
#ifndef INDEX_WORDS_IMPL_H
#define INDEX_WORDS_IMPL_H

#include "base/thread.h"
#include "index/words.h"
#include "lexical/lexical.h"
#include <stdatomic.h>

#define SESSIONS_MAX 16
#define QUERY_BYTES_MAX ((size_t)64 << 10)
#define QUERY_LANGUAGES_MAX 16 /* the most frequent */
#define LANGUAGE_SHARE 100     /* a language counts from one document in so many */
#define CLAUSES_MAX 512
#define CORRECTED_MAX 32 /* words of a query; each costs a walk through the dictionary */
#define PHRASES_MAX 64
#define PHRASE_WORDS_MAX 64

struct words_tenant {
    struct str name;  /* empty: a part that nobody has */
    uint32_t *counts; /* documents of each language; NULL: none yet */
};
/* A tenant's part is its place, from 1 on; it keeps it. */
struct words_tenants {
    struct words_tenant *all;
    uint32_t *table; /* of parts by name: open addressing, at most half full; 0: free */
    size_t count, cap, mask;
    uint64_t seed; /* of its hashes: who chooses names does not choose their places */
};

struct words {
    struct words_analyzer analyzer;
    struct lexical *lexical;
    struct lock lock;
    uint8_t *languages; /* by number: 0 no document, else its language + 1 */
    size_t languages_size;
    _Atomic uint32_t counts[WORDS_LANGUAGES]; /* documents of each */
    struct words_tenants tenants;

    struct lock sessions_lock;
    void *sessions[SESSIONS_MAX];
    unsigned session_count;

    /* Writer only: the document that is being put. */
    void *session;
    struct lexical_token *tokens;
    size_t token_count, token_cap;
    char *bytes; /* of their terms */
    size_t byte_count, byte_cap;
};

void *words_session_take(struct words *w);
void words_session_give(struct words *w, void *session);
/* Those that queries are analysed in, most frequent first; never 0. */
size_t words_languages(struct words *w, uint32_t part, uint8_t out[QUERY_LANGUAGES_MAX]);
/* language + 1; 0. `part`: before and after. */
void words_language_set(struct words *w, uint32_t number, unsigned held, uint32_t part_before,
                        uint32_t part);

/* ---- tenants (words_tenants.c) ---- */

#define PART_UNKNOWN UINT32_MAX /* no document is of it */
void tenants_release(struct words_tenants *t);
/* All but the first under the lock. Added where it is new: the writer's; 0 for an empty name. */
uint32_t tenant_part_add(struct words *w, struct str name);
uint32_t tenant_part(struct words *w, struct str name); /* any thread; 0: empty; PART_UNKNOWN */
/* After loading: parts up to this one are taken, be it without a name. */
void tenant_parts_take(struct words *w, uint32_t part);
void tenant_count_add(struct words_tenants *t, uint32_t part, unsigned language, int by);
/* A copy; 0 for all where there are none. */
void tenant_counts(struct words *w, uint32_t part, uint32_t out[WORDS_LANGUAGES]);

/* ---- the syntax ---- */

struct clause {
    struct str text;
    bool phrase; /* it stood in quotes */
    bool minus;
};
/* At most CLAUSES_MAX; what is behind the last is its text. */
size_t clauses_parse(struct str text, struct clause out[CLAUSES_MAX]);

/* ---- a query that is being made ---- */

struct group {
    struct str word; /* raw form */
    struct lexical_term *terms;
    size_t term_count, term_cap;
    double weight;
    bool pair, phrase, stop, left_out;
    bool bridge;      /* a pair that belongs to no word */
    bool fixed;       /* one that was said to be there or not */
    bool last;        /* the query ends with it */
    uint16_t copy_of; /* index + 1 of the group that it was parted from; 0: none */
    enum lexical_role role;
};

struct query_builder {
    struct words *w;
    uint32_t part; /* of the tenant; 0: all documents */
    const struct words_options *options;
    struct arena *arena;
    void *session;
    uint8_t languages[QUERY_LANGUAGES_MAX];
    size_t language_count;
    struct group *groups; /* LEXICAL_GROUPS_MAX; the ranked ones and those that must not be there */
    size_t group_count;
    uint16_t *table; /* of the words of `groups` by hash: index + 1 */
    uint16_t
        *sequence; /* the words that a phrase consists of in their order: index + 1; 0: a break */
    size_t sequence_count;
    struct group *last; /* of the text that was read last: the word that it ends with; NULL */
    struct lexical_phrase *phrases;
    size_t phrase_count;
};
#define SEQUENCE_MAX 1024

struct group *group_new(struct query_builder *b, struct str word); /* NULL: there are too many */
struct group *group_find(struct query_builder *b, struct str word);
void group_member(struct query_builder *b, struct group *g, struct str term, double boost);
uint32_t group_frequency(struct query_builder *b, const struct group *g); /* of its most frequent */
/* The stems of the group's word in all languages; of another word that stands for it. */
void group_stems(struct query_builder *b, struct group *g, struct str word, double boost);
void group_correct(struct query_builder *b, struct group *g);
void group_continue(struct query_builder *b, struct group *g);

/* ---- rules ---- */

/* Marks groups as left out, unless nothing would be left. */
void rules_stop(struct query_builder *b);
/* Adds members, and parts groups. */
void rules_synonyms(struct query_builder *b);

/* ---- a query that is made ---- */

struct words_query {
    struct lexical_query query; /* `within` is set by who asks */
    double bound;
    bool requires, excludes;
    struct str text;
    struct str *terms; /* hash table of all members of what is looked for */
    size_t terms_mask;
};

#endif

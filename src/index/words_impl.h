/* Inside the word index (words.h is what others see).
 *
 * On disk (words_db.c): FTS5 as the inverted index, contentless, fed with terms that are analysed
 * already, so each text is analysed once and a document is taken out by the terms that were put in,
 * whatever the analyser says by then; beside it the documents' lengths, their terms and our copy of
 * their text, all in one transaction.
 *
 * In memory (words_cache.c): lengths and revisions by number, and the doclists of terms that were
 * asked for, as sorted (number, weight) arrays, within WORDS_CACHE_BYTES. The writer commits, then
 * carries the change into those lists; `generation` counts committed batches on both sides. A list
 * is loaded by a reader from its own connection: the entry is put into the table first as LOADING
 * and collects what is published meanwhile, and what is later than the generation that the reader
 * saw is added behind. Lists in use are pinned and not evicted.
 *
 * Threads: `lock` guards generation, documents and the table; searches share it, the writer takes
 * it a document at a time. It is never held across the database. `seats` lends connections and
 * analyser sessions.
 *
 * Memory: 12 bytes a document number (12 MB a million), and the lists: 6 bytes a posting, at most
 * 64 MiB (a query whose lists are larger takes what it needs, and the next eviction gives it back).
 */
#ifndef INDEX_WORDS_IMPL_H
#define INDEX_WORDS_IMPL_H

#include "base/sqlite.h"
#include "base/thread.h"
#include "index/words.h"
#include <stdatomic.h>

#define WORDS_CACHE_BYTES ((size_t)64 << 20)
#define TERM_BYTES_MAX 255
#define QUERY_TERMS_MAX 256
#define SEATS_MAX 16
#define BM25_K1 1.2
#define BM25_B 0.75

/* Weights of a term in title, text and tags, in halves, so that sums are whole numbers. */
enum { FIELD_TITLE, FIELD_TEXT, FIELD_TAGS, FIELD_COUNT };
extern const uint32_t field_weight[FIELD_COUNT]; /* 4, 2, 3 */

/* --- terms of one document (words_terms.c) --- */

struct term_count {
    struct str term;
    uint32_t count[FIELD_COUNT];
};
struct term_bag {
    struct arena *arena;
    struct term_count *terms;
    uint32_t *table;
    size_t count, cap; /* table: 2 * cap */
};
void bag_init(struct term_bag *b, struct arena *a);
struct term_count *bag_add(struct term_bag *b, struct str term);
/* Adds the terms of a text; `joined` (may be NULL): the terms in order, TERM_END behind each, as
 * FTS5 gets them. */
void bag_analyze(struct term_bag *b, const struct words_analyzer *analyzer, void *session,
                 struct str text, unsigned field, struct strbuf *joined);
uint16_t term_weight(const struct term_count *t); /* in halves, at most 65,535 */
uint32_t bag_length(const struct term_bag *b);    /* in halves */
/* The bag as a blob: for each term varint bytes, the bytes, 3 varint counts. */
void bag_pack(const struct term_bag *b, struct strbuf *out);
bool bag_unpack(struct term_bag *b, struct str blob);
/* What FTS5 got: each term as often as it stands there. */
void bag_join(const struct term_bag *b, unsigned field, struct strbuf *out);
#define TERM_END '\x1f'

/* --- doclists --- */

enum list_state { LIST_LOADING, LIST_READY };
struct list_change {
    uint64_t generation;
    uint32_t number;
    uint16_t weight; /* 0: removed */
};
struct term_list {
    struct str term;
    struct term_list *next; /* in its bucket */
    uint64_t hash;
    enum list_state state;
    _Atomic unsigned pins;
    _Atomic uint64_t used; /* when: the number of the search */
    uint32_t count, cap;
    uint32_t *numbers;           /* rising */
    uint16_t *weights;           /* in halves */
    uint16_t weight_max;         /* not less than any */
    struct list_change *changes; /* published while it loads */
    size_t change_count, change_cap;
};
void list_append(struct term_list *l, uint32_t number, uint16_t weight);
void list_set(struct term_list *l, uint32_t number, uint16_t weight); /* 0 removes */
/* The weight in document `number`, 0 if none; `*from`: a place not behind it, moved on. */
uint16_t list_weight(const struct term_list *l, uint32_t number, uint32_t *from);
void list_free(struct term_list *l);

/* --- the database --- */

struct words_db {
    sqlite3 *db;
    sqlite3_stmt *load, *generation;
};
enum err words_db_open(struct words_db *d, const char *path, bool read_only, struct err_info *e);
void words_db_close(struct words_db *d);
/* The doclist of a term as of one committed state, and that state's generation. */
enum err words_db_load(struct words_db *d, struct str term, struct term_list *out,
                       uint64_t *generation, struct err_info *e);

struct writer {
    struct words_db base;
    sqlite3_stmt *old, *put_length, *put_text, *drop_length, *drop_text, *fts_put, *fts_drop, *meta;
    void *session;
};

struct seat {
    struct words_db db; /* opened when first needed */
    void *session;
    bool busy;
};

struct words {
    char *path;
    struct words_analyzer analyzer;
    struct writer writer;

    struct rwlock lock;
    uint64_t generation;
    char position[64];
    struct docset all;
    uint32_t *lengths; /* by number, in halves */
    uint64_t *revisions;
    size_t numbers_size;
    uint64_t length_sum;
    struct term_list **buckets;
    size_t bucket_count, list_count, list_bytes;
    uint64_t searches;

    struct lock seats_lock; /* seats, and waiting for a list that another search loads */
    struct cond seats_free, list_loaded;
    struct seat seats[SEATS_MAX];
};

/* Publishes one document's change into lengths and lists; `terms` NULL: none. Takes the lock. */
struct words_change {
    uint32_t number;
    bool put;
    uint64_t revision;
    uint32_t length;
    struct term_bag before, after;
};
void words_publish(struct words *w, const struct words_change *c, uint64_t generation);
void words_numbers_grow(struct words *w, uint32_t number);

struct seat *seat_take(struct words *w);
void seat_give(struct words *w, struct seat *s);

/* The lists of a query's terms, pinned; words_unpin gives them back. Lock not held. */
enum err words_pin(struct words *w, struct seat *s, const struct term_bag *terms,
                   struct term_list **lists, struct err_info *e);
void words_unpin(struct term_list **lists, size_t count);

#endif

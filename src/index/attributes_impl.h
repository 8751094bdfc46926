/* Inside the attribute index (filter.h is what others see).
 *
 *   attributes -> field (by name) -> value (hash table; ordered lists for ranges) -> posting
 *   attributes -> document number -> the values that it holds (for replacing, deleting, facets)
 *
 * A value that no document holds is freed. Fields stay. `lock`: readers share it, the writer takes
 * it for one document at a time.
 *
 * Memory: about 64 bytes and the text a distinct value, 12 to 20 more in its ordered list and
 * table, 8 bytes a value a document, 4 or fewer a member of a posting: some 100 bytes a document
 * for each field that is unique (id, created, updated), some 12 for each field of few values. */
#ifndef INDEX_ATTRIBUTES_IMPL_H
#define INDEX_ATTRIBUTES_IMPL_H

#include "base/thread.h"
#include "index/filter.h"
#include "index/filter_tree.h"
#include "index/posting.h"
#include <stdatomic.h>

#define FIELDS_MAX 1000

/* VALUE_PRESENT stands for: the field exists, nothing comparable is known. */
enum value_kind { VALUE_BOOL, VALUE_NUMBER, VALUE_STRING, VALUE_PRESENT, VALUE_POINT };
struct value {
    struct posting posting;
    struct value *next;   /* in its bucket */
    struct number number; /* of numbers, dates and booleans (0, 1); a latitude */
    uint32_t hash;
    uint32_t ordinal; /* its place in field->values */
    uint16_t field;
    uint8_t kind;
    bool date;
    uint32_t text_n;
    char text[]; /* of a point: struct geo_point */
};
void value_scalar(const struct value *v, struct scalar *out);

/* Values in order, in blocks of at most BLOCK_VALUES: inserting moves a block's rest, not
 * everything. */
#define BLOCK_VALUES 256
struct block {
    unsigned count;
    struct value *values[BLOCK_VALUES];
};
struct ordered {
    struct block **blocks;
    size_t count, cap;
};
struct place {
    size_t block;
    unsigned index;
};
void ordered_release(struct ordered *o);
void ordered_insert(struct ordered *o, struct value *v);
void ordered_remove(struct ordered *o, const struct value *v);
/* The first value >= key (after: > key); value NULL at the end. */
struct place ordered_find(const struct ordered *o, const struct scalar *key, bool after);
struct value *ordered_at(const struct ordered *o,
                         struct place *p); /* moves to the next block if need be */
size_t ordered_bytes(const struct ordered *o);

/* The numbers of a field by document, for sorting and boosting: made when they are first asked for,
 * kept up to date from then on. 8 bytes a document. */
#define COLUMN_PAGE 1024
#define COLUMNS_MAX 32 /* of a collection; what is asked for beyond is looked up value by value */
struct column {
    double **pages; /* NaN: no number */
    size_t page_count, pages_used;
};
void column_free(struct column *c);
size_t column_bytes(const struct column *c);

struct field {
    struct str name;
    struct posting exists;
    struct value *present;
    struct value **buckets; /* round <= bucket_count < 2 * round; round a power of two */
    size_t bucket_count, bucket_cap, round;
    size_t bytes;          /* of values and postings */
    struct value **values; /* by ordinal; holes are NULL */
    uint32_t *holes;
    size_t values_end, values_cap, hole_count, hole_cap;
    struct ordered numbers, texts, points; /* points: by latitude */
    /* NULL: not asked for. Published by a reader, while the lock keeps the writer away. */
    _Atomic(struct column *) columns[ATTRIBUTES_PICKS];
};
struct field *field_new(struct str name, uint16_t index);
void field_free(struct field *f);
/* scalar NULL: `present`. make: adds it when it is not there. */
struct value *field_value(struct field *f, uint16_t index, const struct scalar *s, bool make);
/* Document `number` has the value now; false if it had it already. */
bool field_hold(struct field *f, struct value *v, uint32_t number);
/* Has it no more; `v` may be freed. */
void field_let_go(struct field *f, struct value *v, uint32_t number);
static inline size_t field_values(const struct field *f) /* distinct ones */
{
    return f->values_end - f->hole_count;
}
size_t field_bytes(const struct field *f);

struct holding {
    uint32_t count;
    struct value *values[];
};

struct attributes {
    struct rwlock lock;
    struct field *fields[FIELDS_MAX];
    unsigned field_count;
    _Atomic unsigned column_count;
    bool fields_dropped; /* some document had a field beyond FIELDS_MAX */
    struct docset all;
    struct duplicates *duplicates; /* borrowed; or NULL */
    struct holding **
        *leaves; /* by number: LEAF_HOLDINGS a leaf, so that a large number alone is cheap */
    size_t leaf_count, leaves_used;
    size_t holding_bytes;
    struct value **scratch; /* of the document that is being put */
    size_t scratch_count, scratch_cap;
};
#define LEAF_HOLDINGS 1024
/* What a document holds, or NULL. */
static inline struct holding *attributes_holding(const struct attributes *x, uint32_t number)
{
    size_t leaf = number / LEAF_HOLDINGS;
    return leaf < x->leaf_count && x->leaves[leaf] ? x->leaves[leaf][number % LEAF_HOLDINGS] : NULL;
}
/* The lock is held. NULL if unknown. */
struct field *attributes_field(const struct attributes *x, struct str name);
struct field *attributes_field_make(struct attributes *x, struct str name, uint16_t *index);
/* ERR_INVALID: the field is one of those beyond FIELDS_MAX. The lock is held. */
enum err attributes_field_indexed(const struct attributes *x, struct str name, struct err_info *e);
/* Gives `number` the values in scratch. It must hold none. */
void attributes_hold(struct attributes *x, uint32_t number);
void attributes_scratch_add(struct attributes *x, struct value *v);
/* A document has a value now; has none of the field any more. Writer, the lock is held. */
void columns_put(struct field *f, uint32_t number, const struct value *v);
void columns_forget(struct field *f, uint32_t number);

#endif

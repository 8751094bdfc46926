/* The tree of a filter. AND and OR have any number of children, none of which has the same
 * operator. */
#ifndef INDEX_FILTER_TREE_H
#define INDEX_FILTER_TREE_H

#include "index/filter.h"
#include "index/scalar.h"

enum filter_op {
    FILTER_AND,
    FILTER_OR,
    FILTER_NOT,
    FILTER_EQ,
    FILTER_NE,
    FILTER_LT,
    FILTER_LE,
    FILTER_GT,
    FILTER_GE,
    FILTER_BETWEEN, /* two values, both included */
    FILTER_IN,
    FILTER_EXISTS,
    FILTER_GEO,
};

struct filter {
    enum filter_op op;
    size_t at;        /* of a test: the byte of the text where it begins */
    struct str field; /* canonical: what document_fields() gives */
    const struct geo_test *geo;
    struct scalar *values; /* of a comparison; their kind is number or string where order matters */
    const struct filter **children; /* of AND, OR, NOT */
    unsigned count;                 /* values or children */
};

#define FILTER_BYTES_MAX (64 * 1024)
#define FILTER_DEPTH_MAX 32
#define FILTER_VALUES_MAX 1000
#define FILTER_GEO_VALUES 50 /* that a geo test counts as: it may look at every point */

bool filter_equal(const struct filter *a, const struct filter *b);
/* Does one value satisfy a comparison (not NE, which is NOT EQ)? */
bool filter_value_matches(const struct filter *f, const struct scalar *value);

/* The canonical name of a field as written: `attributes.x` is x, unless x alone is reserved.
 */
struct str filter_field(struct str field);
/* What the language has to say of words: shared by parser and printer. */
bool filter_is_bare(unsigned char c);
bool filter_is_keyword(struct str word);

#endif

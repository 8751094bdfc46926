/* One value, of a filter or of a document, and how two of them compare; the fields of a document.
 *
 * The rule: booleans equal booleans; numbers compare exactly (a 64-bit integer never becomes a
 * double); a string in RFC 3339, date-time or plain date (its midnight, UTC), is a date and
 * compares with dates by instant and with numbers by seconds since 1970; all other strings compare
 * bytewise with each other; an object {"lat","lon"} is a point, which has distances. Everything
 * else does not compare: it is neither equal nor before nor after. */
#ifndef INDEX_SCALAR_H
#define INDEX_SCALAR_H

#include "base/str.h"
#include "index/geo.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Canonical: a value that fits an int64_t is `whole`. */
struct number {
    bool whole;
    union {
        int64_t i;
        double d;
    };
};
struct number number_of_int(int64_t i);
struct number number_of_double(double d);
int number_cmp(struct number a, struct number b);

enum scalar_kind { SCALAR_BOOL, SCALAR_NUMBER, SCALAR_STRING, SCALAR_POINT };
struct scalar {
    enum scalar_kind kind;
    bool date; /* a string that has a number too */
    bool boolean;
    struct number number; /* SCALAR_NUMBER, or seconds since 1970 of a date */
    struct geo_point point;
    struct str text; /* SCALAR_STRING: borrowed */
};
struct scalar scalar_of_text(struct str text);
struct scalar scalar_of_bool(bool b);
struct scalar scalar_of_number(struct number n);
struct scalar scalar_of_point(struct geo_point p);
static inline bool scalar_ordered_by_number(const struct scalar *s)
{
    return s->kind == SCALAR_NUMBER || s->date;
}
/* False: the two do not compare. */
bool scalar_compare(const struct scalar *a, const struct scalar *b, int *cmp);
/* The same kind and the same bytes: stricter than comparing equal. */
bool scalar_same(const struct scalar *a, const struct scalar *b);
/* As JSON. */
void scalar_print(const struct scalar *s, struct strbuf *out);

/* Bounds of what is taken from a document; what is beyond is as if it were not there. */
#define SCALAR_TEXT_MAX 512       /* longer strings exist, but equal nothing */
#define DOCUMENT_VALUES_MAX 10000 /* of all fields together */
#define DOCUMENT_DEPTH_MAX 8      /* nested objects and arrays */
#define DOCUMENT_PATH_MAX 255     /* bytes of a dotted path */
/* Numbers of documents are dense: memory of every index grows with the largest. */
#define DOCUMENT_NUMBER_MAX (UINT32_C(1) << 31)

/* Every field of a document by its canonical name: id, lang, tags, created, updated, expires,
 * duplicate_of; attributes by their dotted path, `attributes.` before it if it is one of those.
 * Elements of an array are values of the array's field. `value` NULL: the field exists (an object,
 * a long string), nothing else is known. `field` and the value are valid during the call only. */
void document_fields(const json_t *document,
                     void (*emit)(void *ctx, struct str field, const struct scalar *value),
                     void *ctx);
/* Those that are not attributes. */
bool field_is_reserved(struct str field);

#endif

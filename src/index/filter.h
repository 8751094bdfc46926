/* Filters: which documents may be in an answer.
 *
 *     lang = "en" AND (year >= 2020 OR tags IN ["a","b"]) AND NOT hidden = true
 *     price 10 TO 20        (both ends included)        author EXISTS
 *     geo(place, 52.5, 13.4) <= 10km                    geo(place) (52.3, 13) TO (52.7, 13.8)
 *
 * Keywords in any case; precedence NOT, AND, OR; strings in "..." or '...' with \ escapes, or bare
 * words. Fields: id, lang, tags, created, updated, expires (RFC 3339 or numbers), duplicate_of (the
 * id of the older document that this one is a near-copy of), and attributes by dotted path
 * (`attributes.x.y` or `x.y`; `attributes.lang` is an attribute, `lang` is not); a field may stand
 * in quotes. Equality of an array field means: contains; fields of objects in an array belong to
 * the array's path. Parsed once into a tree; nothing is ever pasted as text. Bounds: 64 KiB, 32
 * levels, 1,000 values.
 *
 * What compares: a bare number is a number and bare true or false a boolean, everything else is a
 * string. Numbers compare with numbers, exactly; booleans are equal or not; a string in RFC 3339,
 * date-time or plain date (midnight UTC), on either side, is a date: it compares with dates by
 * instant and with numbers as seconds since 1970; other strings compare bytewise. What does not
 * compare does not match. `!=` is NOT of `=`, so it and NOT match where the field is absent. null
 * is absence. EXISTS holds for objects that are not empty too. Of a document are taken 10,000
 * values, paths of 255 bytes, 8 levels, and strings up to 512 bytes (longer ones only exist); of a
 * collection 1,000 fields (beyond, filtering by a field that is not indexed is ERR_INVALID).
 *
 * An object {"lat","lon"} (or "lng") of degrees is a point, besides having its members as fields;
 * geo() asks for the distance of a field's points from one (<= < >= >; m, km, mi; on the mean
 * sphere), or for those in a box, its south-west corner TO its north-east one, across the 180th
 * meridian if it must. A geo test counts as 50 values. Cost: the distinct points of the circle's or
 * box's latitudes, about 100 ns each.
 *
 * The attribute index keeps, per field, which documents hold which value (strings, numbers,
 * booleans, dates) and answers a tree with a bitmap. One writer thread; readers in parallel (lock
 * inside). */
#ifndef INDEX_FILTER_H
#define INDEX_FILTER_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/docset.h"
#include <jansson.h>
#include <stdio.h>

struct filter; /* a parsed tree, in the arena */
/* ERR_INVALID: the message names the character position (from 1) and what was expected. */
enum err filter_parse(struct arena *a, struct str text, const struct filter **out,
                      struct err_info *e) MUST_CHECK;
/* The tree as text again, normalised; parsing that gives the same tree. */
void filter_print(const struct filter *f, struct strbuf *out);
/* Do all that match hold this one string in the field? False: not as far as can be told from the
 * tree (=, IN of one, AND, and OR of the same). `*value`: in the arena of the tree. */
bool filter_fixes(const struct filter *f, struct str field, struct str *value);
/* field = "value", as a filter's text. */
void filter_print_equals(struct str field, struct str value, struct strbuf *out);
/* The field of its first test, for messages. */
struct str filter_first_field(const struct filter *f);
/* The brute-force evaluator: does this document (a JSON object with id, lang, tags, attributes ...)
 * match? The definition that the index is tested against. */
bool filter_matches(const struct filter *f, const json_t *document);

struct attributes;
struct attributes *attributes_new(void);
void attributes_free(struct attributes *x);
/* Replaces what the document had. `document`: borrowed object with the fields named above. Writer
 * only. */
void attributes_put(struct attributes *x, uint32_t number, const json_t *document);
void attributes_delete(struct attributes *x, uint32_t number);
/* All documents that match, into `out` (initialised by the caller; overwritten). Any thread. */
enum err attributes_select(struct attributes *x, const struct filter *f, struct docset *out,
                           struct err_info *e) MUST_CHECK;
/* The same for who may know of the documents `among` only: a copy is one if its original is among
 * them. `out` is not confined to them. NULL: all. */
enum err attributes_select_among(struct attributes *x, const struct filter *f,
                                 const struct docset *among, struct docset *out,
                                 struct err_info *e) MUST_CHECK;
/* ERR_INVALID: `f` (parsed from `text`) asks for a field that no document has or had, wherever it
 * stands: under NOT or as EXISTS a misspelt one would pass everything or nothing, and nobody would
 * notice. The message names the character and the nearest field that is known. Nothing is refused
 * where there are no documents. Any thread. */
enum err attributes_know(struct attributes *x, const struct filter *f, struct str text,
                         struct err_info *e) MUST_CHECK;
/* The same for who may know of the documents `among` only: a field is known if one of them has it,
 * and the message names no other. NULL: all. */
enum err attributes_know_among(struct attributes *x, const struct filter *f, struct str text,
                               const struct docset *among, struct err_info *e) MUST_CHECK;
/* From now on `duplicate_of` is answered by `d` (borrowed; NULL: by what documents hold). Before
 * the first select. */
struct duplicates;
void attributes_duplicates_set(struct attributes *x, struct duplicates *d);
/* The documents that exist. */
void attributes_all(struct attributes *x, struct docset *out);
size_t attributes_bytes(struct attributes *x);

/* Counts of the values of a field among `within`, most frequent first. Strings point into the
 * arena. Cost: of a field of few values their postings (60,000 documents: some 10 us); else the
 * values that the documents hold (60,000 distinct ones: 18 ms). Any thread, as all that follows. */
struct facet_value {
    struct str value; /* as JSON: "en", 2020, true */
    size_t count;
};
enum err attributes_facet(struct attributes *x, struct arena *a, struct str field,
                          const struct docset *within, size_t limit, struct facet_value **out,
                          size_t *count, struct err_info *e) MUST_CHECK;

/* The number that documents have in a field, for sorting and boosting: numbers as doubles, dates as
 * seconds since 1970, booleans as 0 and 1; of several the least or the greatest. out[i] belongs to
 * numbers[i]; NaN: none, or no such document or field. Any thread. About 5 ns a document; the first
 * call for a field makes its column, some ten ns a document of the collection, in which a put
 * waits. */
enum attributes_pick { ATTRIBUTES_LEAST, ATTRIBUTES_GREATEST, ATTRIBUTES_PICKS };
void attributes_number(struct attributes *x, struct str field, enum attributes_pick pick,
                       const uint32_t *numbers, size_t count, double *out);
/* The least and the greatest of all numbers of a field now. False: it has none. */
bool attributes_number_range(struct attributes *x, struct str field, double *least,
                             double *greatest);
/* How many documents of `within` have a value in each range: from <= value < to, either may be
 * missing. Ends are numbers, or strings: dates where they are RFC 3339 (as in filters), else texts.
 * ERR_INVALID with the field "/2" for a range that is empty or whose ends do not compare. Cost: the
 * postings of the values in the ranges. */
struct facet_range {
    struct str name;
    const json_t *from, *to; /* borrowed */
};
enum err attributes_ranges(struct attributes *x, struct str field, const struct docset *within,
                           const struct facet_range *ranges, size_t range_count, size_t *counts,
                           struct err_info *e) MUST_CHECK;

/* Of the numbers and dates (seconds since 1970) that the documents hold; each value of an array
 * counts. `least` and `greatest` as JSON, in the arena; empty if there are none. */
struct facet_stats {
    size_t count;
    struct str least, greatest;
    double mean;
};
void attributes_stats(struct attributes *x, struct arena *a, struct str field,
                      const struct docset *within, struct facet_stats *out);
/* For fields that are counted, sorted or boosted by. ERR_INVALID: no document has or had the field;
 * the message names the nearest known one. Nothing is refused where there are no documents. */
enum err attributes_know_field(struct attributes *x, struct str field,
                               struct err_info *e) MUST_CHECK;
enum err attributes_know_field_among(struct attributes *x, struct str field,
                                     const struct docset *among, struct err_info *e) MUST_CHECK;

/* Into and out of a snapshot file, after a caller's header; the section carries its own checksum.
 * Saving is for any thread, and holds the writer up for about a millisecond at a time: it has what
 * was put before it began, and of what changed meanwhile the one or the other. */
struct file;
enum err attributes_save(struct attributes *x, struct file *f, struct err_info *e) MUST_CHECK;
enum err attributes_load(struct file *f, uint64_t *offset, struct attributes **out,
                         struct err_info *e) MUST_CHECK;
/* Is a document absent from both, or has it the same values? `y`: of the caller alone. A field that
 * `x` left out as one too many may be in `y`. Any thread. */
bool attributes_same(struct attributes *x, const struct attributes *y, uint32_t number);
bool attributes_equal(struct attributes *x,
                      struct attributes *y); /* tests: the same documents and values */

#endif

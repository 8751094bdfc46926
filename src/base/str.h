/* Strings: `struct str` is a view (pointer and length, no owner, any bytes);
 * `struct strbuf` is a growing buffer that is given its maximum at birth. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include "base/err.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
    const char *s;
    size_t n;
};

#define STR(literal) ((struct str){("" literal), sizeof(literal) - 1})
#define STR_ARG(x) (int)(x).n, (x).s /* for "%.*s" */

struct str str_c(const char *s); /* NULL gives the empty string */
bool str_eq(struct str a, struct str b);
bool str_eq_c(struct str a, const char *b);
int str_cmp(struct str a, struct str b); /* bytewise, as memcmp, shorter first */
bool str_starts(struct str s, struct str prefix);
struct str str_trim(struct str s); /* ASCII white space */
struct str str_dup(struct str s);  /* malloc'd copy with a NUL behind it; free((char *)x.s) */
uint64_t str_hash(struct str s);   /* not keyed: for tables that no client fills */
/* Whole string a decimal number in [min, max]; ERR_INVALID otherwise. */
enum err str_to_i64(struct str s, int64_t min, int64_t max, int64_t *out);
enum err str_to_f64(struct str s, double *out); /* finite, decimal, whole string */
/* Edit distance (insert, delete, replace, swap), at most `max`+1; for "did you mean".
 * Strings over 255 bytes are max+1 apart unless equal. */
unsigned str_distance(struct str a, struct str b, unsigned max);
/* Bytes of the UTF-8 sequence at the start of s (1-4); 0 if it is not well-formed or s is empty. */
size_t str_utf8_size(struct str s);
/* The longest length <= max at which s can be cut without dividing a UTF-8 sequence. */
size_t str_utf8_cut(struct str s, size_t max);

/* Invariants: buf[n] is NUL once anything was added; n <= max. `failed` stays set once an
 * addition would have passed max: check it once at the end instead of at each addition. */
struct strbuf {
    char *buf;
    size_t n, cap, max;
    bool failed;
};

void strbuf_init(struct strbuf *b, size_t max); /* no allocation yet; max 0: SIZE_MAX */
void strbuf_release(struct strbuf *b);
void strbuf_clear(struct strbuf *b); /* keeps the memory */
void strbuf_add(struct strbuf *b, const void *p, size_t n);
void strbuf_add_str(struct strbuf *b, struct str s);
void strbuf_add_c(struct strbuf *b, const char *s);
void strbuf_add_char(struct strbuf *b, char c);
void strbuf_printf(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_vprintf(struct strbuf *b, const char *fmt, va_list ap);
struct str strbuf_str(const struct strbuf *b); /* a view, valid until the next addition */
/* Hand the memory over (free()); the buffer is empty again. NULL if nothing was added. */
char *strbuf_detach(struct strbuf *b, size_t *n);

#endif

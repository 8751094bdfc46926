#include "base/str.h"
#include "base/arena.h"
#include "base/hash.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct str str_c(const char *s)
{
    return s ? (struct str){s, strlen(s)} : STR("");
}

bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.s, b.s, a.n) == 0);
}

bool str_eq_c(struct str a, const char *b)
{
    return str_eq(a, str_c(b));
}

int str_cmp(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.s, b.s, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.s, prefix.s, prefix.n) == 0);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    while (s.n && is_space(s.s[0])) {
        s.s++;
        s.n--;
    }
    while (s.n && is_space(s.s[s.n - 1]))
        s.n--;
    return s;
}

struct str str_dup(struct str s)
{
    char *p = xmalloc(s.n + 1);
    if (s.n)
        memcpy(p, s.s, s.n);
    p[s.n] = 0;
    return (struct str){p, s.n};
}

uint64_t str_hash(struct str s)
{
    return checksum64(s.s, s.n, 0);
}

enum err str_to_i64(struct str s, int64_t min, int64_t max, int64_t *out)
{
    size_t i = s.n && (s.s[0] == '-' || s.s[0] == '+');
    bool negative = i && s.s[0] == '-';
    int64_t v = 0;
    if (i == s.n)
        return ERR_INVALID;
    for (; i < s.n; i++) {
        int digit = s.s[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(v, (int64_t)10, &v) ||
            __builtin_sub_overflow(v, (int64_t)digit, &v))
            return ERR_INVALID;
    }
    /* Summed up below zero, where one value more is to be had. */
    if (!negative && __builtin_sub_overflow((int64_t)0, v, &v))
        return ERR_INVALID;
    if (v < min || v > max)
        return ERR_INVALID;
    *out = v;
    return ERR_OK;
}

enum err str_to_f64(struct str s, double *out)
{
    char buf[128], *end;
    bool digit = false;
    if (s.n == 0 || s.n >= sizeof buf)
        return ERR_INVALID;
    for (size_t i = 0; i < s.n; i++) {
        if (!s.s[i] || !strchr("0123456789+-.eE", s.s[i]))
            return ERR_INVALID;
        digit |= s.s[i] >= '0' && s.s[i] <= '9';
    }
    memcpy(buf, s.s, s.n);
    buf[s.n] = 0;
    double v = strtod(buf, &end);
    if (!digit || *end || !isfinite(v))
        return ERR_INVALID;
    *out = v;
    return ERR_OK;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

enum { DISTANCE_BYTES_MAX = 255 };

/* Optimal string alignment: Damerau's distance in which no part is edited twice. */
unsigned str_distance(struct str a, struct str b, unsigned max)
{
    unsigned rows[3][DISTANCE_BYTES_MAX + 1];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];
    if (a.n > DISTANCE_BYTES_MAX || b.n > DISTANCE_BYTES_MAX)
        return str_eq(a, b) ? 0 : max + 1;
    for (unsigned j = 0; j <= b.n; j++)
        above[j] = j;
    for (unsigned i = 1; i <= a.n; i++) {
        row[0] = i;
        for (unsigned j = 1; j <= b.n; j++) {
            bool same = a.s[i - 1] == b.s[j - 1];
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + !same);
            bool swap = i > 1 && j > 1 && a.s[i - 1] == b.s[j - 2] && a.s[i - 2] == b.s[j - 1];
            if (swap && before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        unsigned *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[b.n] <= max ? above[b.n] : max + 1;
}

/* Unicode 15, table 3-7: the well-formed sequences. */
size_t str_utf8_size(struct str s)
{
    if (!s.n)
        return 0;
    const uint8_t *p = (const uint8_t *)s.s;
    if (p[0] < 0x80)
        return 1;
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || s.n < n)
        return 0;
    uint8_t low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    uint8_t high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

size_t str_utf8_cut(struct str s, size_t max)
{
    if (s.n <= max)
        return s.n;
    size_t n = max;
    for (int back = 0; back < 3 && n && ((uint8_t)s.s[n] & 0xc0) == 0x80; back++)
        n--;
    /* A run of stray continuation bytes is no sequence: cut anywhere. */
    return ((uint8_t)s.s[n] & 0xc0) == 0x80 ? max : n;
}

void strbuf_init(struct strbuf *b, size_t max)
{
    *b = (struct strbuf){.max = max ? max : SIZE_MAX};
}

void strbuf_release(struct strbuf *b)
{
    free(b->buf);
    strbuf_init(b, b->max);
}

void strbuf_clear(struct strbuf *b)
{
    b->n = 0;
    b->failed = false;
    if (b->buf)
        b->buf[0] = 0;
}

/* Room for n bytes more and the NUL. */
static bool strbuf_room(struct strbuf *b, size_t n)
{
    assert(b->max && b->n <= b->max);
    if (b->failed || n > b->max - b->n || b->n + n > SIZE_MAX / 4) {
        b->failed = true;
        return false;
    }
    size_t need = b->n + n + 1;
    if (need > b->cap) {
        size_t cap = b->cap ? b->cap + b->cap / 2 : 64;
        if (b->max < SIZE_MAX && cap > b->max + 1)
            cap = b->max + 1;
        b->cap = cap > need ? cap : need;
        b->buf = xrealloc(b->buf, b->cap);
    }
    return true;
}

void strbuf_add(struct strbuf *b, const void *p, size_t n)
{
    if (!strbuf_room(b, n))
        return;
    if (n)
        memcpy(b->buf + b->n, p, n);
    b->n += n;
    b->buf[b->n] = 0;
}

void strbuf_add_str(struct strbuf *b, struct str s)
{
    strbuf_add(b, s.s, s.n);
}

void strbuf_add_c(struct strbuf *b, const char *s)
{
    strbuf_add(b, s, strlen(s));
}

void strbuf_add_char(struct strbuf *b, char c)
{
    strbuf_add(b, &c, 1);
}

void strbuf_printf(struct strbuf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    strbuf_vprintf(b, fmt, ap);
    va_end(ap);
}

void strbuf_vprintf(struct strbuf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    assert(n >= 0);
    if (strbuf_room(b, (size_t)n)) {
        vsnprintf(b->buf + b->n, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
}

struct str strbuf_str(const struct strbuf *b)
{
    return b->buf ? (struct str){b->buf, b->n} : STR("");
}

char *strbuf_detach(struct strbuf *b, size_t *n)
{
    char *p = b->buf;
    if (n)
        *n = b->n;
    b->buf = NULL;
    strbuf_release(b);
    return p;
}

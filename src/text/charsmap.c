#include "text/charsmap.h"
#include "base/arena.h"
#include "text/text.h"
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>

enum { BMP = 0x10000, GRAPHEME_BYTES = 6, NOT_64 = 64 };

/* What the table knows of a character. */
enum { MAPPED = 1, JOINS = 2 }; /* alone in the trie; may stick to the one before or behind it */

struct charsmap {
    uint32_t *units;
    size_t units_n;
    struct str texts;
    char *bytes; /* of all */
    uint8_t known[BMP];
};

/* --- reading --- */

static unsigned digit_64(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (unsigned)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0') + 52;
    return c == '+' ? 62 : c == '/' ? 63 : NOT_64;
}

static bool base64_decode(struct str s, char *out, size_t *out_n)
{
    size_t n = 0;
    uint32_t bits = 0;
    unsigned count = 0;
    if (s.n % 4 != 0)
        return false;
    for (unsigned pad = 0; pad < 2 && s.n && s.s[s.n - 1] == '='; pad++)
        s.n--;
    for (size_t i = 0; i < s.n; i++) {
        unsigned digit = digit_64(s.s[i]);
        if (digit == NOT_64)
            return false;
        bits = bits << 6 | digit;
        count += 6;
        if (count >= 8) {
            count -= 8;
            out[n++] = (char)(bits >> count);
        }
    }
    *out_n = n;
    return true;
}

static uint32_t u32_at(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static enum err map_parse(struct charsmap *m, size_t n, struct err_info *e)
{
    uint32_t trie = n >= 4 ? u32_at(m->bytes) : 0;
    if (trie < 4 || trie > n - 4)
        return err_set(e, ERR_INVALID, NULL,
                       "says that its trie has %u bytes, but there are %zu in all", trie, n);
    m->units_n = trie / 4;
    m->units = xmalloc(m->units_n * sizeof *m->units);
    for (size_t i = 0; i < m->units_n; i++)
        m->units[i] = u32_at(m->bytes + 4 + 4 * i);
    m->texts = (struct str){m->bytes + 4 + 4 * m->units_n, n - 4 - 4 * m->units_n};
    if (utf8_valid(m->texts) < m->texts.n)
        return err_set(e, ERR_INVALID, NULL, "its texts are not UTF-8");
    return ERR_OK;
}

/* --- the trie --- */

static size_t unit_offset(uint32_t unit)
{
    return (size_t)(unit >> 10) << ((unit & (1u << 9)) >> 6);
}

/* What the shortest string of the trie at the start of s becomes. */
static bool shortest(const struct charsmap *m, const unsigned char *s, size_t n, struct str *out)
{
    size_t node = unit_offset(m->units[0]);
    for (size_t i = 0; i < n && s[i]; i++) {
        node ^= s[i];
        if (node >= m->units_n || (m->units[node] & (1u << 31 | 0xff)) != s[i])
            return false;
        uint32_t unit = m->units[node];
        node ^= unit_offset(unit);
        if (!(unit >> 8 & 1))
            continue;
        size_t at = node < m->units_n ? m->units[node] & 0x7fffffff : SIZE_MAX;
        if (at > m->texts.n || (at < m->texts.n && (m->texts.s[at] & 0xc0) == 0x80))
            return false;
        const char *end = memchr(m->texts.s + at, 0, m->texts.n - at);
        if ((end ? (size_t)(end - m->texts.s) : m->texts.n) - at > CHARSMAP_TEXT_MAX)
            return false;
        *out =
            (struct str){m->texts.s + at, end ? (size_t)(end - m->texts.s) - at : m->texts.n - at};
        return true;
    }
    return false;
}

/* --- graphemes (UAX #29) --- */

static int break_class(uint32_t c)
{
    return u_getIntPropertyValue((UChar32)c, UCHAR_GRAPHEME_CLUSTER_BREAK);
}

static bool hangul_joins(int a, int b)
{
    if (a == U_GCB_L)
        return b == U_GCB_L || b == U_GCB_V || b == U_GCB_LV || b == U_GCB_LVT;
    if (a == U_GCB_LV || a == U_GCB_V)
        return b == U_GCB_V || b == U_GCB_T;
    return (a == U_GCB_LVT || a == U_GCB_T) && b == U_GCB_T;
}

/* Pictograms joined by U+200D and pairs of regional indicators have more than 6 bytes. */
static bool joins(int a, int b)
{
    if (a == U_GCB_CR || b == U_GCB_CR || a == U_GCB_LF || b == U_GCB_LF)
        return a == U_GCB_CR && b == U_GCB_LF;
    if (a == U_GCB_CONTROL || b == U_GCB_CONTROL)
        return false;
    return b == U_GCB_EXTEND || b == U_GCB_ZWJ || b == U_GCB_SPACING_MARK || a == U_GCB_PREPEND ||
           hangul_joins(a, b);
}

static size_t grapheme_end(struct view v, size_t at)
{
    int class = break_class(utf8_get(v.bytes, &at));
    while (at < v.n) {
        size_t next = at;
        int after = break_class(utf8_get(v.bytes, &next));
        if (!joins(class, after))
            break;
        class = after;
        at = next;
    }
    return at;
}

static uint8_t judge(const struct charsmap *m, uint32_t c)
{
    struct str to;
    unsigned char bytes[4];
    unsigned n = utf8_put(bytes, c);
    switch (break_class(c)) {
    case U_GCB_CR: /* what may stick to its neighbour, whatever that is; the syllables of Hangul */
    case U_GCB_LF: /* do so only beside an L, V or T */
    case U_GCB_EXTEND:
    case U_GCB_ZWJ:
    case U_GCB_SPACING_MARK:
    case U_GCB_PREPEND:
    case U_GCB_L:
    case U_GCB_V:
    case U_GCB_T:
        return JOINS | (shortest(m, bytes, n, &to) ? MAPPED : 0);
    default:
        return shortest(m, bytes, n, &to) ? MAPPED : 0;
    }
}

static inline uint8_t known(const struct charsmap *m, uint32_t c)
{
    return c < BMP ? m->known[c] : judge(m, c);
}

/* --- applying --- */

struct applying {
    const struct charsmap *m;
    struct view from;
    bool exact;
    size_t pos;    /* in `from`: where the next range is taken from */
    unsigned last; /* bytes of the last character, if it was new (had no old one to stand for) */
    struct normal *to;
};

static void consume(struct applying *x, size_t characters)
{
    for (; characters; characters--)
        x->pos += utf8_width(x->from.bytes[x->pos]);
}

/* `count` characters go. One that was added before them stands for the first of them. */
static void remove_old(struct applying *x, size_t count)
{
    struct normal *to = x->to;
    if (to->n == 0 && x->exact)
        return;
    for (unsigned i = 0; i < x->last; i++)
        to->spans[to->n - 1 - i] = x->from.spans[x->pos];
    x->last = 0;
    consume(x, count);
}

/* The characters from[at, end) become `by`: the first for the first and so on. */
static void replace(struct applying *x, size_t at, size_t end, struct str by)
{
    size_t old = 0;
    for (; at < end; at += utf8_width(x->from.bytes[at]))
        old++;
    if (by.n == 0) {
        remove_old(x, old);
        return;
    }
    const unsigned char *s = (const unsigned char *)by.s;
    for (size_t i = 0; i < by.n;) {
        size_t first = i;
        uint32_t c = utf8_get(s, &i);
        bool stands = old > 0;
        normal_put(x->to, c, x->from.spans[stands ? x->pos : x->pos - 1]);
        x->last = stands ? 0 : (unsigned)(i - first);
        size_t gone = i < by.n ? stands : old;
        consume(x, gone);
        old -= gone;
    }
}

static void keep(struct applying *x, size_t at, size_t end)
{
    normal_reserve(x->to, end - at);
    struct span s = x->from.spans[x->pos];
    consume(x, 1);
    x->last = 0;
    for (; at < end; at++) {
        x->to->bytes[x->to->n] = x->from.bytes[at];
        x->to->spans[x->to->n++] = s;
    }
}

static void grapheme(struct applying *x, size_t at, size_t end)
{
    struct str by;
    const unsigned char *s = x->from.bytes;
    if (end - at < GRAPHEME_BYTES && shortest(x->m, s + at, end - at, &by)) {
        replace(x, at, end, by);
        return;
    }
    while (at < end) {
        size_t next = at + utf8_width(s[at]);
        if (shortest(x->m, s + at, next - at, &by))
            replace(x, at, next, by);
        else
            keep(x, at, next);
        at = next;
    }
}

/* The end of what stays as it is from `at` on. A character may stick to the next one, so that the
 * last one is left to those who know. */
static size_t plain_end(const struct charsmap *m, struct view v, size_t at)
{
    size_t last = at;
    while (at < v.n) {
        size_t first = at;
        uint8_t kind = known(m, utf8_get(v.bytes, &at));
        if (kind & JOINS)
            return last;
        if (kind & MAPPED)
            return first;
        last = first;
    }
    return at;
}

static void keep_run(struct applying *x, size_t at, size_t end)
{
    if (x->pos != at) {
        for (size_t next; at < end; at = next)
            keep(x, at, next = at + utf8_width(x->from.bytes[at]));
        return;
    }
    normal_put_view(x->to, view_part(x->from, at, end));
    x->pos = end;
    x->last = 0;
}

void charsmap_apply(const struct charsmap *m, struct view from, bool exact, struct normal *to)
{
    struct applying x = {.m = m, .from = from, .exact = exact, .to = to};
    to->n = 0;
    normal_reserve(to, from.n);
    for (size_t at = 0; at < from.n;) {
        size_t end = plain_end(m, from, at);
        if (end > at)
            keep_run(&x, at, end);
        if (end < from.n) {
            at = end;
            end = grapheme_end(from, at);
            grapheme(&x, at, end);
        }
        at = end;
    }
}

enum err charsmap_open(struct str base64, struct charsmap **out, struct err_info *e)
{
    struct charsmap *m = xcalloc(1, sizeof *m);
    size_t n = 0;
    enum err err;
    m->bytes = xmalloc(base64.n / 4 * 3 + 1);
    if (!base64_decode(base64, m->bytes, &n))
        err = err_set(e, ERR_SYNTAX, NULL, "is not base64");
    else
        err = map_parse(m, n, e);
    if (err) {
        charsmap_free(m);
        return err;
    }
    for (uint32_t c = 0; c < BMP; c++)
        m->known[c] = judge(m, c);
    *out = m;
    return ERR_OK;
}

void charsmap_free(struct charsmap *m)
{
    if (!m)
        return;
    free(m->units);
    free(m->bytes);
    free(m);
}

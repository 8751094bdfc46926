/* A text on its way through normaliser and pre-tokeniser: valid UTF-8, and for each byte the range
 * of the original text that it came from. One thread at a time. */
#ifndef TEXT_NORMAL_H
#define TEXT_NORMAL_H

#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    uint32_t from, to;
};

/* A part of a normal; borrowed. */
struct view {
    const unsigned char *bytes;
    const struct span *spans;
    size_t n;
};

struct normal {
    unsigned char *bytes;
    struct span *spans;
    size_t n, cap;
};

void normal_init(struct normal *t); /* no allocation yet */
void normal_release(struct normal *t);
void normal_reserve(struct normal *t, size_t more);

/* Replaces what it holds by text[start, end); bad bytes become U+FFFD. */
void normal_load(struct normal *t, struct str text, size_t start, size_t end);

static inline struct view normal_view(const struct normal *t)
{
    return (struct view){t->bytes, t->spans, t->n};
}

static inline struct view view_part(struct view v, size_t start, size_t end)
{
    return (struct view){v.bytes + start, v.spans + start, end - start};
}

static inline struct str view_str(struct view v)
{
    return (struct str){(const char *)v.bytes, v.n};
}

void normal_put(struct normal *t, uint32_t c, struct span from);
void normal_put_bytes(struct normal *t, struct str s,
                      struct span from); /* all of them from there */
void normal_put_view(struct normal *t, struct view v);

/* Bytes of the character of valid UTF-8 that starts with this one. */
static inline unsigned utf8_width(unsigned char first)
{
    return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* The character at *at of valid UTF-8, and its end. */
static inline uint32_t utf8_get(const unsigned char *s, size_t *at)
{
    const unsigned char *p = s + *at;
    if (p[0] < 0x80) {
        *at += 1;
        return p[0];
    }
    if (p[0] < 0xe0) {
        *at += 2;
        return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
    }
    if (p[0] < 0xf0) {
        *at += 3;
        return (p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    }
    *at += 4;
    return (p[0] & 7u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
}

unsigned utf8_put(unsigned char *p, uint32_t c); /* at most 4 bytes; how many */

/* The peer's description of a change: the characters of the new text in order, each with 0 (stands
 * for the next one of the old text), a positive number (is new; has the range of the one before) or
 * -k (stands for the next one, and k more of the old text go). */
struct change {
    uint32_t c;
    int32_t delta;
};
struct changes {
    struct change *list;
    size_t n, cap;
};
void changes_release(struct changes *x);
void changes_add(struct changes *x, uint32_t c, int32_t delta);
/* `to` becomes `from` changed; `removed`: characters dropped at the start. */
void changes_apply(const struct changes *x, struct view from, size_t removed, struct normal *to);

#endif

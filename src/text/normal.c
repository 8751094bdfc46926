#include "text/normal.h"
#include "base/arena.h"
#include "text/text.h"
#include <stdlib.h>
#include <string.h>

void normal_init(struct normal *t)
{
    *t = (struct normal){0};
}

void normal_release(struct normal *t)
{
    free(t->bytes);
    free(t->spans);
}

void normal_reserve(struct normal *t, size_t more)
{
    if (t->n + more <= t->cap)
        return;
    while (t->cap < t->n + more)
        t->cap = t->cap ? t->cap * 2 : 256;
    t->bytes = xrealloc(t->bytes, t->cap);
    t->spans = xrealloc(t->spans, t->cap * sizeof *t->spans);
}

static void load_bad(struct normal *t, struct str text, size_t at, size_t end)
{
    text.n = end;
    while (at < end) {
        size_t first = at;
        uint32_t c = utf8_next(text, &at);
        normal_put(t, c, (struct span){(uint32_t)first, (uint32_t)at});
    }
}

/* Bytes first, ranges then: the compiler makes wide stores of the runs of ASCII. */
void normal_load(struct normal *t, struct str text, size_t start, size_t end)
{
    struct str piece = {text.s + start, end - start};
    size_t good = utf8_valid(piece);
    t->n = 0;
    normal_reserve(t, piece.n);
    if (good)
        memcpy(t->bytes, piece.s, good);
    for (size_t i = 0; i < good;) {
        uint32_t at = (uint32_t)(start + i);
        unsigned width = utf8_width(t->bytes[i]);
        struct span s = {at, at + width};
        for (unsigned k = 0; k < width; k++)
            t->spans[i++] = s;
    }
    t->n = good;
    if (good < piece.n)
        load_bad(t, text, start + good, end);
}

unsigned utf8_put(unsigned char *p, uint32_t c)
{
    if (c < 0x80) {
        p[0] = (unsigned char)c;
        return 1;
    }
    if (c < 0x800) {
        p[0] = (unsigned char)(0xc0 | c >> 6);
        p[1] = (unsigned char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        p[0] = (unsigned char)(0xe0 | c >> 12);
        p[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
        p[2] = (unsigned char)(0x80 | (c & 0x3f));
        return 3;
    }
    p[0] = (unsigned char)(0xf0 | c >> 18);
    p[1] = (unsigned char)(0x80 | (c >> 12 & 0x3f));
    p[2] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
    p[3] = (unsigned char)(0x80 | (c & 0x3f));
    return 4;
}

void normal_put(struct normal *t, uint32_t c, struct span from)
{
    normal_reserve(t, 4);
    unsigned n = utf8_put(t->bytes + t->n, c);
    for (unsigned i = 0; i < n; i++)
        t->spans[t->n++] = from;
}

void normal_put_bytes(struct normal *t, struct str s, struct span from)
{
    normal_reserve(t, s.n);
    for (size_t i = 0; i < s.n; i++) {
        t->bytes[t->n] = (unsigned char)s.s[i];
        t->spans[t->n++] = from;
    }
}

void normal_put_view(struct normal *t, struct view v)
{
    if (v.n == 0)
        return;
    normal_reserve(t, v.n);
    memcpy(t->bytes + t->n, v.bytes, v.n);
    memcpy(t->spans + t->n, v.spans, v.n * sizeof *v.spans);
    t->n += v.n;
}

void changes_release(struct changes *x)
{
    free(x->list);
}

void changes_add(struct changes *x, uint32_t c, int32_t delta)
{
    if (x->n == x->cap) {
        x->cap = x->cap ? x->cap * 2 : 256;
        x->list = xrealloc(x->list, x->cap * sizeof *x->list);
    }
    x->list[x->n++] = (struct change){c, delta};
}

static size_t skip(struct view v, size_t at, size_t characters)
{
    for (; characters && at < v.n; characters--)
        at += utf8_width(v.bytes[at]);
    return at;
}

void changes_apply(const struct changes *x, struct view from, size_t removed, struct normal *to)
{
    to->n = 0;
    if (from.n == 0)
        return;
    normal_reserve(to, from.n);
    size_t at = skip(from, 0, removed);
    for (size_t i = 0; i < x->n; i++) {
        int32_t delta = x->list[i].delta;
        bool stands = delta <= 0 && at < from.n;
        struct span s = from.spans[stands ? at : at ? at - 1 : 0];
        if (stands)
            at = skip(from, at, 1 + (size_t)-delta);
        normal_put(to, x->list[i].c, s);
    }
}

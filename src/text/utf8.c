#include "text/text.h"
#include <string.h>

/* Of the sequence at s[at], or 0. */
static size_t sequence(struct str s, size_t at)
{
    return str_utf8_size((struct str){s.s + at, s.n - at});
}

/* Skips ASCII 32 bytes at a time; the end of it is at most 31 bytes further on. */
static size_t ascii_skip(struct str s, size_t at)
{
    while (at + 32 <= s.n) {
        uint64_t w[4];
        memcpy(w, s.s + at, 32);
        if ((w[0] | w[1] | w[2] | w[3]) & 0x8080808080808080u)
            break;
        at += 32;
    }
    return at;
}

size_t utf8_valid(struct str s)
{
    size_t at = 0;
    while (at < s.n) {
        if ((unsigned char)s.s[at] < 0x80) {
            at = ascii_skip(s, at);
            while (at < s.n && (unsigned char)s.s[at] < 0x80)
                at++;
            continue;
        }
        size_t n = sequence(s, at);
        if (n == 0)
            return at;
        at += n;
    }
    return s.n;
}

uint32_t utf8_next(struct str s, size_t *at)
{
    const unsigned char *p = (const unsigned char *)s.s + *at;
    size_t n = sequence(s, *at);
    *at += n ? n : 1;
    switch (n) {
    case 1:
        return p[0];
    case 2:
        return (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
    case 3:
        return (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
    case 4:
        return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 |
               (uint32_t)(p[2] & 0x3f) << 6 | (p[3] & 0x3f);
    default:
        return 0xfffd;
    }
}

size_t utf8_count(struct str s)
{
    size_t count = 0;
    for (size_t at = 0; at < s.n; count++) {
        size_t n = sequence(s, at);
        at += n ? n : 1;
    }
    return count;
}

size_t utf8_floor(struct str s, size_t at)
{
    if (at >= s.n)
        return s.n;
    for (size_t back = 1; back <= 3 && back <= at; back++) {
        unsigned char c = (unsigned char)s.s[at - back];
        if ((c & 0xc0) == 0x80)
            continue;
        return sequence(s, at - back) > back ? at - back : at;
    }
    return at;
}

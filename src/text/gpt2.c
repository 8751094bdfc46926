/* GPT-2's pattern as a scanner over classes of characters. */
#include "text/newer.h"
#include "text/split.h"
#include <string.h>
#include <unicode/uchar.h>

enum kind { KIND_OTHER, KIND_LETTER, KIND_NUMBER, KIND_SPACE };

static enum kind kind_slow(uint32_t c)
{
    uint32_t category = U_MASK(u_charType((UChar32)c));
    if (category & U_GC_L_MASK)
        return KIND_LETTER;
    if (category & U_GC_N_MASK)
        return KIND_NUMBER;
    if (category & U_GC_CN_MASK) {
        char newer = newer_category(c);
        return newer == 'L' ? KIND_LETTER : newer == 'N' ? KIND_NUMBER : KIND_OTHER;
    }
    return u_isUWhiteSpace((UChar32)c) ? KIND_SPACE : KIND_OTHER;
}

static inline enum kind kind_of(uint32_t c)
{
    if (c >= 0x80)
        return kind_slow(c);
    if ((c | 32) - 'a' < 26)
        return KIND_LETTER;
    if (c - '0' < 10)
        return KIND_NUMBER;
    return c == ' ' || c - 9 < 5 ? KIND_SPACE : KIND_OTHER;
}

static inline enum kind kind_at(struct view v, size_t at, size_t *next)
{
    *next = at;
    return kind_of(utf8_get(v.bytes, next));
}

static size_t run_end(struct view v, size_t at, enum kind kind)
{
    for (size_t next; at < v.n; at = next)
        if (kind_at(v, at, &next) != kind)
            break;
    return at;
}

/* 's, 't, 're, 've, 'm, 'll, 'd: the end, or `at` if there is none. */
static size_t contraction_end(struct view v, size_t at)
{
    const unsigned char *s = v.bytes + at;
    size_t n = v.n - at;
    if (n >= 2 && memchr("stmd", s[1], 4))
        return at + 2;
    if (n >= 3 &&
        (memcmp(s + 1, "re", 2) == 0 || memcmp(s + 1, "ve", 2) == 0 || memcmp(s + 1, "ll", 2) == 0))
        return at + 3;
    return at;
}

/* \s+(?!\S)|\s+ : white space, without the last one if something follows. */
static size_t space_end(struct view v, size_t at)
{
    size_t last = at, next;
    size_t end = at;
    for (; end < v.n && kind_at(v, end, &next) == KIND_SPACE; end = next)
        last = end;
    return end < v.n && last > at ? last : end;
}

size_t gpt2_next(struct view v, size_t at)
{
    size_t next;
    if (v.bytes[at] == '\'') {
        size_t end = contraction_end(v, at);
        if (end > at)
            return end;
    }
    enum kind kind = kind_at(v, at, &next);
    if (kind != KIND_SPACE)
        return run_end(v, next, kind);
    if (v.bytes[at] == ' ' && next < v.n) {
        size_t after;
        kind = kind_at(v, next, &after);
        if (kind != KIND_SPACE)
            return run_end(v, after, kind);
    }
    return space_end(v, at);
}

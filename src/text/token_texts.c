#include "text/token_texts.h"
#include "base/arena.h"
#include "text/text.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SPACES_MAX = 127 };

void token_texts_init(struct token_texts *t)
{
    *t = (struct token_texts){0};
    strbuf_init(&t->bytes, 0);
}

void token_texts_release(struct token_texts *t)
{
    if (!t->borrowed) {
        free(t->list);
        strbuf_release(&t->bytes);
    }
    *t = (struct token_texts){0};
}

static bool is_space_at(struct str s, size_t at)
{
    return at + 2 <= s.n && s.s[at] == '\xc4' && s.s[at + 1] == '\xa0';
}

void token_texts_add(struct token_texts *t, uint32_t id, struct str text, bool special)
{
    struct token_text x = {
        .id = id, .n = (uint32_t)text.n, .at = (uint32_t)t->bytes.n, .special = special};
    while (x.spaces < SPACES_MAX && is_space_at(text, 2 * (size_t)x.spaces))
        x.spaces++;
    for (size_t end = text.n; x.spaces_end < SPACES_MAX && end >= 2 && is_space_at(text, end - 2);
         end -= 2)
        x.spaces_end++;
    assert(!t->borrowed);
    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 1024;
        t->list = xrealloc(t->list, t->cap * sizeof *t->list);
    }
    t->list[t->n++] = x;
    strbuf_add_str(&t->bytes, text);
}

static int compare(const void *a, const void *b)
{
    const struct token_text *x = a, *y = b;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at; /* in the order of addition */
}

void token_texts_finish(struct token_texts *t)
{
    uint32_t n = 0;
    if (t->n)
        qsort(t->list, t->n, sizeof *t->list, compare);
    for (uint32_t i = 0; i < t->n; i++) {
        if (n && t->list[n - 1].id == t->list[i].id)
            n--;
        t->list[n++] = t->list[i];
    }
    t->n = n;
}

static bool is_boundary(struct str s, size_t at)
{
    return at == s.n || (at < s.n && ((unsigned char)s.s[at] & 0xc0) != 0x80);
}

/* `bytes` is valid UTF-8. */
static bool texts_hold(const struct token_text *list, size_t n, struct str bytes)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = list[i].at;
        if (!is_boundary(bytes, at) || !is_boundary(bytes, at + list[i].n))
            return false;
    }
    return true;
}

enum err token_texts_map(struct token_texts *t, struct str list, struct str bytes,
                         struct err_info *e)
{
    size_t n = list.n / sizeof *t->list;
    if (list.n % sizeof *t->list || n > UINT32_MAX || utf8_valid(bytes) < bytes.n ||
        !texts_hold((const struct token_text *)list.s, n, bytes))
        return err_set(e, ERR_CORRUPT, NULL, "the texts of tokens cannot be");
    *t = (struct token_texts){.list = (struct token_text *)list.s,
                              .n = (uint32_t)n,
                              .cap = (uint32_t)n,
                              .bytes = {.buf = (char *)bytes.s, .n = bytes.n},
                              .borrowed = true};
    return ERR_OK;
}

const struct token_text *token_texts_find(const struct token_texts *t, uint32_t id)
{
    if (id < t->n && t->list[id].id == id) /* no gaps: nearly always */
        return &t->list[id];
    uint32_t low = 0, high = t->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (t->list[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < t->n && t->list[low].id == id ? &t->list[low] : NULL;
}

struct str token_texts_str(const struct token_texts *t, const struct token_text *x)
{
    return (struct str){t->bytes.buf + x->at, x->n};
}

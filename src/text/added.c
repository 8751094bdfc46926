/* Added tokens ("[CLS]", "<mask>") found in a text, leftmost and longest, as Hugging Face does. */
#include "text/tokenizer_impl.h"
#include "base/arena.h"
#include "text/bert_chars.h"
#include "text/text.h"
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>

void added_set_init(struct added_set *s)
{
    *s = (struct added_set){.only = -1};
    vocab_init(&s->trie);
}

void added_set_release(struct added_set *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        free((char *)s->list[i].content.s);
    free(s->list);
    vocab_release(&s->trie);
    *s = (struct added_set){0};
}

enum err added_set_add(struct added_set *s, struct str content, const struct added *like,
                       struct err_info *e)
{
    enum err err = vocab_add(&s->trie, content, s->n, e);
    if (err)
        return err;
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 8;
        s->list = xrealloc(s->list, s->cap * sizeof *s->list);
    }
    s->list[s->n] = *like;
    s->list[s->n++].content = str_dup(content);
    unsigned char first = (unsigned char)content.s[0];
    s->only = s->n == 1 || s->only == first ? first : -1;
    s->first[first] = true;
    s->single_word |= like->single_word;
    return ERR_OK;
}

static uint32_t char_before(struct str s, size_t at, size_t *start)
{
    *start = utf8_floor((struct str){s.s, at}, at - 1);
    size_t next = *start;
    return utf8_next((struct str){s.s, at}, &next);
}

static bool is_single(struct str s, size_t start, size_t end)
{
    size_t at;
    if (start > 0 && bert_is_word(char_before(s, start, &at)))
        return false;
    at = end;
    return end == s.n || !bert_is_word(utf8_next(s, &at));
}

static size_t strip_left(struct str s, size_t start, size_t floor)
{
    size_t before;
    while (start > floor && u_isUWhiteSpace((UChar32)char_before(s, start, &before)))
        start = before;
    return start;
}

static size_t strip_right(struct str s, size_t end)
{
    for (size_t next = end; next < s.n; end = next)
        if (!u_isUWhiteSpace((UChar32)utf8_next(s, &next)))
            break;
    return end;
}

static size_t candidate(const struct added_set *set, struct str s, size_t at)
{
    if (set->only >= 0) {
        const char *p = memchr(s.s + at, set->only, s.n - at);
        return p ? (size_t)(p - s.s) : s.n;
    }
    while (at < s.n && !set->first[(unsigned char)s.s[at]])
        at++;
    return at;
}

static const struct added *longest(const struct added_set *set, struct str s, size_t at,
                                   size_t *end)
{
    const struct added *found = NULL;
    uint32_t node = 0;
    for (size_t i = at; i < s.n; i++) {
        node = vocab_step(&set->trie, node, (unsigned char)s.s[i]);
        if (!node)
            break;
        if (set->trie.ids[node] != VOCAB_NONE) {
            found = &set->list[set->trie.ids[node]];
            *end = i + 1;
        }
    }
    return found;
}

bool added_set_next(const struct added_set *set, struct str s, size_t *at, size_t floor,
                    struct added_match *m)
{
    if (set->n == 0)
        return false;
    size_t i = *at;
    while (i < s.n && (i = candidate(set, s, i)) < s.n) {
        size_t start = i, end;
        const struct added *a = longest(set, s, i, &end);
        i = a ? end : i + 1;
        if (!a || end <= floor || (a->single_word && !is_single(s, start, end)))
            continue;
        *at = end;
        start = start < floor ? floor : start;
        m->start = a->lstrip ? strip_left(s, start, floor) : start;
        m->end = a->rstrip ? strip_right(s, end) : end;
        m->id = a->id;
        return true;
    }
    return false;
}

/* A piece of text -> normalised characters -> words: BertNormalizer and BertPreTokenizer in one
 * pass, without a copy of the text. ASCII goes through two tables. */
#include "text/tokenizer_impl.h"
#include "base/arena.h"
#include "text/bert_chars.h"
#include "text/text.h"
#include <stdlib.h>
#include <string.h>

void word_init(struct word *w, uint32_t chars_max)
{
    w->bytes = w->bytes_inline;
    w->from = w->from_inline;
    w->to = w->to_inline;
    w->cap = WORD_INLINE;
    w->n = 0;
    w->chars = 0;
    w->chars_max = chars_max;
}

void word_release(struct word *w)
{
    if (w->bytes == w->bytes_inline)
        return;
    free(w->bytes);
    free(w->from);
    free(w->to);
}

static void *grow(void *p, const void *inline_p, size_t n, size_t cap, size_t size)
{
    if (p != inline_p)
        return xrealloc(p, cap * size);
    void *q = xmalloc(cap * size);
    memcpy(q, p, n * size);
    return q;
}

void word_grow(struct word *w)
{
    size_t cap = w->cap * 2;
    w->bytes = grow(w->bytes, w->bytes_inline, w->n, cap, sizeof *w->bytes);
    w->from = grow(w->from, w->from_inline, w->n, cap, sizeof *w->from);
    w->to = grow(w->to, w->to_inline, w->n, cap, sizeof *w->to);
    w->cap = cap;
}

static unsigned utf8_put(unsigned char *p, uint32_t c)
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

/* True if the character is one too many: the word will be unknown whatever follows. */
static inline bool word_count(struct word *w, uint32_t from, uint32_t to)
{
    if (w->chars == 0)
        w->first = from;
    w->last = to;
    if (w->chars >= w->chars_max) {
        w->chars = w->chars_max + 1;
        return true;
    }
    w->chars++;
    if (w->n + 4 > w->cap)
        word_grow(w);
    return false;
}

void word_put(struct word *w, uint32_t c, uint32_t from, uint32_t to)
{
    if (word_count(w, from, to))
        return;
    unsigned n = utf8_put(w->bytes + w->n, c);
    for (unsigned i = 0; i < n; i++, w->n++) {
        w->from[w->n] = from;
        w->to[w->n] = to;
    }
}

static inline void word_end(struct encoder *x)
{
    struct word *w = &x->word;
    if (w->chars == 0)
        return;
    word_encode(x, w);
    w->n = 0;
    w->chars = 0;
}

static inline void word_alone(struct encoder *x, uint32_t c, uint32_t from, uint32_t to)
{
    word_end(x);
    word_put(&x->word, c, from, to);
    word_end(x);
}

/* Pre-tokeniser: a normalised character. */
static void char_split(struct encoder *x, uint32_t c, uint32_t from, uint32_t to)
{
    const struct text_rules *r = &x->t->rules;
    if (r->split_space && bert_is_space(c))
        word_end(x);
    else if (r->split_punctuation && bert_is_punctuation(c))
        word_alone(x, c, from, to);
    else
        word_put(&x->word, c, from, to);
}

/* Normaliser, last step. */
static void char_lower(struct encoder *x, uint32_t c, uint32_t from, uint32_t to)
{
    uint32_t low[BERT_LOWER_MAX] = {c};
    unsigned n = x->t->rules.lower ? bert_lower(c, low) : 1;
    for (unsigned i = 0; i < n; i++) {
        if (x->t->added_normal.n)
            word_put(&x->normal, low[i], from, to);
        else
            char_split(x, low[i], from, to);
    }
}

static void run_flush(struct encoder *x)
{
    for (unsigned i = 0; i < x->run_n; i++)
        char_lower(x, x->run[i].c, x->run[i].from, x->run[i].to);
    x->run_n = 0;
}

/* Behind those of the same class or a smaller one. The ranges of the text stay in their order, so
 * that tokens start and end in the order of the text. */
static void run_insert(struct encoder *x, struct run_char c)
{
    if (x->run_n == RUN_MAX)
        run_flush(x);
    unsigned at = x->run_n++;
    x->run[at] = c;
    for (; at > 0 && x->run[at - 1].class > c.class; at--) {
        x->run[at].c = x->run[at - 1].c;
        x->run[at].class = x->run[at - 1].class;
    }
    x->run[at].c = c.c;
    x->run[at].class = c.class;
}

static void char_strip(struct encoder *x, uint32_t c, uint32_t from, uint32_t to)
{
    uint32_t parts[BERT_DECOMPOSITION_MAX];
    unsigned n = bert_decompose(c, parts);
    for (unsigned i = 0; i < n; i++) {
        uint8_t class = bert_class(parts[i]);
        if (class == 0)
            run_flush(x);
        if (bert_is_mark(parts[i]))
            continue;
        if (class)
            run_insert(x, (struct run_char){parts[i], from, to, class});
        else
            char_lower(x, parts[i], from, to);
    }
}

static void char_accents(struct encoder *x, uint32_t c, uint32_t from, uint32_t to)
{
    if (x->t->rules.strip)
        char_strip(x, c, from, to);
    else
        char_lower(x, c, from, to);
}

/* Normaliser, first steps: a character of the text. */
static void char_clean(struct encoder *x, uint32_t c, uint32_t from, uint32_t to)
{
    const struct text_rules *r = &x->t->rules;
    if (r->clean && bert_is_removed(c))
        return;
    if (r->clean && bert_is_space(c))
        c = ' ';
    bool alone = r->chinese && bert_is_chinese(c);
    if (alone)
        char_accents(x, ' ', from, to);
    char_accents(x, c, from, to);
    if (alone)
        char_accents(x, ' ', from, to);
}

static size_t ascii_run(struct encoder *x, struct str text, size_t at)
{
    const struct text_rules *r = &x->t->rules;
    struct word *w = &x->word;
    for (; at < text.n && (unsigned char)text.s[at] < 0x80; at++) {
        unsigned char c = (unsigned char)text.s[at];
        enum ascii_kind kind = r->ascii_kind[c];
        uint32_t from = (uint32_t)at;
        if (kind == ASCII_DROP)
            continue;
        if (x->run_n)
            run_flush(x);
        if (kind == ASCII_SPACE) {
            word_end(x);
            continue;
        }
        if (kind == ASCII_PUNCTUATION)
            word_end(x);
        if (!word_count(w, from, from + 1)) {
            w->bytes[w->n] = r->ascii_map[c];
            w->from[w->n] = from;
            w->to[w->n++] = from + 1;
        }
        if (kind == ASCII_PUNCTUATION)
            word_end(x);
    }
    return at;
}

static void normal_slice(struct encoder *x, size_t at, size_t end)
{
    const struct word *n = &x->normal;
    while (at < end) {
        size_t first = at;
        uint32_t c = utf8_next((struct str){(const char *)n->bytes, end}, &at);
        char_split(x, c, n->from[first], n->to[first]);
    }
    word_end(x);
}

/* Added tokens that are found in the normalised text split it again. */
static void normal_encode(struct encoder *x)
{
    struct word *n = &x->normal;
    struct str text = {(const char *)n->bytes, n->n};
    struct added_match m;
    size_t at = 0, floor = 0;
    while (added_set_next(&x->t->added_normal, text, &at, floor, &m)) {
        normal_slice(x, floor, m.start);
        encoder_token(x, m.id, n->from[m.start], n->to[m.end - 1], true);
        floor = m.end;
    }
    normal_slice(x, floor, n->n);
    n->n = 0;
    n->chars = 0;
}

void piece_encode(struct encoder *x, struct str text, size_t start, size_t end)
{
    bool fast = x->t->added_normal.n == 0;
    text.n = end;
    for (size_t at = start; at < end;) {
        size_t from = at;
        if (fast && (unsigned char)text.s[at] < 0x80) {
            at = ascii_run(x, text, at);
            continue;
        }
        uint32_t c = utf8_next(text, &at);
        char_clean(x, c, (uint32_t)from, (uint32_t)at);
    }
    run_flush(x);
    if (fast)
        word_end(x);
    else
        normal_encode(x);
}

void text_rules_apply(const struct text_rules *r, struct str s, struct strbuf *out)
{
    struct tokenizer t = {.rules = *r, .added_normal.n = 1};
    struct encoder x = {.t = &t};
    word_init(&x.normal, UINT32_MAX - 1);
    for (size_t at = 0; at < s.n;) {
        uint32_t c = utf8_next(s, &at);
        char_clean(&x, c, 0, 0);
    }
    run_flush(&x);
    strbuf_add(out, x.normal.bytes, x.normal.n);
    word_release(&x.normal);
}

void text_rules_finish(struct text_rules *r)
{
    for (uint32_t c = 0; c < 128; c++) {
        uint32_t to = r->clean && bert_is_space(c) ? ' ' : c, low[BERT_LOWER_MAX];
        if (r->lower && bert_lower(to, low) == 1)
            to = low[0];
        r->ascii_map[c] = (uint8_t)to;
        enum ascii_kind kind = ASCII_WORD;
        if (r->clean && bert_is_removed(c))
            kind = ASCII_DROP;
        else if (r->split_space && bert_is_space(to))
            kind = ASCII_SPACE;
        else if (r->split_punctuation && bert_is_punctuation(to))
            kind = ASCII_PUNCTUATION;
        r->ascii_kind[c] = (uint8_t)kind;
    }
}

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
    w->spans = w->spans_inline;
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
    free(w->spans);
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
    w->spans = grow(w->spans, w->spans_inline, w->n, cap, sizeof *w->spans);
    w->cap = cap;
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
    for (unsigned i = 0; i < n; i++)
        w->spans[w->n++] = (struct span){from, to};
}

static inline void word_end(struct encoder *x)
{
    struct word *w = &x->word;
    if (w->chars == 0)
        return;
    wordpiece_encode(x, (struct view){w->bytes, w->spans, w->n}, w->chars,
                     (struct span){w->first, w->last});
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

void run_init(struct run *r)
{
    r->chars = r->chars_inline;
    r->spans = r->spans_inline;
    r->cap = RUN_INLINE;
    r->n = 0;
    r->before = (struct span){0, 0};
}

void run_release(struct run *r)
{
    if (r->chars == r->chars_inline)
        return;
    free(r->chars);
    free(r->spans);
}

/* Once sorted, a character that is the first of its decomposition takes the next range, another one
 * the range of the one before it. */
static void run_spans(struct run *r)
{
    size_t n = 0, next = 0;
    struct span last = r->before;
    struct span *firsts = xmalloc(r->n * sizeof *firsts);
    for (size_t i = 0; i < r->n; i++)
        if (r->chars[i].delta == 0)
            firsts[n++] = r->spans[i];
    form_sort(r->chars, r->n);
    for (size_t i = 0; i < r->n; i++) {
        if (r->chars[i].delta == 0)
            last = firsts[next++];
        r->spans[i] = last;
    }
    free(firsts);
}

static void run_flush(struct encoder *x)
{
    struct run *r = &x->run;
    if (x->heads)
        form_sort(r->chars, r->n);
    else if (r->n > 1)
        run_spans(r);
    for (size_t i = 0; i < r->n; i++)
        if (!bert_is_mark(r->chars[i].c))
            char_lower(x, r->chars[i].c, r->spans[i].from, r->spans[i].to);
    r->n = 0;
}

static void run_add(struct run *r, struct form_char c, struct span from)
{
    if (r->n == r->cap) {
        r->chars = grow(r->chars, r->chars_inline, r->n, 2 * r->cap, sizeof *r->chars);
        r->spans = grow(r->spans, r->spans_inline, r->n, 2 * r->cap, sizeof *r->spans);
        r->cap *= 2;
    }
    r->chars[r->n] = c;
    r->spans[r->n++] = from;
}

static void char_strip(struct encoder *x, uint32_t c, uint32_t from, uint32_t to)
{
    uint32_t parts[BERT_DECOMPOSITION_MAX];
    unsigned n = bert_decompose(c, parts);
    for (unsigned i = 0; i < n; i++) {
        uint8_t class = bert_class(parts[i]);
        bool mark = bert_is_mark(parts[i]);
        if (class && !(x->heads && mark))
            run_add(&x->run, (struct form_char){parts[i], i > 0, class}, (struct span){from, to});
        if (class)
            continue;
        if (x->run.n)
            run_flush(x);
        x->run.before = (struct span){from, to};
        if (!mark)
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
        if (x->run.n)
            run_flush(x);
        x->run.before = (struct span){from, from + 1};
        if (kind == ASCII_SPACE) {
            word_end(x);
            continue;
        }
        if (kind == ASCII_PUNCTUATION)
            word_end(x);
        if (!word_count(w, from, from + 1)) {
            w->bytes[w->n] = r->ascii_map[c];
            w->spans[w->n++] = (struct span){from, from + 1};
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
        char_split(x, c, n->spans[first].from, n->spans[first].to);
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
        encoder_added(x, m.id, n->spans[m.start].from, n->spans[m.end - 1].to);
        floor = m.end;
    }
    normal_slice(x, floor, n->n);
    n->n = 0;
    n->chars = 0;
}

void bert_piece_encode(struct encoder *x, struct str text, size_t start, size_t end)
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

/* A step cuts a piece and gives each part to the next step at once, so that nothing but the part at
 * hand is kept, and the scratch of a step is as long as the longest piece that it changes. */
#include "text/split.h"
#include "text/bert_chars.h"
#include "text/byte_level.h"
#include "text/newer.h"
#include <string.h>
#include <unicode/uchar.h>

static void step_run(struct splitter *s, unsigned step, struct view v);

static inline void pass_on(struct splitter *s, unsigned step, struct view v, size_t start,
                           size_t end)
{
    if (end > start)
        step_run(s, step + 1, view_part(v, start, end));
}

/* --- matches and what becomes of them --- */

/* Takes a piece as matches and what is between them, in order, and cuts as the step says. */
struct cutter {
    struct splitter *s;
    unsigned step;
    struct view v;
    enum split_behavior behavior;
    bool invert;
    size_t done;       /* everything before was reported */
    size_t start, end; /* a part that may still grow */
    bool open, last;   /* whether there is one; whether the last report was a match */
};

static void cutter_flush(struct cutter *x)
{
    if (x->open)
        pass_on(x->s, x->step, x->v, x->start, x->end);
    x->open = false;
}

static void cutter_part(struct cutter *x, size_t start, size_t end)
{
    cutter_flush(x);
    x->start = start;
    x->end = end;
    x->open = true;
}

static void cutter_report(struct cutter *x, size_t start, size_t end, bool match)
{
    match ^= x->invert;
    bool grows = false;
    if (x->behavior == BEHAVIOR_REMOVED && match)
        return;
    if (x->behavior == BEHAVIOR_CONTIGUOUS)
        grows = match == x->last;
    else if (x->behavior == BEHAVIOR_WITH_PREVIOUS)
        grows = match && !x->last;
    else if (x->behavior == BEHAVIOR_WITH_NEXT)
        grows = !match && x->last;
    x->last = match;
    if (grows && x->open)
        x->end = end;
    else
        cutter_part(x, start, end);
}

static void cutter_match(struct cutter *x, size_t start, size_t end)
{
    if (start > x->done)
        cutter_report(x, x->done, start, false);
    if (end > start)
        cutter_report(x, start, end, true);
    x->done = end;
}

static void cutter_finish(struct cutter *x)
{
    if (x->v.n > x->done)
        cutter_report(x, x->done, x->v.n, false);
    cutter_flush(x);
}

static struct cutter cutter_new(struct splitter *s, unsigned step, struct view v)
{
    const struct split_step *p = &s->splits->steps[step];
    return (struct cutter){
        .s = s, .step = step, .v = v, .behavior = p->behavior, .invert = p->invert};
}

/* --- the steps --- */

/* char::is_numeric of Rust's standard library, which knows two ranges of Unicode 17 too. */
static bool is_numeric(uint32_t c)
{
    if (c < 0x80)
        return c - '0' < 10;
    return (U_MASK(u_charType((UChar32)c)) & U_GC_N_MASK) || newer_category(c) == 'N' ||
           (c >= 0x11de0 && c <= 0x11de9) || (c >= 0x16ff4 && c <= 0x16ff6);
}

static void run_characters(struct splitter *s, unsigned step, struct view v,
                           bool (*matches)(uint32_t c))
{
    struct cutter x = cutter_new(s, step, v);
    for (size_t at = 0; at < v.n;) {
        size_t first = at;
        if (matches(utf8_get(v.bytes, &at)))
            cutter_match(&x, first, at);
    }
    cutter_finish(&x);
}

/* The most usual step. */
static void run_space(struct splitter *s, unsigned step, struct view v)
{
    size_t start = 0;
    for (size_t at = 0; at < v.n;) {
        size_t first = at;
        if (!bert_is_space(utf8_get(v.bytes, &at)))
            continue;
        pass_on(s, step, v, start, first);
        start = at;
    }
    pass_on(s, step, v, start, v.n);
}

static void run_words(struct splitter *s, unsigned step, struct view v)
{
    enum { NONE, WORD, OTHER } last = NONE;
    size_t start = 0;
    for (size_t at = 0; at < v.n;) {
        size_t first = at;
        uint32_t c = utf8_get(v.bytes, &at);
        int kind = bert_is_word(c) ? WORD : bert_is_space(c) ? NONE : OTHER;
        if ((unsigned)kind != last) {
            if (last != NONE)
                pass_on(s, step, v, start, first);
            start = first;
            last = kind;
        }
    }
    if (last != NONE)
        pass_on(s, step, v, start, v.n);
}

static void run_string(struct splitter *s, unsigned step, struct view v)
{
    const struct split_step *p = &s->splits->steps[step];
    struct cutter x = cutter_new(s, step, v);
    for (size_t at = 0; at < v.n;) {
        const unsigned char *found = memmem(v.bytes + at, v.n - at, p->string, p->string_n);
        if (!found)
            break;
        size_t start = (size_t)(found - v.bytes);
        cutter_match(&x, start, at = start + p->string_n);
    }
    cutter_finish(&x);
}

static void run_regex(struct splitter *s, unsigned step, struct view v)
{
    struct cutter x = cutter_new(s, step, v);
    size_t start, end;
    if (!s->searches[step])
        s->searches[step] = regex_search_new(s->splits->steps[step].regex);
    regex_search_start(s->searches[step], view_str(v));
    while (regex_search_next(s->searches[step], &start, &end))
        cutter_match(&x, start, end);
    cutter_finish(&x);
}

static void run_gpt2(struct splitter *s, unsigned step, struct view v)
{
    for (size_t at = 0; at < v.n;) {
        size_t end = gpt2_next(v, at);
        pass_on(s, step, v, at, end);
        at = end;
    }
}

/* Spaces become the replacement, with the range of the space; one is put in front if wanted, with
 * the range of the first character. */
static void metaspace_fill(const struct split_step *p, struct view v, struct normal *to)
{
    struct str by = {p->string, p->string_n};
    bool starts = v.bytes[0] == ' ' || str_starts(view_str(v), by);
    bool prepend =
        p->prepend == PREPEND_ALWAYS || (p->prepend == PREPEND_FIRST && v.spans[0].from == 0);
    to->n = 0;
    if (prepend && !starts)
        normal_put_bytes(to, by, v.spans[0]);
    for (size_t at = 0; at < v.n;) {
        const unsigned char *space = memchr(v.bytes + at, ' ', v.n - at);
        size_t end = space ? (size_t)(space - v.bytes) : v.n;
        normal_put_view(to, view_part(v, at, end));
        if (space)
            normal_put_bytes(to, by, v.spans[end]);
        at = end + 1;
    }
}

/* Cuts before each replacement. */
static void run_metaspace(struct splitter *s, unsigned step, struct view v)
{
    const struct split_step *p = &s->splits->steps[step];
    metaspace_fill(p, v, &s->scratch[step]);
    v = normal_view(&s->scratch[step]);
    size_t start = 0;
    while (p->cut && start < v.n) {
        size_t from = start + p->string_n;
        const unsigned char *next =
            from < v.n ? memmem(v.bytes + from, v.n - from, p->string, p->string_n) : NULL;
        /* The first part may start without one. */
        if (start == 0 && !str_starts(view_str(v), (struct str){p->string, p->string_n}))
            next = memmem(v.bytes, v.n, p->string, p->string_n);
        size_t end = next ? (size_t)(next - v.bytes) : v.n;
        pass_on(s, step, v, start, end);
        start = end;
    }
    pass_on(s, step, v, start, v.n);
}

static void byte_level_piece(struct splitter *s, unsigned step, struct view v)
{
    if (s->splits->steps[step].map) {
        s->mapped.n = 0;
        for (size_t i = 0; i < v.n; i++)
            normal_put(&s->mapped, byte_level_char(v.bytes[i]), v.spans[i]);
        v = normal_view(&s->mapped);
    }
    step_run(s, step + 1, v);
}

static void run_byte_level(struct splitter *s, unsigned step, struct view v)
{
    const struct split_step *p = &s->splits->steps[step];
    if (p->prefix_space && v.bytes[0] != ' ') {
        struct normal *to = &s->scratch[step];
        to->n = 0;
        normal_put_bytes(to, STR(" "), v.spans[0]);
        normal_put_view(to, v);
        v = normal_view(to);
    }
    for (size_t at = 0; at < v.n;) {
        size_t end = p->cut ? gpt2_next(v, at) : v.n;
        byte_level_piece(s, step, view_part(v, at, end));
        at = end;
    }
}

static void step_run(struct splitter *s, unsigned step, struct view v)
{
    if (step == s->splits->n) {
        s->emit(s->ctx, v);
        return;
    }
    switch (s->splits->steps[step].kind) {
    case SPLIT_SPACE:
        run_space(s, step, v);
        break;
    case SPLIT_PUNCTUATION:
        run_characters(s, step, v, bert_is_punctuation);
        break;
    case SPLIT_DIGITS:
        run_characters(s, step, v, is_numeric);
        break;
    case SPLIT_CHARACTER:
    case SPLIT_STRING:
        run_string(s, step, v);
        break;
    case SPLIT_WORDS:
        run_words(s, step, v);
        break;
    case SPLIT_METASPACE:
        run_metaspace(s, step, v);
        break;
    case SPLIT_BYTE_LEVEL:
        run_byte_level(s, step, v);
        break;
    case SPLIT_REGEX:
        run_regex(s, step, v);
        break;
    case SPLIT_GPT2:
        run_gpt2(s, step, v);
        break;
    }
}

void splitter_init(struct splitter *s, const struct splits *splits,
                   void (*emit)(void *ctx, struct view piece), void *ctx)
{
    s->splits = splits;
    s->emit = emit;
    s->ctx = ctx;
    normal_init(&s->mapped);
    for (unsigned i = 0; i < splits->n; i++) {
        normal_init(&s->scratch[i]);
        s->searches[i] = NULL;
    }
}

void splitter_release(struct splitter *s)
{
    normal_release(&s->mapped);
    for (unsigned i = 0; i < s->splits->n; i++) {
        normal_release(&s->scratch[i]);
        regex_search_free(s->searches[i]);
    }
}

void splitter_run(struct splitter *s, struct view v)
{
    if (v.n)
        step_run(s, 0, v);
}

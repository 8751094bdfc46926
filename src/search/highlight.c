/* Where a text has the words of a query. Analyzers hold ICU iterators that are dear to open, so a
 * few are kept. */
#include "search/highlight_impl.h"
#include "base/hash.h"
#include "base/thread.h"
#include "text/text.h"
#include <pthread.h>
#include <string.h>

enum { KEPT_MAX = 16, TERMS_MAX = 256, SLOTS = 1024, PLACES_MAX = 4096, QUERY_BYTES = 65536 };

static struct {
    struct lock lock;
    struct term_analyzer *kept[KEPT_MAX];
    unsigned count;
} spare;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void start(void)
{
    lock_init(&spare.lock, LOCK_CACHE);
}

static struct term_analyzer *analyzer_take(void)
{
    struct term_analyzer *t = NULL;
    pthread_once(&once, start);
    lock_take(&spare.lock);
    if (spare.count)
        t = spare.kept[--spare.count];
    lock_drop(&spare.lock);
    return t ? t : term_analyzer_new();
}

static void analyzer_give(struct term_analyzer *t)
{
    lock_take(&spare.lock);
    if (spare.count < KEPT_MAX) {
        spare.kept[spare.count++] = t;
        t = NULL;
    }
    lock_drop(&spare.lock);
    if (t)
        term_analyzer_free(t);
}

/* ---- the query's terms ---- */

struct query_term {
    struct str text; /* empty: a free slot */
    uint8_t group;
    bool word; /* not only a pair out of a longer word */
    bool left; /* of a function word beside others: not looked for */
};

struct highlighter {
    struct arena *arena;
    enum language language;
    const struct highlight_more *more;
    struct query_term slots[SLOTS];
    unsigned term_count;
    bool function[HIGHLIGHT_GROUPS]; /* of groups */
    float weights[HIGHLIGHT_GROUPS];
};

static const struct query_term *slot_of(const struct highlighter *h, struct str term)
{
    size_t at = checksum64(term.s, term.n, 1) % SLOTS;
    while (h->slots[at].text.n && !str_eq(h->slots[at].text, term))
        at = (at + 1) % SLOTS;
    return &h->slots[at];
}

/* Short words tell little: most of them are in every text. */
static float weight_of(const struct term *t)
{
    size_t n = t->kind & TERM_PAIR ? 4 : utf8_count(t->text);
    return n < 3 ? .2f : n < 4 ? .5f : 1;
}

static void query_term_add(void *ctx, const struct term *t)
{
    struct highlighter *h = ctx;
    struct query_term *s = (struct query_term *)slot_of(h, t->text);
    bool word = t->kind & (TERM_WORD | TERM_STEM);
    if (t->kind & TERM_WORD && term_is_stop(h->language, t->text))
        h->function[(uint8_t)t->position] = true;
    if (s->text.n) {
        s->word |= word;
        return;
    }
    if (h->term_count == TERMS_MAX)
        return;
    h->term_count++;
    *s = (struct query_term){arena_str(h->arena, t->text), (uint8_t)t->position, word, false};
    if (h->weights[s->group] < weight_of(t))
        h->weights[s->group] = weight_of(t);
}

static void function_words_leave(struct highlighter *h)
{
    bool others = false;
    for (size_t i = 0; i < SLOTS; i++)
        others |= h->slots[i].text.n && !h->function[h->slots[i].group];
    for (size_t i = 0; i < SLOTS && others; i++)
        h->slots[i].left = h->function[h->slots[i].group];
}

struct highlighter *highlighter_new(struct str query, enum language language,
                                    const struct highlight_more *more, struct arena *a)
{
    struct highlighter *h = arena_zalloc(a, sizeof *h);
    struct term_analyzer *analyzer = analyzer_take();
    h->arena = a;
    h->language = language;
    h->more = more;
    query.n = utf8_floor(query, QUERY_BYTES);
    term_analyze(analyzer, language, query, query_term_add, h);
    analyzer_give(analyzer);
    function_words_leave(h);
    return h;
}

/* ---- the text's places ---- */

struct scan {
    const struct highlighter *h;
    struct highlights *out;
    struct arena *arena;
    bool cut;
};

static void *grown(struct arena *a, const void *from, size_t count, size_t *cap, size_t size)
{
    *cap = *cap ? *cap * 2 : 64;
    void *to = arena_alloc(a, *cap * size);
    if (count)
        memcpy(to, from, count * size);
    return to;
}

static void word_keep(struct scan *s, const struct term *t)
{
    struct highlights *o = s->out;
    if (o->word_count && o->words[o->word_count - 1].end > t->start)
        return; /* a form of the same word */
    if (o->word_count == o->word_cap)
        o->words = grown(s->arena, o->words, o->word_count, &o->word_cap, sizeof *o->words);
    o->words[o->word_count++] = (struct text_range){(uint32_t)t->start, (uint32_t)t->end};
}

static void place_add(struct scan *s, const struct term *t, uint8_t group, bool sure)
{
    struct highlights *o = s->out;
    struct place *last = o->count ? &o->places[o->count - 1] : NULL;
    if (last && last->start == t->start && last->end == t->end) {
        last->sure |= sure;
        return;
    }
    if (o->count == PLACES_MAX)
        return;
    if (o->count == o->cap)
        o->places = grown(s->arena, o->places, o->count, &o->cap, sizeof *o->places);
    o->places[o->count++] = (struct place){(uint32_t)t->start, (uint32_t)t->end, group,
                                           (t->kind & TERM_PAIR) != 0, sure};
}

static void look(void *ctx, const struct term *t)
{
    struct scan *s = ctx;
    bool word = t->kind & (TERM_WORD | TERM_STEM);
    if (s->cut && word)
        word_keep(s, t);
    const struct query_term *q = slot_of(s->h, t->text);
    if (q->left)
        return;
    if (q->text.n)
        place_add(s, t, q->group, word || q->word);
    else if (s->h->more && s->h->more->has(s->h->more->ctx, t->text))
        place_add(s, t, HIGHLIGHT_GROUPS - 1, word);
}

/* Two characters that stand together in the query may do so in the text without being part of what
 * is meant: the end of a word and the beginning of the next. A run of them is sure: three
 * characters, or five of an alphabet. */
static size_t sure_pairs(struct str text, size_t at)
{
    uint32_t c = utf8_next(text, &at);
    return c < 0x2e80 ? 4 : 2;
}

static void pairs_judge(struct highlights *o)
{
    for (size_t i = 0, end; i < o->count; i = end) {
        for (end = i + 1; end < o->count && o->places[i].pair && o->places[end].pair &&
                          o->places[end].start < o->places[end - 1].end;)
            end++;
        if (o->places[i].pair && end - i >= sure_pairs(o->text, o->places[i].start))
            for (size_t k = i; k < end; k++)
                o->places[k].sure = true;
    }
}

/* What is not sure goes, unless there is nothing else. */
static void places_keep(struct highlights *o)
{
    size_t kept = 0;
    for (size_t i = 0; i < o->count; i++)
        if (o->places[i].sure)
            o->places[kept++] = o->places[i];
    if (kept)
        o->count = kept;
}

struct highlights *highlight_scan(const struct highlighter *h, struct str text, bool cut,
                                  struct arena *a)
{
    struct highlights *o = arena_zalloc(a, sizeof *o);
    struct scan s = {h, o, a, cut};
    o->text = text;
    if (h->term_count || h->more || cut) {
        struct term_analyzer *analyzer = analyzer_take();
        term_analyze(analyzer, h->language, text, look, &s);
        analyzer_give(analyzer);
    }
    pairs_judge(o);
    places_keep(o);
    memcpy(o->weights, h->weights, sizeof o->weights);
    if (o->weights[HIGHLIGHT_GROUPS - 1] < .8f)
        o->weights[HIGHLIGHT_GROUPS - 1] = .8f;
    return o;
}

/* ---- ranges ---- */

void highlight_ranges(const struct highlights *o, size_t from, size_t to, struct arena *a,
                      struct text_range **out, size_t *count)
{
    size_t n = 0, cap = o->count < HIGHLIGHT_RANGES_MAX ? o->count : HIGHLIGHT_RANGES_MAX;
    struct text_range *r = *out = arena_array(a, cap + 1, sizeof *r);
    for (size_t i = 0; i < o->count; i++) {
        const struct place *p = &o->places[i];
        if (p->start < from || p->end > to)
            continue;
        uint32_t start = (uint32_t)(grapheme_floor(o->text, p->start) - from);
        uint32_t end = (uint32_t)(grapheme_ceil(o->text, p->end) - from);
        if (from + start < from || from + end > to)
            continue;
        if (n && start <= r[n - 1].end)
            r[n - 1].end = end > r[n - 1].end ? end : r[n - 1].end;
        else if (n < cap)
            r[n++] = (struct text_range){start, end};
    }
    *count = n;
}

/* Which bytes of a passage the query's terms cover. Analyzers hold ICU iterators that are dear to
 * open, so a few are kept. */
#include "base/thread.h"
#include "search/search.h"
#include "text/text.h"
#include <pthread.h>
#include <string.h>

enum { KEPT_MAX = 16, TERMS_MAX = 64, RANGES_MAX = 256 };

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

struct terms {
    struct arena *arena;
    struct str terms[TERMS_MAX];
    unsigned count;
    struct text_range *ranges;
    size_t range_count;
};

static bool has_term(const struct terms *t, struct str term)
{
    for (unsigned i = 0; i < t->count; i++)
        if (str_eq(t->terms[i], term))
            return true;
    return false;
}

static void collect(void *ctx, const struct term *term)
{
    struct terms *t = ctx;
    if (term->kind & (TERM_STEM | TERM_PAIR) && t->count < TERMS_MAX && !has_term(t, term->text))
        t->terms[t->count++] = arena_str(t->arena, term->text);
}

static void mark(void *ctx, const struct term *term)
{
    struct terms *t = ctx;
    if (!(term->kind & (TERM_STEM | TERM_PAIR)) || t->range_count == RANGES_MAX ||
        !has_term(t, term->text))
        return;
    uint32_t from = (uint32_t)term->start, to = (uint32_t)term->end;
    struct text_range *last = t->range_count ? &t->ranges[t->range_count - 1] : NULL;
    if (last && from <= last->end) /* a word and its bigrams overlap */
        last->end = to > last->end ? to : last->end;
    else
        t->ranges[t->range_count++] = (struct text_range){from, to};
}

enum err search_highlight(struct str text, struct str query, struct arena *a,
                          struct text_range **out, size_t *count)
{
    struct terms t = {.arena = a, .ranges = arena_array(a, RANGES_MAX, sizeof(*t.ranges))};
    struct term_analyzer *analyzer = analyzer_take();
    term_analyze(analyzer, LANGUAGE_en, query, collect, &t);
    term_analyze(analyzer, LANGUAGE_en, text, mark, &t);
    analyzer_give(analyzer);
    *out = t.ranges;
    *count = t.range_count;
    return ERR_OK;
}

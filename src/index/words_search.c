/* Queries, over the doclists in memory.
 *
 * MaxScore (Turtle, Flood: Query evaluation, 1995), by windows of document numbers: terms in rising
 * order of document frequency; once the k-th best score is above what all terms from the e-th on
 * could give together, only documents of the first e lists can still come in, and the others are
 * looked up for those. A document's score is always summed in the order of the lists, so
 * words_search and words_score give the same number. */
#include "index/words_impl.h"

#include "index/scalar.h"
#include "math/topk.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW 4096

struct query {
    struct arena *arena; /* of the call */
    struct term_bag terms;
    struct term_list **lists; /* rising document frequency; then terms bytewise */
    double *idf;
    double *rest; /* rest[i]: what lists i, i+1, ... can give at most; rest[count] = 0 */
    size_t count;
    double flat, steep; /* a document's norm is flat + steep * length, all in halves */
    double bound;
};

static int list_cmp(const void *a, const void *b)
{
    const struct term_list *x = *(struct term_list *const *)a, *y = *(struct term_list *const *)b;
    if (x->count != y->count)
        return x->count < y->count ? -1 : 1;
    return str_cmp(x->term, y->term);
}

static double part(const struct query *q, size_t i, uint32_t weight, uint32_t length)
{
    return q->idf[i] * weight / (weight + q->flat + q->steep * length);
}

/* Under the read lock: frequencies, and with them order, idf and bounds. */
static void query_weigh(struct query *q, const struct words *w)
{
    double documents = (double)w->all.count;
    double mean = w->length_sum ? (double)w->length_sum / documents : 1;
    q->flat = 2 * BM25_K1 * (1 - BM25_B);
    q->steep = 2 * BM25_K1 * BM25_B / mean;
    qsort(q->lists, q->count, sizeof *q->lists, list_cmp);
    q->bound = 0;
    for (size_t i = 0; i < q->count; i++) {
        double df = q->lists[i]->count;
        q->idf[i] = log(1 + (documents - df + .5) / (df + .5));
        q->bound += q->idf[i];
    }
    q->rest[q->count] = 0;
    for (size_t i = q->count; i-- > 0;) { /* a document is at least as long as its term is heavy */
        uint32_t heaviest = q->lists[i]->weight_max;
        q->rest[i] = q->rest[i + 1] + (heaviest ? part(q, i, heaviest, heaviest) : 0);
    }
}

static enum err query_begin(struct query *q, struct words *w, struct str text, struct err_info *e)
{
    *q = (struct query){.arena = arena_new(0)};
    bag_init(&q->terms, q->arena);
    struct seat *s = seat_take(w);
    bag_analyze(&q->terms, &w->analyzer, s->session, text, FIELD_TEXT, NULL);
    if (q->terms.count > QUERY_TERMS_MAX)
        q->terms.count = QUERY_TERMS_MAX;
    q->lists = arena_array(q->arena, q->terms.count + 1, sizeof *q->lists);
    q->idf = arena_array(q->arena, q->terms.count + 1, sizeof *q->idf);
    q->rest = arena_array(q->arena, q->terms.count + 1, sizeof *q->rest);
    enum err err = words_pin(w, s, &q->terms, q->lists, e);
    seat_give(w, s);
    if (err) {
        arena_free(q->arena);
        return err;
    }
    q->count = q->terms.count;
    rwlock_read(&w->lock);
    query_weigh(q, w);
    return ERR_OK;
}

static void query_end(struct query *q, struct words *w)
{
    rwlock_drop(&w->lock);
    words_unpin(q->lists, q->count);
    arena_free(q->arena);
}

/* The score of one document; `from`: a place in each list, moved on (numbers must rise). */
static double score(const struct query *q, const struct words *w, uint32_t number, uint32_t *from)
{
    double sum = 0;
    for (size_t i = 0; i < q->count; i++) {
        uint16_t weight = list_weight(q->lists[i], number, &from[i]);
        if (weight)
            sum += part(q, i, weight, w->lengths[number]);
    }
    return sum;
}

/* --- few members: each is looked up --- */

static void search_members(const struct query *q, const struct words *w,
                           const struct docset *within, struct topk *best)
{
    uint32_t *from = arena_array(q->arena, q->count + 1, sizeof *from);
    for (uint32_t n = docset_next(within, 0); n != UINT32_MAX; n = docset_next(within, n + 1)) {
        double s = docset_has(&w->all, n) ? score(q, w, n, from) : 0;
        if (s > 0)
            topk_add(best, (float)s, n);
    }
}

/* --- all: by windows --- */

struct window {
    const struct query *q;
    const struct words *w;
    const struct docset *within;
    struct topk *best;
    uint32_t *read;   /* by list: next place to be added up */
    uint32_t *lookup; /* by list: where looking up goes on */
    size_t essential; /* lists before it can bring in documents */
    double sums[WINDOW];
    uint64_t touched[WINDOW / 64];
};

static void essential_narrow(struct window *x)
{
    if (x->best->count < x->best->count_max)
        return;
    double least = x->best->items[0].score;
    while (x->essential && x->q->rest[x->essential - 1] * (1 + 1e-6) < least)
        x->essential--;
}

/* The first number that a list in play has next, or UINT32_MAX. */
static uint32_t window_next(const struct window *x)
{
    uint32_t next = UINT32_MAX;
    for (size_t i = 0; i < x->essential; i++) {
        const struct term_list *l = x->q->lists[i];
        if (x->read[i] < l->count && l->numbers[x->read[i]] < next)
            next = l->numbers[x->read[i]];
    }
    return next;
}

static void window_add(struct window *x, uint32_t base)
{
    const uint32_t *lengths = x->w->lengths;
    for (size_t i = 0; i < x->essential; i++) {
        const struct term_list *l = x->q->lists[i];
        uint32_t at = x->read[i];
        for (; at < l->count && l->numbers[at] - base < WINDOW; at++) {
            uint32_t slot = l->numbers[at] - base;
            x->sums[slot] += part(x->q, i, l->weights[at], lengths[l->numbers[at]]);
            x->touched[slot / 64] |= UINT64_C(1) << (slot % 64);
        }
        x->read[i] = at;
    }
}

static void window_judge(struct window *x, uint32_t number, double sum)
{
    const struct query *q = x->q;
    if (x->within && !docset_has(x->within, number))
        return;
    if (x->best->count == x->best->count_max &&
        (sum + q->rest[x->essential]) * (1 + 1e-6) < x->best->items[0].score)
        return;
    for (size_t i = x->essential; i < q->count; i++) {
        uint16_t weight = list_weight(q->lists[i], number, &x->lookup[i]);
        if (weight)
            sum += part(q, i, weight, x->w->lengths[number]);
    }
    topk_add(x->best, (float)sum, number);
}

static void window_drain(struct window *x, uint32_t base)
{
    for (unsigned i = 0; i < WINDOW / 64; i++)
        for (uint64_t left = x->touched[i]; left; left &= left - 1) {
            uint32_t slot = i * 64 + (uint32_t)__builtin_ctzll(left);
            window_judge(x, base + slot, x->sums[slot]);
            x->sums[slot] = 0;
        }
    memset(x->touched, 0, sizeof x->touched);
}

static void search_all(const struct query *q, const struct words *w, const struct docset *within,
                       struct topk *best)
{
    struct window *x = arena_zalloc(q->arena, sizeof *x);
    x->q = q;
    x->w = w;
    x->within = within;
    x->best = best;
    x->essential = q->count;
    x->read = arena_array(q->arena, q->count + 1, sizeof *x->read);
    x->lookup = arena_array(q->arena, q->count + 1, sizeof *x->lookup);
    for (;;) {
        essential_narrow(x);
        uint32_t next = window_next(x);
        if (next == UINT32_MAX)
            return;
        uint32_t base = next / WINDOW * WINDOW;
        window_add(x, base);
        window_drain(x, base);
    }
}

/* --- */

static bool members_are_few(const struct query *q, const struct docset *within)
{
    size_t postings = 0;
    for (size_t i = 0; i < q->count; i++)
        postings += q->lists[i]->count;
    return within && within->count * (q->count + 1) * 4 < postings;
}

static void hits_out(const struct words *w, struct topk *best, struct word_hit *out)
{
    topk_sort(best);
    for (size_t i = 0; i < best->count; i++) {
        uint32_t number = (uint32_t)best->items[i].id;
        out[i] = (struct word_hit){number, w->revisions[number], best->items[i].score};
    }
}

enum err words_search(struct words *w, struct arena *a, struct str query, size_t k,
                      const struct docset *within, struct word_hit **out, size_t *count,
                      double *bound, struct err_info *e)
{
    struct query q;
    struct topk best;
    enum err err = query_begin(&q, w, query, e);
    if (err)
        return err;
    k = k < w->all.count ? k : w->all.count;
    topk_init(&best, arena_array(q.arena, k + 1, sizeof *best.items), k);
    if (k && members_are_few(&q, within))
        search_members(&q, w, within, &best);
    else if (k)
        search_all(&q, w, within, &best);
    *out = arena_array(a, best.count + 1, sizeof **out);
    *count = best.count;
    *bound = q.bound;
    hits_out(w, &best, *out);
    query_end(&q, w);
    return ERR_OK;
}

enum err words_score(struct words *w, struct str query, const uint32_t *numbers, size_t count,
                     struct word_hit *out, double *bound, struct err_info *e)
{
    struct query q;
    enum err err = query_begin(&q, w, query, e);
    if (err)
        return err;
    uint32_t *from = arena_array(q.arena, q.count + 1, sizeof *from), last = 0;
    for (size_t i = 0; i < count; i++) {
        bool there = docset_has(&w->all, numbers[i]);
        if (numbers[i] < last)
            memset(from, 0, q.count * sizeof *from);
        last = numbers[i];
        out[i] = (struct word_hit){numbers[i], there ? w->revisions[numbers[i]] : 0,
                                   there ? (float)score(&q, w, numbers[i], from) : 0};
    }
    *bound = q.bound;
    query_end(&q, w);
    return ERR_OK;
}

/* The count is left to the end: most postings are of documents that are there already. */
static void matches_add(const struct term_list *l, struct docset *out)
{
    for (uint32_t i = 0; i < l->count; i++) {
        uint32_t number = l->numbers[i];
        if (number / 64 >= out->word_count)
            docset_add(out, number);
        out->words[number / 64] |= UINT64_C(1) << number % 64;
    }
}

enum err words_match(struct words *w, struct str query, const struct docset *within,
                     struct docset *out, struct err_info *e)
{
    struct query q;
    enum err err = query_begin(&q, w, query, e);
    if (err)
        return err;
    for (size_t i = q.count; i-- > 0;) /* the longest first: it makes room */
        matches_add(q.lists[i], out);
    query_end(&q, w);
    out->count = 0;
    for (size_t i = 0; i < out->word_count; i++)
        out->count += (size_t)__builtin_popcountll(out->words[i]);
    if (within)
        docset_and(out, within);
    return ERR_OK;
}

enum err words_count(struct words *w, struct str query, const struct docset *within, size_t *out,
                     struct err_info *e)
{
    struct docset found;
    docset_init(&found);
    enum err err = words_match(w, query, within, &found, e);
    *out = found.count;
    docset_release(&found);
    return err;
}

/* What matches, in an order of its own.
 *
 * Each document that matches gets a row of places, one a key (index/order.h); the first rows of all
 * are found with a heap, and only these are scored, unless the score is a key. Ties go by number,
 * not by score: scores move with the collection, and a page must begin where the page before ended,
 * by the values of its last document, so that pages neither repeat nor miss a document whatever is
 * added or deleted between them.
 *
 * Cost: attributes_places a key, one comparison a document; with the score as a key all scores. */
#include "engine/document.h"
#include "engine/find_impl.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sorting {
    struct find *f;
    size_t key_count, count;
    uint32_t *numbers;
    uint64_t *rows; /* key_count places a document */
    uint64_t after[ORDER_KEYS_MAX];
    bool continues; /* behind `after`, and of equal ones behind this: */
    uint32_t after_number;
    const struct search_hit **scored; /* by place; NULL: not scored */
    json_t *mark;
};

static const uint64_t *row(const struct sorting *s, size_t i)
{
    return s->rows + i * s->key_count;
}

static int row_cmp(const struct sorting *s, const uint64_t *a, const uint64_t *b)
{
    for (size_t k = 0; k < s->key_count; k++)
        if (a[k] != b[k])
            return a[k] < b[k] ? -1 : 1;
    return 0;
}

static int place_cmp(const void *a, const void *b, void *ctx)
{
    const struct sorting *s = ctx;
    size_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    int c = row_cmp(s, row(s, i), row(s, j));
    return c ? c : (i > j) - (i < j); /* numbers rise */
}

/* Is document `i` on this page or a later one? */
static bool is_next(const struct sorting *s, size_t i)
{
    if (!s->continues)
        return true;
    int c = row_cmp(s, row(s, i), s->after);
    return c > 0 || (c == 0 && s->numbers[i] > s->after_number);
}

/* --- the mark of a page: [value of each key..., number] --- */

static enum err mark_read(struct sorting *s, struct err_info *e)
{
    const struct find_request *r = s->f->r;
    if (!r->after.n)
        return 0;
    if (json_parse(r->after, &s->mark, NULL) || json_array_size(s->mark) != r->sort_count + 1 ||
        !json_is_integer(json_array_get(s->mark, r->sort_count)))
        return err_set(e, ERR_INVALID, "/cursor", "is of another list");
    s->continues = true;
    s->after_number = (uint32_t)json_integer_value(json_array_get(s->mark, r->sort_count));
    return 0;
}

static json_t *mark_value(const struct order_key *k, const struct loaded *last,
                          const json_t *document)
{
    if (k->by_score)
        return isfinite(last->hit->score) ? json_real(last->hit->score) : json_null();
    return order_value(k, document);
}

struct str find_sort_mark(struct find *f, const struct loaded *last)
{
    json_t *document = document_for_filters(&last->document), *mark = json_array();
    struct strbuf b;
    struct json_writer w;
    for (size_t k = 0; k < f->r->sort_count; k++)
        json_array_append_new(mark, mark_value(&f->r->sort[k], last, document));
    json_array_append_new(mark, json_integer(last->hit->number));
    strbuf_init(&b, 0);
    json_writer_init(&w, &b);
    json_put_value(&w, mark);
    struct str out = arena_str(f->a, strbuf_str(&b));
    strbuf_release(&b);
    json_decref(mark);
    json_decref(document);
    return out;
}

/* --- distances --- */

void find_distance_begin(struct find *f)
{
    const struct find_request *r = f->r;
    for (size_t k = 0; k < r->sort_count && !f->near.by_distance; k++)
        if (r->sort[k].by_distance)
            f->near = r->sort[k];
    if (!f->near.by_distance && f->filter_read)
        (void)order_key_of_filter(f->filter_read, &f->near);
    f->near.descending = false; /* of several points the nearest */
}

double find_distance(const struct find *f, const struct loaded *l)
{
    double metres = (double)NAN;
    if (!f->near.by_distance)
        return metres;
    json_t *document = document_for_filters(&l->document);
    json_t *value = order_value(&f->near, document);
    if (json_is_number(value))
        metres = json_number_value(value);
    json_decref(value);
    json_decref(document);
    return metres;
}

/* --- rows --- */

static size_t place_of(const struct sorting *s, uint32_t number)
{
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (s->numbers[mid] < number)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* The hits of f->result, by place. */
static void scored_set(struct sorting *s)
{
    const struct search_result *r = &s->f->result;
    for (size_t i = 0; i < r->count; i++) {
        size_t at = place_of(s, r->hits[i].number);
        if (at < s->count && s->numbers[at] == r->hits[i].number)
            s->scored[at] = &r->hits[i];
    }
}

static void score_column(struct sorting *s, size_t k)
{
    const struct order_key *key = &s->f->r->sort[k];
    const json_t *after = s->mark ? json_array_get(s->mark, k) : NULL;
    for (size_t i = 0; i < s->count; i++)
        s->rows[i * s->key_count + k] =
            s->scored[i] ? order_of_double(key, s->scored[i]->score) : ORDER_MISSING(key);
    s->after[k] =
        json_is_number(after) ? order_of_double(key, json_number_value(after)) : ORDER_MISSING(key);
}

static enum err rows_make(struct sorting *s, const struct docset *match, struct err_info *e)
{
    const struct find_request *r = s->f->r;
    size_t i = 0;
    s->numbers = xmalloc((match->count + 1) * sizeof *s->numbers);
    s->rows = xmalloc((match->count * s->key_count + 1) * sizeof *s->rows);
    s->scored = xcalloc(match->count + 1, sizeof *s->scored);
    for (uint32_t n = docset_next(match, 0); n != UINT32_MAX; n = docset_next(match, n + 1))
        s->numbers[i++] = n;
    s->count = i;
    if (s->count && find_sorts_by_score(r)) {
        enum err err = find_score(s->f, match, e);
        if (err)
            return err;
        scored_set(s);
    }
    for (size_t k = 0; k < s->key_count; k++)
        if (r->sort[k].by_score)
            score_column(s, k);
        else
            attributes_places(s->f->c->attributes, &r->sort[k], s->numbers, s->count,
                              s->mark ? json_array_get(s->mark, k) : NULL, s->rows + k,
                              s->key_count, &s->after[k]);
    return 0;
}

/* --- the first --- */

static void sift(const struct sorting *s, uint32_t *heap, size_t n, size_t i)
{
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && place_cmp(&heap[child], &heap[child + 1], (void *)s) < 0)
            child++;
        if (place_cmp(&heap[i], &heap[child], (void *)s) >= 0)
            return;
        uint32_t swap = heap[i];
        heap[i] = heap[child];
        heap[child] = swap;
    }
}

/* The first `depth` of what is on this page and later, in order. */
static size_t heap_first(const struct sorting *s, size_t depth, uint32_t *heap)
{
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++) { /* the last of the first is on top */
        uint32_t at = (uint32_t)i;
        if ((n == depth && place_cmp(&at, &heap[0], (void *)s) > 0) || !is_next(s, i))
            continue;
        bool filled = n < depth;
        heap[filled ? n++ : 0] = at;
        for (size_t j = filled ? n / 2 : 1; n == depth && j-- > 0;)
            sift(s, heap, n, j);
    }
    if (n)
        qsort_r(heap, n, sizeof *heap, place_cmp, (void *)s);
    return n;
}

static enum err score_first(struct sorting *s, const uint32_t *at, size_t count, struct err_info *e)
{
    struct docset set;
    if (!count || s->f->browse || find_sorts_by_score(s->f->r))
        return 0;
    docset_init(&set);
    for (size_t i = 0; i < count; i++)
        docset_add(&set, s->numbers[at[i]]);
    enum err err = find_score(s->f, &set, e);
    if (!err)
        scored_set(s);
    docset_release(&set);
    return err;
}

static struct search_hit hit_at(const struct sorting *s, size_t i)
{
    return s->scored[i] ? *s->scored[i] : search_hit_new(s->numbers[i]);
}

static enum err first_of(struct sorting *s, size_t depth, struct err_info *e)
{
    depth = depth < s->count ? depth : s->count;
    uint32_t *at = arena_array(s->f->a, depth + 1, sizeof *at);
    struct search_hit *hits = arena_array(s->f->a, depth + 1, sizeof *hits);
    size_t count = heap_first(s, depth, at);
    enum err err = score_first(s, at, count, e);
    for (size_t i = 0; i < count; i++)
        hits[i] = hit_at(s, at[i]);
    s->f->result.hits = hits;
    s->f->result.count = count;
    return err;
}

static enum err sort_all(struct find *f, size_t depth, struct err_info *e)
{
    struct sorting s = {.f = f, .key_count = f->r->sort_count};
    struct docset match;
    bool exact = false;
    docset_init(&match);
    enum err err = mark_read(&s, e);
    if (!err)
        err = find_matching(f, &match, &exact, e);
    f->result = (struct search_result){0};
    if (!err)
        err = rows_make(&s, &match, e);
    if (!err)
        err = first_of(&s, depth, e);
    f->result.total = match.count;
    f->result.total_exact = exact;
    docset_release(&match);
    json_decref(s.mark);
    free(s.numbers);
    free(s.rows);
    free(s.scored);
    return err;
}

enum err find_sorted(struct find *f, size_t depth, struct err_info *e)
{
    struct str degraded = f->degraded;
    enum err err = sort_all(f, depth, e);
    if (!err && !degraded.n && f->degraded.n) /* now it is known that words alone decide */
        err = sort_all(f, depth, e);
    return err;
}

/* --- what is asked for --- */

bool find_sorts_by_score(const struct find_request *r)
{
    for (size_t k = 0; k < r->sort_count; k++)
        if (r->sort[k].by_score)
            return true;
    return false;
}

static enum err key_check(struct find *f, size_t i, struct err_info *e)
{
    const struct order_key *k = &f->r->sort[i];
    char pointer[64];
    struct err_info info = {0};
    snprintf(pointer, sizeof pointer, "/sort/%zu", i);
    if (k->by_score && f->browse)
        return err_set(e, ERR_INVALID, pointer, "without q nothing has a score");
    enum err err = k->by_score ? 0 : field_know(f->c, &f->sight, k->field, &info);
    return err ? err_set(e, err, pointer, "%s", info.message) : 0;
}

enum err find_sort_check(struct find *f, struct err_info *e)
{
    const struct find_request *r = f->r;
    enum err err = 0;
    if (r->sort_count > ORDER_KEYS_MAX)
        return err_set(e, ERR_INVALID, "/sort", "at most %d keys", ORDER_KEYS_MAX);
    if (r->sort_count && r->diversity > 0)
        return err_set(e, ERR_INVALID, "/sort", "and diversity exclude each other");
    if (r->sort_count && r->mode == SEARCH_HYBRID && r->fusion != SEARCH_LINEAR)
        return err_set(e, ERR_INVALID, "/sort",
                       "needs the fusion linear: other scores depend on the other hits");
    if (f->browse && r->min_score > 0)
        return err_set(e, ERR_INVALID, "/min_score", "needs q: without it nothing has a score");
    for (size_t i = 0; i < r->sort_count && !err; i++)
        err = key_check(f, i, e);
    if (!err && r->sort_count == 1 && r->sort[0].by_score && r->sort[0].descending) {
        f->unsorted = *r; /* the order that a search has anyway */
        f->unsorted.sort_count = 0;
        f->r = &f->unsorted;
    }
    return err;
}

/* The file of a feed: one section (base/section.h). Numbers little-endian.
 *
 *     u64 "AKFEED02"   u64 position   u32 dims   u32 features   f64 threshold
 *     u32 1   u32 number   i64 created_us   f16 vector[dims]                        an item, each
 *     u32 2   u32 number   u64 reader   u64 session   i64 time_us   f32 weight, total   an act
 *     u32 4   u32 number   u64 reader   u8 token[16]   f32 total       an act that names an answer
 *     u32 5   u32 slots   u64 reader   i64 time_us   u8 token[16]   u32 first   u32 of a user: 1,
 *             and of each slot u32 number   f32 propensity   f32 features[features]      an answer
 *     u32 3   u32 0   u64 items   u64 acts   u64 named   u64 answers                    the end */
#include "recommend/training_feed.h"
#include "recommend/feed_answers.h"
#include "recommend/served.h"
#include "base/arena.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/section.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC UINT64_C(0x3230444545464B41) /* "AKFEED02" */
#define DIMS_MAX 4096
#define ACTS_MAX (UINT64_C(1) << 32)
#define WEIGHT_LEAST 1e-9f /* what adds up to less says nothing */
enum { TAG_ITEM = 1, TAG_ACT = 2, TAG_END = 3, TAG_NAMED = 4, TAG_ANSWER = 5 };

uint64_t training_key(struct str user)
{
    return checksum64(user.s, user.n, 0);
}

uint64_t training_session(struct str user, struct str session)
{
    if (session.n == 0)
        return 0;
    uint64_t key = checksum64(session.s, session.n, training_key(user));
    return key ? key : 1;
}

/* ---- writing ---- */

struct feed_writer {
    struct file *f;
    struct section_writer *w;
    uint32_t dims, last;
    uint64_t items, acts, named, answers;
    uint16_t *zeros;
};

enum err feed_writer_open(const char *path, uint32_t dims, double threshold, uint64_t position,
                          struct feed_writer **out, struct err_info *e)
{
    struct file *f;
    enum err err = file_open(path, FILE_CREATE, &f, e);
    if (err)
        return err;
    assert(dims <= DIMS_MAX);
    struct feed_writer *w = xcalloc(1, sizeof *w);
    w->f = f;
    w->w = section_writer_new(f);
    w->dims = dims;
    w->zeros = xcalloc(dims + 1, sizeof *w->zeros);
    section_put_u64(w->w, MAGIC);
    section_put_u64(w->w, position);
    section_put_u32(w->w, dims);
    section_put_u32(w->w, FEATURE_COUNT);
    section_put(w->w, &threshold, sizeof threshold);
    *out = w;
    return ERR_OK;
}

void feed_put_item(struct feed_writer *w, uint32_t number, int64_t created_us,
                   const uint16_t *vector)
{
    assert(number > w->last && w->acts == 0);
    w->last = number;
    w->items++;
    section_put_u32(w->w, TAG_ITEM);
    section_put_u32(w->w, number);
    section_put_u64(w->w, (uint64_t)created_us);
    section_put(w->w, vector ? vector : w->zeros, w->dims * sizeof *vector);
}

void feed_put_act(struct feed_writer *w, struct str user, uint32_t number, float weight,
                  float total, int64_t time_us, struct str session)
{
    if (weight == 0 || !isfinite(weight) || !isfinite(total))
        return;
    w->acts++;
    section_put_u32(w->w, TAG_ACT);
    section_put_u32(w->w, number);
    section_put_u64(w->w, training_key(user));
    section_put_u64(w->w, training_session(user, session));
    section_put_u64(w->w, (uint64_t)time_us);
    section_put(w->w, &weight, sizeof weight);
    section_put(w->w, &total, sizeof total);
}

void feed_put_named(struct feed_writer *w, const uint8_t token[FEED_TOKEN], struct str user,
                    uint32_t number, float total)
{
    if (total == 0 || !isfinite(total))
        return;
    w->named++;
    section_put_u32(w->w, TAG_NAMED);
    section_put_u32(w->w, number);
    section_put_u64(w->w, training_key(user));
    section_put(w->w, token, FEED_TOKEN);
    section_put(w->w, &total, sizeof total);
}

void feed_put_answer(struct feed_writer *w, const uint8_t token[FEED_TOKEN], struct str user,
                     int64_t time_us, const struct served_list *list)
{
    uint32_t n = list->count < ANSWER_SLOTS_MAX ? (uint32_t)list->count : ANSWER_SLOTS_MAX;
    w->answers++;
    section_put_u32(w->w, TAG_ANSWER);
    section_put_u32(w->w, n);
    section_put_u64(w->w, user.n ? training_key(user) : checksum64(token, FEED_TOKEN, 0));
    section_put_u64(w->w, (uint64_t)time_us);
    section_put(w->w, token, FEED_TOKEN);
    section_put_u32(w->w, (uint32_t)list->first);
    section_put_u32(w->w, user.n > 0);
    for (uint32_t i = 0; i < n; i++) {
        const struct served_slot *s = &list->slots[i];
        section_put_u32(w->w, s->number);
        section_put(w->w, &s->propensity, sizeof s->propensity);
        section_put(w->w, s->features, FEATURE_COUNT * sizeof *s->features);
    }
}

static enum err writer_close(struct feed_writer *w, struct err_info *e)
{
    enum err err = section_writer_end(w->w, e);
    file_close(w->f);
    free(w->zeros);
    free(w);
    return err;
}

enum err feed_writer_end(struct feed_writer *w, struct err_info *e)
{
    section_put_u32(w->w, TAG_END);
    section_put_u32(w->w, 0);
    section_put_u64(w->w, w->items);
    section_put_u64(w->w, w->acts);
    section_put_u64(w->w, w->named);
    section_put_u64(w->w, w->answers);
    return writer_close(w, e);
}

void feed_writer_drop(struct feed_writer *w)
{
    if (w)
        (void)!writer_close(w, NULL);
}

/* ---- reading ---- */

struct row {
    uint64_t reader, session;
    int64_t time_us;
    uint32_t item;
    float weight, total;
};

struct reading {
    double threshold;
    struct section_reader *r;
    struct training_set *set;
    size_t item_cap;
    struct row *rows;
    size_t count, cap;
    struct feed_answers answers;
};

static void items_grow(struct reading *g)
{
    struct training_set *s = g->set;
    if (s->items < g->item_cap)
        return;
    g->item_cap = g->item_cap ? 2 * g->item_cap : 1024;
    s->numbers = xrealloc(s->numbers, g->item_cap * sizeof *s->numbers);
    s->created_us = xrealloc(s->created_us, g->item_cap * sizeof *s->created_us);
    s->vectors = xrealloc(s->vectors, g->item_cap * (s->dims ? s->dims : 1) * sizeof *s->vectors);
}

static void item_get(struct reading *g)
{
    struct training_set *s = g->set;
    uint32_t number = section_get_u32(g->r);
    if (s->items >= TRAINING_ITEMS_MAX || (s->items && number <= s->numbers[s->items - 1])) {
        section_corrupt(g->r, "the feed's documents are too many or out of order");
        return;
    }
    items_grow(g);
    s->numbers[s->items] = number;
    s->created_us[s->items] = (int64_t)section_get_u64(g->r);
    section_get(g->r, s->vectors + (size_t)s->items * s->dims, s->dims * sizeof *s->vectors);
    s->items++;
}

/* The place of a document; -1. */
static int64_t item_find(const struct training_set *s, uint32_t number)
{
    uint32_t low = 0, high = s->items;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (s->numbers[mid] < number)
            low = mid + 1;
        else
            high = mid;
    }
    return low < s->items && s->numbers[low] == number ? (int64_t)low : -1;
}

static void act_get(struct reading *g)
{
    int64_t item = item_find(g->set, section_get_u32(g->r));
    struct row row = {.item = (uint32_t)item};
    row.reader = section_get_u64(g->r);
    row.session = section_get_u64(g->r);
    row.time_us = (int64_t)section_get_u64(g->r);
    section_get(g->r, &row.weight, sizeof row.weight);
    section_get(g->r, &row.total, sizeof row.total);
    if (item < 0 || !isfinite(row.weight) || !isfinite(row.total) || g->count >= ACTS_MAX) {
        section_corrupt(g->r, "an act of the feed is of no document, or has no weight");
        return;
    }
    if (g->count == g->cap) {
        g->cap = g->cap ? 2 * g->cap : 4096;
        g->rows = xrealloc(g->rows, g->cap * sizeof *g->rows);
    }
    g->rows[g->count++] = row;
}

static void body_get(struct reading *g)
{
    bool acts = false;
    while (!section_error(g->r)) {
        uint32_t tag = section_get_u32(g->r);
        if (tag == TAG_ITEM && !acts) {
            item_get(g);
        } else if (tag == TAG_ACT) {
            acts = true;
            act_get(g);
        } else if (tag == TAG_NAMED) {
            feed_named_get(&g->answers, g->r);
        } else if (tag == TAG_ANSWER) {
            feed_answer_get(&g->answers, g->r);
        } else if (tag == TAG_END) {
            (void)section_get_u32(g->r);
            if (section_get_u64(g->r) != g->set->items || section_get_u64(g->r) != g->count ||
                section_get_u64(g->r) != g->answers.named_count ||
                section_get_u64(g->r) != g->answers.count)
                section_corrupt(g->r, "the feed does not hold what it says");
            return;
        } else if (!section_error(g->r)) {
            section_corrupt(g->r, "the feed has a row of no kind");
        }
    }
}

static void head_get(struct reading *g)
{
    uint64_t magic = section_get_u64(g->r);
    g->set->position = section_get_u64(g->r);
    g->set->dims = section_get_u32(g->r);
    uint32_t features = section_get_u32(g->r);
    section_get(g->r, &g->threshold, sizeof g->threshold);
    if (!section_error(g->r) &&
        (magic != MAGIC || g->set->dims > DIMS_MAX || features != FEATURE_COUNT))
        section_corrupt(g->r, "not a feed");
}

/* ---- joining ---- */

/* By reader, document, time; in every field, so that the order in which acts were accepted says
 * nothing. */
static int row_compare(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->reader != y->reader)
        return x->reader < y->reader ? -1 : 1;
    if (x->item != y->item)
        return x->item < y->item ? -1 : 1;
    if (x->time_us != y->time_us)
        return x->time_us < y->time_us ? -1 : 1;
    if (x->session != y->session)
        return x->session < y->session ? -1 : 1;
    if (x->weight != y->weight)
        return x->weight < y->weight ? -1 : 1;
    return (x->total > y->total) - (x->total < y->total);
}

static int act_compare(const void *a, const void *b)
{
    const struct training_act *x = a, *y = b;
    if (x->time_us != y->time_us)
        return x->time_us < y->time_us ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

/* One row for each reader and document, in place. */
static size_t rows_join(struct row *rows, size_t count, double threshold)
{
    size_t n = 0;
    for (size_t i = 0; i < count;) {
        struct row sum = rows[i];
        double weight = 0, total = 0;
        for (; i < count && rows[i].reader == sum.reader && rows[i].item == sum.item; i++) {
            weight += (double)rows[i].weight;
            total += (double)rows[i].total;
            sum.time_us = rows[i].time_us;
            sum.session = rows[i].session;
        }
        sum.weight = (float)weight;
        if (fabsf(sum.weight) >= WEIGHT_LEAST && isfinite(sum.weight) && fabs(total) >= threshold)
            rows[n++] = sum;
    }
    return n;
}

static size_t readers_count(const struct row *rows, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += i == 0 || rows[i].reader != rows[i - 1].reader;
    return n;
}

static void acts_make(struct training_set *s, const struct row *rows, size_t count)
{
    size_t reader = 0;
    for (size_t i = 0; i < count;) {
        size_t first = i;
        s->keys[reader] = rows[i].reader;
        s->start[reader++] = first;
        for (; i < count && rows[i].reader == rows[first].reader; i++)
            s->acts[i] = (struct training_act){.item = rows[i].item,
                                               .weight = rows[i].weight,
                                               .time_us = rows[i].time_us,
                                               .session = rows[i].session};
        qsort(s->acts + first, i - first, sizeof *s->acts, act_compare);
    }
    s->start[reader] = count;
}

static enum err join(struct reading *g, struct err_info *e)
{
    struct training_set *s = g->set;
    if (g->count)
        qsort(g->rows, g->count, sizeof *g->rows, row_compare);
    size_t count = rows_join(g->rows, g->count, g->threshold),
           readers = readers_count(g->rows, count);
    if (readers > TRAINING_READERS_MAX)
        return err_set(e, ERR_TOO_LARGE, NULL, "%zu readers, a training takes at most %u", readers,
                       TRAINING_READERS_MAX);
    s->readers = (uint32_t)readers;
    s->keys = xcalloc(readers + 1, sizeof *s->keys);
    s->start = xcalloc(readers + 1, sizeof *s->start);
    s->acts = xcalloc(count + 1, sizeof *s->acts);
    acts_make(s, g->rows, count);
    return ERR_OK;
}

enum err feed_read(const char *path, struct training_set **out, struct answers **answers,
                   struct err_info *e)
{
    struct file *f;
    enum err err = file_open(path, FILE_READ_ONLY, &f, e);
    if (err)
        return err;
    struct reading g = {.r = section_reader_new(f, 0), .set = xcalloc(1, sizeof *g.set)};
    head_get(&g);
    body_get(&g);
    items_grow(&g); /* arrays are there, if nothing else */
    uint64_t end;
    err = section_reader_end(g.r, &end, e);
    if (!err)
        err = join(&g, e);
    file_close(f);
    free(g.rows);
    if (!err && answers)
        *answers = feed_answers_join(&g.answers);
    feed_answers_release(&g.answers);
    if (err)
        training_set_free(g.set);
    else
        *out = g.set;
    return err;
}

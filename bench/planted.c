#include "planted.h"

#include "base/arena.h"
#include "base/rng.h"
#include "math/dot.h"
#include "math/half.h"
#include <math.h>
#include <stdlib.h>

#define TOPIC_ITEMS 150 /* in a topic */
#define AREA_TOPICS 25
#define TASTES_MAX 3
#define READ_MAX 500u
#define OWN_TOPIC .9
#define SECOND_US 1000000LL
#define DAY_US (86400 * SECOND_US)
#define BEGIN_US (1700000000 * SECOND_US)

struct planted {
    const struct planted_options *o;
    struct training_set *s;
    struct rng r;
    uint32_t topics, areas;
    uint32_t *item_at;   /* items: of rank k in topic t at k * topics + t */
    double *rank_sum;    /* weights of the ranks of a topic, added up */
    double *topic_sum;   /* of the topics */
    uint32_t *last_read; /* items: reader + 1 */
};
struct taste {
    uint32_t topics[TASTES_MAX];
    unsigned count;
};

static double *sums_of(size_t count, double begin, double power)
{
    double *sum = xmalloc(count * sizeof *sum), all = 0;
    for (size_t i = 0; i < count; i++)
        sum[i] = all += pow((double)i + begin, -power);
    return sum;
}

/* A place below `count`, as often as its weight says. */
static uint32_t drawn(struct rng *r, const double *sum, uint32_t count)
{
    double at = rng_unit(r) * sum[count - 1];
    uint32_t low = 0, high = count - 1;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (sum[mid] <= at)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void items_place(struct planted *p)
{
    uint32_t items = p->o->items;
    p->item_at = xmalloc(items * sizeof *p->item_at);
    for (uint32_t i = 0; i < items; i++)
        p->item_at[i] = i;
    for (uint32_t i = items - 1; i > 0; i--) {
        uint32_t j = (uint32_t)rng_below(&p->r, i + 1), swap = p->item_at[i];
        p->item_at[i] = p->item_at[j];
        p->item_at[j] = swap;
    }
    for (uint32_t i = 0; i < items; i++) {
        p->s->numbers[i] = i + 1;
        p->s->created_us[i] = BEGIN_US - (int64_t)rng_below(&p->r, 100) * DAY_US;
    }
}

/* ---- texts ---- */

static float *normals(struct rng *r, size_t count)
{
    float *x = xmalloc(count * sizeof *x + 1);
    for (size_t i = 0; i < count; i++)
        x[i] = rng_normal(r);
    return x;
}

static void vectors_make(struct planted *p)
{
    size_t dims = p->o->dims;
    float *area = normals(&p->r, p->areas * dims), *topic = normals(&p->r, p->topics * dims),
          *all = normals(&p->r, dims), *v = xmalloc(dims * sizeof *v + 1);
    for (uint32_t i = 0; i < p->o->items; i++) {
        uint32_t t = i % p->topics, a = t % p->areas;
        for (size_t d = 0; d < dims; d++)
            v[d] = .5f * all[d] + .6f * area[a * dims + d] + .7f * topic[t * dims + d] +
                   rng_normal(&p->r);
        normalise_f32(v, dims);
        half_from_f32(v, p->s->vectors + p->item_at[i] * dims, dims);
    }
    free(area);
    free(topic);
    free(all);
    free(v);
}

/* ---- readers ---- */

static struct taste taste_draw(struct planted *p)
{
    struct taste t = {.count = 1 + (unsigned)rng_below(&p->r, TASTES_MAX)};
    t.topics[0] = drawn(&p->r, p->topic_sum, p->topics);
    for (unsigned k = 1; k < t.count; k++) {
        uint32_t in_area = (p->topics - 1 - t.topics[0] % p->areas) / p->areas + 1;
        t.topics[k] = rng_unit(&p->r) < .8
                          ? t.topics[0] % p->areas + p->areas * (uint32_t)rng_below(&p->r, in_area)
                          : drawn(&p->r, p->topic_sum, p->topics);
    }
    return t;
}

static uint32_t item_draw(struct planted *p, const struct taste *t)
{
    uint32_t topic = drawn(&p->r, p->topic_sum, p->topics);
    if (rng_unit(&p->r) < OWN_TOPIC) {
        unsigned k = 0;
        while (k + 1 < t->count && rng_unit(&p->r) < .4)
            k++;
        topic = t->topics[k];
    }
    uint32_t ranks = (p->o->items - 1 - topic) / p->topics + 1;
    return p->item_at[drawn(&p->r, p->rank_sum, ranks) * p->topics + topic];
}

/* How many documents a reader reads: few read much. */
static uint32_t activity(struct planted *p)
{
    double mean = (double)p->o->acts / p->o->readers - 1.5; /* what rounding and 2 add */
    double n = 2 + exp(log(fmax(mean, 1)) - .5 + (double)rng_normal(&p->r));
    double most = fmin(READ_MAX, p->o->items / 4.);
    return (uint32_t)fmin(n, most);
}

static void reader_read(struct planted *p, uint32_t reader)
{
    static const float weights[] = {1, 1, 1, 1, 1, .7f, .5f, .5f, .2f, .2f};
    struct training_set *s = p->s;
    struct taste t = taste_draw(p);
    int64_t time_us = BEGIN_US + (int64_t)rng_below(&p->r, 300 * 86400) * SECOND_US;
    uint64_t session = 1 + rng_next(&p->r) / 2;
    for (uint32_t n = activity(p); n; n--) {
        uint32_t item = item_draw(p, &t);
        for (int again = 0; again < 20 && p->last_read[item] == reader + 1; again++)
            item = item_draw(p, &t);
        if (p->last_read[item] == reader + 1)
            continue;
        p->last_read[item] = reader + 1;
        s->acts[s->start[reader + 1]++] = (struct training_act){
            item, weights[rng_below(&p->r, sizeof weights / sizeof *weights)], time_us, session};
        if (rng_unit(&p->r) < .7) {
            time_us += 20 * SECOND_US + (int64_t)rng_below(&p->r, 300) * SECOND_US;
        } else {
            time_us += 3600 * SECOND_US + (int64_t)rng_below(&p->r, 10 * 86400) * SECOND_US;
            session = 1 + rng_next(&p->r) / 2;
        }
    }
}

static void readers_read(struct planted *p)
{
    struct training_set *s = p->s;
    size_t room = 0;
    uint64_t step = UINT64_MAX / p->o->readers;
    for (uint32_t r = 0; r < p->o->readers; r++) {
        if (room < s->start[r] + READ_MAX) {
            room = s->start[r] + READ_MAX + (r ? p->o->acts / 8 : p->o->acts);
            s->acts = xrealloc(s->acts, room * sizeof *s->acts);
        }
        s->keys[r] = r * step + rng_below(&p->r, step);
        s->start[r + 1] = s->start[r];
        reader_read(p, r);
    }
}

struct training_set *planted_make(const struct planted_options *o)
{
    struct training_set *s = xcalloc(1, sizeof *s);
    struct planted p = {.o = o, .s = s, .topics = o->items / TOPIC_ITEMS + 8};
    p.areas = p.topics / AREA_TOPICS + 4;
    s->items = o->items, s->readers = o->readers, s->dims = o->dims;
    s->numbers = xmalloc(o->items * sizeof *s->numbers);
    s->created_us = xmalloc(o->items * sizeof *s->created_us);
    s->vectors = xmalloc((size_t)o->items * o->dims * sizeof *s->vectors + 1);
    s->keys = xmalloc(o->readers * sizeof *s->keys + 1);
    s->start = xcalloc((size_t)o->readers + 1, sizeof *s->start);
    rng_init(&p.r, o->seed);
    p.rank_sum = sums_of(o->items / p.topics + 1, 2, .8);
    p.topic_sum = sums_of(p.topics, 5, .5);
    p.last_read = xcalloc(o->items, sizeof *p.last_read);
    items_place(&p);
    vectors_make(&p);
    readers_read(&p);
    free(p.item_at);
    free(p.rank_sum);
    free(p.topic_sum);
    free(p.last_read);
    return s;
}

/* The recall meter: searches are kept, repeated exactly later, and compared.
 *
 * Keeping must cost a search nothing. Each adds 1 to `seen`; the first SAMPLES of a batch and then
 * ever fewer (Vitter's algorithm R, 1985) are copied and put in place under a lock that is held for
 * some instructions. Whoever measures takes the whole batch and a new one begins. */
#include "index/vectors_impl.h"

#include "base/arena.h"
#include <stdlib.h>
#include <string.h>

#define SAMPLES 32
/* Of all filters in a batch; a search that does not fit is not kept. */
#define FILTER_BYTES_MAX (4u << 20)

struct sample {
    float *query; /* NULL: a scan answers */
    size_t k;
    struct docset within;
    bool used, filtered;
    enum way way;
};

/* A sample that is being measured. */
struct measurement {
    struct sample sample;
    struct epoch_reader *reader;
    struct scan *scan;
    struct vector_hit *hits; /* the walk's */
    size_t count;
    unsigned width; /* that it walked with */
};

struct meter {
    uint32_t dims;
    _Atomic uint64_t seen; /* searches since the batch was begun */
    struct lock lock;      /* for the batch, the bytes and the mean */
    struct sample batch[SAMPLES];
    size_t batch_bytes, taken_bytes;
    struct recall_mean mean;
    /* Of the thread that measures: */
    struct sample taken[SAMPLES];
    unsigned taken_left;
    struct measurement now;
    struct recall_window windows[2];
};

struct meter *meter_new(uint32_t dims)
{
    struct meter *m = xcalloc(1, sizeof *m);
    m->dims = dims;
    lock_init(&m->lock, LOCK_LEAF);
    recall_mean_init(&m->mean);
    return m;
}

static void sample_release(struct sample *s)
{
    free(s->query);
    docset_release(&s->within);
    *s = (struct sample){0};
}

static void measurement_end(struct measurement *n, struct group *g)
{
    if (n->scan)
        scan_end(n->scan, g);
    if (n->reader)
        epoch_leave(n->reader);
    free(n->hits);
    sample_release(&n->sample);
    *n = (struct measurement){0};
}

void meter_free(struct meter *m)
{
    measurement_end(&m->now, NULL);
    for (int i = 0; i < SAMPLES; i++) {
        sample_release(&m->batch[i]);
        sample_release(&m->taken[i]);
    }
    lock_release(&m->lock);
    free(m);
}

/* --- keeping --- */

static size_t sample_bytes(const struct meter *m, const struct sample *s)
{
    return (s->query ? m->dims * sizeof *s->query : 0) +
           s->within.word_count * sizeof *s->within.words;
}

/* A number that does not repeat as the searches may. */
static uint64_t spread(uint64_t x)
{
    x = (x + 1) * UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    return x ^ x >> 27;
}

static struct sample sample_of(const struct meter *m, const float *query, size_t k,
                               const struct docset *within, enum way way)
{
    struct sample s = {.k = k, .used = true, .filtered = within != NULL, .way = way};
    docset_init(&s.within);
    if (way != WAY_WALK)
        return s;
    s.query = xmalloc(m->dims * sizeof *query);
    memcpy(s.query, query, m->dims * sizeof *query);
    if (within)
        docset_copy(&s.within, within);
    return s;
}

void meter_offer(struct meter *m, const float *query, size_t k, const struct docset *within,
                 enum way way)
{
    uint64_t seen = atomic_fetch_add_explicit(&m->seen, 1, memory_order_relaxed);
    uint64_t at = seen < SAMPLES ? seen : spread(seen) % (seen + 1);
    if (at >= SAMPLES || (within && within->word_count > FILTER_BYTES_MAX / 8))
        return;
    struct sample s = sample_of(m, query, k, within, way), old = s;
    lock_take(&m->lock);
    size_t bytes = m->batch_bytes - sample_bytes(m, &m->batch[at]) + sample_bytes(m, &s);
    if (bytes <= SAMPLES * m->dims * sizeof *query + FILTER_BYTES_MAX) {
        old = m->batch[at];
        m->batch[at] = s;
        m->batch_bytes = bytes;
    }
    lock_drop(&m->lock);
    sample_release(&old);
}

static bool batch_take(struct meter *m)
{
    if (!atomic_load_explicit(&m->seen, memory_order_relaxed))
        return false;
    lock_take(&m->lock);
    for (int i = 0; i < SAMPLES; i++) {
        if (m->batch[i].used)
            m->taken[m->taken_left++] = m->batch[i];
        m->batch[i] = (struct sample){0};
    }
    m->taken_bytes = m->batch_bytes;
    m->batch_bytes = 0;
    atomic_store_explicit(&m->seen, 0, memory_order_relaxed);
    lock_drop(&m->lock);
    return m->taken_left > 0;
}

size_t meter_bytes(struct meter *m)
{
    lock_take(&m->lock);
    size_t n = sizeof *m + m->batch_bytes + m->taken_bytes;
    lock_drop(&m->lock);
    return n;
}

/* --- measuring --- */

static enum vectors_measured measured(struct vectors *v, unsigned width, double recall,
                                      double target)
{
    struct meter *m = v->meter;
    struct sample *s = &m->now.sample;
    bool filtered = s->filtered, walked = s->way == WAY_WALK;
    if (s->way != WAY_SCAN) {
        unsigned next = recall_width(&m->windows[filtered], width, recall, target);
        /* Unless somebody else has set it meanwhile. */
        atomic_compare_exchange_strong(&v->width[filtered], &width, next);
    }
    lock_take(&m->lock);
    recall_mean_add(&m->mean, recall);
    lock_drop(&m->lock);
    return !walked    ? VECTORS_MEASURED_SCAN
           : filtered ? VECTORS_MEASURED_FILTERED
                      : VECTORS_MEASURED_WALK;
}

/* Walks, and begins the scan. */
static enum vectors_measured sample_begin(struct vectors *v, double target)
{
    struct measurement *n = &v->meter->now;
    struct sample *s = &n->sample;
    const struct docset *within = s->filtered ? &s->within : NULL;
    uint64_t seq = 0;
    unsigned width = n->width = atomic_load(&v->width[s->filtered]);
    if (s->way == WAY_WALK) {
        n->hits = xmalloc(s->k * sizeof *n->hits);
        n->reader = epoch_enter(&v->epochs, &seq);
        s->way = vectors_walk(v, seq, s->query, s->k, within, n->hits, &n->count);
    }
    if (s->way == WAY_WALK) {
        n->scan = scan_begin(v, seq, s->query, s->k, within);
        return VECTORS_MEASURED_PART;
    }
    enum vectors_measured what = measured(v, width, 1, target);
    measurement_end(n, NULL);
    return what;
}

/* The share of the exact answer that the walk had. */
static double recall_of(const struct measurement *n, const struct vector_hit *exact, size_t count)
{
    size_t right = 0;
    for (size_t i = 0; i < n->count && i < count; i++)
        right += n->hits[i].cosine >= exact[count - 1].cosine;
    return count ? (double)right / (double)count : 1;
}

static enum vectors_measured sample_end(struct vectors *v, double target)
{
    struct measurement *n = &v->meter->now;
    struct vector_hit *exact = xmalloc(n->sample.k * sizeof *exact);
    struct group g;
    group_init(&g);
    scan_end(n->scan, &g);
    n->scan = NULL;
    size_t count = group_best(&g, n->sample.k, exact);
    enum vectors_measured what = measured(v, n->width, recall_of(n, exact, count), target);
    group_release(&g);
    free(exact);
    measurement_end(n, NULL);
    return what;
}

enum vectors_measured vectors_measure_step(struct vectors *v, double target, uint32_t rows)
{
    struct meter *m = v->meter;
    if (m->now.scan)
        return scan_part(m->now.scan, rows) ? VECTORS_MEASURED_PART : sample_end(v, target);
    if (!m->taken_left && !batch_take(m))
        return VECTORS_MEASURED_NOTHING;
    m->now.sample = m->taken[--m->taken_left];
    m->taken[m->taken_left] = (struct sample){0};
    return sample_begin(v, target);
}

struct vectors_recall vectors_recall(struct vectors *v)
{
    struct meter *m = v->meter;
    lock_take(&m->lock);
    struct recall_mean mean = m->mean;
    lock_drop(&m->lock);
    return (struct vectors_recall){mean.value, mean.count, atomic_load(&v->width[0]),
                                   atomic_load(&v->width[1])};
}

#include "train/ials.h"

#include "base/arena.h"
#include "base/rng.h"
#include "base/thread.h"
#include "math/dense.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_AT_A_TIME 64
#define THREADS_MAX 64u

/* One half of an epoch: every row of `to` anew, from `from`. */
struct half_step {
    const struct sparse *rows;
    uint32_t count;
    const float *from;
    float *to;
    const float *gram;
    size_t dims, others;
    double alpha, lambda, nu;
    const atomic_bool *stop;
    _Atomic uint32_t next;
};

/* (gram + sum x_i v_i v_i' + ridge) w = sum x_i v_i. `a`: dims x dims of room. */
static void solve(const float *gram, const float *vectors, size_t dims, double ridge,
                  const uint32_t *given, const float *weights, size_t count, float *a, float *out)
{
    memcpy(a, gram, dims * dims * sizeof *a);
    memset(out, 0, dims * sizeof *out);
    for (size_t k = 0; k < count; k++) {
        const float *v = vectors + (size_t)given[k] * dims;
        for (size_t i = 0; i < dims; i++) {
            float x = weights[k] * v[i], *row = a + i * dims;
            out[i] += x;
            for (size_t j = 0; j <= i; j++)
                row[j] += x * v[j];
        }
    }
    for (size_t i = 0; i < dims; i++)
        a[i * dims + i] += (float)ridge;
    if (!dense_solve(a, dims, out))
        memset(out, 0, dims * sizeof *out);
}

static double ridge_of(double lambda, double nu, double size)
{
    return lambda * pow(size, nu);
}

static void half_run(void *arg)
{
    struct half_step *h = arg;
    float *a = xmalloc(h->dims * h->dims * sizeof *a);
    for (;;) {
        uint32_t from = atomic_fetch_add(&h->next, ROWS_AT_A_TIME), end = from + ROWS_AT_A_TIME;
        if (from >= h->count || (h->stop && atomic_load(h->stop)))
            break;
        end = end < h->count ? end : h->count;
        for (uint32_t r = from; r < end; r++) {
            size_t at = h->rows->start[r], n = h->rows->start[r + 1] - at;
            double ridge = ridge_of(h->lambda, h->nu, (double)n + h->alpha * (double)h->others);
            solve(h->gram, h->from, h->dims, ridge, h->rows->at + at, h->rows->weight + at, n, a,
                  h->to + (size_t)r * h->dims);
        }
    }
    free(a);
}

static void gram_make(const float *vectors, size_t count, size_t dims, double alpha,
                      unsigned threads, float *gram)
{
    dense_threads(threads);
    dense_product(dims, dims, count, (float)alpha, (struct dense){vectors, dims, true},
                  (struct dense){vectors, dims, false}, 0, gram, dims);
    dense_threads(1);
}

static void half_step(struct half_step *h, uint32_t from_count, unsigned threads, float *gram)
{
    struct thread *started[THREADS_MAX];
    gram_make(h->from, from_count, h->dims, h->alpha, threads, gram);
    h->gram = gram;
    h->others = from_count;
    atomic_store(&h->next, 0);
    for (unsigned i = 1; i < threads; i++)
        started[i] = thread_start("ials", half_run, h);
    half_run(h);
    for (unsigned i = 1; i < threads; i++)
        thread_join(started[i]);
}

static void vectors_begin(float *v, size_t count, size_t dims, uint64_t seed)
{
    struct rng r;
    rng_init(&r, seed);
    for (size_t i = 0; i < count * dims; i++)
        v[i] = .1f * rng_normal(&r) / sqrtf((float)dims);
}

static struct ials *ials_new(uint32_t items, const struct ials_options *o)
{
    struct ials *m = xcalloc(1, sizeof *m);
    m->items = items;
    m->dims = o->dims ? o->dims : 128;
    m->alpha = o->alpha > 0 ? o->alpha : .1;
    m->lambda = o->lambda > 0 ? o->lambda : .003;
    m->nu = o->nu;
    m->vectors = xmalloc(((size_t)items * m->dims + 1) * sizeof *m->vectors);
    m->gram = xcalloc((size_t)m->dims * m->dims, sizeof *m->gram);
    return m;
}

enum err ials_train(const struct interactions *x, const struct ials_options *o, struct ials **out,
                    struct err_info *e)
{
    enum err err = dense_open(e);
    if (err)
        return err;
    struct ials *m = ials_new(x->items, o);
    unsigned threads = o->threads ? o->threads : thread_cores();
    float *readers = xcalloc((size_t)x->readers * m->dims + 1, sizeof *readers);
    threads = threads < THREADS_MAX ? threads : THREADS_MAX;
    vectors_begin(m->vectors, x->items, m->dims, o->seed);
    struct half_step both = {
        .dims = m->dims, .alpha = m->alpha, .lambda = m->lambda, .nu = m->nu, .stop = o->stop};
    for (unsigned n = 0; n < (o->epochs ? o->epochs : 16); n++) {
        struct half_step h = both;
        h.rows = &x->rows, h.count = x->readers, h.from = m->vectors, h.to = readers;
        half_step(&h, x->items, threads, m->gram);
        h = both;
        h.rows = &x->columns, h.count = x->items, h.from = readers, h.to = m->vectors;
        half_step(&h, x->readers, threads, m->gram);
        if (o->stop && atomic_load(o->stop)) {
            err = err_set(e, ERR_CANCELLED, NULL, "the training was cancelled");
            break;
        }
        if (o->done)
            atomic_fetch_add(o->done, 1);
    }
    gram_make(m->vectors, x->items, m->dims, m->alpha, threads, m->gram);
    free(readers);
    if (err)
        ials_free(m);
    else
        *out = m;
    return err;
}

void ials_free(struct ials *m)
{
    if (!m)
        return;
    free(m->vectors);
    free(m->gram);
    free(m);
}

void ials_fold_in(const struct ials *m, const uint32_t *given, const float *weights, size_t count,
                  float *out)
{
    float *a = xmalloc((size_t)m->dims * m->dims * sizeof *a);
    double ridge = ridge_of(m->lambda, m->nu, (double)count + m->alpha * (double)m->items);
    solve(m->gram, m->vectors, m->dims, ridge, given, weights, count, a, out);
    free(a);
}

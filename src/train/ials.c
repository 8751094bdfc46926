#include "train/ials.h"

#include "base/arena.h"
#include "base/rng.h"
#include "base/thread.h"
#include "math/dense.h"
#include "math/dot.h"
#include "math/half.h"
#include "math/simd.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_AT_A_TIME 64
#define TURNED_AT_A_TIME 512
#define GATHERED_AT_A_TIME 1024
#define SHORT 24 /* interactions below which a call of LAPACK costs more than it saves */
#define THREADS_MAX 64u
#define PARTS_MAX 32u /* of a sum over rows: the same whatever the threads */
#define AHEAD 3       /* rows asked from memory before they are used */
#define BEGIN .1

/* One half of an epoch: every row of `to` anew, from `from`. */
struct half {
    const struct sparse *rows;
    uint32_t count, others; /* rows of `to`, rows of `from` */
    float *from, *to;
    size_t dims;
    double alpha, lambda, nu;
    unsigned threads;
    const atomic_bool *stop;
    float *parts; /* PARTS_MAX x dims x dims: sums over a part of the rows of `from` */
    float *axes;  /* dims x dims */
    double *gram; /* dims: alpha times the sum of all v v', in these axes */
    _Atomic uint32_t next;
};

static void all_threads(struct half *h, void (*run)(void *))
{
    struct thread *started[THREADS_MAX];
    atomic_store(&h->next, 0);
    for (unsigned i = 1; i < h->threads; i++)
        started[i] = thread_start("ials", run, h);
    run(h);
    for (unsigned i = 1; i < h->threads; i++)
        thread_join(started[i]);
}

static bool stopped(const struct half *h)
{
    return h->stop && atomic_load(h->stop);
}

/* ---- the principal axes of one side ---- */

static uint32_t parts_of(const struct half *h)
{
    uint32_t parts = h->others / TURNED_AT_A_TIME + 1;
    return parts < PARTS_MAX ? parts : PARTS_MAX;
}

static void sum_run(void *arg)
{
    struct half *h = arg;
    uint32_t parts = parts_of(h);
    for (uint32_t p; (p = atomic_fetch_add(&h->next, 1)) < parts;) {
        size_t from = (size_t)h->others * p / parts, end = (size_t)h->others * (p + 1) / parts;
        struct dense rows = {h->from + from * h->dims, h->dims, true};
        dense_product(h->dims, h->dims, end - from, 1, rows,
                      (struct dense){rows.at, h->dims, false}, 0, h->parts + p * h->dims * h->dims,
                      h->dims);
    }
}

static void turn_run(void *arg)
{
    struct half *h = arg;
    size_t dims = h->dims;
    float *turned = xmalloc(TURNED_AT_A_TIME * dims * sizeof *turned);
    for (;;) {
        uint32_t at = atomic_fetch_add(&h->next, TURNED_AT_A_TIME);
        if (at >= h->others)
            break;
        size_t n = h->others - at < TURNED_AT_A_TIME ? h->others - at : TURNED_AT_A_TIME;
        float *rows = h->from + at * dims;
        dense_product(n, dims, dims, 1, (struct dense){rows, dims, false},
                      (struct dense){h->axes, dims, true}, 0, turned, dims);
        memcpy(rows, turned, n * dims * sizeof *turned);
    }
    free(turned);
}

/* `from` in the axes of its own sum of v v'. Scores stay as they are: `to` is made anew from it. */
static void axes_turn(struct half *h)
{
    size_t size = h->dims * h->dims;
    double *sum = xcalloc(size, sizeof *sum);
    all_threads(h, sum_run);
    for (uint32_t p = 0; p < parts_of(h); p++)
        for (size_t k = 0; k < size; k++)
            sum[k] += (double)h->parts[p * size + k];
    bool found = dense_axes(sum, h->dims, h->gram);
    assert(found);
    for (size_t k = 0; k < size; k++)
        h->axes[k] = (float)sum[k];
    for (size_t d = 0; d < h->dims; d++)
        h->gram[d] = fmax(h->gram[d], 0) * h->alpha;
    free(sum);
    all_threads(h, turn_run);
}

/* ---- one row: (P + U'U) w = U't, rows u_k = sqrt|x_k| v_k, t_k = +-sqrt|x_k| ---- */

struct room {
    float *gathered; /* GATHERED_AT_A_TIME (or dims, if they are more) x dims */
    float *a;        /* dims x dims */
    float *t;        /* dims, or GATHERED_AT_A_TIME */
    float *root;     /* dims: sqrt(P) */
};

static void gather(const struct half *h, size_t at, size_t n, const float *divide, struct room *m)
{
    for (size_t k = 0; k < n; k++) {
        const float *v = h->from + h->rows->at[at + k] * h->dims;
        float x = h->rows->weight[at + k], size = sqrtf(fabsf(x)), *u = m->gathered + k * h->dims;
        if (k + AHEAD < n)
            lines_fetch(h->from + h->rows->at[at + k + AHEAD] * h->dims, h->dims * sizeof *v);
        m->t[k] = x < 0 ? -size : size;
        if (divide)
            for (size_t d = 0; d < h->dims; d++)
                u[d] = v[d] * size * divide[d];
        else
            for (size_t d = 0; d < h->dims; d++)
                u[d] = v[d] * size;
    }
}

/* In place, the lower half of `a`; for few equations. */
static void solve_short(float *a, size_t n, float *x)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            float sum = a[i * n + j];
            for (size_t k = 0; k < j; k++)
                sum -= a[i * n + k] * a[j * n + k];
            a[i * n + j] = i == j ? sqrtf(fmaxf(sum, 1e-20f)) : sum / a[j * n + j];
        }
        for (size_t k = 0; k < i; k++)
            x[i] -= a[i * n + k] * x[k];
        x[i] /= a[i * n + i];
    }
    for (size_t i = n; i-- > 0;) {
        x[i] /= a[i * n + i];
        for (size_t k = 0; k < i; k++)
            x[k] -= a[i * n + k] * x[i];
    }
}

/* w = P^-1/2 B' (I + B B')^-1 t with B = U P^-1/2: as many equations as interactions. */
static void solve_by_interactions(const struct half *h, size_t at, size_t n, struct room *m,
                                  float *w)
{
    size_t dims = h->dims;
    gather(h, at, n, m->root, m);
    if (n <= SHORT)
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j <= i; j++)
                m->a[i * n + j] = dot_f32(m->gathered + i * dims, m->gathered + j * dims, dims);
    else
        dense_product(n, n, dims, 1, (struct dense){m->gathered, dims, false},
                      (struct dense){m->gathered, dims, true}, 0, m->a, n);
    for (size_t i = 0; i < n; i++)
        m->a[i * n + i] += 1;
    if (n <= SHORT)
        solve_short(m->a, n, m->t);
    else if (!dense_solve(m->a, n, m->t))
        memset(m->t, 0, n * sizeof *m->t);
    memset(w, 0, dims * sizeof *w);
    for (size_t k = 0; k < n; k++)
        for (size_t d = 0; d < dims; d++)
            w[d] += m->t[k] * m->gathered[k * dims + d];
    for (size_t d = 0; d < dims; d++)
        w[d] *= m->root[d];
}

static void solve_by_dims(const struct half *h, size_t at, size_t n, double ridge, struct room *m,
                          float *w)
{
    size_t dims = h->dims;
    memset(w, 0, dims * sizeof *w);
    memset(m->a, 0, dims * dims * sizeof *m->a);
    for (size_t from = 0; from < n; from += GATHERED_AT_A_TIME) {
        size_t some = n - from < GATHERED_AT_A_TIME ? n - from : GATHERED_AT_A_TIME;
        gather(h, at + from, some, NULL, m);
        dense_product(dims, dims, some, 1, (struct dense){m->gathered, dims, true},
                      (struct dense){m->gathered, dims, false}, 1, m->a, dims);
        for (size_t k = 0; k < some; k++)
            for (size_t d = 0; d < dims; d++)
                w[d] += m->t[k] * m->gathered[k * dims + d];
    }
    for (size_t d = 0; d < dims; d++)
        m->a[d * dims + d] += (float)(h->gram[d] + ridge);
    if (!dense_solve(m->a, dims, w))
        memset(w, 0, dims * sizeof *w);
}

static void row_solve(const struct half *h, uint32_t row, struct room *m)
{
    size_t at = h->rows->start[row], n = h->rows->start[row + 1] - at;
    float *w = h->to + row * h->dims;
    double ridge = h->lambda * pow((double)n + h->alpha * (double)h->others, h->nu);
    if (n > h->dims) {
        solve_by_dims(h, at, n, ridge, m, w);
        return;
    }
    for (size_t d = 0; d < h->dims; d++) /* its inverse */
        m->root[d] = (float)(1 / sqrt(h->gram[d] + ridge));
    solve_by_interactions(h, at, n, m, w);
}

static void rows_run(void *arg)
{
    struct half *h = arg;
    size_t dims = h->dims, most = dims > GATHERED_AT_A_TIME ? dims : GATHERED_AT_A_TIME;
    struct room m = {.gathered = xmalloc(most * dims * sizeof *m.gathered),
                     .a = xmalloc(dims * dims * sizeof *m.a),
                     .t = xmalloc(most * sizeof *m.t),
                     .root = xmalloc(dims * sizeof *m.root)};
    for (;;) {
        uint32_t from = atomic_fetch_add(&h->next, ROWS_AT_A_TIME), end = from + ROWS_AT_A_TIME;
        if (from >= h->count || stopped(h))
            break;
        end = end < h->count ? end : h->count;
        for (uint32_t r = from; r < end; r++)
            row_solve(h, r, &m);
    }
    free(m.gathered);
    free(m.a);
    free(m.t);
    free(m.root);
}

static void half_run(struct half *h, const struct sparse *rows, uint32_t count, uint32_t others,
                     float *from, float *to)
{
    h->rows = rows, h->count = count, h->others = others;
    h->from = from, h->to = to;
    axes_turn(h);
    all_threads(h, rows_run);
}

/* ---- the whole ---- */

static void vectors_begin(float *v, size_t count, size_t dims, uint64_t seed)
{
    struct rng r;
    rng_init(&r, seed);
    for (size_t i = 0; i < count * dims; i++)
        v[i] = (float)BEGIN * rng_normal(&r) / sqrtf((float)dims);
}

static struct half half_new(const struct ials_options *o)
{
    size_t dims = o->dims ? o->dims : IALS_DIMS;
    unsigned threads = o->threads ? o->threads : thread_cores();
    assert(dims <= FACTORS_DIMS_MAX);
    return (struct half){.dims = dims,
                         .alpha = o->alpha > 0 ? o->alpha : .01,
                         .lambda = o->lambda > 0 ? o->lambda : .001,
                         .nu = o->nu > 0 ? o->nu : 1,
                         .threads = threads < THREADS_MAX ? threads : THREADS_MAX,
                         .stop = o->stop,
                         .parts = xmalloc(PARTS_MAX * dims * dims * sizeof(float)),
                         .axes = xmalloc(dims * dims * sizeof(float)),
                         .gram = xmalloc(dims * sizeof(double))};
}

/* The items' vectors, in their axes, as they are kept. */
static struct factors *factors_make(const struct half *h, const struct interactions *x,
                                    const float *items)
{
    struct factors *f = xcalloc(1, sizeof *f);
    size_t count = x->items * h->dims;
    *f = (struct factors){.items = x->items,
                          .known = x->items,
                          .dims = (uint32_t)h->dims,
                          .alpha = h->alpha,
                          .lambda = h->lambda,
                          .nu = h->nu};
    f->gram = xmalloc(h->dims * sizeof *f->gram);
    memcpy(f->gram, h->gram, h->dims * sizeof *f->gram);
    f->vectors = xmalloc((count + 1) * sizeof *f->vectors);
    half_from_f32(items, f->vectors, count);
    return f;
}

enum err ials_train(const struct interactions *x, const struct ials_options *o,
                    struct factors **out, struct err_info *e)
{
    enum err err = dense_open(e);
    if (err)
        return err;
    dense_threads(1);
    struct half h = half_new(o);
    float *items = xmalloc((x->items * h.dims + 1) * sizeof *items),
          *readers = xmalloc((x->readers * h.dims + 1) * sizeof *readers);
    vectors_begin(items, x->items, h.dims, o->seed);
    for (unsigned n = 0; n < (o->epochs ? o->epochs : IALS_EPOCHS) && !stopped(&h); n++) {
        half_run(&h, &x->rows, x->readers, x->items, items, readers);
        half_run(&h, &x->columns, x->items, x->readers, readers, items);
    }
    if (stopped(&h)) {
        err = err_set(e, ERR_CANCELLED, NULL, "the training was cancelled");
    } else {
        h.from = items, h.others = x->items;
        axes_turn(&h);
        *out = factors_make(&h, x, items);
    }
    free(items);
    free(readers);
    free(h.parts);
    free(h.axes);
    free(h.gram);
    return err;
}

size_t ials_train_bytes(uint32_t readers, uint32_t items, const struct ials_options *o)
{
    size_t dims = o->dims ? o->dims : IALS_DIMS, threads = o->threads ? o->threads : thread_cores(),
           room = (dims > GATHERED_AT_A_TIME ? dims : GATHERED_AT_A_TIME) * (dims + 1) +
                  dims * (dims + 1) + TURNED_AT_A_TIME * dims;
    return ((size_t)readers + items) * dims * sizeof(float) +
           (size_t)items * dims * sizeof(uint16_t) + (PARTS_MAX + 6) * dims * dims * sizeof(float) +
           threads * (room * sizeof(float) + (size_t)(1 << 20));
}

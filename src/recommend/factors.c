/* In a model's file: u64 "AKFACT01"   u32 items, dims, known   u32 0   f64 alpha, lambda, nu
 *     f64 gram[dims]   f16 vectors[items * dims], numbers little-endian. */
#include "recommend/factors.h"

#include "base/arena.h"
#include "base/section.h"
#include "math/dot.h"
#include "math/half.h"
#include "recommend/model.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC UINT64_C(0x3130544341464B41) /* "AKFACT01" */
#define STEPS_MAX 200
#define NEGLIGIBLE 1e-20 /* of a vector's length by its system, squared */

void factors_free(struct factors *f)
{
    if (!f)
        return;
    free(f->gram);
    free(f->vectors);
    free(f);
}

size_t factors_bytes(const struct factors *f)
{
    return sizeof *f + f->dims * sizeof *f->gram + (size_t)f->items * f->dims * sizeof *f->vectors;
}

void factors_spread(struct factors *f, const uint32_t *item, uint32_t items)
{
    size_t dims = f->dims;
    uint16_t *vectors = xcalloc((size_t)items * dims + 1, sizeof *vectors);
    for (uint32_t i = 0; i < f->items; i++) {
        assert(item[i] < items && (i == 0 || item[i] > item[i - 1]));
        memcpy(vectors + item[i] * dims, f->vectors + i * dims, dims * sizeof *vectors);
    }
    free(f->vectors);
    f->vectors = vectors;
    f->items = items;
}

/* ---- file ---- */

void factors_save(const struct factors *f, struct section_writer *w)
{
    section_put_u64(w, MAGIC);
    section_put_u32(w, f->items);
    section_put_u32(w, f->dims);
    section_put_u32(w, f->known);
    section_put_u32(w, 0);
    section_put(w, &f->alpha, sizeof f->alpha);
    section_put(w, &f->lambda, sizeof f->lambda);
    section_put(w, &f->nu, sizeof f->nu);
    section_put(w, f->gram, f->dims * sizeof *f->gram);
    section_put(w, f->vectors, (size_t)f->items * f->dims * sizeof *f->vectors);
}

static bool positive(double x)
{
    return isfinite(x) && x > 0;
}

static const char *numbers_wrong(const struct factors *f)
{
    if (!positive(f->alpha) || !positive(f->lambda) || !isfinite(f->nu) || f->nu < 0 || f->nu > 4)
        return "parameters of iALS are out of range";
    for (uint32_t d = 0; d < f->dims; d++)
        if (!isfinite(f->gram[d]) || f->gram[d] < 0)
            return "a length of iALS is no number";
    for (size_t i = 0; i < (size_t)f->items * f->dims; i++)
        if ((f->vectors[i] & 0x7C00) == 0x7C00)
            return "a factor of iALS is no number";
    return NULL;
}

struct factors *factors_load(struct section_reader *r, uint32_t items)
{
    struct factors *f = xcalloc(1, sizeof *f);
    if (section_get_u64(r) != MAGIC)
        section_corrupt(r, "not iALS");
    f->items = section_get_u32(r);
    f->dims = section_get_u32(r);
    f->known = section_get_u32(r);
    if (section_get_u32(r))
        section_corrupt(r, "iALS of a newer akin");
    section_get(r, &f->alpha, sizeof f->alpha);
    section_get(r, &f->lambda, sizeof f->lambda);
    section_get(r, &f->nu, sizeof f->nu);
    if (f->items != items || f->known > items || f->dims < 1 || f->dims > FACTORS_DIMS_MAX ||
        (uint64_t)items * f->dims * sizeof *f->vectors > section_left(r))
        section_corrupt(r, "iALS of a size that cannot be");
    if (!section_error(r)) {
        size_t count = (size_t)f->items * f->dims;
        f->gram = xmalloc(f->dims * sizeof *f->gram);
        f->vectors = xmalloc((count + 1) * sizeof *f->vectors);
        section_get(r, f->gram, f->dims * sizeof *f->gram);
        section_get(r, f->vectors, count * sizeof *f->vectors);
        const char *wrong = section_error(r) ? NULL : numbers_wrong(f);
        if (wrong)
            section_corrupt(r, wrong);
    }
    if (section_error(r)) {
        factors_free(f);
        return NULL;
    }
    return f;
}

/* ---- a system of equations: symmetric, positive definite, in double ---- */

static double dot(const double *a, const double *b, size_t n)
{
    double s[4] = {0};
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (size_t k = 0; k < 4; k++)
            s[k] += a[i + k] * b[i + k];
    for (; i < n; i++)
        s[0] += a[i] * b[i];
    return s[0] + s[1] + (s[2] + s[3]);
}

/* The lower half of `a` becomes L, a = L L'. Row by row, so that each step is a dot product. */
static void cholesky(double *a, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double *row = a + i * n;
        for (size_t j = 0; j < i; j++)
            row[j] = (row[j] - dot(row, a + j * n, j)) / a[j * n + j];
        row[i] = sqrt(fmax(row[i] - dot(row, row, i), 1e-300));
    }
}

/* x: the right side, becomes the solution. */
static void cholesky_solve(const double *l, size_t n, double *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (x[i] - dot(l + i * n, x, i)) / l[i * n + i];
    for (size_t i = n; i-- > 0;) {
        x[i] /= l[i * n + i];
        for (size_t j = 0; j < i; j++)
            x[j] -= l[i * n + j] * x[i];
    }
}

/* out = L L' x. */
static void cholesky_times(const double *l, size_t n, const double *x, double *turned, double *out)
{
    memset(turned, 0, n * sizeof *turned);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++)
            turned[j] += l[i * n + j] * x[i];
    for (size_t i = 0; i < n; i++)
        out[i] = dot(l + i * n, turned, i + 1);
}

/* ---- a reader ---- */

/* P = G + ridge; rows u_k = sqrt|x_k| v_k; t_k = +-sqrt|x_k|. The vector sought is
 *     (P + U'U)^-1 U't = P^-1 U' (I + U P^-1 U')^-1 t,
 * `l` has the factors of the left one or of the right one, whichever is smaller. With the right one
 * all is scaled: rows are U P^-1/2, solutions P^1/2 times the vector, and I stands for P. */
struct factors_fold {
    const struct factors *f;
    struct arena *a;
    size_t count;
    bool by_readings; /* the right one */
    float *rows;      /* count x dims */
    double *t;        /* count */
    double ridge;
    double *ridged; /* dims: P */
    double *l;
    double *solved; /* dims: the vector, scaled as the rows are */
};

static void rows_make(struct factors_fold *r, const struct model_read *read)
{
    const struct factors *f = r->f;
    for (size_t k = 0; k < r->count; k++) {
        float *row = r->rows + k * f->dims;
        double x = (double)read[k].weight, size = sqrt(fabs(x));
        assert(isfinite(x) && read[k].item < f->items);
        half_to_f32(f->vectors + (size_t)read[k].item * f->dims, row, f->dims);
        for (uint32_t d = 0; d < f->dims; d++)
            row[d] = (float)((double)row[d] * size / (r->by_readings ? sqrt(r->ridged[d]) : 1));
        r->t[k] = x < 0 ? -size : size;
    }
}

static void system_by_readings(struct factors_fold *r)
{
    size_t n = r->count, dims = r->f->dims;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++)
            r->l[i * n + j] = (double)dot_f32(r->rows + i * dims, r->rows + j * dims, dims);
        r->l[i * n + i] += 1;
    }
}

static void system_by_dims(struct factors_fold *r)
{
    size_t n = r->count, dims = r->f->dims;
    float *turned = xmalloc(n * dims * sizeof *turned);
    for (size_t k = 0; k < n; k++)
        for (size_t d = 0; d < dims; d++)
            turned[d * n + k] = r->rows[k * dims + d];
    for (size_t i = 0; i < dims; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t k = 0; k < n; k += DOT_DIMS_MAX)
                sum += (double)dot_f32(turned + i * n + k, turned + j * n + k,
                                       n - k < DOT_DIMS_MAX ? n - k : DOT_DIMS_MAX);
            r->l[i * dims + j] = sum;
        }
        r->l[i * dims + i] += r->ridged[i];
    }
    free(turned);
}

/* out[dims] += rows' z. */
static void rows_sum(const struct factors_fold *r, const double *z, double *out)
{
    size_t dims = r->f->dims;
    for (size_t k = 0; k < r->count; k++)
        for (size_t d = 0; d < dims; d++)
            out[d] += z[k] * (double)r->rows[k * dims + d];
}

static double row_times(const struct factors_fold *r, size_t k, const double *v)
{
    size_t dims = r->f->dims, d = 0;
    const float *row = r->rows + k * dims;
    double s[4] = {0};
    for (; d + 4 <= dims; d += 4)
        for (size_t i = 0; i < 4; i++)
            s[i] += v[d + i] * (double)row[d + i];
    for (; d < dims; d++)
        s[0] += v[d] * (double)row[d];
    return s[0] + s[1] + (s[2] + s[3]);
}

static void rows_times(const struct factors_fold *r, const double *v, double *out)
{
    for (size_t k = 0; k < r->count; k++)
        out[k] = row_times(r, k, v);
}

static double ridge_of(const struct factors *f, size_t count)
{
    return f->lambda * pow((double)count + f->alpha * (double)f->known, f->nu);
}

struct factors_fold *factors_fold(const struct factors *f, const struct model_read *read,
                                  size_t count, struct arena *a)
{
    size_t dims = f->dims, n = count <= dims ? count : dims;
    struct factors_fold *r = arena_alloc(a, sizeof *r);
    *r = (struct factors_fold){
        .f = f, .a = a, .count = count, .by_readings = count <= dims, .ridge = ridge_of(f, count)};
    r->rows = arena_alloc(a, count * dims * sizeof *r->rows + 1);
    r->t = arena_array(a, count + 1, sizeof *r->t);
    r->ridged = arena_array(a, dims, sizeof *r->ridged);
    r->solved = arena_array(a, dims, sizeof *r->solved);
    r->l = arena_alloc(a, n * n * sizeof *r->l + 1);
    for (size_t d = 0; d < dims; d++)
        r->ridged[d] = f->gram[d] + r->ridge;
    rows_make(r, read);
    if (r->by_readings)
        system_by_readings(r);
    else
        system_by_dims(r);
    cholesky(r->l, n);
    if (r->by_readings) {
        double *z = arena_array(a, count + 1, sizeof *z);
        memcpy(z, r->t, count * sizeof *z);
        cholesky_solve(r->l, count, z);
        rows_sum(r, z, r->solved);
    } else {
        rows_sum(r, r->t, r->solved);
        cholesky_solve(r->l, dims, r->solved);
    }
    return r;
}

static void vector_out(const struct factors_fold *r, const double *solved, float *out)
{
    for (uint32_t d = 0; d < r->f->dims; d++)
        out[d] = (float)(solved[d] / (r->by_readings ? sqrt(r->ridged[d]) : 1));
}

void factors_reader(const struct factors *f, const struct model_read *read, size_t count,
                    float *out)
{
    struct arena *a = arena_new(0);
    const struct factors_fold *r = factors_fold(f, read, count, a);
    vector_out(r, r->solved, out);
    arena_free(a);
}

double factors_item(const struct factors *f, const float *reader, uint32_t item)
{
    assert(item < f->items);
    return (double)dot_f16_f32(f->vectors + (size_t)item * f->dims, reader, f->dims);
}

void factors_score(const struct factors *f, const struct model_read *read, size_t count,
                   float *scores)
{
    float *w = xmalloc(f->dims * sizeof *w);
    factors_reader(f, read, count, w);
    for (uint32_t i = 0; i < f->items; i++)
        scores[i] = (float)factors_item(f, w, i);
    free(w);
}

/* ---- why ---- */

void factors_fold_parts(const struct factors_fold *r, const uint32_t *items, const double *weights,
                        size_t count, double *parts)
{
    size_t dims = r->f->dims;
    double *v = arena_array(r->a, dims, sizeof *v);
    for (size_t j = 0; j < count; j++) {
        assert(items[j] < r->f->items);
        for (size_t d = 0; d < dims; d++)
            v[d] += weights[j] * (double)half_to_float(r->f->vectors[items[j] * dims + d]);
    }
    for (size_t d = 0; d < dims && r->by_readings; d++)
        v[d] /= sqrt(r->ridged[d]);
    if (!r->by_readings)
        cholesky_solve(r->l, dims, v);
    rows_times(r, v, parts);
    if (r->by_readings)
        cholesky_solve(r->l, r->count, parts);
    for (size_t k = 0; k < r->count; k++)
        parts[k] *= r->t[k];
}

void factors_parts(const struct factors *f, const struct model_read *read, size_t count,
                   uint32_t item, double *parts)
{
    struct arena *a = arena_new(0);
    factors_fold_parts(factors_fold(f, read, count, a), &item, &(double){1}, 1, parts);
    arena_free(a);
}

/* The system of other weights, A' = A + shift - sum of less_c u u': where it differs from A, whose
 * factors are there. */
struct changed {
    const struct factors_fold *r;
    const size_t *at;
    const double *times;
    size_t count;
    double *shift;         /* dims */
    double *room, *turned; /* for products: count, dims */
};

/* out = A' x. */
static void changed_times(const struct changed *c, const double *x, double *out)
{
    const struct factors_fold *r = c->r;
    size_t dims = r->f->dims;
    if (r->by_readings) {
        rows_times(r, x, c->room);
        memcpy(out, x, dims * sizeof *out);
        rows_sum(r, c->room, out);
    } else {
        cholesky_times(r->l, dims, x, c->turned, out);
    }
    for (size_t d = 0; d < dims; d++)
        out[d] += c->shift[d] * x[d];
    for (size_t i = 0; i < c->count; i++) {
        const float *row = r->rows + c->at[i] * dims;
        double less = (1 - fabs(c->times[i])) * row_times(r, c->at[i], x);
        for (size_t d = 0; d < dims; d++)
            out[d] -= less * (double)row[d];
    }
}

/* out = A^-1 x. */
static void unchanged_solve(const struct changed *c, const double *x, double *out)
{
    const struct factors_fold *r = c->r;
    size_t dims = r->f->dims;
    memcpy(out, x, dims * sizeof *out);
    if (!r->by_readings) {
        cholesky_solve(r->l, dims, out);
        return;
    }
    rows_times(r, x, c->room);
    cholesky_solve(r->l, r->count, c->room);
    for (size_t k = 0; k < r->count; k++)
        c->room[k] = -c->room[k];
    rows_sum(r, c->room, out);
}

/* A' x = right by conjugate gradients from x on, until no more than `enough` is missing; A as the
 * preconditioner: so few readings differ that it takes a few steps. */
static void changed_solve(const struct changed *c, const double *right, double enough, double *x)
{
    size_t dims = c->r->f->dims;
    double *rest = arena_array(c->r->a, 4 * dims, sizeof *rest), *z = rest + dims,
           *way = rest + 2 * dims, *product = rest + 3 * dims, size = 0;
    changed_times(c, x, product);
    for (size_t d = 0; d < dims; d++)
        rest[d] = right[d] - product[d];
    for (int step = 0; step < STEPS_MAX; step++) {
        unchanged_solve(c, rest, z);
        double before = size, along;
        size = dot(rest, z, dims);
        if (!(size > enough))
            return;
        for (size_t d = 0; d < dims; d++)
            way[d] = z[d] + (step ? size / before * way[d] : 0);
        changed_times(c, way, product);
        along = size / dot(way, product, dims);
        for (size_t d = 0; d < dims; d++) {
            x[d] += along * way[d];
            rest[d] -= along * product[d];
        }
    }
}

void factors_fold_changed(const struct factors_fold *r, const size_t *at, const double *times,
                          size_t count, size_t gone, float *out)
{
    size_t dims = r->f->dims;
    struct changed c = {.r = r, .at = at, .times = times, .count = count};
    double *x = arena_array(r->a, dims, sizeof *x), *right = arena_array(r->a, dims, sizeof *right),
           more = ridge_of(r->f, r->count - gone) - r->ridge;
    assert(gone <= r->count && count <= r->count);
    c.shift = arena_array(r->a, dims, sizeof *c.shift);
    c.room = arena_array(r->a, r->count + 1, sizeof *c.room);
    c.turned = arena_array(r->a, dims, sizeof *c.turned);
    for (size_t d = 0; d < dims; d++)
        c.shift[d] = more / (r->by_readings ? r->ridged[d] : 1);
    memcpy(x, r->solved, dims * sizeof *x);
    rows_sum(r, r->t, right);
    double enough = NEGLIGIBLE * dot(right, r->solved, dims);
    for (size_t i = 0; i < count; i++)
        for (size_t d = 0; d < dims; d++)
            right[d] -= (1 - times[i]) * r->t[at[i]] * (double)r->rows[at[i] * dims + d];
    changed_solve(&c, right, enough, x);
    vector_out(r, x, out);
}

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

/* ---- a reader ---- */

/* P = G + ridge; rows u_k = sqrt|x_k| v_k; t_k = +-sqrt|x_k|. The vector sought is
 *     (P + U'U)^-1 U't = P^-1 U' (I + U P^-1 U')^-1 t,
 * `l` has the factors of the left one or of the right one, whichever is smaller. */
struct reader {
    const struct factors *f;
    size_t count;
    bool by_readings; /* the right one; rows are then U P^-1/2 */
    float *rows;      /* count x dims */
    double *t;        /* count */
    double *ridged;   /* dims: P */
    double *l;
};

static void rows_make(struct reader *r, const struct model_read *read)
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

static void system_by_readings(struct reader *r)
{
    size_t n = r->count, dims = r->f->dims;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++)
            r->l[i * n + j] = (double)dot_f32(r->rows + i * dims, r->rows + j * dims, dims);
        r->l[i * n + i] += 1;
    }
}

static void system_by_dims(struct reader *r)
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

static void reader_init(struct reader *r, const struct factors *f, const struct model_read *read,
                        size_t count)
{
    size_t dims = f->dims, n;
    double ridge = f->lambda * pow((double)count + f->alpha * (double)f->known, f->nu);
    *r = (struct reader){.f = f, .count = count, .by_readings = count <= dims};
    n = r->by_readings ? count : dims;
    r->rows = xmalloc(count * dims * sizeof *r->rows + 1);
    r->t = xmalloc((count + 1) * sizeof *r->t);
    r->ridged = xmalloc(dims * sizeof *r->ridged);
    r->l = xmalloc(n * n * sizeof *r->l + 1);
    for (size_t d = 0; d < dims; d++)
        r->ridged[d] = f->gram[d] + ridge;
    rows_make(r, read);
    if (r->by_readings)
        system_by_readings(r);
    else
        system_by_dims(r);
    cholesky(r->l, n);
}

static void reader_release(struct reader *r)
{
    free(r->rows);
    free(r->t);
    free(r->ridged);
    free(r->l);
}

/* out[dims] = rows' z. */
static void rows_sum(const struct reader *r, const double *z, double *out)
{
    size_t dims = r->f->dims;
    memset(out, 0, dims * sizeof *out);
    for (size_t k = 0; k < r->count; k++)
        for (size_t d = 0; d < dims; d++)
            out[d] += z[k] * (double)r->rows[k * dims + d];
}

static void rows_times(const struct reader *r, const double *v, double *out)
{
    size_t dims = r->f->dims;
    for (size_t k = 0; k < r->count; k++) {
        out[k] = 0;
        for (size_t d = 0; d < dims; d++)
            out[k] += v[d] * (double)r->rows[k * dims + d];
    }
}

void factors_reader(const struct factors *f, const struct model_read *read, size_t count,
                    float *out)
{
    double *w = xmalloc(f->dims * sizeof *w);
    struct reader r;
    reader_init(&r, f, read, count);
    if (r.by_readings) {
        cholesky_solve(r.l, count, r.t);
        rows_sum(&r, r.t, w);
        for (uint32_t d = 0; d < f->dims; d++)
            w[d] /= sqrt(r.ridged[d]);
    } else {
        rows_sum(&r, r.t, w);
        cholesky_solve(r.l, f->dims, w);
    }
    for (uint32_t d = 0; d < f->dims; d++)
        out[d] = (float)w[d];
    reader_release(&r);
    free(w);
}

void factors_score(const struct factors *f, const struct model_read *read, size_t count,
                   float *scores)
{
    float *w = xmalloc(f->dims * sizeof *w);
    factors_reader(f, read, count, w);
    for (uint32_t i = 0; i < f->items; i++)
        scores[i] = dot_f16_f32(f->vectors + (size_t)i * f->dims, w, f->dims);
    free(w);
}

void factors_parts(const struct factors *f, const struct model_read *read, size_t count,
                   uint32_t item, double *parts)
{
    double *v = xmalloc(f->dims * sizeof *v);
    struct reader r;
    assert(item < f->items);
    reader_init(&r, f, read, count);
    for (uint32_t d = 0; d < f->dims; d++)
        v[d] = (double)half_to_float(f->vectors[(size_t)item * f->dims + d]) /
               (r.by_readings ? sqrt(r.ridged[d]) : 1);
    if (!r.by_readings)
        cholesky_solve(r.l, f->dims, v);
    rows_times(&r, v, parts);
    if (r.by_readings)
        cholesky_solve(r.l, count, parts);
    for (size_t k = 0; k < count; k++)
        parts[k] *= r.t[k];
    reader_release(&r);
    free(v);
}

#include "math/dense.h"

#include "base/arena.h"
#include "base/library.h"
#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

/* As cblas.h and LAPACK have them; 32-bit sizes. */
enum { ROW_MAJOR = 101, PLAIN = 111, TURNED = 112 };
static struct {
    void (*threads)(int n);
    void (*sgemm)(int order, int turn_a, int turn_b, int m, int n, int k, float alpha,
                  const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);
    void (*saxpy)(int n, float alpha, const float *x, int x_step, float *y, int y_step);
    void (*spotrf)(const char *half, const int *n, float *a, const int *lda, int *info);
    void (*spotri)(const char *half, const int *n, float *a, const int *lda, int *info);
    void (*sposv)(const char *half, const int *n, const int *columns, float *a, const int *lda,
                  float *b, const int *ldb, int *info);
    void (*dsyevd)(const char *what, const char *half, const int *n, double *a, const int *lda,
                   double *values, double *work, const int *work_n, int *places,
                   const int *places_n, int *info);
    bool there;
} blas;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
    static const struct library_symbol symbols[] = {
        {"openblas_set_num_threads", &blas.threads},
        {"cblas_sgemm", &blas.sgemm},
        {"cblas_saxpy", &blas.saxpy},
        {"spotrf_", &blas.spotrf},
        {"spotri_", &blas.spotri},
        {"sposv_", &blas.sposv},
        {"dsyevd_", &blas.dsyevd},
    };
    blas.there = library_load("libopenblas.so.0", symbols, sizeof symbols / sizeof *symbols);
}

enum err dense_open(struct err_info *e)
{
    pthread_once(&once, load);
    return blas.there ? 0
                      : err_set(e, ERR_UNAVAILABLE, NULL,
                                "training needs OpenBLAS: install libopenblas0-pthread");
}

void dense_threads(unsigned threads)
{
    blas.threads((int)threads);
}

bool dense_invert(float *a, size_t n)
{
    int size = (int)n, info = 0;
    assert(n <= INT_MAX);
    if (n == 0)
        return true;
    /* What is lower row by row is upper column by column, as LAPACK sees it. */
    blas.spotrf("U", &size, a, &size, &info);
    if (!info)
        blas.spotri("U", &size, a, &size, &info);
    for (size_t i = 0; i < n && !info; i++)
        for (size_t j = i + 1; j < n; j++)
            a[i * n + j] = a[j * n + i];
    return !info;
}

bool dense_solve(float *a, size_t n, float *x)
{
    int size = (int)n, one = 1, info = 0;
    assert(n > 0 && n <= INT_MAX);
    blas.sposv("U", &size, &one, a, &size, x, &size, &info);
    return !info;
}

bool dense_axes(double *a, size_t n, double *values)
{
    int size = (int)n, info = 0, work_n = (int)(1 + 6 * n + 2 * n * n), places_n = (int)(3 + 5 * n);
    assert(n > 0 && n <= 16384);
    double *work = xmalloc((size_t)work_n * sizeof *work);
    int *places = xmalloc((size_t)places_n * sizeof *places);
    /* Columns as LAPACK sees them are rows. */
    blas.dsyevd("V", "U", &size, a, &size, values, work, &work_n, places, &places_n, &info);
    free(work);
    free(places);
    return !info;
}

void dense_product(size_t rows, size_t columns, size_t depth, float alpha, struct dense a,
                   struct dense b, float beta, float *c, size_t c_stride)
{
    if (rows && columns)
        blas.sgemm(ROW_MAJOR, a.turned ? TURNED : PLAIN, b.turned ? TURNED : PLAIN, (int)rows,
                   (int)columns, (int)depth, alpha, a.at, (int)a.stride, b.at, (int)b.stride, beta,
                   c, (int)c_stride);
}

void dense_add(size_t n, float factor, const float *from, float *to)
{
    blas.saxpy((int)n, factor, from, 1, to, 1);
}

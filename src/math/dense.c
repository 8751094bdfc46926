#include "math/dense.h"

#include <assert.h>
#include <cblas.h>
#include <lapacke.h>
#include <limits.h>

void dense_threads(unsigned threads)
{
    openblas_set_num_threads((int)threads);
}

bool dense_invert(float *a, size_t n)
{
    assert(n <= INT_MAX);
    lapack_int size = (lapack_int)n;
    /* Row by row and lower is column by column and upper: LAPACKE would turn a copy. */
    if (LAPACKE_spotrf_work(LAPACK_COL_MAJOR, 'U', size, a, size) ||
        LAPACKE_spotri_work(LAPACK_COL_MAJOR, 'U', size, a, size))
        return false;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            a[i * n + j] = a[j * n + i];
    return true;
}

void dense_product(size_t rows, size_t columns, size_t depth, float alpha, const float *a,
                   size_t a_stride, bool a_turned, const float *b, size_t b_stride, bool b_turned,
                   float beta, float *c, size_t c_stride)
{
    if (rows && columns)
        cblas_sgemm(CblasRowMajor, a_turned ? CblasTrans : CblasNoTrans,
                    b_turned ? CblasTrans : CblasNoTrans, (int)rows, (int)columns, (int)depth,
                    alpha, a, (int)a_stride, b, (int)b_stride, beta, c, (int)c_stride);
}

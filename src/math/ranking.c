#include "math/ranking.h"
#include <math.h>
#include <stdlib.h>

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t common(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count,
                     size_t depth)
{
    size_t same = 0;
    for (size_t i = 0; i < least(a_count, depth); i++)
        for (size_t k = 0; k < least(b_count, depth); k++)
            same += a[i] == b[k];
    return same;
}

double ranking_overlap(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count,
                       size_t depth)
{
    size_t most = least(a_count > b_count ? a_count : b_count, depth);
    return most ? (double)common(a, a_count, b, b_count, depth) / (double)most : 1;
}

double ranking_rbo(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count, double p)
{
    size_t s = least(a_count, b_count), l = a_count + b_count - s;
    if (s == 0)
        return l == 0;
    double shorter = (double)common(a, a_count, b, b_count, s), sum = 0;
    double longer = (double)common(a, a_count, b, b_count, l);
    for (size_t d = 1; d <= l; d++)
        sum += (double)common(a, a_count, b, b_count, d) / (double)d * pow(p, (double)d);
    for (size_t d = s + 1; d <= l; d++)
        sum += shorter * (double)(d - s) / (double)(s * d) * pow(p, (double)d);
    double tail = (longer - shorter) / (double)l + shorter / (double)s;
    return (1 - p) / p * sum + tail * pow(p, (double)l);
}

double ranking_dcg(const double *gains, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += gains[i] / log2((double)i + 2);
    return sum;
}

static int descending(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x < *y) - (*x > *y);
}

double ranking_dcg_ideal(double *gains, size_t count, size_t depth)
{
    if (count)
        qsort(gains, count, sizeof *gains, descending);
    return ranking_dcg(gains, least(count, depth));
}

#include "math/resample.h"
#include "base/arena.h"
#include "base/rng.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>

double resample_mean(const double *x, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += x[i];
    return count ? sum / (double)count : 0;
}

static int ascending(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

struct resample_range resample_mean_range(const double *x, size_t count, unsigned rounds,
                                          uint64_t seed)
{
    struct rng rng;
    double *means = xcalloc(rounds + 1, sizeof *means);
    rng_init(&rng, seed);
    for (unsigned r = 0; r < rounds && count; r++) {
        double sum = 0;
        for (size_t i = 0; i < count; i++)
            sum += x[rng_below(&rng, count)];
        means[r] = sum / (double)count;
    }
    qsort(means, rounds, sizeof *means, ascending);
    struct resample_range range = {means[rounds * 25 / 1000], means[rounds * 975 / 1000]};
    free(means);
    return range;
}

double resample_paired_p(const double *difference, size_t count, unsigned rounds, uint64_t seed)
{
    struct rng rng;
    double seen = fabs(resample_mean(difference, count)) * (double)count;
    unsigned extreme = 0;
    rng_init(&rng, seed);
    for (unsigned r = 0; r < rounds; r++) {
        double sum = 0;
        uint64_t bits = 0;
        for (size_t i = 0; i < count; i++, bits >>= 1) {
            if (i % 64 == 0)
                bits = rng_next(&rng);
            sum += bits & 1 ? difference[i] : -difference[i];
        }
        extreme += fabs(sum) >= seen - 1e-9;
    }
    return (1.0 + extreme) / (1.0 + rounds);
}

void resample_holm(double *p, size_t count)
{
    double least = 0;
    uint64_t done = 0;
    assert(count <= 64);
    for (size_t left = count; left > 0; left--) {
        size_t best = count;
        for (size_t i = 0; i < count; i++)
            if (!(done >> i & 1) && (best == count || p[i] < p[best]))
                best = i;
        done |= (uint64_t)1 << best;
        least = fmax(least, fmin(1, p[best] * (double)left));
        p[best] = least;
    }
}

/* The variance of the shares of `b` that lie below each of `a` (DeLong's placements); *mean: their
 * mean. Both sorted. */
static double placements(const double *a, size_t a_count, const double *b, size_t b_count,
                         double *mean)
{
    double sum = 0, squares = 0;
    size_t below = 0, upto = 0;
    for (size_t i = 0; i < a_count; i++) {
        while (below < b_count && b[below] < a[i])
            below++;
        while (upto < b_count && b[upto] <= a[i])
            upto++;
        double share = .5 * (double)(below + upto) / (double)b_count;
        sum += share;
        squares += share * share;
    }
    *mean = sum / (double)a_count;
    return a_count > 1 ? (squares - sum * *mean) / (double)(a_count - 1) : 0;
}

double resample_auc(double *own, size_t own_count, double *foreign, size_t foreign_count,
                    struct resample_range *range)
{
    double auc, other;
    *range = (struct resample_range){0, 1};
    if (!own_count || !foreign_count)
        return .5;
    qsort(own, own_count, sizeof *own, ascending);
    qsort(foreign, foreign_count, sizeof *foreign, ascending);
    double of_own = placements(own, own_count, foreign, foreign_count, &auc);
    double of_foreign = placements(foreign, foreign_count, own, own_count, &other);
    double variance = of_own / (double)own_count + of_foreign / (double)foreign_count;
    double half = 1.959964 * sqrt(fmax(0, variance));
    *range = (struct resample_range){fmax(0, auc - half), fmin(1, auc + half)};
    return auc;
}

#include "math/offpolicy.h"
#include <assert.h>
#include <math.h>

struct weights {
    double sum, squares, max;
};

static double row_weight(const struct offpolicy_row *r)
{
    assert(r->propensity > 0 && r->propensity <= 1 && r->target >= 0 && r->target <= 1);
    return r->target / r->propensity;
}

static struct weights weights_of(const struct offpolicy_row *rows, size_t count)
{
    struct weights all = {0};
    for (size_t i = 0; i < count; i++) {
        double w = row_weight(&rows[i]);
        all.sum += w;
        all.squares += w * w;
        all.max = fmax(all.max, w);
    }
    return all;
}

#define Z95 1.959964
#define ADDED (Z95 * Z95 / 2) /* rows at each end */

static const struct offpolicy_estimate nothing = {.value = NAN, .low = -INFINITY, .high = INFINITY};

static double weighted_sum(const struct offpolicy_row *rows, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += row_weight(&rows[i]) * rows[i].reward;
    return sum;
}

struct offpolicy_estimate offpolicy_ips(const struct offpolicy_row *rows, size_t count)
{
    struct weights all = weights_of(rows, count);
    double n = (double)count, squares = 0;
    if (!(all.sum > 0))
        return nothing;
    double value = weighted_sum(rows, count) / n;
    for (size_t i = 0; i < count; i++) {
        double left = row_weight(&rows[i]) * rows[i].reward - value;
        squares += left * left;
    }
    double reach = count > 1 ? Z95 * sqrt(squares / (n * (n - 1))) : INFINITY;
    return (struct offpolicy_estimate){.value = value,
                                       .low = value - reach,
                                       .high = value + reach,
                                       .effective = all.sum * all.sum / all.squares,
                                       .weight_max = all.max};
}

struct offpolicy_estimate offpolicy_snips(const struct offpolicy_row *rows, size_t count,
                                          double low, double high)
{
    struct weights all = weights_of(rows, count);
    assert(low <= high);
    if (!(all.sum > 0))
        return nothing;
    double sum = weighted_sum(rows, count), carrying = all.squares / all.sum;
    double total = all.sum + 2 * ADDED * carrying;
    double middle = (sum + ADDED * carrying * (low + high)) / total;
    double squares = ADDED * carrying * carrying *
                     ((low - middle) * (low - middle) + (high - middle) * (high - middle));
    for (size_t i = 0; i < count; i++) {
        double left = row_weight(&rows[i]) * (rows[i].reward - middle);
        squares += left * left;
    }
    double reach = Z95 * sqrt(squares) / total;
    return (struct offpolicy_estimate){.value = sum / all.sum,
                                       .low = fmax(low, middle - reach),
                                       .high = fmin(high, middle + reach),
                                       .effective = all.sum * all.sum / all.squares,
                                       .weight_max = all.max};
}

/* What another policy would have earned, from the log of one that chose by chance and wrote down
 * how likely each choice was: w = P(target chooses it) / propensity.
 *
 *   IPS    mean of w * reward: right on average, whatever the weights, but of wide spread
 *   SNIPS  sum of w * reward / sum of w: does not move when all rewards are shifted, less spread, a
 *          bias that goes with 1 / n (Swaminathan, Joachims: The Self-Normalized Estimator for
 *          Counterfactual Learning, NIPS 2015)
 *
 * Intervals, 95 %: IPS by the spread of the terms; SNIPS by that of the ratio (delta method: Owen,
 * Monte Carlo theory, chapter 9.2) after 1.92 rows with the lowest and as many with the highest
 * possible reward were added, each of the mean weight that carries the estimate. That is for
 * weighted rows what Agresti and Coull (1998) do for a plain share, and what makes the interval
 * hold where rewards are rare and weights uneven. Rows count as independent. Any thread; no state.
 */
#ifndef MATH_OFFPOLICY_H
#define MATH_OFFPOLICY_H

#include <stdbool.h>
#include <stddef.h>

struct offpolicy_row {
    double reward;
    double propensity; /* (0, 1]: of what was shown, when it was */
    double target;     /* [0, 1]: the other policy's */
};
struct offpolicy_estimate {
    double value, low, high; /* NaN, and -inf ... inf: no row has weight */
    double effective;        /* (sum of w)^2 / sum of w^2: so many rows carry the estimate */
    double weight_max;
};
struct offpolicy_estimate offpolicy_ips(const struct offpolicy_row *rows, size_t count);
/* Rewards are in [low, high]. */
struct offpolicy_estimate offpolicy_snips(const struct offpolicy_row *rows, size_t count,
                                          double low, double high);

#endif

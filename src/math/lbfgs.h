/* The least of a smooth function of many variables: L-BFGS with the two-loop recursion (Nocedal:
 * Updating Quasi-Newton Matrices with Limited Storage, 1980; Liu, Nocedal: On the Limited Memory
 * BFGS Method for Large Scale Optimization, 1989) and a line search by bisection to the weak Wolfe
 * conditions (Lewis, Overton: Nonsmooth Optimization via Quasi-Newton Methods, 2013, algorithm
 * 2.6). The same function and start give the same end. Any thread. */
#ifndef MATH_LBFGS_H
#define MATH_LBFGS_H

#include <stdbool.h>
#include <stddef.h>

/* -> the value at x[n], its gradient into gradient[n]. */
typedef double lbfgs_fn(void *ctx, const double *x, double *gradient);

struct lbfgs_options {
    unsigned steps_max;      /* 0: 200 */
    double tolerance;        /* it ends where |gradient| <= this * that at the start; 0: 1e-5 */
    bool (*stop)(void *ctx); /* asked before each step; may be NULL */
};
struct lbfgs_end {
    double value;
    unsigned steps, calls;
    bool converged; /* by tolerance, or no step makes it less any more */
};
/* x: the start, then the end. Memory: 20 n doubles. */
struct lbfgs_end lbfgs_minimise(size_t n, double *x, lbfgs_fn *f, void *ctx,
                                const struct lbfgs_options *o);

#endif

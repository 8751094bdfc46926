#include "math/lbfgs.h"

#include "base/arena.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HISTORY 8
#define STEPS_MAX 200
#define TOLERANCE 1e-5
#define LINE_MAX 40 /* values of one line search */
#define ARMIJO 1e-4
#define CURVATURE .9

struct search {
    size_t n;
    lbfgs_fn *f;
    void *ctx;
    double *x, *gradient;     /* where it is */
    double *to, *to_gradient; /* where it looks */
    double *direction;
    double *s[HISTORY], *y[HISTORY], rho[HISTORY];
    unsigned kept, next; /* pairs; where the next one goes */
    double value;
    unsigned calls;
};

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void add(double *to, double factor, const double *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] += factor * from[i];
}

static unsigned pair(const struct search *q, unsigned back) /* 0: the newest */
{
    return (q->next + 2 * HISTORY - 1 - back) % HISTORY;
}

/* direction = -H gradient. */
static void direction_make(struct search *q)
{
    double alpha[HISTORY], *r = q->direction;
    size_t n = q->n;
    for (size_t i = 0; i < n; i++)
        r[i] = -q->gradient[i];
    for (unsigned b = 0; b < q->kept; b++) {
        unsigned k = pair(q, b);
        alpha[k] = q->rho[k] * dot(q->s[k], r, n);
        add(r, -alpha[k], q->y[k], n);
    }
    if (q->kept) {
        unsigned k = pair(q, 0);
        double scale = 1 / (q->rho[k] * dot(q->y[k], q->y[k], n));
        for (size_t i = 0; i < n; i++)
            r[i] *= scale;
    }
    for (unsigned b = q->kept; b-- > 0;) {
        unsigned k = pair(q, b);
        add(r, alpha[k] - q->rho[k] * dot(q->y[k], r, n), q->s[k], n);
    }
}

/* Into q->to. False: nothing along the direction is less. */
static bool line_search(struct search *q, double first, double *value)
{
    double low = 0, high = INFINITY, t = first, slope = dot(q->gradient, q->direction, q->n);
    bool less = false;
    if (!(slope < 0))
        return false;
    for (unsigned i = 0; i < LINE_MAX; i++) {
        memcpy(q->to, q->x, q->n * sizeof *q->to);
        add(q->to, t, q->direction, q->n);
        *value = q->f(q->ctx, q->to, q->to_gradient);
        q->calls++;
        if (!(*value <= q->value + ARMIJO * t * slope)) {
            high = t;
            less = false;
        } else if (dot(q->to_gradient, q->direction, q->n) < CURVATURE * slope) {
            low = t;
            less = true;
        } else {
            return true;
        }
        t = isinf(high) ? 2 * t : (low + high) / 2;
    }
    return less;
}

static void pair_keep(struct search *q)
{
    unsigned k = q->next;
    for (size_t i = 0; i < q->n; i++) {
        q->s[k][i] = q->to[i] - q->x[i];
        q->y[k][i] = q->to_gradient[i] - q->gradient[i];
    }
    double sy = dot(q->s[k], q->y[k], q->n);
    if (!(sy > 0))
        return;
    q->rho[k] = 1 / sy;
    q->next = (k + 1) % HISTORY;
    q->kept += q->kept < HISTORY;
}

static void step_take(struct search *q, double value)
{
    double *x = q->x, *gradient = q->gradient;
    q->value = value;
    q->x = q->to;
    q->gradient = q->to_gradient;
    q->to = x;
    q->to_gradient = gradient;
}

static struct lbfgs_end minimise(struct search *q, const struct lbfgs_options *o)
{
    struct lbfgs_end end = {0};
    double value, tolerance = o->tolerance > 0 ? o->tolerance : TOLERANCE;
    unsigned steps_max = o->steps_max ? o->steps_max : STEPS_MAX;
    q->value = q->f(q->ctx, q->x, q->gradient);
    q->calls = 1;
    double first = sqrt(dot(q->gradient, q->gradient, q->n)), length = first;
    while (!(end.converged = length <= tolerance * first) && end.steps < steps_max &&
           !(o->stop && o->stop(q->ctx))) {
        direction_make(q);
        if (!line_search(q, q->kept ? 1 : 1 / length, &value)) {
            end.converged = true; /* as far as its numbers tell */
            break;
        }
        pair_keep(q);
        step_take(q, value);
        end.steps++;
        length = sqrt(dot(q->gradient, q->gradient, q->n));
    }
    end.value = q->value;
    end.calls = q->calls;
    return end;
}

struct lbfgs_end lbfgs_minimise(size_t n, double *x, lbfgs_fn *f, void *ctx,
                                const struct lbfgs_options *o)
{
    double *memory = xcalloc(n * (5 + 2 * HISTORY), sizeof *memory), *at = memory;
    struct search q = {.n = n, .f = f, .ctx = ctx};
    double **parts[] = {&q.x, &q.gradient, &q.to, &q.to_gradient, &q.direction};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++, at += n)
        *parts[i] = at;
    for (unsigned k = 0; k < HISTORY; k++, at += 2 * n) {
        q.s[k] = at;
        q.y[k] = at + n;
    }
    memcpy(q.x, x, n * sizeof *x);
    struct lbfgs_end end = minimise(&q, o);
    memcpy(x, q.x, n * sizeof *x);
    free(memory);
    return end;
}

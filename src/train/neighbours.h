/* Neighbours: items that the same readers read, by counting. Cheap, any size, and what a learned
 * model has to beat.
 *
 * NEIGHBOURS_BM25: B = W W', W_iu = idf(u) * x (k1 + 1) / (x + k1 (1 - b + b * readers of i / their
 *     mean)), idf(u) = ln(items / (1 + items of u)): readers of everything say little. As BM25 over
 *     the items, the readers their terms.
 * NEIGHBOURS_RP3BETA: random walks item - reader - item, B_ij = sum over u of
 *     (1 / readers of i)^alpha * (1 / items of u)^alpha / (readers of j)^beta. Paudel, Christoffel,
 *     Newell, Bernstein: Updatable, Accurate, Diverse, and Scalable Recommendations for Interactive
 *     Applications (TiiS 2017), section 3. */
#ifndef TRAIN_NEIGHBOURS_H
#define TRAIN_NEIGHBOURS_H

#include "base/err.h"
#include "recommend/item_model.h"
#include "train/interactions.h"
#include <stdatomic.h>
#include <stdbool.h>

/* One who read n items costs n^2 additions, and says little of what goes together. */
#define NEIGHBOURS_READ_MAX 4000u

enum neighbours_kind { NEIGHBOURS_BM25, NEIGHBOURS_RP3BETA };
struct neighbours_options {
    enum neighbours_kind kind;
    double k1, b;            /* BM25; 0: 10 and .2 */
    double alpha, beta;      /* RP3beta; 0: .6 and .35 */
    unsigned kept;           /* an item; 0: 200 */
    uint32_t read_max;       /* who read more items is left out; 0: NEIGHBOURS_READ_MAX */
    unsigned threads;        /* 0: one a core */
    const atomic_bool *stop; /* may be NULL */
};
/* Cost: for each item the interactions of its readers: the sum of the squares of what each read.
 * Memory: what is made, twice the interactions, and 12 bytes an item for each thread. The same
 * whatever the threads. ERR_CANCELLED: `stop`. */
enum err neighbours_train(const struct interactions *x, const struct neighbours_options *o,
                          struct item_model **out, struct err_info *e) MUST_CHECK;

#endif

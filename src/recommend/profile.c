#include "recommend/profile.h"
#include "index/vectors.h"
#include "math/dot.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rocchio's gamma: how hard a dislike pushes. Rocchio (1971); .5 is between the .15 of later text
 * retrieval and the 1 that lets one dislike undo one like. */
#define NEGATIVE .5
/* A profile shorter than this points nowhere: likes and dislikes cancelled out. */
#define LENGTH_MIN 1e-4f
enum { SHARES_MAX = 3 };

static int example_order(const void *x, const void *y)
{
    const struct recommend_example *a = x, *b = y;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return (a->weight > b->weight) - (a->weight < b->weight);
}

/* Sorted, so that the order in which feedback is given changes no bit of the answer. */
static size_t examples_merge(struct recommend_example *x, size_t count)
{
    size_t n = 0, kept = 0;
    qsort(x, count, sizeof *x, example_order);
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(x[i].weight))
            continue;
        if (n && x[n - 1].number == x[i].number)
            x[n - 1].weight += x[i].weight;
        else
            x[n++] = x[i];
    }
    for (size_t i = 0; i < n; i++)
        if (x[i].weight != 0)
            x[kept++] = x[i];
    return kept;
}

struct side {
    double *sum, weight;
};

static void side_add(struct side *s, const float *vector, double weight, size_t dims)
{
    s->weight += weight;
    for (size_t i = 0; i < dims; i++)
        s->sum[i] += weight * (double)vector[i];
}

bool profile_make(struct vectors *v, const struct recommend_example *examples, size_t count,
                  struct arena *a, struct profile *out)
{
    size_t dims = vectors_dims(v);
    struct recommend_example *own = arena_array(a, count + 1, sizeof *own);
    struct side liked = {arena_array(a, dims, sizeof(double)), 0};
    struct side unwanted = {arena_array(a, dims, sizeof(double)), 0};
    float *vector = arena_array(a, dims, sizeof *vector);
    if (count)
        memcpy(own, examples, count * sizeof *own);
    count = examples_merge(own, count);
    for (size_t i = 0; i < count; i++) {
        struct side *side = own[i].weight > 0 ? &liked : &unwanted;
        if (vectors_document(v, own[i].number, vector))
            side_add(side, vector, fabs(own[i].weight), dims);
    }
    if (liked.weight <= 0)
        return false;
    for (size_t i = 0; i < dims; i++) {
        double away = unwanted.weight > 0 ? unwanted.sum[i] / unwanted.weight : 0;
        vector[i] = (float)(liked.sum[i] / liked.weight - NEGATIVE * away);
    }
    *out = (struct profile){own, count, vector};
    return normalise_f32(vector, dims) > LENGTH_MIN;
}

bool recommend_profile(struct vectors *v, const struct recommend_example *examples, size_t count,
                       struct arena *a, float *out)
{
    struct profile p;
    if (!profile_make(v, examples, count, a, &p))
        return false;
    memcpy(out, p.vector, vectors_dims(v) * sizeof *out);
    return true;
}

/* ---- why ---- */

/* Keeps the SHARES_MAX largest, largest first, earlier ones (lower numbers) ahead at a tie. */
static void share_add(struct recommend_hit *h, struct recommend_share s)
{
    size_t at = h->share_count;
    while (at > 0 && h->shares[at - 1].share < s.share)
        at--;
    if (at == SHARES_MAX)
        return;
    if (h->share_count < SHARES_MAX)
        h->share_count++;
    memmove(&h->shares[at + 1], &h->shares[at], (h->share_count - at - 1) * sizeof s);
    h->shares[at] = s;
}

static void shares_normalise(struct recommend_hit *h)
{
    double sum = 0;
    for (size_t i = 0; i < h->share_count; i++)
        sum += h->shares[i].share;
    for (size_t i = 0; i < h->share_count; i++)
        h->shares[i].share /= sum;
}

void profile_explain(struct vectors *v, const struct profile *p, struct recommend_hit *hits,
                     const float *rows, size_t count, struct arena *a)
{
    size_t dims = vectors_dims(v);
    float *example = arena_array(a, dims, sizeof *example);
    for (size_t i = 0; i < count; i++)
        hits[i].shares = arena_array(a, SHARES_MAX, sizeof *hits[i].shares);
    for (size_t k = 0; k < p->count; k++) {
        const struct recommend_example *x = &p->examples[k];
        if (x->weight <= 0 || !vectors_document(v, x->number, example))
            continue;
        for (size_t i = 0; i < count; i++) {
            double part = x->weight * (double)dot_f32(example, rows + i * dims, dims);
            if (part > 0)
                share_add(&hits[i], (struct recommend_share){x->number, part});
        }
    }
    for (size_t i = 0; i < count; i++)
        shares_normalise(&hits[i]);
}

#include "recommend/profile.h"
#include "index/vectors.h"
#include "math/dot.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rocchio's gamma: how hard a dislike pushes. Rocchio (1971); .5 is between the .15 of later text
 * retrieval and the 1 that lets one dislike undo one like. */
#define NEGATIVE .5
/* A profile shorter than this share of what was liked points nowhere: likes and dislikes cancel. */
#define LENGTH_MIN 1e-4

static int example_order(const void *x, const void *y)
{
    const struct recommend_example *a = x, *b = y;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    if (a->vector != b->vector)
        return a->vector < b->vector ? -1 : 1;
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
        if (n && x[n - 1].number == x[i].number && x[n - 1].vector == x[i].vector)
            x[n - 1].weight += x[i].weight;
        else
            x[n++] = x[i];
    }
    for (size_t i = 0; i < n; i++)
        if (x[i].weight != 0)
            x[kept++] = x[i];
    return kept;
}

bool profile_row_of(const struct profile *p, const float *vector, float *out)
{
    for (uint32_t d = 0; d < p->dims; d++)
        out[d] = vector[d] - (p->centre ? p->centre[d] : 0);
    return normalise_f32(out, p->dims) > 1e-6f;
}

bool profile_row(const struct profile *p, uint32_t number, float *out)
{
    return vectors_document(p->vectors, number, out) && (!p->centre || profile_row_of(p, out, out));
}

static void parts_make(struct profile *p, const struct recommend_example *own, size_t count,
                       struct arena *a)
{
    p->parts = arena_array(a, count + 1, sizeof *p->parts);
    for (size_t i = 0; i < count; i++) {
        float *row = arena_array(a, p->dims, sizeof *row);
        if (own[i].vector ? profile_row_of(p, own[i].vector, row)
                          : profile_row(p, own[i].number, row))
            p->parts[p->count++] =
                (struct profile_part){own[i].number, own[i].vector, own[i].weight, row};
    }
}

/* How much of their weight the dislikes have. */
static double push_of(double liked, double unwanted)
{
    return unwanted > liked ? NEGATIVE * liked / unwanted : NEGATIVE;
}

/* out[dims] += weight * e. */
static void row_add(double *out, double weight, const float *row, uint32_t dims)
{
    for (uint32_t d = 0; d < dims; d++)
        out[d] += weight * (double)row[d];
}

/* From `likes` and `dislikes` to what is asked. */
static bool sums_make(struct profile *p, double liked, double unwanted, struct arena *a)
{
    double length = 0;
    p->push = push_of(liked, unwanted);
    p->factors = liked - p->push * unwanted;
    if (liked <= 0)
        return false;
    p->sum = arena_array(a, p->dims, sizeof *p->sum);
    p->direction = arena_array(a, p->dims, sizeof *p->direction);
    for (uint32_t d = 0; d < p->dims; d++) {
        p->sum[d] = p->likes[d] + p->push * p->dislikes[d];
        length += p->sum[d] * p->sum[d];
    }
    p->length = sqrt(length);
    if (p->length <= LENGTH_MIN * liked)
        return false;
    for (uint32_t d = 0; d < p->dims; d++)
        p->direction[d] = (float)(p->sum[d] / p->length);
    return true;
}

bool profile_make(struct vectors *v, const float *centre, double mean_cosine,
                  const struct recommend_example *examples, size_t count, struct arena *a,
                  struct profile *out)
{
    struct recommend_example *own = arena_array(a, count + 1, sizeof *own);
    double liked = 0, unwanted = 0;
    *out = (struct profile){.vectors = v, .centre = centre, .dims = vectors_dims(v)};
    out->mean = centre || !(mean_cosine < 1) ? 0 : mean_cosine;
    if (count)
        memcpy(own, examples, count * sizeof *own);
    parts_make(out, own, examples_merge(own, count), a);
    out->likes = arena_array(a, out->dims, sizeof *out->likes);
    out->dislikes = arena_array(a, out->dims, sizeof *out->dislikes);
    for (size_t k = 0; k < out->count; k++) {
        const struct profile_part *p = &out->parts[k];
        *(p->weight > 0 ? &liked : &unwanted) += fabs(p->weight);
        row_add(p->weight > 0 ? out->likes : out->dislikes, p->weight, p->row, out->dims);
    }
    return sums_make(out, liked, unwanted, a);
}

bool profile_changed(const struct profile *p, const double *weights, struct arena *a,
                     struct profile *out)
{
    double liked = 0, unwanted = 0;
    *out = *p;
    out->parts = NULL;
    out->count = 0;
    out->likes = arena_alloc(a, p->dims * sizeof *out->likes);
    out->dislikes = arena_alloc(a, p->dims * sizeof *out->dislikes);
    memcpy(out->likes, p->likes, p->dims * sizeof *out->likes);
    memcpy(out->dislikes, p->dislikes, p->dims * sizeof *out->dislikes);
    for (size_t k = 0; k < p->count; k++) {
        double was = p->parts[k].weight, is = weights[k];
        *(is > 0 ? &liked : &unwanted) += fabs(is);
        if (is == was)
            continue;
        row_add(was > 0 ? out->likes : out->dislikes, -was, p->parts[k].row, p->dims);
        row_add(is > 0 ? out->likes : out->dislikes, is, p->parts[k].row, p->dims);
    }
    return sums_make(out, liked, unwanted, a);
}

double profile_score(const struct profile *p, const float *row)
{
    double sum = 0;
    for (uint32_t d = 0; d < p->dims; d++)
        sum += p->sum[d] * (double)row[d];
    return (sum - p->mean * p->factors) / (1 - p->mean);
}

double profile_likeness(const struct profile *p, const float *row)
{
    double cosine = (double)dot_f32(p->direction, row, p->dims);
    return (cosine - p->mean) / (1 - p->mean);
}

void profile_parts(const struct profile *p, const float *row, double *parts)
{
    for (size_t k = 0; k < p->count; k++) {
        double cosine = 0;
        for (uint32_t d = 0; d < p->dims; d++)
            cosine += (double)p->parts[k].row[d] * (double)row[d];
        double factor = p->parts[k].weight * (p->parts[k].weight < 0 ? p->push : 1);
        parts[k] = factor * (cosine - p->mean) / (1 - p->mean);
    }
}

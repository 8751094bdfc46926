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
            p->parts[p->count++] = (struct profile_part){own[i].number, own[i].vector,
                                                         own[i].weight, own[i].weight, row};
    }
}

/* From weights to factors. */
static double parts_weigh(struct profile *p)
{
    double liked = 0, unwanted = 0;
    for (size_t i = 0; i < p->count; i++)
        *(p->parts[i].factor > 0 ? &liked : &unwanted) += fabs(p->parts[i].factor);
    double push = unwanted > liked ? NEGATIVE * liked / unwanted : NEGATIVE;
    for (size_t i = 0; i < p->count; i++)
        if (p->parts[i].factor < 0)
            p->parts[i].factor *= push;
    return liked;
}

bool profile_make(struct vectors *v, const float *centre, double mean_cosine,
                  const struct recommend_example *examples, size_t count, struct arena *a,
                  struct profile *out)
{
    struct recommend_example *own = arena_array(a, count + 1, sizeof *own);
    *out = (struct profile){.vectors = v, .centre = centre, .dims = vectors_dims(v)};
    out->mean = centre || !(mean_cosine < 1) ? 0 : mean_cosine;
    if (count)
        memcpy(own, examples, count * sizeof *own);
    parts_make(out, own, examples_merge(own, count), a);
    double liked = parts_weigh(out), length = 0;
    if (liked <= 0)
        return false;
    out->sum = arena_array(a, out->dims, sizeof *out->sum);
    out->direction = arena_array(a, out->dims, sizeof *out->direction);
    for (size_t i = 0; i < out->count; i++) {
        out->factors += out->parts[i].factor;
        for (uint32_t d = 0; d < out->dims; d++)
            out->sum[d] += out->parts[i].factor * (double)out->parts[i].row[d];
    }
    for (uint32_t d = 0; d < out->dims; d++)
        length += out->sum[d] * out->sum[d];
    out->length = sqrt(length);
    if (out->length <= LENGTH_MIN * liked)
        return false;
    for (uint32_t d = 0; d < out->dims; d++)
        out->direction[d] = (float)(out->sum[d] / out->length);
    return true;
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
        parts[k] = p->parts[k].factor * (cosine - p->mean) / (1 - p->mean);
    }
}

#include "recommend/recommend.h"
#include "base/docset.h"
#include "index/vectors.h"
#include "math/mmr.h"
#include "recommend/profile.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* MMR chooses from this many times what is wanted, and at most POOL_MAX: the choice is quadratic.
 */
enum { POOL_TIMES = 4, POOL_MIN = 50, POOL_MAX = 1000, SLACK = 64 };

static double score_of(double cosine, double mean)
{
    double score = mean < 1 ? (cosine - mean) / (1 - mean) : 0;
    return score < 0 ? 0 : score > 1 ? 1 : score;
}

static int hit_order(const void *x, const void *y)
{
    const struct recommend_hit *a = x, *b = y;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

static size_t hits_take(const struct vector_hit *near, size_t found,
                        const struct recommend_query *q, size_t wanted, struct recommend_hit *hits)
{
    size_t n = 0;
    for (size_t i = 0; i < found && n < wanted; i++) {
        if (q->without && docset_has(q->without, near[i].number))
            continue;
        hits[n++] = (struct recommend_hit){
            .number = near[i].number,
            .revision = near[i].revision,
            .score = score_of((double)near[i].cosine, (double)q->mean_cosine),
            .source = "profile",
        };
    }
    return n;
}

/* The `wanted` nearest that may be shown. What must not be shown crowds around the profile, since
 * it made it: so the search goes deeper until there is enough. */
static size_t candidates(struct vectors *v, const struct profile *p,
                         const struct recommend_query *q, size_t wanted, struct arena *a,
                         struct recommend_hit **out)
{
    size_t dropped = q->without ? q->without->count : 0, found, n;
    size_t most = wanted + dropped, documents = vectors_documents(v), k = wanted + SLACK;
    struct vector_hit *near = NULL;
    most = most < documents ? most : documents;
    wanted = wanted < documents ? wanted : documents;
    *out = arena_array(a, wanted + 1, sizeof **out);
    for (;; k *= 4) {
        k = k < most ? k : most;
        near = xrealloc(near, (k + 1) * sizeof *near);
        found = vectors_search(v, p->vector, k, q->within, false, near);
        n = hits_take(near, found, q, wanted, *out);
        if (n == wanted || found < k || k == most)
            break;
    }
    free(near);
    qsort(*out, n, sizeof **out, hit_order);
    return n;
}

static float *rows_of(struct vectors *v, const struct recommend_hit *hits, size_t count,
                      struct arena *a)
{
    size_t dims = vectors_dims(v);
    float *rows = arena_array(a, count * dims + 1, sizeof *rows);
    for (size_t i = 0; i < count; i++)
        if (!vectors_document(v, hits[i].number, rows + i * dims))
            memset(rows + i * dims, 0, dims * sizeof *rows); /* deleted meanwhile */
    return rows;
}

static size_t diversify(struct vectors *v, struct recommend_hit **hits, size_t count,
                        const struct recommend_query *q, struct arena *a)
{
    float *rows = rows_of(v, *hits, count, a);
    double *scores = arena_array(a, count + 1, sizeof *scores);
    double *nearest = arena_array(a, count + 1, sizeof *nearest);
    uint32_t *order = arena_array(a, count + 1, sizeof *order);
    struct recommend_hit *out = arena_array(a, count + 1, sizeof *out);
    size_t n;
    for (size_t i = 0; i < count; i++)
        scores[i] = (*hits)[i].score;
    n = mmr_order(scores, rows, vectors_dims(v), count, q->depth, q->diversity, nearest, order);
    for (size_t k = 0; k < n; k++)
        out[k] = (*hits)[order[k]];
    *hits = out;
    return n;
}

static size_t pool_size(const struct recommend_query *q)
{
    size_t n = q->depth * POOL_TIMES;
    if (q->diversity <= 0)
        return q->depth;
    n = n < POOL_MIN ? POOL_MIN : n > POOL_MAX ? POOL_MAX : n;
    return n > q->depth ? n : q->depth;
}

enum err recommend_run(struct vectors *v, const struct recommend_query *q, struct arena *a,
                       struct recommend_hit **out, size_t *count, struct err_info *e)
{
    struct recommend_hit *hits = NULL;
    struct profile p;
    size_t n;
    if (!(q->diversity >= 0 && q->diversity <= 1))
        return err_set(e, ERR_INVALID, "/diversity", "diversity must be between 0 and 1");
    assert(q->depth <= UINT32_MAX);
    *count = 0;
    *out = NULL;
    if (!q->depth || !vectors_documents(v) ||
        !profile_make(v, q->examples, q->example_count, a, &p))
        return ERR_OK;
    n = candidates(v, &p, q, pool_size(q), a, &hits);
    if (q->diversity > 0)
        n = diversify(v, &hits, n, q, a);
    n = n < q->depth ? n : q->depth;
    if (q->explain)
        profile_explain(v, &p, hits, rows_of(v, hits, n, a), n, a);
    *out = hits;
    *count = n;
    return ERR_OK;
}

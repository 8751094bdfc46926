#include "base/docset.h"
#include "index/filter.h"
#include "index/vectors.h"
#include "math/mmr.h"
#include "search/fuse.h"
#include <math.h>
#include <string.h>

/* MMR orders so many hits at a time: its cost is quadratic. */
enum { POOL = 200 };

/* So many unwanted documents are asked for and passed over; more are taken out before. */
enum { DROPPED_MAX = 64 };

/* `count` hits in an order in which they resemble each other less; the first `depth` of them. */
static void diversify(struct vectors *v, struct search_hit *hits, size_t count, size_t depth,
                      double diversity, struct arena *a)
{
    size_t dims = vectors_dims(v);
    float *rows = arena_array(a, count * dims + 1, sizeof(float));
    double *scores = arena_array(a, count + 1, sizeof(double)),
           *nearest = arena_array(a, count + 1, sizeof(double));
    uint32_t *order = arena_array(a, count + 1, sizeof(*order));
    struct search_hit *out = arena_array(a, count + 1, sizeof(*out));
    for (size_t i = 0; i < count; i++) {
        scores[i] = hits[i].score;
        if (!vectors_document(v, hits[i].number, rows + i * dims))
            memset(rows + i * dims, 0, dims * sizeof(float)); /* deleted meanwhile */
    }
    size_t n = mmr_order(scores, rows, dims, count, depth, diversity, nearest, order);
    for (size_t k = 0; k < n; k++)
        out[k] = hits[order[k]];
    memcpy(hits, out, n * sizeof *hits);
}

enum err search_similar(const struct search_view *v, const float *vector,
                        const struct filter *filter, const struct docset *without, size_t depth,
                        double min_score, double diversity, bool exact, struct arena *a,
                        struct search_result *out, struct err_info *e)
{
    struct docset within;
    size_t wanted = depth, dropped = without ? without->count : 0, count = 0;
    bool restricted = filter || dropped > DROPPED_MAX;
    enum err rc = ERR_OK;
    docset_init(&within);
    if (filter)
        rc = attributes_select(v->attributes, filter, &within, e);
    else if (restricted)
        attributes_all(v->attributes, &within);
    if (restricted) {
        if (without)
            docset_minus(&within, without);
        dropped = 0;
    }
    if (rc != ERR_OK)
        goto done;
    if (diversity > 0) /* whole pools, so that a longer answer begins like a shorter one */
        wanted = (depth + POOL - 1) / POOL * POOL;
    struct vector_hit *near = arena_array(a, wanted + dropped + 1, sizeof(*near));
    struct search_hit *hits = arena_array(a, wanted + dropped + 1, sizeof(*hits));
    size_t found = vectors_search(v->vectors, vector, wanted + dropped, restricted ? &within : NULL,
                                  exact, near);
    for (size_t i = 0; i < found; i++) {
        double score = fuse_semantic((double)near[i].cosine, (double)v->mean_cosine);
        if ((without && docset_has(without, near[i].number)) || score < min_score)
            continue;
        hits[count++] = (struct search_hit){.number = near[i].number,
                                            .passage = near[i].passage,
                                            .revision = near[i].revision,
                                            .score = score,
                                            .relevance = score,
                                            .semantic = score,
                                            .lexical = NAN,
                                            .cosine = (double)near[i].cosine,
                                            .bm25 = NAN,
                                            .bound = NAN};
    }
    for (size_t at = 0; diversity > 0 && at < count && at < depth; at += POOL) {
        size_t n = count - at < POOL ? count - at : POOL;
        diversify(v->vectors, hits + at, n, depth - at, diversity, a);
    }
    *out = (struct search_result){.hits = hits,
                                  .count = count < depth ? count : depth,
                                  .total_exact = true,
                                  .complete = true,
                                  .depth = wanted,
                                  .scored = found};
    size_t all = vectors_documents(v->vectors);
    out->total = restricted ? within.count : all > dropped ? all - dropped : 0;
    if (min_score > 0 || found < wanted + dropped) { /* or there are no more: some are pending */
        out->total = count;
        out->total_exact = found < wanted + dropped || count < found;
    }
done:
    docset_release(&within);
    return rc;
}

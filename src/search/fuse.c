#include "search/fuse.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>

double fuse_semantic(double cosine, double mean_cosine)
{
    assert(mean_cosine < 1);
    double x = (cosine - mean_cosine) / (1 - mean_cosine);
    return x > 0 ? fmin(x, 1) : 0;
}

struct fuse_weights fuse_weights(const struct search_query *q)
{
    struct fuse_weights w = {q->words_weight, q->vectors_weight};
    double sum = w.words + w.vectors;
    if (q->mode == SEARCH_LEXICAL)
        return (struct fuse_weights){1, 0};
    if (q->mode == SEARCH_SEMANTIC)
        return (struct fuse_weights){0, 1};
    if (q->fusion == SEARCH_RRF)
        return sum > 0 ? w : (struct fuse_weights){1, 1};
    if (!(sum > 0))
        return (struct fuse_weights){WORDS_SHARE, VECTORS_SHARE};
    return (struct fuse_weights){w.words / sum, w.vectors / sum};
}

double fuse_relevance(struct fuse_weights w, double lexical, double semantic)
{
    double words = isnan(lexical) ? 0 : lexical;
    double vectors = isnan(semantic) ? 0 : semantic;
    return w.words * words + w.vectors * vectors;
}

double fuse_lift(double semantic, double lift)
{
    double s = isnan(semantic) ? 0 : semantic;
    return s + (1 - s) * (isnan(lift) ? 0 : lift);
}

double fuse_rrf(struct fuse_weights w, size_t words_rank, size_t vectors_rank)
{
    double words = words_rank ? w.words / (double)(RRF_K + words_rank) : 0;
    double vectors = vectors_rank ? w.vectors / (double)(RRF_K + vectors_rank) : 0;
    return words + vectors;
}

double fuse_minmax(double value, double least, double greatest)
{
    if (!(value >= least))
        return 0;
    return greatest > least ? fmin((value - least) / (greatest - least), 1) : 1;
}

/* What hits are sorted by: they themselves are large. */
struct key {
    double score, cosine;
    uint32_t number, index;
};

static int key_cmp(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    if (x->cosine != y->cosine)
        return x->cosine < y->cosine ? 1 : -1;
    return x->number < y->number ? -1 : x->number > y->number;
}

size_t fuse_best(const struct search_hit *hits, size_t count, double min_score, size_t k,
                 struct arena *a, struct search_hit **out, size_t *above)
{
    struct key *keys = arena_alloc(a, (count + 1) * sizeof *keys);
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (!(hits[i].score < min_score))
            keys[n++] = (struct key){hits[i].score, isnan(hits[i].cosine) ? -2 : hits[i].cosine,
                                     hits[i].number, (uint32_t)i};
    if (n)
        qsort(keys, n, sizeof *keys, key_cmp);
    *above = n;
    n = n < k ? n : k;
    *out = arena_alloc(a, (n + 1) * sizeof **out);
    for (size_t i = 0; i < n; i++)
        (*out)[i] = hits[keys[i].index];
    return n;
}

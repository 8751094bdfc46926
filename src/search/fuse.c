#include "search/fuse.h"
#include <math.h>
#include <stdlib.h>

double fuse_semantic(double cosine, double mean_cosine)
{
    double x = (cosine - mean_cosine) / (1 - mean_cosine);
    return x > 0 ? fmin(x, 1) : 0;
}

void fuse_score(struct search_hit *h, enum search_mode mode)
{
    double words = isnan(h->lexical) ? 0 : h->lexical;
    double vectors = isnan(h->semantic) ? 0 : h->semantic;
    if (mode == SEARCH_LEXICAL)
        h->score = words;
    else if (mode == SEARCH_SEMANTIC)
        h->score = vectors;
    else
        h->score = WORDS_SHARE * words + VECTORS_SHARE * vectors;
}

static int by_score(const void *a, const void *b)
{
    const struct search_hit *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return x->number < y->number ? -1 : x->number > y->number;
}

size_t fuse_order(struct search_hit *hits, size_t count, double min_score)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (hits[i].score >= min_score)
            hits[kept++] = hits[i];
    if (kept)
        qsort(hits, kept, sizeof(*hits), by_score);
    return kept;
}

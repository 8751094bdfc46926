/* What of a candidate's relevance came from which example. */
#include "engine/recommend_impl.h"

static const struct recommend_hit *hit_of(const struct recommendation *m, uint32_t number)
{
    for (size_t i = 0; i < m->hit_count; i++)
        if (m->hits[i].number == number)
            return &m->hits[i];
    return NULL;
}

enum err explanation_make(struct recommendation *m, const struct candidate *k, size_t parts_max,
                          struct explanation_part **out, size_t *count, double *rest,
                          struct err_info *e)
{
    const struct recommend_hit *h = hit_of(m, k->number);
    size_t n = h ? h->share_count : 0;
    (void)e;
    n = n < parts_max ? n : parts_max;
    *out = arena_array(m->a, n + 1, sizeof **out);
    *count = n;
    *rest = k->relevance;
    for (size_t i = 0; i < n; i++) {
        double part = h->shares[i].share * k->relevance;
        (*out)[i] = (struct explanation_part){h->shares[i].number, part};
        *rest -= part;
    }
    return 0;
}

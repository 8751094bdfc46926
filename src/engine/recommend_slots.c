/* Candidates become the slots of an answer, in order. */
#include "engine/recommend_impl.h"
#include "math/mmr.h"
#include <string.h>

static float *rows_of(struct recommendation *m)
{
    size_t dims = m->v->dims;
    float *rows = arena_array(m->a, m->candidate_count * dims + 1, sizeof *rows);
    for (size_t i = 0; i < m->candidate_count; i++)
        if (!vectors_document(m->v->vectors, m->candidates[i].number, rows + i * dims))
            memset(rows + i * dims, 0, dims * sizeof *rows); /* deleted meanwhile */
    return rows;
}

static size_t diversify(struct recommendation *m, size_t depth, struct candidate **slots)
{
    size_t count = m->candidate_count;
    double *scores = arena_array(m->a, count + 1, sizeof *scores);
    double *nearest = arena_array(m->a, count + 1, sizeof *nearest);
    uint32_t *order = arena_array(m->a, count + 1, sizeof *order);
    for (size_t i = 0; i < count; i++)
        scores[i] = m->candidates[i].score;
    size_t n =
        mmr_order(scores, rows_of(m), m->v->dims, count, depth, m->r->diversity, nearest, order);
    for (size_t i = 0; i < n; i++)
        slots[i] = &m->candidates[order[i]];
    return n;
}

enum err slots_make(struct recommendation *m, struct candidate **slots, size_t *count,
                    struct err_info *e)
{
    size_t depth = m->r->offset + m->r->limit + 1 + RECOMMEND_SLACK;
    size_t n = m->candidate_count < depth ? m->candidate_count : depth;
    (void)e;
    if (m->r->diversity > 0) {
        *count = diversify(m, depth, slots);
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        slots[i] = &m->candidates[i];
    *count = n;
    return 0;
}

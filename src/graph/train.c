/* Centroids by k-means over a sample of the rows, a part at a time: the writer who trains has other
 * things to do. */
#include "graph/internal.h"

#include "base/arena.h"
#include "base/rng.h"
#include "math/dot.h"
#include <stdlib.h>
#include <string.h>

#define SAMPLE_MAX 4096u
#define ROUNDS 6

enum phase { SAMPLE, BEGIN, MOVE, COMPARE, DONE };

struct training {
    struct coding *made;
    float *rows; /* the sample */
    size_t count;
    uint32_t slot, step; /* the next slot of the sample, and how far they are apart */
    enum phase phase;
    unsigned round;
    size_t at;    /* rows done in this round */
    float *least; /* distances to the centroids that there are */
    float *sums;
    unsigned members[CENTROIDS_MAX];
    double spread, spread_now;
    struct rng rng;
};

struct training *training_new(const struct graph *g, unsigned centroids)
{
    struct training *t = xcalloc(1, sizeof *t);
    t->made = coding_new(g, centroids);
    t->step = atomic_load(&g->slots_end) / SAMPLE_MAX + 1;
    t->rows = xmalloc((size_t)SAMPLE_MAX * g->dims * sizeof *t->rows);
    t->least = xmalloc(SAMPLE_MAX * sizeof *t->least);
    t->sums = xcalloc((size_t)centroids * g->dims, sizeof *t->sums);
    return t;
}

void training_free(struct training *t)
{
    if (!t)
        return;
    coding_free(t->made);
    free(t->rows);
    free(t->least);
    free(t->sums);
    free(t);
}

size_t training_bytes(const struct graph *g, const struct training *t)
{
    return sizeof *t + SAMPLE_MAX * (g->dims + 1) * sizeof(float) +
           CENTROIDS_MAX * g->dims * sizeof(float) + (t->made ? coding_bytes(g, t->made) : 0);
}

static float *row_at(const struct graph *g, const struct training *t, size_t at)
{
    return t->rows + at * g->dims;
}

static float *centroid_at(const struct graph *g, const struct training *t, unsigned at)
{
    return t->made->centroids + (size_t)at * g->dims;
}

static void phase_enter(struct training *t, enum phase phase)
{
    t->phase = phase;
    t->round = 0;
    t->at = 0;
}

/* Rows evenly over all. */
static void sample_step(const struct graph *g, struct training *t)
{
    if (slot_has_row(g, t->slot)) {
        const int8_t *code = code_of(g, t->slot);
        float *x = row_at(g, t, t->count++), scale = line_of(g, t->slot)->scale;
        for (uint32_t i = 0; i < g->dims; i++)
            x[i] = scale * code[i];
    }
    t->slot += t->step;
    if (t->slot < atomic_load(&g->slots_end) && t->count < SAMPLE_MAX)
        return;
    rng_init(&t->rng, t->count);
    phase_enter(t, t->count ? BEGIN : DONE);
    if (t->count)
        memcpy(centroid_at(g, t, 0), row_at(g, t, rng_below(&t->rng, t->count)),
               g->dims * sizeof(float));
}

/* Each next one is a row of the sample, the likelier the farther it is from those there are
 * (k-means++: Arthur and Vassilvitskii 2007). */
static void centroid_begin(const struct graph *g, struct training *t)
{
    double sum = 0;
    size_t at = 0;
    for (size_t r = 0; r < t->count; r++)
        sum += t->least[r];
    double until = rng_unit(&t->rng) * sum;
    for (; at + 1 < t->count && until >= t->least[at]; at++)
        until -= t->least[at];
    memcpy(centroid_at(g, t, t->round), row_at(g, t, at), g->dims * sizeof(float));
}

static void begin_step(const struct graph *g, struct training *t)
{
    float d = 2 - 2 * dot_f32(centroid_at(g, t, t->round), row_at(g, t, t->at), g->dims);
    d = d > 0 ? d : 0;
    t->least[t->at] = t->round && t->least[t->at] < d ? t->least[t->at] : d;
    if (++t->at < t->count)
        return;
    t->at = 0;
    if (++t->round < t->made->count) {
        centroid_begin(g, t);
        return;
    }
    coding_ready(g, t->made);
    phase_enter(t, MOVE);
}

/* The end of a round of Lloyd's; a centroid that nobody is near goes to a row of the sample. */
static void centroids_move(const struct graph *g, struct training *t)
{
    for (unsigned k = 0; k < t->made->count; k++) {
        float *to = centroid_at(g, t, k), *sum = t->sums + (size_t)k * g->dims;
        const float *row = row_at(g, t, rng_below(&t->rng, t->count));
        for (uint32_t i = 0; i < g->dims; i++)
            to[i] = t->members[k] ? sum[i] / (float)t->members[k] : row[i];
    }
    coding_ready(g, t->made);
    t->made->spread = (float)(t->spread / (double)t->count);
    t->spread = 0;
    memset(t->members, 0, sizeof t->members);
    memset(t->sums, 0, (size_t)t->made->count * g->dims * sizeof *t->sums);
}

static void move_step(const struct graph *g, struct training *t)
{
    float square;
    const float *x = row_at(g, t, t->at);
    unsigned near = coding_nearest(g, t->made, x, &square);
    float *sum = t->sums + (size_t)near * g->dims;
    for (uint32_t i = 0; i < g->dims; i++)
        sum[i] += x[i];
    t->members[near]++;
    t->spread += square;
    if (++t->at < t->count)
        return;
    t->at = 0;
    centroids_move(g, t);
    if (++t->round == ROUNDS)
        phase_enter(t, COMPARE);
}

static void compare_step(const struct graph *g, struct training *t)
{
    float square;
    (void)coding_nearest(g, atomic_load(&g->coding), row_at(g, t, t->at), &square);
    t->spread_now += square;
    if (++t->at == t->count)
        phase_enter(t, DONE);
}

bool training_step(const struct graph *g, struct training *t, size_t work)
{
    while (t->phase != DONE) {
        size_t cost = t->phase == SAMPLE || t->phase == BEGIN ? 1 : CENTROIDS_MAX;
        if (work < cost)
            return false;
        work -= cost;
        if (t->phase == SAMPLE)
            sample_step(g, t);
        else if (t->phase == BEGIN)
            begin_step(g, t);
        else if (t->phase == MOVE)
            move_step(g, t);
        else
            compare_step(g, t);
    }
    return true;
}

struct coding *training_result(struct training *t, float *spread_now)
{
    struct coding *c = t->made;
    if (!t->count)
        return NULL;
    *spread_now = (float)(t->spread_now / (double)t->count);
    t->made = NULL;
    return c;
}

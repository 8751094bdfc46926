/* Centroids, and the lines of signs that follow from them.
 *
 * Signs tell the direction of what is left of a row without its centroid, so an estimate is the
 * better the shorter that is: rows of tight clusters could not be told apart with one centroid for
 * all. 64 of them cost a walk about a microsecond. Made (train.c) as the graph grows; later
 * ones are taken only if they are clearly better. */
#include "graph/internal.h"

#include "base/arena.h"
#include "math/dot.h"
#include "math/half.h"
#include "math/rotate.h"
#include "math/signs.h"
#include <float.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_AT 256u /* slots linked, when centroids are made for the first time */
#define LAST_AT 8192u /* and at each doubling up to here; after that in the background */
#define FOLLOW_SLOTS 32u
#define STEP_MAX (UINT32_C(1) << 20) /* dims times slots in a step: about 10 ms */

struct coding *coding_new(const struct graph *g, unsigned count)
{
    struct coding *c = xcalloc(1, sizeof *c);
    c->count = count;
    c->centroids = xcalloc((size_t)count * g->dims, sizeof *c->centroids);
    c->lifted = xcalloc((size_t)count * g->signs, sizeof *c->lifted);
    c->squares = xcalloc(count, sizeof *c->squares);
    c->lines = xcalloc(CHUNKS_MAX, sizeof *c->lines);
    entries_clear(c);
    return c;
}

void coding_free(struct coding *c)
{
    if (!c)
        return;
    for (uint32_t i = 0; i < CHUNKS_MAX && c->lines[i]; i++)
        free(c->lines[i]);
    free(c->lines);
    free(c->centroids);
    free(c->lifted);
    free(c->squares);
    free(c);
}

void coding_ready(const struct graph *g, struct coding *c)
{
    for (unsigned i = 0; i < c->count; i++) {
        const float *centroid = c->centroids + (size_t)i * g->dims;
        c->squares[i] = dot_f32(centroid, centroid, g->dims);
        lift(g, centroid, c->lifted + (size_t)i * g->signs);
    }
}

void coding_chunk_add(struct graph *g, struct coding *c, uint32_t at)
{
    if (!c->lines[at])
        c->lines[at] = chunk_new(GRAPH_CHUNK_SLOTS * g->line_bytes, at == 0);
}

size_t coding_bytes(const struct graph *g, const struct coding *c)
{
    return sizeof *c + CHUNKS_MAX * sizeof(char *) +
           c->count * (g->dims + g->signs + 1) * sizeof(float);
}

unsigned coding_nearest(const struct graph *g, const struct coding *c, const float *x,
                        float *square)
{
    unsigned best = 0;
    float least = FLT_MAX;
    for (unsigned i = 0; i < c->count; i++) {
        float d = c->squares[i] - 2 * dot_f32(x, c->centroids + i * g->dims, g->dims);
        if (d < least) {
            least = d;
            best = i;
        }
    }
    *square = least + dot_f32(x, x, g->dims);
    return best;
}

void lift(const struct graph *g, const float *x, float *out)
{
    memcpy(out, x, g->dims * sizeof *x);
    if (g->signs == g->dims)
        return;
    memset(out + g->dims, 0, (g->signs - g->dims) * sizeof *out);
    rotate_f32(out, g->signs);
}

/* Sum of c where the bit is set, less where it is not. */
static float signed_sum(const uint64_t *bits, const float *c, uint32_t dims)
{
    float sum = 0;
    for (uint32_t i = 0; i < dims; i++)
        sum += (bits[i / 64] >> i % 64 & 1) ? c[i] : -c[i];
    return sum;
}

void coding_encode(const struct graph *g, const struct coding *c, struct line *line, const float *x,
                   float *scratch)
{
    float square = 0, sum = 0, away;
    unsigned at = c->count > 1 ? coding_nearest(g, c, x, &away) : 0;
    const float *centroid = c->lifted + (size_t)at * g->signs;
    lift(g, x, scratch);
    for (uint32_t i = 0; i < g->signs; i++)
        scratch[i] -= centroid[i];
    signs_encode(scratch, g->signs, line->bits, &square, &sum);
    uint16_t factor = sum > 0 ? bf16_of_float(2 * square / sum) : 0;
    line->factor = (uint32_t)factor << 16 | at;
    atomic_store_explicit(
        &line->norm, square + bf16_to_float(factor) * signed_sum(line->bits, centroid, g->signs),
        memory_order_relaxed);
}

/* --- taking them --- */

static unsigned centroids_for(size_t count)
{
    return count < FIRST_AT ? 1 : CENTROIDS_MAX;
}

static void gone_free(struct graph *g)
{
    uint64_t oldest = g->gone ? epoch_oldest(&g->epochs) : 0;
    for (struct coding **at = &g->gone; *at;) {
        struct coding *c = *at;
        if (c->retired > oldest) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        coding_free(c);
    }
}

/* The lines of some more slots. */
static void slots_encode(struct graph *g, uint32_t to)
{
    float *x = g->linker->walk.query, *scratch = g->linker->walk.scratch;
    const struct coding *now = atomic_load(&g->coding);
    for (; g->coming_end < to; g->coming_end++) {
        uint32_t slot = g->coming_end;
        struct line *from = line_in(g, now, slot), *line = line_in(g, g->coming, slot);
        if (!slot_has_row(g, slot)) {
            line_make_dead(g, line);
            continue;
        }
        memset(line, 0, g->line_bytes);
        line->scale = from->scale;
        atomic_store_explicit(&line->twin, atomic_load(&from->twin), memory_order_relaxed);
        half_to_f32(half_of(g, slot), x, g->dims);
        rotate_f32(x, g->dims);
        coding_encode(g, g->coming, line, x, scratch);
        if (node_of(g, slot)->state == NODE_LINKED)
            entries_add_in(g, g->coming, slot);
    }
}

static void coding_swap(struct graph *g)
{
    struct coding *old = atomic_load(&g->coding), *c = g->coming;
    entries_fill(g, c);
    g->coming = NULL;
    atomic_store(&g->coding, c);
    old->retired = atomic_fetch_add(&g->epochs.now, 1) + 1;
    old->next = g->gone;
    g->gone = old;
}

static void coding_stop(struct graph *g)
{
    training_free(g->training);
    coding_free(g->coming);
    g->training = NULL;
    g->coming = NULL;
}

static void coding_start(struct graph *g)
{
    g->training = training_new(g, centroids_for(graph_count(g)));
}

/* The training is done: are these better? */
static void coding_take(struct graph *g, size_t count, bool anyway)
{
    struct coding *now = atomic_load(&g->coding);
    float spread = 0;
    struct coding *c = training_result(g->training, &spread);
    training_free(g->training);
    g->training = NULL;
    if (c && (anyway || c->spread < .97f * spread)) {
        for (uint32_t i = 0; i < CHUNKS_MAX && g->codes[i]; i++)
            coding_chunk_add(g, c, i);
        c->trained_at = count;
        c->changes_at = g->changes;
        g->coming = c;
        g->coming_end = 0;
        return;
    }
    coding_free(c);
    now->trained_at = count;
    now->changes_at = g->changes;
}

void coding_renew(struct graph *g, size_t count)
{
    if (count < FIRST_AT)
        return;
    coding_stop(g);
    gone_free(g);
    g->training = training_new(g, centroids_for(count));
    (void)training_step(g, g->training, SIZE_MAX);
    coding_take(g, count, true);
    if (!g->coming)
        return;
    slots_encode(g, atomic_load(&g->slots_end));
    coding_swap(g);
    bytes_note(g);
}

/* Rows that came and went since may lie elsewhere: an eighth of those before and now. */
static bool coding_due(const struct graph *g, const struct coding *c)
{
    size_t count = graph_count(g);
    return count >= FIRST_AT && g->changes - c->changes_at > (count + c->trained_at) / 8;
}

static void coding_go_on(struct graph *g, uint32_t slots)
{
    uint32_t end = atomic_load(&g->slots_end), most = STEP_MAX / g->dims;
    slots = slots < most ? slots : most;
    if (g->training) {
        if (training_step(g, g->training, (size_t)slots * CENTROIDS_MAX))
            coding_take(g, graph_count(g), graph_count(g) <= 2 * LAST_AT);
    } else if (g->coming) {
        slots_encode(g, end - g->coming_end < slots ? end : g->coming_end + slots);
        if (g->coming_end == end)
            coding_swap(g);
    }
    bytes_note(g);
}

void coding_follow(struct graph *g)
{
    size_t count = graph_count(g);
    if (count > 2 * LAST_AT)
        return;
    gone_free(g);
    bool doubled = count >= FIRST_AT && count <= LAST_AT && !(count & (count - 1));
    if (doubled && count != g->followed_at) { /* once, if rows come and go at that size */
        g->followed_at = count;
        coding_stop(g);
        coding_start(g);
    }
    coding_go_on(g, FOLLOW_SLOTS);
}

void coding_step(struct graph *g, uint32_t slots)
{
    gone_free(g);
    if (!g->coming && !g->training && coding_due(g, atomic_load(&g->coding)))
        coding_start(g);
    coding_go_on(g, slots);
}

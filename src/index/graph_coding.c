/* Centroids, and the lines of signs that follow from them.
 *
 * Signs tell the direction of what is left of a row without its centroid, so an estimate is the
 * better the shorter that is: rows of tight clusters could not be told apart with one centroid for
 * all. 64 of them cost a walk about a microsecond. Made by k-means over a sample as the graph
 * grows; later ones only if they are clearly better. */
#include "index/graph_impl.h"

#include "base/arena.h"
#include "base/rng.h"
#include "math/dot.h"
#include "math/half.h"
#include "math/rotate.h"
#include "math/signs.h"
#include <float.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_MAX 4096u
#define ROUNDS 6
#define FIRST_AT 256u /* slots linked, when centroids are made for the first time */
#define LAST_AT 8192u /* and at each doubling up to here; after that in the background */

struct coding *coding_new(const struct graph *g, unsigned count)
{
    struct coding *c = xcalloc(1, sizeof *c);
    c->count = count;
    c->centroids = xcalloc((size_t)count * g->dims, sizeof *c->centroids);
    c->squares = xcalloc(count, sizeof *c->squares);
    c->lines = xcalloc(CHUNKS_MAX, sizeof *c->lines);
    for (uint32_t i = 0; i < CHUNKS_MAX && g->codes && g->codes[i]; i++)
        coding_chunk_add((struct graph *)g, c, i);
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
    free(c->squares);
    free(c);
}

void coding_ready(const struct graph *g, struct coding *c)
{
    for (unsigned i = 0; i < c->count; i++)
        c->squares[i] = dot_f32(c->centroids + i * g->dims, c->centroids + i * g->dims, g->dims);
}

void coding_chunk_add(struct graph *g, struct coding *c, uint32_t at)
{
    if (!c->lines[at])
        c->lines[at] = chunk_new(GRAPH_CHUNK_SLOTS * g->line_bytes, at == 0);
}

size_t coding_bytes(const struct graph *g)
{
    size_t bytes = 0;
    const struct coding *all[] = {atomic_load(&g->coding)};
    for (unsigned i = 0; i < 1; i++)
        bytes += CHUNKS_MAX * sizeof(char *) + all[i]->count * (g->dims + 1) * sizeof(float);
    return bytes;
}

static unsigned nearest(const struct graph *g, const struct coding *c, const float *x,
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
    unsigned at = c->count > 1 ? nearest(g, c, x, &away) : 0;
    const float *centroid = c->centroids + (size_t)at * g->dims;
    for (uint32_t i = 0; i < g->dims; i++)
        scratch[i] = x[i] - centroid[i];
    signs_encode(scratch, g->dims, line->bits, &square, &sum);
    uint16_t factor = sum > 0 ? bf16_of_float(2 * square / sum) : 0;
    line->factor = (uint32_t)factor << 16 | at;
    atomic_store_explicit(
        &line->norm, square + bf16_to_float(factor) * signed_sum(line->bits, centroid, g->dims),
        memory_order_relaxed);
}

/* --- making centroids --- */

static void slot_floats(const struct graph *g, uint32_t slot, float *x)
{
    const int8_t *code = code_of(g, slot);
    float scale = line_of(g, slot)->scale;
    for (uint32_t i = 0; i < g->dims; i++)
        x[i] = scale * code[i];
}

static bool slot_has_row(const struct graph *g, uint32_t slot)
{
    uint8_t state = node_of(g, slot)->state;
    return state == NODE_HELD || state == NODE_LINKED || state == NODE_TWIN;
}

/* Rows evenly over all: about SAMPLE_MAX. Returns how many. */
static size_t sample_take(const struct graph *g, float *out)
{
    uint32_t end = atomic_load(&g->slots_end), step = end / SAMPLE_MAX + 1;
    size_t n = 0;
    for (uint32_t slot = 0; slot < end && n < SAMPLE_MAX; slot += step)
        if (slot_has_row(g, slot))
            slot_floats(g, slot, out + n++ * g->dims);
    return n;
}

/* One round of Lloyd's; a centroid that nobody is near goes to a row of the sample. */
static float round_run(const struct graph *g, struct coding *c, const float *rows, size_t n,
                       float *sums, struct rng *rng)
{
    unsigned members[CENTROIDS_MAX] = {0};
    double spread = 0;
    memset(sums, 0, (size_t)c->count * g->dims * sizeof *sums);
    for (size_t r = 0; r < n; r++) {
        float square;
        unsigned at = nearest(g, c, rows + r * g->dims, &square);
        float *sum = sums + (size_t)at * g->dims;
        for (uint32_t i = 0; i < g->dims; i++)
            sum[i] += rows[r * g->dims + i];
        members[at]++;
        spread += square;
    }
    for (unsigned k = 0; k < c->count; k++) {
        float *to = c->centroids + (size_t)k * g->dims;
        const float *row = rows + rng_below(rng, n) * g->dims;
        for (uint32_t i = 0; i < g->dims; i++)
            to[i] = members[k] ? sums[(size_t)k * g->dims + i] / (float)members[k] : row[i];
    }
    coding_ready(g, c);
    return (float)(spread / (double)n);
}

/* Each next one is a row of the sample, the likelier the farther it is from those there are
 * (k-means++: Arthur and Vassilvitskii 2007). */
static void centroids_begin(const struct graph *g, struct coding *c, const float *rows, size_t n,
                            struct rng *rng)
{
    float *least = xmalloc(n * sizeof *least);
    size_t at = rng_below(rng, n);
    for (unsigned k = 0; k < c->count; k++) {
        const float *row = rows + at * g->dims;
        double sum = 0;
        memcpy(c->centroids + (size_t)k * g->dims, row, g->dims * sizeof *row);
        for (size_t r = 0; r < n; r++) {
            float d = 2 - 2 * dot_f32(row, rows + r * g->dims, g->dims);
            least[r] = k && least[r] < d ? least[r] : d > 0 ? d : 0;
            sum += least[r];
        }
        double until = rng_unit(rng) * sum;
        for (at = 0; at + 1 < n && until >= least[at]; at++)
            until -= least[at];
    }
    free(least);
    coding_ready(g, c);
}

static unsigned centroids_for(size_t count)
{
    return count < FIRST_AT ? 1 : CENTROIDS_MAX;
}

/* For `count` rows. */
static struct coding *coding_train(const struct graph *g, size_t count, float *spread_now)
{
    float *rows = xmalloc((size_t)SAMPLE_MAX * g->dims * sizeof *rows);
    size_t n = sample_take(g, rows);
    struct coding *c = NULL;
    if (n) {
        struct rng rng;
        double spread = 0;
        float square;
        c = coding_new(g, centroids_for(count));
        float *sums = xmalloc((size_t)c->count * g->dims * sizeof *sums);
        rng_init(&rng, n);
        centroids_begin(g, c, rows, n, &rng);
        for (unsigned i = 0; i < ROUNDS; i++)
            c->spread = round_run(g, c, rows, n, sums, &rng);
        for (size_t r = 0; r < n; r++) {
            nearest(g, atomic_load(&g->coding), rows + r * g->dims, &square);
            spread += square;
        }
        *spread_now = (float)(spread / (double)n);
        c->trained_at = count;
        c->inserted_at = g->inserted;
        free(sums);
    }
    free(rows);
    return c;
}

/* --- taking them --- */

static void gone_free(struct graph *g)
{
    uint64_t oldest = oldest_reader(g);
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

static void slots_encode(struct graph *g, uint32_t to)
{
    float *x = g->linker->walk.query, *scratch = g->linker->walk.scratch;
    for (; g->coming_end < to; g->coming_end++)
        if (slot_has_row(g, g->coming_end)) {
            half_to_f32(half_of(g, g->coming_end), x, g->dims);
            rotate_f32(x, g->dims);
            coding_encode(g, g->coming, line_in(g, g->coming, g->coming_end), x, scratch);
        }
}

/* What the writer changed in the old lines meanwhile. */
static void coding_swap(struct graph *g)
{
    struct coding *old = atomic_load(&g->coding), *c = g->coming;
    uint32_t end = atomic_load(&g->slots_end);
    for (uint32_t slot = 0; slot < end; slot++) {
        struct line *from = line_in(g, old, slot), *to = line_in(g, c, slot);
        to->scale = from->scale;
        atomic_store_explicit(&to->twin, atomic_load(&from->twin), memory_order_relaxed);
        if (!slot_has_row(g, slot))
            atomic_store_explicit(&to->norm, NORM_DEAD, memory_order_relaxed);
    }
    g->coming = NULL;
    atomic_store(&g->coding, c);
    old->retired = atomic_fetch_add(&g->epoch, 1) + 1;
    old->next = g->gone;
    g->gone = old;
    entries_make(g);
}

void coding_renew(struct graph *g, size_t count)
{
    float spread;
    if (g->coming || count < FIRST_AT)
        return;
    gone_free(g);
    g->coming = coding_train(g, count, &spread);
    g->coming_end = 0;
    if (!g->coming)
        return;
    slots_encode(g, atomic_load(&g->slots_end));
    coding_swap(g);
}

void coding_follow(struct graph *g)
{
    size_t count = graph_count(g);
    if (count >= FIRST_AT && count <= LAST_AT && !(count & (count - 1)))
        coding_renew(g, count);
}

/* Four times as many rows, half as many, or as many new ones as there are. */
static bool coding_due(const struct graph *g, const struct coding *c)
{
    size_t count = graph_count(g);
    return count >= FIRST_AT && (count / 4 >= c->trained_at || count <= c->trained_at / 2 ||
                                 g->inserted - c->inserted_at > count + c->trained_at);
}

void coding_step(struct graph *g, uint32_t slots)
{
    struct coding *now = atomic_load(&g->coding);
    uint32_t end = atomic_load(&g->slots_end);
    float spread;
    gone_free(g);
    if (!g->coming && coding_due(g, now)) {
        struct coding *c = coding_train(g, graph_count(g), &spread);
        if (c && c->spread < .97f * spread) {
            g->coming = c;
            g->coming_end = 0;
        } else {
            coding_free(c);
            now->trained_at = graph_count(g);
            now->inserted_at = g->inserted;
        }
    }
    if (!g->coming)
        return;
    slots = slots < 4096 ? slots : 4096;
    slots_encode(g, end - g->coming_end < slots ? end : g->coming_end + slots);
    if (g->coming_end == end)
        coding_swap(g);
}

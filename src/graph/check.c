/* Every invariant of the graph. Writer only: nothing changes meanwhile. */
#include "graph/internal.h"

#include "base/arena.h"
#include "math/dot.h"
#include "math/half.h"
#include "math/rotate.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct check {
    struct graph *g;
    uint32_t end;
    uint32_t *indegree;
    float *x, *scratch;
    struct line *line;
    int8_t *code;
    size_t states[NODE_DEAD + 1];
    struct err_info *e;
};

#define WRONG(c, ...) err_set((c)->e, ERR_CORRUPT, NULL, "graph: " __VA_ARGS__)

/* The line is that of the row in c->x, and hangs together with that which readers see. */
static enum err check_line(struct check *c, const struct coding *coding, uint32_t slot)
{
    const struct graph *g = c->g;
    const struct line *line = line_in(g, coding, slot), *seen = line_of(g, slot);
    coding_encode(g, coding, c->line, c->x, c->scratch);
    if (memcmp(c->line->bits, line->bits, g->words * sizeof *line->bits) != 0 ||
        c->line->factor != line->factor || atomic_load(&c->line->norm) != atomic_load(&line->norm))
        return WRONG(c, "the signs of slot %u are not those of its row", slot);
    if (line->scale != seen->scale || atomic_load(&line->twin) != atomic_load(&seen->twin))
        return WRONG(c, "slot %u has another twin in the lines to come", slot);
    return ERR_OK;
}

/* The codes are those of the row. */
static enum err check_row(struct check *c, uint32_t slot)
{
    const struct graph *g = c->g;
    half_to_f32(half_of(g, slot), c->x, g->dims);
    rotate_f32(c->x, g->dims);
    memset(c->code, 0, g->code_bytes);
    quantise_i8(c->x, c->code, g->dims);
    if (memcmp(c->code, code_of(g, slot), g->code_bytes) != 0 ||
        line_of(g, slot)->scale != code_scale(c->code, g->dims))
        return WRONG(c, "the code of slot %u is not that of its row", slot);
    enum err err = check_line(c, atomic_load(&g->coding), slot);
    if (!err && slot_is_coming(g, slot))
        err = check_line(c, g->coming, slot);
    return err;
}

static enum err check_link(struct check *c, uint32_t slot, unsigned at, uint32_t to)
{
    const struct links *l = links_of(c->g, slot);
    if (to >= c->end || to == slot)
        return WRONG(c, "slot %u links to %u", slot, to);
    uint8_t state = node_of(c->g, to)->state;
    if (state != NODE_LINKED && state != NODE_DEAD)
        return WRONG(c, "slot %u links to slot %u, whose state is %u", slot, to, state);
    for (unsigned i = 0; i < at; i++)
        if (link_at(l, i) == to)
            return WRONG(c, "slot %u links to slot %u twice", slot, to);
    c->indegree[to]++;
    return ERR_OK;
}

static enum err check_links(struct check *c, uint32_t slot)
{
    const struct links *l = links_of(c->g, slot);
    enum err err = ERR_OK;
    unsigned n = 0;
    for (; !err && n < DEGREE && link_at(l, n) != GRAPH_NONE; n++)
        err = check_link(c, slot, n, link_at(l, n));
    for (; !err && n < DEGREE; n++)
        if (link_at(l, n) != GRAPH_NONE)
            err = WRONG(c, "slot %u has a gap in its links", slot);
    return err;
}

static enum err check_twins(struct check *c, uint32_t slot)
{
    const struct graph *g = c->g;
    uint32_t before = slot;
    for (uint32_t twin = atomic_load(&line_of(g, slot)->twin); twin != GRAPH_NONE;
         twin = atomic_load(&line_of(g, before)->twin)) {
        if (twin >= c->end || node_of(g, twin)->state != NODE_TWIN ||
            node_of(g, twin)->previous != before ||
            memcmp(code_of(g, twin), code_of(g, slot), g->code_bytes) != 0)
            return WRONG(c, "slot %u is not a twin of slot %u", twin, slot);
        if (link_at(links_of(g, twin), 0) != GRAPH_NONE)
            return WRONG(c, "twin %u has links", twin);
        c->indegree[twin] = GRAPH_NONE; /* seen */
        before = twin;
    }
    return ERR_OK;
}

/* What has no row is dead in all lines; what is not linked has no links or twins. */
static enum err check_apart(struct check *c, uint32_t slot)
{
    const struct graph *g = c->g;
    uint8_t state = node_of(g, slot)->state;
    bool dead = !slot_has_row(g, slot);
    if (slot_dead(g, slot) != dead ||
        (slot_is_coming(g, slot) && line_dead(line_in(g, g->coming, slot)) != dead))
        return WRONG(c, "slot %u of state %u looks %s to searches", slot, state,
                     dead ? "alive" : "dead");
    if ((state == NODE_FREE || state == NODE_HELD) && link_at(links_of(g, slot), 0) != GRAPH_NONE)
        return WRONG(c, "slot %u of state %u has links", slot, state);
    if (state == NODE_HELD && atomic_load(&line_of(g, slot)->twin) != GRAPH_NONE)
        return WRONG(c, "held slot %u has a twin", slot);
    return ERR_OK;
}

static enum err check_slot(struct check *c, uint32_t slot)
{
    uint8_t state = node_of(c->g, slot)->state;
    enum err err = ERR_OK;
    assert(state <= NODE_DEAD);
    c->states[state]++;
    if (slot_has_row(c->g, slot))
        err = check_row(c, slot);
    if (!err && state == NODE_LINKED)
        err = check_links(c, slot);
    if (!err && state == NODE_LINKED)
        err = check_twins(c, slot);
    if (!err)
        err = check_apart(c, slot);
    return err;
}

static enum err check_counts(struct check *c)
{
    struct graph *g = c->g;
    size_t twins = 0;
    for (uint32_t slot = 0; slot < c->end; slot++) {
        uint8_t state = node_of(g, slot)->state;
        uint32_t known = atomic_load(&node_of(g, slot)->indegree);
        if (state == NODE_TWIN) {
            if (c->indegree[slot] != GRAPH_NONE)
                return WRONG(c, "twin %u hangs on nothing", slot);
            twins++;
        } else if (c->indegree[slot] != known) {
            return WRONG(c, "%u links lead to slot %u, %u are counted", c->indegree[slot], slot,
                         known);
        }
    }
    if (c->states[NODE_LINKED] + twins != graph_count(g))
        return WRONG(c, "%zu slots are linked, %zu are counted", c->states[NODE_LINKED] + twins,
                     graph_count(g));
    if (c->states[NODE_DEAD] != g->retired_count + g->limbo_count)
        return WRONG(c, "%zu slots are dead, %zu to be used again", c->states[NODE_DEAD],
                     g->retired_count + g->limbo_count);
    for (size_t i = 0; i < g->retired_count; i++)
        if (c->indegree[g->retired[(g->retired_first + i) % g->retired_cap].slot])
            return WRONG(c, "a link leads to a slot that is free");
    return ERR_OK;
}

static uint32_t entry_at(const struct coding *c, unsigned i)
{
    return atomic_load(&c->entries[i / ENTRIES_EACH].slots[i % ENTRIES_EACH]);
}

/* *n: how many there are. */
static enum err check_entries_in(struct check *c, const struct coding *coding, size_t *n)
{
    for (unsigned i = 0; i < CENTROIDS_MAX * ENTRIES_EACH; i++) {
        uint32_t slot = entry_at(coding, i);
        if (slot == GRAPH_NONE)
            continue;
        if (slot >= c->end || node_of(c->g, slot)->state != NODE_LINKED)
            return WRONG(c, "entry %u is not linked", slot);
        ++*n;
    }
    return ERR_OK;
}

static enum err check_entries(struct check *c)
{
    const struct graph *g = c->g;
    size_t n = 0, coming = 0;
    enum err err = check_entries_in(c, atomic_load(&g->coding), &n);
    if (!err && g->coming)
        err = check_entries_in(c, g->coming, &coming);
    if (!err && !n && graph_count(g))
        err = WRONG(c, "nothing to start from");
    return err;
}

static size_t count_reachable(const struct graph *g, uint32_t end)
{
    const struct coding *coding = atomic_load(&g->coding);
    uint64_t *seen = xcalloc(end / 64 + 1, sizeof *seen);
    uint32_t *stack = xmalloc(((size_t)end + 1) * sizeof *stack);
    size_t depth = 0, reached = 0;
    for (unsigned i = 0; i < CENTROIDS_MAX * ENTRIES_EACH; i++) {
        uint32_t slot = entry_at(coding, i);
        if (slot == GRAPH_NONE || bit_at(seen, slot))
            continue;
        seen[slot / 64] |= UINT64_C(1) << slot % 64;
        stack[depth++] = slot;
    }
    while (depth) {
        uint32_t slot = stack[--depth], list[DEGREE];
        reached++;
        for (uint32_t t = atomic_load(&line_of(g, slot)->twin); t != GRAPH_NONE;
             t = atomic_load(&line_of(g, t)->twin))
            reached++;
        unsigned n = links_read(g, slot, list);
        for (unsigned i = 0; i < n; i++) {
            if (bit_at(seen, list[i]) || slot_dead(g, list[i]))
                continue;
            seen[list[i] / 64] |= UINT64_C(1) << list[i] % 64;
            stack[depth++] = list[i];
        }
    }
    free(seen);
    free(stack);
    return reached;
}

enum err graph_check(struct graph *g, size_t *reachable, struct err_info *e)
{
    struct check c = {.g = g, .end = atomic_load(&g->slots_end), .e = e};
    c.indegree = xcalloc((size_t)c.end + 1, sizeof *c.indegree);
    c.x = xmalloc(g->dims * sizeof *c.x);
    c.scratch = xmalloc(g->signs * sizeof *c.x);
    c.line = xaligned(g->line_bytes);
    c.code = xmalloc(g->code_bytes);
    enum err err = ERR_OK;
    for (uint32_t slot = 0; !err && slot < c.end; slot++)
        err = check_slot(&c, slot);
    if (!err)
        err = check_counts(&c);
    if (!err)
        err = check_entries(&c);
    if (!err && reachable)
        *reachable = count_reachable(g, c.end);
    free(c.indegree);
    free(c.x);
    free(c.scratch);
    free(c.line);
    free(c.code);
    return err;
}

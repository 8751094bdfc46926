/* Which links a slot gets: robust pruning (DiskANN, Subramanya and others 2019) over the codes. */
#include "graph/internal.h"

#include "base/arena.h"
#include "math/dot.h"
#include <assert.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

struct linker *linker_new(struct graph *g)
{
    struct linker *k = xmalloc(sizeof *k);
    k->g = g;
    walk_init(&k->walk, g);
    return k;
}

void linker_free(struct linker *k)
{
    walk_release(&k->walk);
    free(k);
}

/* Slots that link to one that nothing else leads to. */
#define ADOPTERS 2u

/* One slot's links at a time; only builds with several threads ever wait. */
void node_lock(struct node *n)
{
    while (atomic_exchange_explicit(&n->lock, 1, memory_order_acquire))
        while (atomic_load_explicit(&n->lock, memory_order_relaxed))
            sched_yield();
}

void node_unlock(struct node *n)
{
    atomic_store_explicit(&n->lock, 0, memory_order_release);
}

unsigned links_read(const struct graph *g, uint32_t slot, uint32_t *out)
{
    const struct links *l = links_of(g, slot);
    unsigned n = 0;
    while (n < DEGREE && (out[n] = link_at(l, n)) != GRAPH_NONE)
        n++;
    return n;
}

static bool list_has(const uint32_t *list, unsigned n, uint32_t slot)
{
    for (unsigned i = 0; i < n; i++)
        if (list[i] == slot)
            return true;
    return false;
}

void indegree_add(struct graph *g, uint32_t slot)
{
    atomic_fetch_add_explicit(&node_of(g, slot)->indegree, 1, memory_order_relaxed);
}

void indegree_drop(struct graph *g, uint32_t slot)
{
    uint32_t was = atomic_fetch_sub_explicit(&node_of(g, slot)->indegree, 1, memory_order_relaxed);
    assert(was > 0);
}

/* Of candidates, nearest first, those to which no chosen one is much nearer. */
static unsigned choose(struct linker *k, const struct candidate *c, size_t count, uint32_t *out)
{
    const struct graph *g = k->g;
    unsigned n = 0;
    for (size_t i = 0; i < count && n < DEGREE; i++) {
        const int8_t *code = code_of(g, c[i].slot);
        float scale = line_of(g, c[i].slot)->scale;
        /* Nearer than d / alpha: 2 - 2 cos <= d / alpha. */
        float cosine = 1 - c[i].distance / (2 * ALPHA);
        float limit = scale > 0 ? cosine / scale : 1e30f;
        if (dot_i8_first(code, k->rows, k->scales, n, g->dims, limit) < n)
            continue;
        k->rows[n] = code;
        k->scales[n] = scale;
        out[n++] = c[i].slot;
    }
    return n;
}

static bool has_last_link(const struct graph *g, uint32_t slot)
{
    const struct node *node = node_of(g, slot);
    return node->state == NODE_LINKED &&
           atomic_load_explicit(&node->indegree, memory_order_relaxed) == 1;
}

/* Old links stay if nothing else leads to where they lead, in place of the farthest if there is no
 * room. */
static unsigned last_links_keep(const struct graph *g, const uint32_t *old, unsigned old_count,
                                uint32_t *list, unsigned n)
{
    unsigned at = DEGREE;
    for (unsigned i = 0; i < old_count; i++) {
        if (list_has(list, n, old[i]) || !has_last_link(g, old[i]))
            continue;
        if (n < DEGREE) {
            list[n++] = old[i];
            continue;
        }
        while (at > 0 && list_has(old, old_count, list[at - 1]) && has_last_link(g, list[at - 1]))
            at--;
        if (at > 0)
            list[--at] = old[i];
    }
    return n;
}

/* Writes a slot's links; it is locked. `list` has room for DEGREE. */
static void links_write(struct graph *g, uint32_t slot, const uint32_t *old, unsigned old_count,
                        uint32_t *list, unsigned n)
{
    struct links *l = links_of(g, slot);
    n = last_links_keep(g, old, old_count, list, n);
    for (unsigned i = 0; i < n; i++)
        if (!list_has(old, old_count, list[i]))
            indegree_add(g, list[i]);
    for (unsigned i = 0; i < old_count; i++)
        if (!list_has(list, n, old[i]))
            indegree_drop(g, old[i]);
    for (unsigned i = 0; i < DEGREE; i++)
        link_set(l, i, i < n ? list[i] : GRAPH_NONE);
}

static void distances(const struct graph *g, uint32_t slot, const uint32_t *to, unsigned n,
                      struct candidate *out)
{
    const int8_t *rows[2 * DEGREE] = {0};
    int32_t dots[2 * DEGREE + 4];
    assert(n <= 2 * DEGREE);
    for (unsigned i = 0; i < n; i++)
        rows[i] = code_of(g, to[i]);
    dot_i8_gather(code_of(g, slot), rows, n, g->dims, dots);
    for (unsigned i = 0; i < n; i++)
        out[i] = (struct candidate){slots_distance(g, (float)dots[i], slot, to[i]), to[i]};
}

static void sort_candidates(struct candidate *c, unsigned n)
{
    for (unsigned i = 1; i < n; i++) {
        struct candidate x = c[i];
        unsigned j = i;
        for (; j > 0 && c[j - 1].distance > x.distance; j--)
            c[j] = c[j - 1];
        c[j] = x;
    }
}

/* A link from `slot` to `to`; if there is no room, the dead go, then all are chosen anew. */
static void link_add(struct linker *k, uint32_t slot, uint32_t to)
{
    struct graph *g = k->g;
    uint32_t old[DEGREE], list[DEGREE + 1];
    struct candidate c[DEGREE + 1];
    struct node *node = node_of(g, slot);
    node_lock(node);
    unsigned n = links_read(g, slot, old), kept = 0;
    if (list_has(old, n, to))
        goto done;
    if (n < DEGREE) {
        indegree_add(g, to);
        link_set(links_of(g, slot), n, to);
        goto done;
    }
    for (unsigned i = 0; i < n; i++)
        if (!slot_dead(g, old[i]))
            list[kept++] = old[i];
    list[kept++] = to;
    if (kept > DEGREE) {
        distances(g, slot, list, kept, c);
        sort_candidates(c, kept);
        kept = choose(k, c, kept, list);
    }
    links_write(g, slot, old, n, list, kept);
done:
    node_unlock(node);
}

/* --- inserting --- */

static bool twin_hang(struct graph *g, uint32_t slot, uint32_t on)
{
    struct node *node = node_of(g, on), *own = node_of(g, slot);
    node_lock(node);
    bool live = node->state == NODE_LINKED;
    if (live) {
        uint32_t next = atomic_load(&line_of(g, on)->twin);
        twin_set(g, slot, next);
        if (next != GRAPH_NONE)
            node_of(g, next)->previous = slot;
        own->previous = on;
        own->state = NODE_TWIN;
        twin_set(g, on, slot);
    }
    node_unlock(node);
    return live;
}

static bool twin_found(struct linker *k, uint32_t slot)
{
    struct graph *g = k->g;
    const struct walk *w = &k->walk;
    const int8_t *code = code_of(g, slot);
    for (size_t i = 0; i < w->found_count && w->found[i].distance < 1e-5f; i++)
        if (memcmp(code, code_of(g, w->found[i].slot), g->code_bytes) == 0)
            return twin_hang(g, slot, w->found[i].slot);
    return false;
}

static void links_choose(struct linker *k, uint32_t slot)
{
    struct graph *g = k->g;
    struct walk *w = &k->walk;
    uint32_t old[DEGREE], list[DEGREE];
    struct node *node = node_of(g, slot);
    unsigned n = choose(k, w->found, w->found_count, list);
    node_lock(node);
    unsigned old_count = links_read(g, slot, old);
    links_write(g, slot, old, old_count, list, n);
    n = links_read(g, slot, list);
    node_unlock(node);
    for (unsigned i = 0; i < n; i++)
        if (!list_has(old, old_count, list[i]))
            link_add(k, list[i], slot);
    for (unsigned i = 0; i < n && i < ADOPTERS && !indegree_of(g, slot); i++)
        link_force(g, list[i], slot);
}

void linker_insert(struct linker *k, uint32_t slot)
{
    struct graph *g = k->g;
    struct walk *w = &k->walk;
    struct node *node = node_of(g, slot);
    walk_query_slot(w, slot);
    walk_run(w, EF_CONSTRUCTION);
    walk_rank(w, true);
    walk_clear(w);
    if (!twin_found(k, slot)) {
        node->state = NODE_LINKED;
        links_choose(k, slot);
    }
}

/* --- again --- */

/* The slot itself leaves `found`; its own links come in. */
static void found_with_links(struct linker *k, uint32_t slot)
{
    struct walk *w = &k->walk;
    uint32_t own[DEGREE], more[DEGREE];
    struct candidate c[DEGREE];
    unsigned n = links_read(k->g, slot, own), more_count = 0;
    size_t kept = 0;
    for (unsigned i = 0; i < n; i++) {
        size_t j = 0;
        while (j < w->found_count && w->found[j].slot != own[i])
            j++;
        if (j == w->found_count && !slot_dead(k->g, own[i]))
            more[more_count++] = own[i];
    }
    for (size_t i = 0; i < w->found_count; i++)
        if (w->found[i].slot != slot)
            w->found[kept++] = w->found[i];
    w->found_count = kept;
    if (!more_count)
        return;
    distances(k->g, slot, more, more_count, c);
    walk_found_add(w, c, more_count);
}

void linker_refine(struct linker *k, uint32_t slot)
{
    struct walk *w = &k->walk;
    walk_query_slot(w, slot);
    walk_run(w, EF_CONSTRUCTION);
    walk_rank(w, true);
    walk_clear(w);
    found_with_links(k, slot);
    links_choose(k, slot);
}

/* --- after a deletion --- */

void linker_mend(struct linker *k, uint32_t slot, uint32_t without, const uint32_t *more,
                 unsigned more_count)
{
    struct graph *g = k->g;
    uint32_t old[DEGREE], list[2 * DEGREE];
    struct candidate c[2 * DEGREE];
    struct node *node = node_of(g, slot);
    node_lock(node);
    unsigned old_count = links_read(g, slot, old), n = 0;
    if (list_has(old, old_count, without)) {
        for (unsigned i = 0; i < old_count; i++)
            if (!slot_dead(g, old[i]) && old[i] != without)
                list[n++] = old[i];
        unsigned kept = n;
        for (unsigned i = 0; i < more_count; i++)
            if (more[i] != slot && !list_has(list, kept, more[i]))
                list[n++] = more[i];
        distances(g, slot, list, n, c);
        sort_candidates(c, n);
        n = choose(k, c, n, list);
        links_write(g, slot, old, old_count, list, n);
    }
    node_unlock(node);
}

/* Of full links, which one goes: to a dead slot, or the last (the farthest, unless added later) to
 * one that others lead to as well. */
static unsigned link_to_spare(const struct graph *g, const uint32_t *links)
{
    unsigned at = DEGREE - 1;
    for (unsigned i = 0; i < DEGREE; i++)
        if (slot_dead(g, links[i]))
            return i;
    while (at > 0 && has_last_link(g, links[at]))
        at--;
    return has_last_link(g, links[at]) ? DEGREE - 1 : at;
}

void link_force(struct graph *g, uint32_t slot, uint32_t to)
{
    uint32_t old[DEGREE];
    struct node *node = node_of(g, slot);
    node_lock(node);
    unsigned n = links_read(g, slot, old);
    if (!list_has(old, n, to)) {
        unsigned at = n < DEGREE ? n : link_to_spare(g, old);
        if (at < n)
            indegree_drop(g, old[at]);
        indegree_add(g, to);
        link_set(links_of(g, slot), at, to);
    }
    node_unlock(node);
}

void linker_adopt(struct linker *k, uint32_t slot)
{
    struct graph *g = k->g;
    uint32_t to[DEGREE];
    unsigned n = links_read(g, slot, to), adopted = 0;
    for (unsigned i = 0; i < n && adopted < ADOPTERS; i++)
        if (!slot_dead(g, to[i])) {
            link_force(g, to[i], slot);
            adopted++;
        }
    if (!adopted)
        linker_refine(k, slot);
}

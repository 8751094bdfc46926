/* Many slots at once, on several threads. The same as inserting one by one, but that the order is
 * not fixed; links of a slot are written under its lock. */
#include "graph/internal.h"

#include "base/thread.h"

#define THREADS_MAX 64u
#define SHARE 256 /* slots that a thread takes at a time */

struct build {
    struct graph *g;
    const uint32_t *slots;
    size_t count;
    bool again; /* the second pass */
    _Atomic size_t at;
};

static void build_run(struct build *b, struct linker *k)
{
    for (;;) {
        size_t from = atomic_fetch_add(&b->at, SHARE);
        if (from >= b->count)
            return;
        for (size_t i = from; i < b->count && i < from + SHARE; i++) {
            struct node *node = node_of(b->g, b->slots[i]);
            if (!b->again)
                linker_insert(k, b->slots[i]);
            else if (node->state == NODE_LINKED) {
                linker_refine(k, b->slots[i]);
                node->refined = 1;
            }
        }
    }
}

static void build_thread(void *arg)
{
    struct build *b = arg;
    struct linker *k = linker_new(b->g);
    build_run(b, k);
    linker_free(k);
}

static void build_pass(struct build *b, unsigned threads)
{
    struct thread *started[THREADS_MAX];
    atomic_store(&b->at, 0);
    for (unsigned i = 1; i < threads; i++)
        started[i] = thread_start("build", build_thread, b);
    build_run(b, b->g->linker);
    for (unsigned i = 1; i < threads; i++)
        thread_join(started[i]);
}

static void build_count(struct graph *g)
{
    size_t unrefined = 0;
    for (uint32_t s = 0; s < atomic_load(&g->slots_end); s++)
        unrefined += node_of(g, s)->state == NODE_LINKED && !node_of(g, s)->refined;
    atomic_store(&g->unrefined, unrefined);
}

/* Two threads may have taken the last two links to a slot at the same time. */
static void orphans_adopt(struct graph *g, const uint32_t *slots, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (node_of(g, slots[i])->state == NODE_LINKED && !indegree_of(g, slots[i]))
            linker_adopt(g->linker, slots[i]);
}

void graph_build(struct graph *g, const uint32_t *slots, size_t count, unsigned threads)
{
    size_t first = count < ENTRIES ? count : ENTRIES; /* entries for the rest to start from */
    threads = threads < 1 ? 1 : threads < THREADS_MAX ? threads : THREADS_MAX;
    if (count > graph_count(g)) /* most rows are new */
        coding_renew(g, graph_count(g) + count);
    for (size_t i = 0; i < first; i++)
        graph_insert(g, slots[i]);
    struct build b = {.g = g, .slots = slots + first, .count = count - first};
    build_pass(&b, threads);
    for (size_t i = first; i < count; i++)
        graph_inserted(g, slots[i]);
    b = (struct build){.g = g, .slots = slots, .count = count, .again = true};
    build_pass(&b, threads);
    orphans_adopt(g, slots, count);
    build_count(g);
}

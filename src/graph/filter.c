/* The walk under a filter: only slots that pass are scored and expanded, and slots that do not are
 * reached through, so that what passes stays connected (ACORN). */
#include "graph/internal.h"

#include "base/arena.h"
#include <string.h>

/* A step that finds fewer than this among the links looks through those that do not pass. */
#define ENOUGH DEGREE

struct filtered {
    struct walk *w;
    const struct graph_filter *filter;
    struct batch *to;
    uint32_t asked[DEGREE];
    unsigned asked_count;
};

static void seen_set(struct walk *w, uint32_t slot)
{
    w->visited[slot / 64] |= UINT64_C(1) << slot % 64;
    w->touched[w->touched_count++] = slot;
}

/* A slot stands for its twins too. */
static bool twin_passes(struct filtered *f, uint32_t slot)
{
    bool pass = false;
    for (uint32_t t = slot; !pass;) {
        t = atomic_load_explicit(&line_in(f->w->g, f->w->coding, t)->twin, memory_order_acquire);
        if (t == GRAPH_NONE)
            break;
        f->filter->pass(f->filter->ctx, &t, 1, &pass);
        f->w->visits++;
    }
    return pass;
}

static void asked_flush(struct filtered *f)
{
    bool pass[DEGREE];
    struct walk *w = f->w;
    if (!f->asked_count)
        return;
    f->filter->pass(f->filter->ctx, f->asked, f->asked_count, pass);
    w->visits += f->asked_count;
    for (unsigned i = 0; i < f->asked_count; i++) {
        uint32_t slot = f->asked[i];
        if (!pass[i] && line_dead(line_in(w->g, w->coding, slot)))
            continue; /* what it links to may be anything by now */
        if (!pass[i] && !twin_passes(f, slot)) {
            w->bridges[slot / 64] |= UINT64_C(1) << slot % 64;
            continue;
        }
        line_fetch(w->g, w->coding, slot);
        f->to->slots[f->to->count++] = slot;
    }
    f->asked_count = 0;
}

/* Asks for the links of `slot` that were not seen. */
static void links_ask(struct filtered *f, uint32_t slot)
{
    struct walk *w = f->w;
    const struct links *l = links_of(w->g, slot);
    walk_touched_room(w);
    for (unsigned i = 0; i < DEGREE; i++) {
        uint32_t to = link_at(l, i);
        if (to >= w->limit)
            break;
        if (bit_at(w->visited, to))
            continue;
        seen_set(w, to);
        f->asked[f->asked_count++] = to;
    }
    asked_flush(f);
}

static void step(struct filtered *f, uint32_t slot)
{
    struct walk *w = f->w;
    const struct links *l = links_of(w->g, slot);
    links_ask(f, slot);
    if (f->to->count >= ENOUGH)
        return;
    for (unsigned i = 0; i < DEGREE; i++) {
        uint32_t to = link_at(l, i);
        if (to >= w->limit)
            break;
        if (bit_at(w->bridges, to))
            links_fetch(w->g, to);
    }
    for (unsigned i = 0; i < DEGREE && f->to->count < ENOUGH; i++) {
        uint32_t to = link_at(l, i);
        if (to >= w->limit)
            break;
        if (!bit_at(w->bridges, to))
            continue;
        w->bridges[to / 64] &= ~(UINT64_C(1) << to % 64);
        links_ask(f, to);
    }
}

static void start_ask(struct filtered *f, const uint32_t *slots, unsigned count)
{
    struct walk *w = f->w;
    for (unsigned i = 0; i < count && f->to->count < BATCH - DEGREE; i++) {
        if (slots[i] >= w->limit || bit_at(w->visited, slots[i]) ||
            link_at(links_of(w->g, slots[i]), 0) == GRAPH_NONE) /* not linked, or a twin */
            continue;
        walk_touched_room(w);
        seen_set(w, slots[i]);
        f->asked[f->asked_count++] = slots[i];
        if (f->asked_count == DEGREE / 2)
            asked_flush(f);
    }
    asked_flush(f);
    walk_batch_score(w, f->to);
}

static void start(struct filtered *f)
{
    uint32_t entries[ENTRIES];
    unsigned n = entries_pick(f->w, entries);
    for (unsigned from = 0; from < n; from += DEGREE / 2)
        start_ask(f, entries + from, n - from < DEGREE / 2 ? n - from : DEGREE / 2);
    unsigned seeds = f->filter->seed_count < 64 ? f->filter->seed_count : 64;
    for (unsigned from = 0; from < seeds; from += DEGREE / 2)
        start_ask(f, f->filter->seeds + from,
                  seeds - from < DEGREE / 2 ? seeds - from : DEGREE / 2);
    for (unsigned i = 0; i < n && !f->w->pool.count; i++)
        if (entries[i] < f->w->limit) { /* none passes: what they link to */
            step(f, entries[i]);
            walk_batch_score(f->w, f->to);
        }
}

bool walk_run_filtered(struct walk *w, unsigned width, const struct graph_filter *filter)
{
    struct filtered f = {.w = w, .filter = filter, .to = &w->batches[0]};
    walk_begin(w, width);
    if (!w->bridges)
        w->bridges = xcalloc(w->visited_words, sizeof *w->bridges);
    w->visits = 0;
    w->batches[0].count = w->batches[1].count = 0;
    start(&f);
    for (unsigned now = 0;; now = !now) {
        uint32_t slot = walk_next(w);
        f.to = &w->batches[now];
        if (slot != GRAPH_NONE)
            step(&f, slot);
        else if (!w->batches[!now].count)
            return true;
        walk_batch_score(w, &w->batches[!now]);
        walk_links_fetch(w);
        if (filter->visits_max && w->visits > filter->visits_max)
            return false;
    }
}

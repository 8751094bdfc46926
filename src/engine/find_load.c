/* Candidates from search/, and their documents from the store.
 *
 * A hit carries the revision that was indexed. If the store has another by now, or the document is
 * gone or expired, the hit is dropped and the answer refilled by asking deeper. */
#include "base/clock.h"
#include "engine/find_impl.h"

#define SLACK 16 /* hits asked for beyond what is wanted */
#define DEEPER_TRIES 3
#define APPLIER_WAIT_NS                                                                            \
    250000000LL /* for a change that is in the store and not yet in the indexes */

/* `within`: NULL for all. */
static enum err ask(struct find *f, const struct docset *within, size_t depth, size_t sure,
                    struct err_info *e)
{
    const struct find_request *r = f->r;
    struct search_query q = {
        .mode = r->mode,
        .text = f->words && r->mode == SEARCH_HYBRID ? words_query_text(f->words) : r->q,
        .words = f->words,
        .filter = f->filter,
        .vector = f->vector,
        .within = within,
        .without = &f->without,
        .lifts = f->lifts,
        .lift_count = f->lift_count,
        .lifts_alone = r->by == SIMILAR_BY_READERS,
        .depth = depth,
        .sure = sure,
        .min_score = r->min_score,
        .deadline_ns = r->deadline_ns,
        .words_only = f->degraded.n > 0,
        .exact = r->exact,
        .diversity = r->diversity,
        .fusion = r->fusion,
        .words_weight = r->words_weight,
        .vectors_weight = r->vectors_weight,
        .boosts = f->boosts,
        .boost_count = f->boost_count,
    };
    enum err err = search_run(&f->view, &q, f->a, &f->result, e);
    if (!err && f->result.degraded.n)
        f->degraded = f->result.degraded;
    return err;
}

enum err find_ask(struct find *f, size_t depth, size_t sure, struct err_info *e)
{
    return ask(f, f->restricted ? &f->within : NULL, depth, sure, e);
}

enum err find_score(struct find *f, const struct docset *set, struct err_info *e)
{
    return ask(f, set, set->count, 0, e);
}

static bool by_score(const struct find *f)
{
    return !f->browse && !f->r->sort_count;
}

enum err find_candidates(struct find *f, size_t depth, size_t sure, struct err_info *e)
{
    f->applied = applied_now(f->x);
    return by_score(f) ? find_ask(f, depth, sure, e) : find_sorted(f, depth, e);
}

/* Does the hit's document stand as it was indexed? One that was not scored has no revision; what
 * had been applied before the indexes were asked is in them. */
static bool stands(const struct find *f, const struct search_hit *h,
                   const struct document_record *d)
{
    return d->number && (h->revision ? d->revision == h->revision : d->revision <= f->applied);
}

enum err find_load(struct find *f, size_t at, size_t offset, size_t wanted, struct loaded *out,
                   size_t *count, uint64_t *newer, struct err_info *e)
{
    size_t n = f->result.count;
    int64_t now_us = clock_wall_us();
    *count = 0;
    *newer = 0;
    while (at < n && *count < wanted) {
        size_t step = wanted - *count < n - at ? wanted - *count : n - at;
        uint32_t *numbers = arena_array(f->a, step, sizeof *numbers);
        struct document_record *docs = arena_array(f->a, step, sizeof *docs);
        for (size_t i = 0; i < step; i++)
            numbers[i] = f->result.hits[at + i].number;
        unsigned parts = *count + step > offset ? DOCUMENT_PAYLOAD | DOCUMENT_PASSAGES
                         : f->sight.filter      ? DOCUMENT_PAYLOAD
                                                : DOCUMENT_HEAD;
        enum err err = version_passages(f->v, f->a, numbers, step, parts, docs, e);
        if (err)
            return err;
        for (size_t i = 0; i < step; i++) {
            const struct search_hit *h = &f->result.hits[at + i];
            if (stands(f, h, &docs[i])) {
                if (!document_expired(&docs[i], now_us) && sight_sees(&f->sight, &docs[i]))
                    out[(*count)++] = (struct loaded){h, docs[i]};
            } else if (docs[i].number && docs[i].revision > h->revision &&
                       docs[i].revision > *newer) {
                *newer = docs[i].revision;
            }
        }
        at += step;
    }
    return 0;
}

bool find_wait(struct find *f, uint64_t change)
{
    return !applied_wait(f->x, change, clock_mono_ns() + APPLIER_WAIT_NS, NULL);
}

/* Are the first `count` hits the best? Where some were dropped, others moved up. */
static bool sure_to(const struct find *f, const struct loaded *hits, size_t count)
{
    return !count || (size_t)(hits[count - 1].hit - f->result.hits) < f->result.sure;
}

enum err find_gather(struct find *f, struct loaded **out, size_t *count, struct find_answer *answer,
                     struct err_info *e)
{
    size_t end = f->r->offset + f->limit, wanted = end + 1, start;
    size_t depth = f->place.shown + wanted + SLACK;
    size_t sure = end ? f->place.shown + end : 1;
    *out = arena_array(f->a, wanted, sizeof **out);
    for (int try = 0;; try++, depth *= 4) {
        uint64_t newer = 0;
        enum err err = find_candidates(f, depth, sure, e);
        int64_t t0 = clock_mono_ns();
        if (!err)
            err = find_place_start(f, &start, e);
        if (!err)
            err = find_load(f, start, f->r->offset, wanted, *out, count, &newer, e);
        answer->load_ns += clock_mono_ns() - t0;
        if (err || try == DEEPER_TRIES)
            return err;
        bool moved =
            by_score(f) && f->result.complete && !sure_to(f, *out, *count < end ? *count : end);
        sure = 0;
        if (moved)
            continue;
        if (!newer && (*count == wanted || f->result.count < depth))
            return 0;
        if (newer && !find_wait(f, newer))
            return 0; /* the indexes are behind: what stands is the answer */
    }
}

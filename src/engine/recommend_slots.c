/* Candidates become the slots of a page (recommend/slots.h has the rules). */
#include "base/rng.h"
#include "engine/recommend_impl.h"
#include "index/order.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SLACK 16          /* for those that are gone by the time that rows are made */
#define DEPTH_LIFTED 1000 /* where factors may lift what lies deeper */
#define ROUNDS_MAX 16

struct filling {
    struct recommendation *m;
    struct rng random;
    size_t depth, wanted;
    uint32_t *shown; /* on earlier pages, then here */
    size_t shown_count;
    struct placed *placed;
    size_t count;
    bool more, exhausted; /* exhausted: there are no more candidates */
};

/* ---- what slots ask of documents ---- */

static bool vector_of(void *ctx, uint32_t number, float *out)
{
    const struct recommendation *m = ctx;
    return vectors_document(m->v->vectors, number, out);
}

static size_t values_of(void *ctx, size_t cap, uint32_t number, uint32_t *out, size_t max)
{
    const struct recommendation *m = ctx;
    return attributes_values(m->c->attributes, m->r->caps[cap].field, number, out, max);
}

static int example_compare(const void *number, const void *example)
{
    uint32_t x = *(const uint32_t *)number, y = ((const struct example *)example)->number;
    return (x > y) - (x < y);
}

/* FEATURE_SHOWN, where a rule needs it. What the reader took does not tire. */
static enum err shown_fill(struct recommendation *m, struct err_info *e)
{
    size_t n = m->candidate_count;
    if (!(m->r->fatigue > 0) || !m->r->user.n)
        return 0;
    uint32_t *numbers = arena_array(m->a, n + 1, sizeof *numbers);
    float *shown = arena_array(m->a, n + 1, sizeof *shown);
    for (size_t i = 0; i < n; i++)
        numbers[i] = m->candidates[i].number;
    enum err err = served_counts(m->c, m->r->user, numbers, n, m->a, shown, e);
    for (size_t i = 0; i < n && !err; i++)
        m->candidates[i].features[FEATURE_SHOWN] =
            m->example_count && bsearch(&numbers[i], m->examples, m->example_count,
                                        sizeof *m->examples, example_compare)
                ? 0
                : shown[i];
    return err;
}

/* ---- one round: candidates, slots ---- */

static size_t depth_of(const struct recommendation *m)
{
    const struct recommend_request *r = m->r;
    size_t depth = m->rules.before_count + r->offset + r->limit + r->pin_count + SLACK;
    if (r->diversity > 0 || r->explore > 0 || r->cap_count > 0)
        depth += SLOTS_POOL;
    size_t ranked = ranker_depth(m);
    depth = depth > ranked ? depth : ranked;
    bool lifts = r->boost_count > 0 || r->half_life_days > 0 || r->fatigue > 0;
    return lifts && depth < DEPTH_LIFTED ? DEPTH_LIFTED : depth;
}

static struct slot_rules rules_of(const struct filling *f)
{
    const struct recommend_request *r = f->m->r;
    const struct rules *u = &f->m->rules;
    return (struct slot_rules){
        .without = &f->m->without,
        .within = &f->m->within,
        .pins = u->pins,
        .caps = u->caps,
        .boosts = u->boosts,
        .pin_count = r->pin_count,
        .cap_count = r->cap_count,
        .boost_count = r->boost_count,
        .relevance_min = r->relevance_bounded ? r->min_relevance : -INFINITY,
        .half_life_days = r->half_life_days,
        .fatigue = r->fatigue,
        .diversity = r->diversity,
        .explore = r->explore,
        .before = f->shown,
        .before_count = f->shown_count,
        .limit = f->wanted - f->count,
    };
}

static void place(struct filling *f, const struct slot *s)
{
    struct recommendation *m = f->m;
    struct placed *p = &f->placed[f->count++];
    p->slot = *s;
    size_t found = 1;
    if (s->candidate == SLOT_NO_CANDIDATE)
        candidates_score(m, &s->number, 1, &p->candidate, &found);
    else
        p->candidate = m->candidates[s->candidate];
    if (found == 0) /* deleted: rows will tell */
        p->candidate = (struct candidate){.number = s->number};
    if (s->candidate != SLOT_NO_CANDIDATE)
        p->candidate.score = s->score;
    p->candidate.propensity = s->propensity;
    if (s->pinned || s->explored)
        p->candidate.source = s->pinned ? "pin" : "explore";
    f->shown[f->shown_count++] = s->number;
}

/* The best of what a boost lifts may lie behind all others. */
static enum err lifted_add(struct filling *f, const struct slot_boost *b, struct docset *there,
                           struct err_info *e)
{
    struct recommendation *m = f->m;
    struct candidate *others = m->candidates;
    size_t count = m->candidate_count;
    struct docset within = m->within;
    docset_init(&m->within);
    docset_copy(&m->within, &within);
    docset_and(&m->within, b->documents);
    docset_minus(&m->within, there);
    enum err err = m->within.count ? candidates_make(m, f->wanted + SLACK, e) : 0;
    size_t more = m->within.count && !err ? m->candidate_count : 0;
    struct candidate *all = arena_array(m->a, count + more + 1, sizeof *all);
    memcpy(all, others, count * sizeof *all);
    for (size_t i = 0; i < more; i++) {
        all[count + i] = m->candidates[i];
        docset_add(there, m->candidates[i].number);
    }
    docset_release(&m->within);
    m->within = within;
    m->candidates = all;
    m->candidate_count = count + more;
    return err;
}

static enum err candidates_all(struct filling *f, struct err_info *e)
{
    struct recommendation *m = f->m;
    struct docset there;
    enum err err = candidates_make(m, f->depth, e);
    const char *model = m->model;
    f->exhausted = m->candidate_count < f->depth;
    if (err || f->exhausted)
        return err;
    docset_init(&there);
    for (size_t i = 0; i < m->candidate_count; i++)
        docset_add(&there, m->candidates[i].number);
    for (size_t i = 0; i < m->rules.boost_count && !err; i++)
        if (m->rules.boosts[i].factor > 1)
            err = lifted_add(f, &m->rules.boosts[i], &there, e);
    docset_release(&there);
    m->model = model;
    return err;
}

static enum err fill(struct filling *f, struct slots *out, struct err_info *e)
{
    struct recommendation *m = f->m;
    enum err err = candidates_all(f, e);
    if (!err)
        err = shown_fill(m, e);
    if (err)
        return err;
    candidates_sort(m);
    ranker_apply(m);
    struct slot_candidate *all = arena_array(m->a, m->candidate_count + 1, sizeof *all);
    for (size_t i = 0; i < m->candidate_count; i++) {
        const struct candidate *k = &m->candidates[i];
        all[i] = (struct slot_candidate){
            .number = k->number,
            .relevance = isfinite(k->relevance) ? k->relevance : 0,
            .ranked = isfinite(k->ranked) ? k->ranked : 0,
            .age_days = (double)k->features[FEATURE_AGE],
            .shown = isnan(k->features[FEATURE_SHOWN]) ? 0 : (double)k->features[FEATURE_SHOWN],
        };
    }
    struct slot_rules r = rules_of(f);
    const struct slot_documents documents = {m, m->v->dims, vector_of, values_of};
    slots_fill(all, m->candidate_count, &r, &documents, &f->random, m->a, out);
    for (size_t i = 0; i < out->count; i++)
        place(f, &out->list[i]);
    f->more = out->more;
    return 0;
}

/* ---- caps took what was there ---- */

static int number_compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* All documents with a value that has its number in the list into `without`: those of the list are
 * in `shown` by now. */
static void full_bar(struct filling *f, size_t cap)
{
    struct recommendation *m = f->m;
    uint32_t *values = arena_array(m->a, f->shown_count * SLOTS_VALUES_MAX + 1, sizeof *values);
    size_t n = 0, full = 0;
    for (size_t i = 0; i < f->shown_count; i++)
        n += values_of(m, cap, f->shown[i], values + n, SLOTS_VALUES_MAX);
    qsort(values, n, sizeof *values, number_compare);
    for (size_t i = 0, run = 0; i < n; i++) {
        run = i && values[i] == values[i - 1] ? run + 1 : 1;
        if (run == m->rules.caps[cap])
            values[full++] = values[i];
    }
    attributes_holders(m->c->attributes, m->r->caps[cap].field, values, full, &m->without);
}

/* Is there more behind the candidates, now that some values are full? Barring is for this page
 * only: the next one begins with its own sets. */
static bool deeper(struct filling *f)
{
    struct recommendation *m = f->m;
    size_t before = m->without.count;
    if (f->count == f->wanted || f->exhausted || m->r->cap_count == 0)
        return false;
    for (size_t k = 0; k < m->r->cap_count; k++)
        full_bar(f, k);
    return m->without.count > before;
}

/* ---- the page ---- */

static bool left(const struct docset *within, const struct docset *without)
{
    for (uint32_t n = docset_next(within, 0); n != UINT32_MAX; n = docset_next(within, n + 1))
        if (!docset_has(without, n))
            return true;
    return false;
}

static const char *emptied_by(struct recommendation *m, enum slots_emptied by)
{
    static const char *const names[] = {
        [SLOTS_BY_EXCLUDE] = "exclude",
        [SLOTS_BY_FILTER] = "filter",
        [SLOTS_BY_RELEVANCE] = "min_relevance",
        [SLOTS_BY_PAGES] = "pages",
        [SLOTS_BY_CAPS] = "caps",
    };
    if (by != SLOTS_NO_CANDIDATES)
        return names[by];
    if (m->within.count == 0)
        return str_trim(m->r->filter).n ? "filter" : "no_documents";
    if (!left(&m->within, &m->rules.excluded))
        return "exclude";
    return left(&m->within, &m->without) ? "no_candidates" : "seen";
}

enum err slots_make(struct recommendation *m, struct placed **out, size_t *count, bool *more,
                    struct err_info *e)
{
    struct filling f = {.m = m, .depth = depth_of(m), .wanted = m->r->offset + m->r->limit};
    struct slots first;
    struct docset without;
    size_t room = m->rules.before_count + f.wanted + 1;
    rng_init(&f.random, m->rules.seed);
    f.shown = arena_array(m->a, room, sizeof *f.shown);
    f.placed = arena_array(m->a, f.wanted + 1, sizeof *f.placed);
    f.shown_count = m->rules.before_count;
    if (f.shown_count)
        memcpy(f.shown, m->rules.before, f.shown_count * sizeof *f.shown);
    enum err err = fill(&f, &first, e);
    if (err)
        return err;
    m->emptied_by = f.count ? NULL : emptied_by(m, first.emptied_by);
    docset_init(&without);
    docset_copy(&without, &m->without);
    for (int round = 1; round < ROUNDS_MAX && !err && deeper(&f); round++)
        err = fill(&f, &first, e);
    docset_copy(&m->without, &without);
    docset_release(&without);
    size_t skipped = f.count < m->r->offset ? f.count : m->r->offset;
    m->rules.shown = f.shown;
    m->rules.shown_count = f.shown_count;
    *out = f.placed + skipped;
    *count = f.count - skipped;
    *more = f.more;
    if (f.count && *count == 0)
        m->emptied_by = "offset";
    return err;
}

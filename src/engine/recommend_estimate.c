/* What another way to recommend would have earned (engine.h). Each explored answer is made again,
 * by the other way and as of its time; then slot by slot it is asked what that way would have put
 * there. */
#include "base/clock.h"
#include "engine/recommend_impl.h"
#include "engine/tally.h"
#include "math/offpolicy.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ESTIMATE_NS 4000000000LL
#define READ_STEP 256
#define ACTS_MAX 1000 /* newest of a reader */
#define SPARE 20      /* documents of the other list beyond the answer's */

struct estimating {
    struct collection *c;
    struct version *v;
    struct recommender *learned;
    const struct estimate_request *r;
    struct feedback_settings settings;
    struct offpolicy_row *rows; /* malloc */
    size_t count, room;
    double reward;
    struct estimate_answer *out;
};

static void row_add(struct estimating *s, const struct offpolicy_row *row)
{
    if (s->count == s->room) {
        s->room = s->room ? 2 * s->room : 1024;
        s->rows = xrealloc(s->rows, s->room * sizeof *s->rows);
    }
    s->rows[s->count++] = *row;
    s->reward += row->reward;
    s->out->matched += row->target > 0;
}

/* The documents that this answer earned something with, into `taken`. */
static enum err rewards_read(struct estimating *s, const struct served_record *answer,
                             struct arena *a, struct docset *taken, struct err_info *e)
{
    struct feedback_record *rows;
    enum experiment_metric metric,
        wanted = s->r->conversion ? METRIC_CONVERSION : METRIC_CLICK_THROUGH;
    size_t n, kept = 0;
    enum err err = store_feedback_list(s->c->engine->store, a, s->c->id, answer->user, STR(""), 0,
                                       ACTS_MAX, &rows, &n, e);
    if (err)
        return err;
    struct str *ids = arena_array(a, n + 1, sizeof *ids);
    uint32_t *numbers = arena_array(a, n + 1, sizeof *numbers);
    for (size_t i = 0; i < n; i++) {
        uint8_t token[SERVED_TOKEN];
        if (served_token(rows[i].recommendation_id, token) &&
            memcmp(token, answer->token, SERVED_TOKEN) == 0 &&
            tally_act_metric(&s->settings, &rows[i], &metric) && metric == wanted &&
            rows[i].time_us >= answer->at_us - TALLY_EARLY_US &&
            rows[i].time_us <= answer->at_us + TALLY_ATTRIBUTION_US)
            ids[kept++] = rows[i].document;
    }
    err = numbers_of_ids(s->c, NULL, a, ids, kept, numbers, e);
    for (size_t i = 0; i < kept && !err; i++)
        if (numbers[i])
            docset_add(taken, numbers[i]);
    return err;
}

/* The other way's list, as of the answer's time; documents that came later are not in it. */
static enum err list_make(struct estimating *s, const struct served_record *answer, size_t wanted,
                          struct arena *a, uint32_t **numbers, size_t *count, struct err_info *e)
{
    struct recommend_request r = {
        .user = answer->user,
        .filter = s->r->filter,
        .blend = s->r->blend,
        .exclude_seen = true,
        .limit = wanted < RECOMMEND_LIMIT_MAX ? wanted : RECOMMEND_LIMIT_MAX,
    };
    struct recommendation m = {.x = s->c->engine,
                               .c = s->c,
                               .v = s->v,
                               .learned = s->learned,
                               .r = &r,
                               .a = a,
                               .now_us = answer->at_us,
                               .replayed = true,
                               .model = "profile"};
    struct placed *placed;
    size_t n = 0;
    bool more;
    docset_init(&m.within);
    docset_init(&m.without);
    enum err err = filter_select(m.c, NULL, a, r.filter, &m.within, e);
    if (!err)
        err = placeholders_drop(m.c, a, &m.within, e);
    if (!err)
        err = rules_make(&m, e);
    if (!err)
        err = examples_make(&m, e);
    if (!err)
        err = slots_make(&m, &placed, &n, &more, e);
    *numbers = arena_array(a, n + 1, sizeof **numbers);
    *count = 0;
    for (size_t i = 0; i < n && !err; i++)
        if (!((double)placed[i].candidate.features[FEATURE_AGE] < 0))
            (*numbers)[(*count)++] = placed[i].candidate.number;
    rules_release(&m.rules);
    docset_release(&m.within);
    docset_release(&m.without);
    return err;
}

/* The first of the list that does not stand before the slot; 0: none. */
static uint32_t pick(const uint32_t *numbers, size_t count, const struct docset *before)
{
    for (size_t i = 0; i < count; i++)
        if (!docset_has(before, numbers[i]))
            return numbers[i];
    return 0;
}

static enum err answer_judge(struct estimating *s, const struct served_record *answer,
                             const struct served_list *list, struct arena *a, struct err_info *e)
{
    struct docset taken, before;
    uint32_t *numbers;
    size_t n = 0;
    docset_init(&taken);
    docset_init(&before);
    enum err err = rewards_read(s, answer, a, &taken, e);
    if (!err)
        err = list_make(s, answer, 2 * list->count + SPARE, a, &numbers, &n, e);
    for (size_t i = 0; i < list->count && !err && n; i++) {
        const struct served_slot *slot = &list->slots[i];
        struct offpolicy_row row = {
            .reward = docset_has(&taken, slot->number),
            .propensity = (double)slot->propensity,
            .target = pick(numbers, n, &before) == slot->number,
        };
        if (slot->propensity < 1)
            row_add(s, &row);
        docset_add(&before, slot->number);
    }
    s->out->answers += !err && n;
    docset_release(&taken);
    docset_release(&before);
    return err;
}

/* Was it explored, is it of somebody, and the beginning of a list? */
static bool answer_counts(const struct estimating *s, const struct served_record *answer,
                          struct arena *a, struct served_list *list)
{
    bool explored = false;
    if (!answer->user.n || (s->r->scenario.n && !str_eq(answer->scenario, s->r->scenario)) ||
        served_unpack(answer->payload, 0, a, list, NULL) || list->first > 0)
        return false;
    for (size_t i = 0; i < list->count; i++)
        explored = explored || list->slots[i].propensity < 1;
    return explored && list->count <= RECOMMEND_LIMIT_MAX;
}

static enum err answers_judge(struct estimating *s, struct err_info *e)
{
    struct served_range at = {.from_us = s->out->from_us, .before_us = s->r->to_us};
    int64_t deadline_ns = clock_mono_ns() + ESTIMATE_NS;
    struct arena *read = arena_new(0), *a = arena_new(0);
    struct served_record *rows;
    size_t n = READ_STEP;
    bool on = true;
    enum err err = 0;
    while (n == READ_STEP && on && !err) {
        arena_reset(read);
        err = store_served_list(s->c->engine->store, read, s->c->id, &at, READ_STEP, &rows, &n, e);
        for (size_t i = 0; !err && on && i < n; i++) {
            struct served_list list;
            arena_reset(a);
            if (answer_counts(s, &rows[i], a, &list))
                err = answer_judge(s, &rows[i], &list, a, e);
            at.from_us = s->out->through_us = rows[i].at_us;
            at.after = rows[i].id;
            on = s->out->answers < ESTIMATE_ANSWERS_MAX && clock_mono_ns() < deadline_ns;
        }
    }
    s->out->complete = on;
    arena_free(read);
    arena_free(a);
    return err;
}

/* What it is of, and from when on it may be judged. */
static enum err target_find(struct estimating *s, struct arena *a, struct err_info *e)
{
    struct recommender_record r;
    uint32_t wanted = s->r->recommender;
    s->learned = recommender_take(s->c, wanted);
    s->out->from_us = s->r->from_us;
    if (!s->learned && wanted)
        return err_set(e, ERR_NOT_FOUND, "recommender",
                       "collection \"%s\" has no recommender %u that can be used", s->c->name,
                       wanted);
    if (!s->learned)
        return 0;
    s->out->recommender = s->learned->id;
    enum err err = store_recommender_get(s->c->engine->store, a, s->learned->id, &r, e);
    if (!err && r.created_us > s->out->from_us)
        s->out->from_us = r.created_us;
    return err;
}

static void estimate_make(struct estimating *s)
{
    struct estimate_answer *out = s->out;
    struct offpolicy_estimate o = offpolicy_snips(s->rows, s->count, 0, 1);
    out->slots = s->count;
    out->rate = o.value;
    out->low = fmax(o.low, 0);
    out->high = fmin(o.high, 1);
    out->effective = s->count && o.effective > 0 ? o.effective : 0;
    out->observed = s->count ? s->reward / (double)s->count : NAN;
}

enum err engine_recommend_estimate(struct engine *x, struct str collection,
                                   const struct estimate_request *r, struct arena *a,
                                   struct estimate_answer *out, struct err_info *e)
{
    struct estimate_request own = *r;
    struct estimating s = {.r = &own, .out = out};
    if (r->to_us && r->to_us < r->from_us)
        return err_set(e, ERR_INVALID, "to", "lies before `from`");
    enum err err = collection_find(x, collection, &s.c, e);
    if (err)
        return err;
    *out = (struct estimate_answer){0};
    s.v = version_active(s.c);
    if (!own.blend.n)
        own.blend = collection_blend(s.c, a);
    collection_feedback(s.c, &s.settings);
    served_flush(x);
    err = target_find(&s, a, e);
    if (!err)
        err = answers_judge(&s, e);
    if (!err)
        estimate_make(&s);
    free(s.rows);
    recommender_release(s.learned);
    version_unref(s.v);
    collection_unref(s.c);
    metric_error(x, err);
    return err;
}

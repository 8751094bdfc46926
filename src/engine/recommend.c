/* What to show a reader next: the steps of an answer, in order, and its rows. */
#include "base/clock.h"
#include "base/rng.h"
#include "engine/classifiers.h"
#include "engine/recommend_impl.h"
#include <string.h>

#define EXPLANATION_PARTS 5
#define TRIES 4

static enum err explain(struct recommendation *m, const struct candidate *k,
                        struct recommend_row *row, struct err_info *e)
{
    struct explanation_part *parts;
    size_t n;
    explanation_make(m, k, EXPLANATION_PARTS, &parts, &n, &row->others);
    if (n == 0)
        return ERR_OK;
    uint32_t *numbers = arena_array(m->a, n, sizeof *numbers);
    struct document_record *docs = arena_array(m->a, n, sizeof *docs);
    for (size_t i = 0; i < n; i++)
        numbers[i] = parts[i].number;
    enum err err =
        store_documents_by_number(m->x->store, m->a, m->c->id, numbers, n, DOCUMENT_HEAD, docs, e);
    row->explanation = arena_array(m->a, n, sizeof *row->explanation);
    for (size_t i = 0; i < n && !err; i++) {
        if (!docs[i].number) { /* deleted this very moment */
            row->others += parts[i].part;
            continue;
        }
        row->explanation[row->explanation_count++] = (struct recommend_part){
            .document = docs[i].id,
            .part = parts[i].part,
            .share = k->relevance > 0 ? parts[i].part / k->relevance : 0,
        };
    }
    return err;
}

static void fields_choose(struct recommendation *m, struct document_out *d)
{
    json_t *payload = NULL;
    if (!m->r->fields_given || json_parse_stored(d->payload, &payload, NULL))
        return;
    if (fields_want_predicted(m->r->fields, m->r->field_count))
        documents_predict(m->c, m->sight, m->a, (struct document_out *const[]){d}, 1);
    document_choose(m->a, payload, m->r->fields, m->r->field_count, d);
    json_decref(payload);
}

static enum err row_make(struct recommendation *m, const struct placed *p,
                         const struct document_record *d, size_t position,
                         struct recommend_row *row, struct err_info *e)
{
    *row = (struct recommend_row){
        .position = position,
        .relevance = p->candidate.relevance,
        .ranked = p->candidate.ranked,
        .boost = p->slot.boost,
        .freshness = p->slot.freshness,
        .fatigue = p->slot.fatigue,
        .alike = p->slot.alike,
        .score = p->candidate.score,
        .propensity = p->candidate.propensity,
        .source = p->candidate.source,
    };
    document_out_make(m->a, d, &row->document);
    fields_choose(m, &row->document);
    return m->r->explain ? explain(m, &p->candidate, row, e) : 0;
}

/* Those that do not stand any more into `without`; how many. */
static size_t gone_bar(struct recommendation *m, const struct placed *placed,
                       const struct document_record *docs, size_t n)
{
    size_t gone = 0;
    for (size_t i = 0; i < n; i++)
        if (!docs[i].number || docs[i].revision != placed[i].candidate.revision ||
            document_expired(&docs[i], m->now_us) || !sight_sees(m->sight, &docs[i])) {
            docset_add(&m->without, placed[i].candidate.number);
            gone++;
        }
    return gone;
}

/* The slots and their documents. A slot whose document was changed since it was indexed does not
 * stand: the list is filled again without it. */
static enum err standing_make(struct recommendation *m, struct placed **placed,
                              struct document_record **docs, size_t *count, bool *more,
                              struct err_info *e)
{
    for (int i = 0; i < TRIES; i++) {
        enum err err = slots_make(m, placed, count, more, e);
        if (err)
            return err;
        uint32_t *numbers = arena_array(m->a, *count + 1, sizeof *numbers);
        *docs = arena_array(m->a, *count + 1, sizeof **docs);
        for (size_t k = 0; k < *count; k++)
            numbers[k] = (*placed)[k].candidate.number;
        if (*count)
            err = store_documents_by_number(m->x->store, m->a, m->c->id, numbers, *count,
                                            DOCUMENT_PAYLOAD, *docs, e);
        if (err || gone_bar(m, *placed, *docs, *count) == 0)
            return err;
    }
    *count = 0; /* everything changes: better nothing than what is not so */
    *more = false;
    m->emptied_by = "changes";
    return 0;
}

static enum err rows_make(struct recommendation *m, const struct placed *placed,
                          const struct document_record *docs, size_t count, bool more,
                          struct recommend_answer *out, struct err_info *e)
{
    size_t first = m->rules.before_count + m->r->offset;
    struct document_out **all = arena_array(m->a, count + 1, sizeof *all);
    enum err err = 0;
    out->rows = arena_array(m->a, count + 1, sizeof *out->rows);
    for (size_t i = 0; i < count && !err; i++) {
        err = row_make(m, &placed[i], &docs[i], first + i, &out->rows[i], e);
        all[i] = &out->rows[i].document;
    }
    out->count = count;
    out->emptied_by = m->emptied_by;
    if (more && count)
        out->next = pages_mark(m);
    return err ? err : documents_mark_copies(m->c, m->sight, m->a, all, count, e);
}

static void log_add(struct recommendation *m, const struct placed *placed, size_t count,
                    struct recommend_answer *out)
{
    struct served_slot *slots = arena_array(m->a, count + 1, sizeof *slots);
    struct served s = {
        .user = m->r->user,
        .scenario = m->r->scenario,
        .experiment = m->experiment,
        .variant = m->variant,
        .recommender = m->learned ? m->learned->id : 0,
        .at_us = m->now_us,
        .slots = slots,
        .count = count,
        .first = m->rules.before_count + m->r->offset,
    };
    for (size_t i = 0; i < count; i++)
        slots[i] = (struct served_slot){
            .number = placed[i].candidate.number,
            .score = (float)placed[i].candidate.score,
            .propensity = (float)placed[i].candidate.propensity,
            .features = placed[i].candidate.features,
        };
    rng_hex(out->recommendation_id, 32);
    if (served_token(str_c(out->recommendation_id), s.token))
        served_add(m->c, &s);
}

static enum err answer_make(struct recommendation *m, struct recommend_answer *out,
                            struct err_info *e)
{
    struct placed *placed;
    struct document_record *docs;
    size_t count;
    bool more;
    enum err err = filter_select(m->c, m->sight, m->a, m->r->filter, &m->within, e);
    if (!err)
        err = placeholders_drop(m->c, m->a, &m->within, e);
    if (!err)
        err = rules_make(m, e);
    if (!err)
        err = examples_make(m, e);
    if (!err)
        err = standing_make(m, &placed, &docs, &count, &more, e);
    if (!err)
        err = rows_make(m, placed, docs, count, more, out, e);
    if (!err)
        log_add(m, placed, count, out);
    return err;
}

enum err engine_recommend(struct engine *x, struct str collection,
                          const struct recommend_request *r, struct arena *a,
                          struct recommend_answer *out, struct err_info *e)
{
    struct recommend_request own = *r; /* with what an experiment overrides */
    struct recommendation m = {
        .x = x, .r = &own, .a = a, .now_us = clock_wall_us(), .model = "profile"};
    int64_t t0 = clock_mono_ns();
    enum err err = collection_find(x, collection, &m.c, e);
    if (err)
        return err;
    struct sight sight;
    memset(out, 0, sizeof *out);
    if ((err = sight_open_for(m.c, a, r->within, r->filter, &sight, e))) {
        sight_close(&sight);
        collection_unref(m.c);
        return err;
    }
    m.sight = &sight;
    m.v = version_active(m.c);
    docset_init(&m.within);
    docset_init(&m.without);
    experiment_assign(m.c, &own, STR(""), a, &m.experiment, &m.variant);
    if (!own.blend.n)
        own.blend = collection_blend(m.c, a);
    m.learned = recommender_for(&sight, own.recommender);
    if (!m.learned && own.recommender)
        m.learned = recommender_for(&sight, 0);
    err = answer_make(&m, out, e);
    out->recommender = m.learned ? m.learned->id : 0;
    recommender_release(m.learned);
    rules_release(&m.rules);
    docset_release(&m.within);
    docset_release(&m.without);
    sight_close(&sight);
    out->embedding_version = m.v->id;
    version_unref(m.v);
    collection_unref(m.c);
    out->model = m.model;
    out->experiment = m.experiment;
    out->variant = m.variant;
    metric_recommend(x, m.model, clock_mono_ns() - t0);
    metric_error(x, err);
    return err;
}

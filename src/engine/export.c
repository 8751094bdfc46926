/* Everything that akin holds of a reader, in pages: who they are and what was brought for them,
 * then what they did, then what they were shown; each newest first. */
#include "engine/recommend_impl.h"
#include <string.h>

struct exporting {
    struct collection *c;
    struct sight sight;
    struct str user;
    const struct export_at *at;
    size_t limit;
    struct arena *a;
    struct user_export *out;
};

/* ---- the first page ---- */

static enum err user_export(struct exporting *x, struct err_info *e)
{
    struct user_record r;
    struct err_info info = {0};
    enum err err = store_user_get(x->c->engine->store, x->a, x->c->id, x->user, &r, &info);
    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    if (err)
        return err_set(e, err, info.field, "%s", info.message);
    x->out->known = true;
    x->out->user = (struct user_out){r.id, r.payload, r.created_us, r.updated_us, r.revision};
    return ERR_OK;
}

/* Only those of documents that are seen. */
static enum err scores_seen(struct exporting *x, struct scores_out *s, struct err_info *e)
{
    size_t kept = 0;
    enum err err = ERR_OK;
    if (!x->sight.filter)
        return err;
    struct str *ids = arena_array(x->a, s->count + 1, sizeof *ids);
    uint32_t *numbers = arena_array(x->a, s->count + 1, sizeof *numbers);
    for (size_t i = 0; i < s->count; i++)
        ids[i] = s->scores[i].document;
    err = numbers_of_ids(x->c, &x->sight, x->a, ids, s->count, numbers, e);
    for (size_t i = 0; i < s->count && !err; i++)
        if (numbers[i])
            s->scores[kept++] = s->scores[i];
    s->count = kept;
    return err;
}

static enum err scores_export(struct exporting *x, struct err_info *e)
{
    struct str *sources, collection = str_c(x->c->name);
    struct engine *engine = x->c->engine;
    size_t n;
    enum err err = store_brought_sources(engine->store, x->a, x->c->id, &sources, &n, e);
    if (err)
        return err;
    x->out->scores = arena_array(x->a, n + 1, sizeof *x->out->scores);
    for (size_t i = 0; i < n && !err; i++) {
        struct export_scores *s = &x->out->scores[x->out->score_count];
        struct err_info info = {0};
        s->source = sources[i];
        err = engine_scores_get(engine, collection, sources[i], x->user, x->a, &s->scores, &info);
        if (!err)
            err = scores_seen(x, &s->scores, e);
        if (!err)
            x->out->score_count++;
        else if (err == ERR_NOT_FOUND)
            err = ERR_OK;
        else
            err = err_set(e, err, info.field, "%s", info.message);
    }
    return err;
}

/* ---- what they were shown ---- */

static enum err slots_export(struct exporting *x, const struct served_list *list,
                             struct export_answer *answer, struct err_info *e)
{
    uint32_t *numbers = arena_array(x->a, list->count + 1, sizeof *numbers);
    struct document_record *docs = arena_array(x->a, list->count + 1, sizeof *docs);
    enum err err = ERR_OK;
    for (size_t i = 0; i < list->count; i++)
        numbers[i] = list->slots[i].number;
    if (list->count)
        err = store_documents_by_number(x->c->engine->store, x->a, x->c->id, numbers, list->count,
                                        DOCUMENT_HEAD, docs, e);
    if (err)
        return err;
    answer->slots = arena_array(x->a, list->count + 1, sizeof *answer->slots);
    for (size_t i = 0; i < list->count; i++) {
        if (!sight_has(&x->sight, docs[i].number))
            continue;
        answer->slots[answer->count++] = (struct export_slot){
            .document = docs[i].number ? docs[i].id : STR(""), /* deleted since */
            .position = list->first + i,
            .score = (double)list->slots[i].score,
            .propensity = (double)list->slots[i].propensity,
        };
    }
    return ERR_OK;
}

static enum err answer_export(struct exporting *x, const struct served_record *r,
                              struct export_answer *answer, struct err_info *e)
{
    struct served_list list;
    char *hex = arena_alloc(x->a, 2 * SERVED_TOKEN + 1);
    for (size_t i = 0; i < SERVED_TOKEN; i++)
        snprintf(hex + 2 * i, 3, "%02x", r->token[i]);
    *answer = (struct export_answer){.recommendation_id = str_c(hex),
                                     .scenario = r->scenario,
                                     .experiment = r->experiment,
                                     .variant = r->variant,
                                     .recommender = r->recommender,
                                     .at_us = r->at_us};
    enum err err = served_unpack(r->payload, 0, x->a, &list, e);
    return err ? err : slots_export(x, &list, answer, e);
}

static enum err answers_export(struct exporting *x, struct err_info *e)
{
    struct served_record *rows;
    struct user_export *out = x->out;
    size_t n;
    enum err err = store_served_of_user(x->c->engine->store, x->a, x->c->id, x->user, x->at->at_us,
                                        x->at->answer, x->limit, &rows, &n, e);
    if (err)
        return err;
    out->answers = arena_array(x->a, n + 1, sizeof *out->answers);
    for (size_t i = 0; i < n && !err; i++) {
        struct export_answer *answer = &out->answers[out->answer_count];
        err = answer_export(x, &rows[i], answer, e);
        out->answer_count += answer->count || !x->sight.filter;
    }
    out->more = n == x->limit;
    if (out->more)
        out->next = (struct export_at){.answer = rows[n - 1].id, .at_us = rows[n - 1].at_us};
    return err;
}

/* ---- a page ---- */

static enum err page_export(struct exporting *x, struct err_info *e)
{
    struct user_export *out = x->out;
    bool first = x->at->feedback == 0 && x->at->answer == 0;
    enum err err = ERR_OK;
    if (first && (err = user_export(x, e)))
        return err;
    if (first && (err = scores_export(x, e)))
        return err;
    if (x->at->answer == 0) {
        uint64_t next = 0;
        err = engine_feedback_list(x->c->engine, str_c(x->c->name), x->sight.text, x->user, STR(""),
                                   x->at->feedback, x->limit, x->a, &out->feedback,
                                   &out->feedback_count, &next, e);
        out->more = !err && next;
        if (out->more)
            out->next = (struct export_at){.feedback = next};
    }
    if (!err && !out->more)
        err = answers_export(x, e);
    if (!err && first && !out->known && !out->score_count && !out->feedback_count &&
        !out->answer_count)
        err = err_set(e, ERR_NOT_FOUND, "id",
                      "there is no user of this id, and nothing else is known of one");
    return err;
}

enum err engine_user_export(struct engine *engine, struct str collection, struct str within,
                            struct str id, const struct export_at *at, size_t limit,
                            struct arena *a, struct user_export *out, struct err_info *e)
{
    static const struct export_at start;
    struct exporting x = {.user = id, .at = at ? at : &start, .limit = limit, .a = a, .out = out};
    *out = (struct user_export){0};
    enum err err = collection_find(engine, collection, &x.c, e);
    if (err)
        return err;
    served_flush(engine);
    err = sight_open(x.c, a, within, &x.sight, e);
    if (!err)
        err = page_export(&x, e);
    sight_close(&x.sight);
    collection_unref(x.c);
    metric_error(engine, err);
    return err;
}

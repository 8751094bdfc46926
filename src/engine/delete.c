/* Deleting documents: by their ids, or all that match a filter. */
#include "engine/internal.h"

#define COMMIT_DOCUMENTS 500 /* others write in between */

static void delete_result(const struct store_act *act, struct str id, struct put_result *r)
{
    *r = (struct put_result){.id = id, .status = "deleted", .revision = act->revision};
    if (act->err == ERR_NOT_FOUND) {
        r->status = "not_found";
    } else if (act->err) {
        r->status = "failed";
        r->err = act->err;
        r->info = act->info;
    }
}

enum err engine_delete(struct engine *x, struct str collection, const struct str *ids, size_t count,
                       const struct put_options *o, struct arena *a, struct put_result *results,
                       struct str *position, struct err_info *e)
{
    struct collection *c;
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    struct position at;
    struct sight sight;
    if ((err = sight_read(c, a, o ? o->within : STR(""), &sight, e))) {
        sight_close(&sight);
        collection_unref(c);
        return err;
    }
    struct store_act *acts = arena_array(a, count + 1, sizeof *acts);
    for (size_t i = 0; i < count; i++) {
        acts[i].kind = ACT_DOCUMENT_DELETE;
        acts[i].document.collection = c->id;
        acts[i].document.id = ids[i];
        sight_guard(&sight, &acts[i]);
        if (o && o->if_revision_set)
            acts[i].if_revision = o->if_revision;
    }
    store_position(x->store, &at);
    if (count > 0)
        err = store_write(x->store, acts, count, o && o->atomic, &at, e);
    for (size_t i = 0; i < count && (!err || (o && o->atomic)); i++)
        delete_result(&acts[i], ids[i], &results[i]);
    if (!err)
        err = applied_wait(x, at.change, o ? o->deadline_ns : 0, e);
    sight_close(&sight);
    collection_unref(c);
    metric_error(x, err);
    if (!err && position)
        *position = position_text(a, &at);
    return err;
}

/* Those of `match`, in commits of some hundreds. What was changed since it was looked up may not
 * match any more: it stays. */
static enum err delete_all(struct collection *c, const struct sight *s, const struct docset *match,
                           size_t max, struct arena *a, struct deleted *out, struct position *at,
                           struct err_info *e)
{
    uint32_t numbers[COMMIT_DOCUMENTS], next = docset_next(match, 0);
    size_t tried = 0;
    struct store *store = c->engine->store;
    while (next != UINT32_MAX && tried < max) {
        size_t n = 0, count = 0;
        for (; next != UINT32_MAX && n < COMMIT_DOCUMENTS && tried < max; tried++) {
            numbers[n++] = next;
            next = docset_next(match, next + 1);
        }
        struct document_record *docs = arena_array(a, n, sizeof *docs);
        struct store_act *acts = arena_array(a, n, sizeof *acts);
        enum err err =
            store_documents_by_number(store, a, c->id, numbers, n, DOCUMENT_HEAD, docs, e);
        if (err)
            return err;
        for (size_t i = 0; i < n; i++) {
            if (!docs[i].number)
                continue;
            acts[count].kind = ACT_DOCUMENT_DELETE;
            acts[count].if_revision = docs[i].revision;
            acts[count].document.collection = c->id;
            sight_guard(s, &acts[count]);
            acts[count++].document.id = docs[i].id;
        }
        if (count && (err = store_write(store, acts, count, false, at, e)))
            return err;
        for (size_t i = 0; i < count; i++)
            out->deleted += !acts[i].err;
    }
    return 0;
}

enum err engine_delete_matching(struct engine *x, struct str collection, struct str filter,
                                const struct put_options *o, struct arena *a, struct deleted *out,
                                struct str *position, struct err_info *e)
{
    struct collection *c;
    struct docset match;
    struct sight sight;
    struct position at;
    *out = (struct deleted){0};
    if (str_trim(filter).n == 0)
        return err_set(e, ERR_INVALID, "/filter",
                       "must not be empty: to delete everything, delete the collection");
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    docset_init(&match);
    store_position(x->store, &at);
    err = sight_open(c, a, o ? o->within : STR(""), &sight, e);
    if (!err)
        err = filter_select(c, &sight, a, filter, &match, e);
    if (!err)
        err = delete_all(c, &sight, &match, DELETE_MATCHING_MAX, a, out, &at, e);
    out->remaining = match.count - out->deleted;
    if (!err)
        err = applied_wait(x, at.change, o ? o->deadline_ns : 0, e);
    docset_release(&match);
    sight_close(&sight);
    collection_unref(c);
    metric_error(x, err);
    if (!err && position)
        *position = position_text(a, &at);
    return err;
}

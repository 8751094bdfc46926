/* What a user does with collections: create, change, get, list, delete. */
#include "base/clock.h"
#include "engine/internal.h"
#include "engine/recommend_impl.h"
#include <math.h>
#include <string.h>

enum err collection_name_check(struct str name, const char *field, struct err_info *e)
{
    bool good = name.n >= 1 && name.n <= COLLECTION_NAME_MAX;
    for (size_t i = 0; good && i < name.n; i++) {
        char c = name.s[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        good = letter || (i > 0 && (c == '_' || c == '-'));
    }
    if (!good)
        return err_set(
            e, ERR_INVALID, field,
            "a name has 1 to %d of a-z, 0-9, _ and -, and starts with a letter or a digit",
            COLLECTION_NAME_MAX);
    return 0;
}

static void index_info_make(struct engine *x, struct vectors *v, struct collection_info *out)
{
    struct vectors_recall r = vectors_recall(v);
    out->index.passages = vectors_count(v);
    out->index.linked = vectors_linked(v);
    out->index.tail = vectors_tail(v);
    out->index.unrefined = vectors_rough(v);
    out->index.bytes = vectors_bytes(v);
    out->index.recall = r.ratio;
    out->index.recall_samples = r.samples;
    out->index.recall_target = x->options.recall_target;
    out->index.width = r.width;
    out->index.width_filtered = r.width_filtered;
}

static void info_make(struct engine *x, const struct collection_record *r, struct arena *a,
                      struct collection_info *out)
{
    struct collection *c = collection_find_id(x, r->id);
    struct version *v = c ? version_find(c, r->version) : NULL;
    *out = (struct collection_info){
        .name = r->name,
        .settings = r->settings,
        .model = v ? arena_str(a, str_c(v->model_name)) : STR(""),
        .embedding_version = r->version,
        .model_digest = r->model_digest,
        .dims = r->dims,
        .documents = r->documents,
        .bytes = r->bytes,
        .passages = r->passages,
        .pending = r->pending,
        .created_us = r->created_us,
        .updated_us = r->updated_us,
        .revision = r->revision,
    };
    if (v)
        index_info_make(x, v->vectors, out);
    version_unref(v);
    if (c)
        collection_unref(c);
}

static struct str settings_text(struct arena *a, const struct settings *s)
{
    struct strbuf b;
    strbuf_init(&b, 0);
    settings_print(s, &b);
    struct str text = arena_str(a, strbuf_str(&b));
    strbuf_release(&b);
    return text;
}

/* Writes one act about a collection and waits until it is in effect here. */
static enum err act_run(struct engine *x, struct store_act *act, struct err_info *e)
{
    struct position at;
    enum err err = store_write(x->store, act, 1, false, &at, e);
    if (!err && act->err)
        err = err_set(e, act->err, act->info.field, "%s", act->info.message);
    if (!err)
        err = applied_wait(x, at.change, 0, e);
    metric_error(x, err);
    return err;
}

/* The model is kept open until the collection has taken it. */
static enum err create_with(struct engine *x, struct str name, const json_t *settings,
                            const struct version_choice *choice, struct model *m, struct arena *a,
                            struct err_info *e)
{
    struct settings s;
    const struct model_info *i = model_info(m);
    char model_name[96];
    settings_default(&s, model_tokens_best(m), 0);
    struct err_info info = {0};
    enum err err = settings_merge(&s, settings, model_tokens_max(m), &info);
    if (!err && s.recommend.blend[0] && s.recommend.gate)
        err = err_set(&info, ERR_INVALID, "/recommend/blend",
                      "needs gate: false in a new collection: no experiment can have tried it");
    if (err)
        err_set(e, err, arena_printf(a, "/settings%s", info.field), "%s", info.message);
    if (err)
        return err;
    struct version_settings vs = {.precision = i->precision, .dimensions = choice->dimensions};
    struct store_act act = {.kind = ACT_COLLECTION_CREATE};
    act.collection.name = name;
    act.collection.settings = settings_text(a, &s);
    act.collection.documents_max = s.quota.documents;
    act.collection.bytes_max = s.quota.bytes;
    act.collection.model_digest = str_c(i->digest);
    act.collection.dims = i->dims;
    act.collection.mean_cosine = NAN;
    model_take_name(x, choice->model, model_name);
    act.version.model = str_c(model_name);
    act.version.settings = version_settings_text(a, &vs);
    act.collection.created_us = act.collection.updated_us = clock_wall_us();
    err = act_run(x, &act, &info);
    if (err == ERR_CONFLICT)
        return err_set(e, err, "/name", "there is a collection or an alias \"%.*s\" already",
                       STR_ARG(name));
    return err ? err_set(e, err, info.field, "%s", info.message) : 0;
}

enum err engine_collection_create(struct engine *x, struct str name, const json_t *settings,
                                  const struct version_choice *choice, struct arena *a,
                                  struct collection_info *out, struct err_info *e)
{
    static const struct version_choice none;
    struct model *m;
    choice = choice ? choice : &none;
    enum err err = collection_name_check(name, "/name", e);
    if (!err)
        err = choice_take(x, choice, &m, e);
    if (err)
        return err;
    err = create_with(x, name, settings, choice, m, a, e);
    model_release(x, m);
    return err ? err : engine_collection_get(x, name, a, out, e);
}

/* What the collection's model reads; of one that is not there the default one's. */
static unsigned tokens_max_of(struct engine *x, uint32_t id)
{
    struct collection *c = collection_find_id(x, id);
    struct version *v = c ? version_active(c) : NULL;
    unsigned n = model_tokens_max(v && v->model ? v->model : x->model);
    version_unref(v);
    if (c)
        collection_unref(c);
    return n;
}

/* Where the gate is on, a new blend is one that an experiment has tried; there is none yet when a
 * collection is made. */
static enum err blend_check(struct engine *x, struct str name, const struct settings *before,
                            const struct settings *after, struct arena *a, struct err_info *e)
{
    struct collection *c;
    struct str blend = str_c(after->recommend.blend);
    if (!blend.n || !after->recommend.gate || str_eq_c(blend, before->recommend.blend))
        return 0;
    enum err err = collection_find(x, name, &c, e);
    if (err)
        return err;
    err = collection_blend_check(c, blend, a, e);
    collection_unref(c);
    return err;
}

/* Settings change what is written from now on; documents keep their passages until they are written
 * again. */
enum err engine_collection_update(struct engine *x, struct str name, const json_t *settings,
                                  struct arena *a, struct collection_info *out, struct err_info *e)
{
    for (int try = 0; try < WRITE_TRIES; try++) {
        struct collection_record r;
        struct settings s, before;
        json_t *stored = NULL;
        struct err_info info = {0};
        enum err err = store_collection_get(x->store, a, name, &r, e);
        if (err)
            return err;
        settings_default(&s, model_tokens_best(x->model), 0);
        if ((err = json_parse_stored(r.settings, &stored, e)))
            return err;
        unsigned tokens_max = tokens_max_of(x, r.id);
        err = settings_merge(&s, stored, UINT32_MAX / 4, e);
        before = s;
        if (!err)
            err = settings_merge(&s, settings, tokens_max, e);
        if (!err && strcmp(before.tenant_field, s.tenant_field) != 0)
            err = err_set(e, ERR_INVALID, "/tenant_field",
                          "is settled when a collection is made: make another one with it and "
                          "put the documents there");
        if (!err)
            err = blend_check(x, name, &before, &s, a, e);
        struct str text = err ? STR("") : settings_text(a, &s);
        json_decref(stored);
        if (err)
            return err;
        struct store_act act = {
            .kind = ACT_COLLECTION_UPDATE, .if_revision = r.revision, .collection = r};
        act.collection.settings = text;
        act.collection.documents_max = s.quota.documents;
        act.collection.bytes_max = s.quota.bytes;
        act.collection.updated_us = clock_wall_us();
        err = act_run(x, &act, &info);
        if (!err)
            return engine_collection_get(x, name, a, out, e);
        if (err != ERR_PRECONDITION)
            return err_set(e, err, info.field, "%s", info.message);
    }
    return err_set(e, ERR_CONFLICT, NULL,
                   "the collection was changed by others meanwhile; try again");
}

enum err engine_collection_get(struct engine *x, struct str name, struct arena *a,
                               struct collection_info *out, struct err_info *e)
{
    struct collection_record r;
    struct collection *c;
    enum err err = collection_find(x, name, &c, e);
    if (err)
        return err;
    collection_unref(c);
    if ((err = store_collection_get(x->store, a, name, &r, e)))
        return err;
    info_make(x, &r, a, out);
    return 0;
}

enum err engine_collection_list(struct engine *x, struct str after, size_t limit, struct arena *a,
                                struct collection_info **out, size_t *count, struct err_info *e)
{
    struct collection_record *rows;
    size_t n;
    enum err err = store_collection_list(x->store, a, after, limit, &rows, &n, e);
    if (err)
        return err;
    *out = arena_array(a, n + 1, sizeof **out);
    *count = n;
    for (size_t i = 0; i < n; i++)
        info_make(x, &rows[i], a, &(*out)[i]);
    return 0;
}

enum err engine_collection_delete(struct engine *x, struct str name, struct err_info *e)
{
    struct collection *c;
    enum err err = collection_find(x, name, &c, e);
    if (err)
        return err;
    struct store_act act = {.kind = ACT_COLLECTION_DELETE};
    act.collection.id = c->id;
    act.collection.name = name;
    err = act_run(x, &act, e);
    collection_unref(c);
    return err;
}

/* Embedding versions as they live in this process: for each that the store keeps, its model and its
 * vectors, the active one among them. A reader takes a reference to the active one once and works
 * with it to the end of its request, so vectors of two models never meet, whatever is promoted
 * meanwhile. */
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "engine/internal.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- settings ---- */

void version_settings_read(struct str text, struct version_settings *out)
{
    json_t *object = NULL;
    *out = (struct version_settings){.precision = PRECISION_AUTO};
    if (text.n == 0 || json_parse_stored(text, &object, NULL))
        return;
    if (precision_parse(json_str(json_object_get(object, "precision")), &out->precision, NULL))
        out->precision = PRECISION_AUTO;
    out->dimensions = (unsigned)json_integer_value(json_object_get(object, "dimensions"));
    struct str model = json_str(json_object_get(object, "model"));
    if (model.n < sizeof out->model)
        memcpy(out->model, model.s, model.n);
    out->passage_tokens = (unsigned)json_integer_value(json_object_get(object, "passage_tokens"));
    json_decref(object);
}

struct str version_settings_text(struct arena *a, const struct version_settings *s)
{
    struct strbuf b;
    struct json_writer w;
    strbuf_init(&b, 0);
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_key_int(&w, "dimensions", s->dimensions);
    if (s->model[0])
        json_key_c(&w, "model", s->model);
    json_key_int(&w, "passage_tokens", s->passage_tokens);
    json_key_c(&w, "precision", precision_name(s->precision));
    json_object_end(&w);
    struct str text = arena_str(a, strbuf_str(&b));
    strbuf_release(&b);
    return text;
}

/* ---- references ---- */

static struct version *ref_locked(struct collection *c, struct version *v)
{
    lock_assert_held(&c->lock);
    if (v)
        v->refs++;
    return v;
}

struct version *version_active(struct collection *c)
{
    lock_take(&c->lock);
    struct version *v = ref_locked(c, c->active);
    lock_drop(&c->lock);
    assert(v);
    return v;
}

struct version *version_find(struct collection *c, uint32_t id)
{
    lock_take(&c->lock);
    struct version *v = c->versions;
    while (v && v->id != id)
        v = v->next;
    ref_locked(c, v);
    lock_drop(&c->lock);
    return v;
}

struct version *version_next(struct collection *c, struct version *v)
{
    lock_take(&c->lock);
    struct version *next = c->versions;
    while (v && next && next->id <= v->id) /* sorted by id: one that left still tells where */
        next = next->next;
    ref_locked(c, next);
    lock_drop(&c->lock);
    version_unref(v);
    return next;
}

static void version_free(struct version *v)
{
    struct err_info info = {0};
    model_release(v->collection->engine, v->model);
    vectors_free(v->vectors);
    centres_free(v);
    if (v->gone && file_remove_tree(v->dir, &info))
        log_event(LOG_WARN, "vectors of a deleted version not removed",
                  LOG_S("reason", info.message));
    free(v->fresh);
    free(v->dir);
    free(v);
}

void version_unref(struct version *v)
{
    if (!v)
        return;
    lock_take(&v->collection->lock);
    assert(v->refs > 0);
    bool last = --v->refs == 0;
    lock_drop(&v->collection->lock);
    if (last)
        version_free(v);
}

void versions_free(struct collection *c)
{
    while (c->versions) {
        struct version *v = c->versions;
        c->versions = v->next;
        assert(v->refs == 1);
        version_free(v);
    }
}

/* ---- state ---- */

enum version_state version_state(struct version *v)
{
    lock_take(&v->collection->lock);
    enum version_state state = v->state;
    lock_drop(&v->collection->lock);
    return state;
}

/* A collection whose first passages are all alike has 1 or nearly: scores would be 0 or 1, or none.
 * Real ones have .0 to .85, by model. */
#define MU_MAX .95f

float version_mean_cosine(struct version *v)
{
    lock_take(&v->collection->lock);
    float mu = v->mean_cosine;
    lock_drop(&v->collection->lock);
    /* Where tenants are apart, no sample of all their passages. */
    if (!isnan(mu) && !v->collection->tenant_field[0])
        return mu < MU_MAX ? mu : MU_MAX;
    return v->model ? model_info(v->model)->mean_cosine : 0;
}

enum err version_check_model(const struct version *v, struct err_info *e)
{
    if (v->model)
        return 0;
    return err_set(
        e, ERR_UNAVAILABLE, "collection",
        "the model of collection \"%s\" (%s) cannot be opened: %s; lexical search works, "
        "and an embedding version of another model can be built",
        v->collection->name, v->model_name, v->reason);
}

/* ---- opening ---- */

/* A version of before there were any names neither its precision nor, maybe, its model: it is the
 * one whose digest fits. */
static enum err model_guess(struct engine *x, const struct version_record *r, struct model **out,
                            struct version_settings *s, struct err_info *e)
{
    static const enum precision guesses[] = {PRECISION_AUTO, PRECISION_FP32, PRECISION_BF16,
                                             PRECISION_INT8};
    for (size_t i = 0; i < sizeof guesses / sizeof *guesses; i++) {
        if (model_take(x, r->model, guesses[i], 0, out, NULL))
            continue;
        if (str_eq_c(r->model_digest, model_info(*out)->digest)) {
            s->precision = model_info(*out)->precision;
            return 0;
        }
        model_release(x, *out);
    }
    return err_set(e, ERR_NOT_FOUND, "model",
                   "it is another one than \"%s\", which runs: start akin with that model",
                   x->model_info->name);
}

/* Writes down what was guessed, so that it need not be again. */
static void guess_keep(struct version *v, const struct version_record *r,
                       const struct version_settings *s)
{
    struct arena *a = arena_new(0);
    struct store_act act = {.kind = ACT_VERSION_UPDATE, .if_revision = r->revision, .version = *r};
    act.version.settings = version_settings_text(a, s);
    if (store_write(v->collection->engine->store, &act, 1, false, NULL, NULL) || act.err)
        log_event(LOG_WARN, "the precision of an embedding version could not be recorded",
                  LOG_S("collection", v->collection->name), LOG_S("reason", act.info.message));
    arena_free(a);
}

static enum err model_of_version(struct version *v, const struct version_record *r,
                                 struct err_info *e)
{
    struct engine *x = v->collection->engine;
    struct version_settings s;
    struct model *m;
    version_settings_read(r->settings, &s);
    bool guess = s.precision == PRECISION_AUTO;
    if (s.model[0])
        snprintf(v->model_name, sizeof v->model_name, "%s", s.model);
    enum err err = guess ? model_guess(x, r, &m, &s, e)
                         : model_take(x, str_c(v->model_name), s.precision, s.dimensions, &m, e);
    if (err)
        return err;
    if (!str_eq_c(r->model_digest, model_info(m)->digest)) {
        model_release(x, m);
        return err_set(e, ERR_INVALID, "model",
                       "its files are others than those that the vectors were made with");
    }
    v->model = m;
    v->passage_tokens_max = s.passage_tokens;
    if (guess && r->model.n == 0) {
        model_take_name(x, STR(""), v->model_name);
        memcpy(s.model, v->model_name, sizeof s.model);
    }
    if (guess)
        guess_keep(v, r, &s);
    return 0;
}

static char *version_dir(const struct collection *c, uint32_t id)
{
    struct strbuf b;
    strbuf_init(&b, 0);
    strbuf_printf(&b, "%s/%u", c->dir, id);
    return strbuf_detach(&b, NULL);
}

static struct version *version_new(struct collection *c, const struct version_record *r)
{
    struct version *v = xcalloc(1, sizeof *v);
    struct err_info info = {0};
    v->collection = c;
    v->id = r->id;
    v->refs = 1;
    v->dims = r->dims;
    v->state = r->state;
    v->mean_cosine = r->mean_cosine;
    v->progress.missing = true;
    v->dir = version_dir(c, r->id);
    snprintf(v->model_name, sizeof v->model_name, "%.*s", STR_ARG(r->model));
    snprintf(v->model_digest, sizeof v->model_digest, "%.*s", STR_ARG(r->model_digest));
    v->vectors = vectors_new(r->dims);
    if (model_of_version(v, r, &info)) {
        snprintf(v->reason, sizeof v->reason, "%.199s", info.message);
        log_event(LOG_WARN, "the model of an embedding version cannot be opened",
                  LOG_S("collection", c->name), LOG_STR("model", r->model),
                  LOG_S("reason", info.message));
    }
    return v;
}

static enum err version_open(struct collection *c, const struct version_record *r,
                             const struct position *before, struct err_info *e)
{
    struct version *v = version_new(c, r);
    enum err err = file_mkdirs(v->dir, 0700, e);
    if (!err)
        err = snapshot_version_open(v, r, before, e);
    if (err) {
        version_free(v);
        return err;
    }
    lock_take(&c->lock);
    struct version **at = &c->versions;
    while (*at && (*at)->id < v->id)
        at = &(*at)->next;
    v->next = *at;
    *at = v;
    lock_drop(&c->lock);
    return 0;
}

/* ---- following the store ---- */

static bool listed(const struct version_record *rows, size_t n, uint32_t id)
{
    for (size_t i = 0; i < n; i++)
        if (rows[i].id == id)
            return true;
    return false;
}

static void gone_remove(struct collection *c, const struct version_record *rows, size_t n)
{
    lock_take(&c->lock);
    struct version **at = &c->versions, *gone = NULL;
    while (*at && (listed(rows, n, (*at)->id) || *at == c->active))
        at = &(*at)->next;
    if ((gone = *at)) {
        *at = gone->next;
        gone->gone = true;
    }
    lock_drop(&c->lock);
    if (gone) {
        version_unref(gone);
        gone_remove(c, rows, n);
    }
}

/* The active one's are pending: the keeper's work. */
static void version_missing(struct version *v)
{
    lock_take(&v->collection->lock);
    v->progress.missing = true;
    bool wake = v->state != VERSION_ACTIVE;
    lock_drop(&v->collection->lock);
    if (wake)
        builder_wake(v->collection->engine);
}

static void state_follow(struct collection *c, struct version *v, const struct version_record *r)
{
    lock_take(&c->lock);
    bool swap = r->state == VERSION_ACTIVE && c->active && c->active != v;
    v->state = r->state;
    v->mean_cosine = r->mean_cosine;
    if (r->state == VERSION_ACTIVE)
        c->active = v;
    lock_drop(&c->lock);
    if (r->missing > 0 || r->state == VERSION_BUILDING)
        version_missing(v);
    if (swap)
        log_event(LOG_INFO, "another embedding version is active", LOG_S("collection", c->name),
                  LOG_I("version", v->id), LOG_S("model", v->model_name));
}

enum err versions_follow(struct collection *c, struct err_info *e)
{
    struct arena *a = arena_new(0);
    struct version_record *rows;
    struct position before;
    size_t n;
    store_position(c->engine->store, &before);
    enum err err = store_version_list(c->engine->store, a, c->id, &rows, &n, e);
    for (size_t i = 0; i < n && !err; i++) {
        struct version *v = version_find(c, rows[i].id);
        if (!v) {
            err = version_open(c, &rows[i], &before, e);
            v = version_find(c, rows[i].id);
        }
        if (!err)
            err = version_fetch(v, a, e); /* before it may become the active one */
        if (!err)
            state_follow(c, v, &rows[i]);
        version_unref(v);
    }
    if (!err)
        gone_remove(c, rows, n);
    arena_free(a);
    return err;
}

/* ---- vectors ---- */

enum err version_passages(struct version *v, struct arena *a, const uint32_t *numbers, size_t count,
                          unsigned parts, struct document_record *out, struct err_info *e)
{
    return store_version_passages(v->collection->engine->store, a, v->id, numbers, count, parts,
                                  out, e);
}

/* The vectors of one document; a missing one has none. */
static enum err document_put(struct version *v, const struct document_record *d, struct err_info *e)
{
    uint32_t n = 0;
    enum err err = 0;
    uint16_t *rows = xmalloc(((size_t)d->passage_count + 1) * v->dims * sizeof *rows);
    for (uint32_t i = 0; i < d->passage_count; i++)
        if (d->passages[i].vector)
            memcpy(rows + (size_t)n++ * v->dims, d->passages[i].vector, v->dims * sizeof *rows);
    if (n > 0)
        err = vectors_put(v->vectors, d->number, d->revision, rows, n, e);
    else
        vectors_delete(v->vectors, d->number);
    free(rows);
    return err;
}

enum err version_apply(struct version *v, const struct document_record *docs,
                       const uint32_t *numbers, size_t count, struct err_info *e)
{
    bool missing = false;
    enum err err = 0;
    for (size_t i = 0; i < count && !err; i++) {
        if (docs[i].number == 0)
            vectors_delete(v->vectors, numbers[i]);
        else
            err = document_put(v, &docs[i], e);
        missing |= docs[i].number && docs[i].state == DOCUMENT_PENDING;
    }
    if (missing)
        version_missing(v);
    return err;
}

void version_writing(struct version *v, const uint32_t *numbers, size_t count)
{
    assert(count <= VERSION_BATCH);
    lock_take(&v->collection->lock);
    memcpy(v->writing, numbers, count * sizeof *numbers);
    v->writing_count = count;
    lock_drop(&v->collection->lock);
}

static void fresh_add(struct version *v, const uint32_t *numbers, size_t n)
{
    lock_assert_held(&v->collection->lock);
    if (v->fresh_count + n > v->fresh_cap) {
        v->fresh_cap = 2 * (v->fresh_cap + VERSION_BATCH);
        v->fresh = xrealloc(v->fresh, v->fresh_cap * sizeof *v->fresh);
    }
    memcpy(v->fresh + v->fresh_count, numbers, n * sizeof *numbers);
    v->fresh_count += n;
}

void version_written(struct version *v)
{
    lock_take(&v->collection->lock);
    fresh_add(v, v->writing, v->writing_count);
    v->writing_count = 0;
    lock_drop(&v->collection->lock);
}

/* Takes up to VERSION_BATCH fresh ones, the last ones first; then those being written, once. */
static size_t fresh_take(struct version *v, uint32_t *out, bool *more)
{
    lock_take(&v->collection->lock);
    size_t n = v->fresh_count < VERSION_BATCH ? v->fresh_count : VERSION_BATCH;
    if (n > 0)
        memcpy(out, v->fresh + v->fresh_count - n, n * sizeof *out);
    v->fresh_count -= n;
    *more = n > 0;
    if (n == 0) {
        n = v->writing_count;
        memcpy(out, v->writing, n * sizeof *out);
    }
    lock_drop(&v->collection->lock);
    return n;
}

enum err version_fetch(struct version *v, struct arena *a, struct err_info *e)
{
    uint32_t numbers[VERSION_BATCH];
    struct document_record *docs = NULL;
    bool more = true;
    enum err err = 0;
    while (more && !err) {
        size_t n = fresh_take(v, numbers, &more);
        if (n == 0)
            break;
        docs = docs ? docs : arena_array(a, VERSION_BATCH, sizeof *docs);
        err = version_passages(v, a, numbers, n, DOCUMENT_PASSAGES | DOCUMENT_VECTORS, docs, e);
        if (!err)
            err = version_apply(v, docs, numbers, n, e);
        __atomic_store_n(&v->touched, true, __ATOMIC_RELEASE); /* the merger takes it */
        if (err && more) {                                     /* not lost: for the next try */
            lock_take(&v->collection->lock);
            fresh_add(v, numbers, n);
            lock_drop(&v->collection->lock);
        }
    }
    return err;
}

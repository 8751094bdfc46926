/* Collections as they live in this process: the list, the references to one, its indexes and what
 * they hold of each document. A deleted collection leaves the list at once; whoever is the last to
 * use it removes its files. */
#include "base/file.h"
#include "base/log.h"
#include "engine/internal.h"
#include "text/text.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the list ---- */

static struct collection *list_ref(struct engine *x, uint32_t id, struct str name)
{
    lock_take(&x->lock);
    struct collection *c = x->collections;
    while (c && !(name.n ? str_eq_c(name, c->name) : c->id == id))
        c = c->next;
    if (c)
        c->refs++;
    lock_drop(&x->lock);
    return c;
}

enum err collection_find(struct engine *x, struct str name, struct collection **out,
                         struct err_info *e)
{
    struct collection *c = name.n ? list_ref(x, 0, name) : NULL;
    if (!c)
        return err_set(e, ERR_NOT_FOUND, "collection", "there is no collection \"%.*s\"",
                       (int)(name.n < 80 ? name.n : 80), name.s);
    *out = c;
    return 0;
}

struct collection *collection_find_id(struct engine *x, uint32_t id)
{
    return list_ref(x, id, STR(""));
}

struct collection *collection_next(struct engine *x, struct collection *c)
{
    lock_take(&x->lock);
    /* The list is sorted by id, so one that left it meanwhile still tells where to go on. */
    struct collection *next = x->collections;
    while (c && next && next->id <= c->id)
        next = next->next;
    if (next)
        next->refs++;
    lock_drop(&x->lock);
    if (c)
        collection_unref(c);
    return next;
}

static void list_add(struct engine *x, struct collection *c)
{
    lock_take(&x->lock);
    struct collection **at = &x->collections;
    while (*at && (*at)->id < c->id)
        at = &(*at)->next;
    c->next = *at;
    c->refs = 1;
    *at = c;
    lock_drop(&x->lock);
}

bool collection_gone(struct collection *c)
{
    lock_take(&c->engine->lock);
    bool gone = c->gone;
    lock_drop(&c->engine->lock);
    return gone;
}

static void collection_free(struct collection *c)
{
    struct err_info info = {0};
    if (c->words)
        words_close(c->words);
    vectors_free(c->vectors);
    attributes_free(c->attributes);
    if (c->gone) {
        metric_collection_drop(c->engine, c->name);
        if (file_remove_tree(c->dir, &info))
            log_event(LOG_WARN, "index of a deleted collection not removed",
                      LOG_S("reason", info.message));
    }
    lock_release(&c->lock);
    free(c->live);
    free(c->popular);
    free(c->dir);
    free(c->rows_dir);
    free(c->words_dir);
    free(c);
}

void collection_unref(struct collection *c)
{
    struct engine *x = c->engine;
    lock_take(&x->lock);
    assert(c->refs > 0);
    bool last = --c->refs == 0;
    lock_drop(&x->lock);
    if (last)
        collection_free(c);
}

void collection_remove(struct engine *x, uint32_t id)
{
    lock_take(&x->lock);
    struct collection **at = &x->collections;
    while (*at && (*at)->id != id)
        at = &(*at)->next;
    struct collection *c = *at;
    if (c) {
        *at = c->next;
        c->gone = true;
    }
    lock_drop(&x->lock);
    if (c)
        collection_unref(c);
}

void collection_remove_open(struct engine *x)
{
    lock_take(&x->lock);
    struct collection *c = x->collections;
    x->collections = c->next;
    assert(c->refs == 1); /* nobody calls any more */
    lock_drop(&x->lock);
    collection_unref(c);
}

/* ---- opening one ---- */

static char *path_join(const char *dir, const char *name)
{
    struct strbuf b;
    strbuf_init(&b, 0);
    strbuf_printf(&b, "%s/%s", dir, name);
    return strbuf_detach(&b, NULL);
}

static struct collection *collection_new(struct engine *x, const struct collection_record *r)
{
    struct collection *c = xcalloc(1, sizeof *c);
    char name[64];
    c->engine = x;
    c->id = r->id;
    assert(r->name.n <= COLLECTION_NAME_MAX);
    memcpy(c->name, r->name.s, r->name.n);
    c->dims = r->dims;
    c->documents_stored = r->documents;
    snprintf(c->model_digest, sizeof c->model_digest, "%.*s", STR_ARG(r->model_digest));
    c->foreign = !str_eq_c(r->model_digest, x->model_info->digest);
    lock_init(&c->lock, LOCK_COLLECTION);
    snprintf(name, sizeof name, "index/%u", c->id);
    c->dir = path_join(x->data_dir, name);
    snprintf(name, sizeof name, "%.16s", c->model_digest);
    c->rows_dir = path_join(c->dir, name);
    c->words_dir = path_join(c->dir, "words");
    c->mean_cosine = NAN;
    collection_settings_set(c, r);
    return c;
}

enum err collection_open(struct engine *x, const struct collection_record *r, struct err_info *e)
{
    struct collection *c = collection_new(x, r);
    enum err err = file_mkdirs(c->rows_dir, 0700, e);
    if (!err)
        err = file_mkdirs(c->words_dir, 0700, e);
    if (!err)
        err = snapshot_open(c, e);
    if (err) {
        collection_free(c);
        return err;
    }
    if (c->foreign)
        log_event(LOG_WARN, "collection was embedded by another model: searched by words only",
                  LOG_S("collection", c->name));
    list_add(x, c);
    return 0;
}

/* ---- its state ---- */

void collection_settings_set(struct collection *c, const struct collection_record *r)
{
    const struct model_info *m = c->engine->model_info;
    struct settings s;
    json_t *object = NULL;
    settings_default(&s, m->tokens_best, tokenizer_specials(model_tokenizer(c->engine->model)));
    if (json_parse(r->settings, &object, NULL) || settings_merge(&s, object, UINT32_MAX / 4, NULL))
        log_event(LOG_ERROR, "stored settings of a collection cannot be read; defaults are used",
                  LOG_S("collection", c->name));
    json_decref(object);
    lock_take(&c->lock);
    c->settings = s;
    c->mean_cosine = r->mean_cosine;
    lock_drop(&c->lock);
}

void collection_rules(struct collection *c, struct document_rules *out)
{
    lock_take(&c->lock);
    out->settings = c->settings;
    lock_drop(&c->lock);
    out->model_digest = c->engine->model_info->digest;
    out->dims = c->engine->model_info->dims;
}

float collection_mean_cosine(struct collection *c)
{
    lock_take(&c->lock);
    float mu = c->mean_cosine;
    lock_drop(&c->lock);
    return isnan(mu) ? c->engine->model_info->mean_cosine : mu;
}

enum err collection_check_model(struct collection *c, struct err_info *e)
{
    if (!c->foreign)
        return 0;
    return err_set(e, ERR_UNAVAILABLE, "collection",
                   "collection \"%s\" was embedded by another model than the one that runs (%s): "
                   "start akin with that "
                   "model, or import the documents into a new collection; lexical search works",
                   c->name, c->engine->model_info->name);
}

static void live_grow(struct collection *c, uint32_t number)
{
    if (number < c->live_count)
        return;
    size_t n = c->live_count ? c->live_count : 64;
    while (n <= number)
        n *= 2;
    c->live = xrealloc(c->live, n * sizeof *c->live);
    memset(c->live + c->live_count, 0, (n - c->live_count) * sizeof *c->live);
    c->live_count = n;
}

void live_set(struct collection *c, uint32_t number, struct live_row row)
{
    lock_take(&c->lock);
    live_grow(c, number);
    struct live_row *at = &c->live[number];
    c->documents += (row.revision != 0) - (at->revision != 0);
    c->passages += (size_t)row.passages - at->passages;
    *at = row;
    lock_drop(&c->lock);
}

struct live_row live_get(struct collection *c, uint32_t number)
{
    lock_take(&c->lock);
    struct live_row row = number < c->live_count ? c->live[number] : (struct live_row){0};
    lock_drop(&c->lock);
    return row;
}

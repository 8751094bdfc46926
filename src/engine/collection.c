/* Collections as they live in this process: the list, the references to one, its indexes and what
 * they hold of each document. A deleted collection leaves the list at once; whoever is the last to
 * use it removes its files. */
#include "base/file.h"
#include "base/log.h"
#include "engine/internal.h"
#include "engine/classifiers.h"
#include "engine/recommenders.h"
#include "engine/tally.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "recommend/popularity.h"

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
    recommenders_free(c->recommenders);
    classifiers_free(c->classifiers);
    tally_free(c->tally);
    experiments_unref(c, c->experiments);
    words_free(c->words);
    words_rules_unref(c->rules);
    versions_free(c);
    attributes_free(c->attributes);
    duplicates_free(c->duplicates);
    arena_free(c->duplicates_arena);
    if (c->gone) {
        metric_collection_drop(c->engine, c->name);
        if (file_remove_tree(c->dir, &info))
            log_event(LOG_WARN, "index of a deleted collection not removed",
                      LOG_S("reason", info.message));
    }
    if (c->gone) {
        struct arena *a = arena_new(0);
        (void)!file_remove_tree(recommender_path(c, 0, a), NULL); /* else at the next start */
        arena_free(a);
    }
    lock_release(&c->lock);
    free(c->live);
    popularity_free(c->popular.sums);
    cond_release(&c->popular.counted);
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
    char name[32];
    c->engine = x;
    c->id = r->id;
    assert(r->name.n <= COLLECTION_NAME_MAX);
    memcpy(c->name, r->name.s, r->name.n);
    c->documents_stored = r->documents;
    c->duplicates_arena = arena_new(0);
    lock_init(&c->lock, LOCK_COLLECTION);
    c->recommenders = recommenders_new(c);
    c->classifiers = classifiers_new();
    c->popular.sums = popularity_new(0, 0);
    cond_init(&c->popular.counted);
    c->tally = tally_new(c);
    snprintf(name, sizeof name, "index/%u", c->id);
    c->dir = path_join(x->data_dir, name);
    c->rows_dir = path_join(c->dir, "documents");
    c->words_dir = path_join(c->dir, "words");
    collection_settings_set(c, r);
    memcpy(c->tenant_field, c->settings.tenant_field, sizeof c->tenant_field);
    return c;
}

/* Folders of versions that are no more, and of former layouts. */
static void orphans_remove(struct collection *c)
{
    char **names;
    size_t count;
    int64_t id;
    if (file_list(c->dir, &names, &count, NULL))
        return;
    for (size_t i = 0; i < count; i++) {
        char *path = path_join(c->dir, names[i]);
        bool number =
            strlen(names[i]) <= 10 && str_to_i64(str_c(names[i]), 0, UINT32_MAX, &id) == 0;
        struct version *v = number ? version_find(c, (uint32_t)id) : NULL;
        if (!v && strcmp(path, c->rows_dir) != 0 && strcmp(path, c->words_dir) != 0)
            (void)!file_remove_tree(path, NULL);
        version_unref(v);
        free(path);
        free(names[i]);
    }
    free(names);
}

enum err collection_open(struct engine *x, const struct collection_record *r, struct err_info *e)
{
    struct collection *c = collection_new(x, r);
    struct snapshot_opening *opening = NULL;
    enum err err = file_mkdirs(c->rows_dir, 0700, e);
    if (!err)
        err = file_mkdirs(c->words_dir, 0700, e);
    if (!err) {
        opening = snapshot_open(c);
        err = versions_follow(c, e);
    }
    if (opening) {
        struct err_info info = {0};
        enum err end = snapshot_opened(opening, &info);
        if (end && !err)
            err = err_set(e, end, info.field, "%s", info.message);
    }
    if (!err && !c->active)
        err = err_set(e, ERR_CORRUPT, NULL, "collection \"%s\" has no active embedding version",
                      c->name);
    if (err) {
        collection_free(c);
        return err;
    }
    struct err_info info = {0};
    if (recommenders_follow(c, &info)) /* answers do without */
        log_event(LOG_ERROR, "trained recommenders cannot be opened", LOG_S("collection", c->name),
                  LOG_S("reason", info.message));
    if (experiments_follow(c, &info)) /* requests are served as they are */
        log_event(LOG_ERROR, "experiments cannot be read", LOG_S("collection", c->name),
                  LOG_S("reason", info.message));
    orphans_remove(c);
    list_add(x, c);
    return 0;
}

/* ---- its state ---- */

static struct str *strs_of(struct arena *a, const json_t *list, size_t *count)
{
    *count = json_array_size(list);
    struct str *out = arena_array(a, *count + 1, sizeof *out);
    for (size_t i = 0; i < *count; i++)
        out[i] = json_str(json_array_get(list, i));
    return out;
}

/* What they say of words; NULL: nothing. */
static struct words_rules *rules_new(const struct settings *s)
{
    if (!s->synonyms && !s->stop_words)
        return NULL;
    struct arena *a = arena_new(0);
    size_t stops, count = json_array_size(s->synonyms);
    struct words_synonym *synonyms = arena_array(a, count + 1, sizeof *synonyms);
    for (size_t i = 0; i < count; i++) {
        const json_t *v = json_array_get(s->synonyms, i);
        struct words_synonym *to = &synonyms[i];
        to->words = strs_of(a, json_object_get(v, "words"), &to->word_count);
        to->means = strs_of(a, json_object_get(v, "means"), &to->mean_count);
    }
    struct str *stop_words = strs_of(a, s->stop_words, &stops);
    struct words_rules *rules = words_rules_new(words_terms(), synonyms, count, stop_words, stops);
    arena_free(a);
    return rules;
}

const char *collection_tenant_field(const struct collection *c)
{
    return c->tenant_field;
}

void collection_settings_set(struct collection *c, const struct collection_record *r)
{
    struct settings s;
    json_t *object = NULL;
    settings_default(&s, model_tokens_best(c->engine->model), 0);
    if (json_parse_stored(r->settings, &object, NULL) ||
        settings_merge(&s, object, UINT32_MAX / 4, NULL))
        log_event(LOG_ERROR, "stored settings of a collection cannot be read; defaults are used",
                  LOG_S("collection", c->name));
    struct words_rules *rules = rules_new(&s), *before;
    s.synonyms = s.stop_words = NULL;
    json_decref(object);
    lock_take(&c->lock);
    c->settings = s;
    before = c->rules;
    c->rules = rules;
    lock_drop(&c->lock);
    words_rules_unref(before);
    popular_restart(c); /* acts may weigh something else now */
}

void collection_rules(struct collection *c, struct document_rules *out)
{
    lock_take(&c->lock);
    out->settings = c->settings;
    out->dims = c->active->dims;
    out->version = c->active->id;
    out->languages = c->engine->languages;
    lock_drop(&c->lock);
}

void collection_feedback(struct collection *c, struct feedback_settings *out)
{
    lock_take(&c->lock);
    *out = c->settings.feedback;
    lock_drop(&c->lock);
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
    *at = row;
    lock_drop(&c->lock);
}

void live_revisions(struct collection *c, const uint32_t *numbers, size_t count, uint64_t *out)
{
    lock_take(&c->lock);
    for (size_t i = 0; i < count; i++)
        out[i] = numbers[i] < c->live_count ? c->live[numbers[i]].revision : 0;
    lock_drop(&c->lock);
}

struct live_row live_get(struct collection *c, uint32_t number)
{
    lock_take(&c->lock);
    struct live_row row = number < c->live_count ? c->live[number] : (struct live_row){0};
    lock_drop(&c->lock);
    return row;
}

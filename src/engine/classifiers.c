/* Classifiers in memory: read, lent, swapped, dropped. The applier alone decides which ones serve;
 * whoever holds an old one keeps it to the end of the answer. */
#include "engine/classifiers.h"
#include "engine/recommenders.h"
#include "base/file.h"
#include "base/log.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct held_classifier {
    uint32_t id;
    struct classifier *model;
    unsigned refs; /* collection->lock; the list has one */
};

struct place {
    struct held_classifier *held; /* NULL: none can be read */
    uint32_t refused;             /* the active one, if it cannot be read, and why: */
    char error[200];
};

struct classifiers {
    struct place all[CLASSIFIER_LABELS_MAX]; /* collection->lock; changed by the applier alone */
    size_t count;
};

struct classifiers *classifiers_new(void)
{
    return xcalloc(1, sizeof(struct classifiers));
}

static void held_free(struct held_classifier *h)
{
    classifier_free(h->model);
    free(h);
}

void classifiers_free(struct classifiers *x)
{
    for (size_t i = 0; x && i < x->count; i++)
        if (x->all[i].held) {
            assert(x->all[i].held->refs == 1);
            held_free(x->all[i].held);
        }
    free(x);
}

/* ---- reading a file ---- */

static enum err model_read(struct collection *c, const struct recommender_record *r,
                           struct classifier **out, struct err_info *e)
{
    struct arena *a = arena_new(0);
    const char *path = recommender_path(c, r->id, a);
    char digest[65];
    enum err err = 0;
    if (!file_exists(path))
        err = err_set(e, ERR_NOT_FOUND, "recommender", "the file %s is missing: train again", path);
    if (!err)
        err = file_sha256(path, digest, e);
    if (!err && !str_eq_c(r->digest, digest))
        err = err_set(e, ERR_CORRUPT, "recommender", "%s is not the file that was made", path);
    if (!err)
        err = classifier_load(path, out, e);
    arena_free(a);
    return err;
}

enum err classifier_check(struct collection *c, const struct recommender_record *r,
                          struct err_info *e)
{
    struct classifier *m;
    struct err_info info = {0};
    if (model_read(c, r, &m, &info))
        return err_set(e, ERR_CORRUPT, "recommender", "classifier %u cannot be used: %s", r->id,
                       info.message);
    classifier_free(m);
    return 0;
}

static struct held_classifier *held_read(struct collection *c, const struct recommender_record *r,
                                         char error[200])
{
    struct err_info info = {0};
    struct classifier *m;
    if (model_read(c, r, &m, &info)) {
        snprintf(error, 200, "%.199s", info.message);
        log_event(LOG_ERROR, "a classifier cannot be used", LOG_S("collection", c->name),
                  LOG_I("classifier", r->id), LOG_S("reason", info.message));
        return NULL;
    }
    struct held_classifier *h = xcalloc(1, sizeof *h);
    h->id = r->id;
    h->model = m;
    h->refs = 1;
    return h;
}

/* ---- following the store ---- */

/* The one of this label that serves now, taken out of the list. */
static struct held_classifier *held_take(struct classifiers *x, struct str label)
{
    for (size_t i = 0; i < x->count; i++)
        if (x->all[i].held && str_eq_c(label, x->all[i].held->model->about.path)) {
            struct held_classifier *h = x->all[i].held;
            x->all[i].held = NULL;
            return h;
        }
    return NULL;
}

static bool listed(const struct recommender_record *rows, size_t count, uint32_t id)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].id == id)
            return true;
    return false;
}

/* The active one's file cannot be read: the one that served, else one that was active before. */
static void place_fill_other(struct collection *c, const struct recommender_record *rows,
                             size_t count, struct str label, struct held_classifier *before,
                             struct place *out)
{
    char ignored[200];
    if (before && listed(rows, count, before->id)) {
        out->held = before;
        return;
    }
    for (const struct recommender_record *p = NULL;
         !out->held && (p = recommender_retired(rows, count, label, p));)
        out->held = held_read(c, p, ignored);
}

static void place_fill(struct collection *c, const struct recommender_record *rows, size_t count,
                       const struct recommender_record *active, struct held_classifier *before,
                       struct place *out)
{
    *out = (struct place){0};
    if (before && before->id == active->id) {
        out->held = before;
        return;
    }
    out->held = held_read(c, active, out->error);
    if (!out->held) {
        out->refused = active->id;
        place_fill_other(c, rows, count, active->label, before, out);
    }
    if (out->held && out->held != before)
        log_event(LOG_INFO, "a classifier serves", LOG_S("collection", c->name),
                  LOG_S("label", out->held->model->about.path), LOG_I("classifier", out->held->id));
}

static int label_compare(const void *a, const void *b)
{
    const struct recommender_record *const *x = a, *const *y = b;
    return str_cmp((*x)->label, (*y)->label);
}

static void old_drop(struct collection *c, struct held_classifier *h)
{
    lock_take(&c->lock);
    bool last = h && --h->refs == 0;
    lock_drop(&c->lock);
    if (last)
        held_free(h);
}

void classifiers_follow(struct collection *c, const struct recommender_record *rows, size_t count)
{
    struct classifiers *x = c->classifiers, old, new = {0};
    const struct recommender_record *active[CLASSIFIER_LABELS_MAX];
    for (size_t i = 0; i < count && new.count < CLASSIFIER_LABELS_MAX; i++)
        if (rows[i].label.n && rows[i].state == RECOMMENDER_ACTIVE)
            active[new.count++] = &rows[i];
    qsort(active, new.count, sizeof *active, label_compare);
    old = *x; /* whoever lends reads the list as it was until the new one is there */
    for (size_t i = 0; i < new.count; i++) {
        struct held_classifier *before = held_take(&old, active[i]->label);
        place_fill(c, rows, count, active[i], before, &new.all[i]);
        if (before && before != new.all[i].held) { /* goes with the others below */
            for (size_t k = 0; k < old.count; k++)
                if (!old.all[k].held) {
                    old.all[k].held = before;
                    break;
                }
        }
    }
    lock_take(&c->lock);
    *x = new;
    lock_drop(&c->lock);
    for (size_t i = 0; i < old.count; i++)
        old_drop(c, old.all[i].held);
}

void classifiers_tell(struct collection *c, struct arena *a, struct recommender_info *out)
{
    const struct classifiers *x = c->classifiers;
    lock_take(&c->lock);
    for (size_t i = 0; i < x->count; i++) {
        const struct place *p = &x->all[i];
        if (p->refused == out->id)
            out->error = arena_str(a, str_c(p->error));
        if (p->held && p->held->id == out->id) {
            out->serving = true;
            out->memory_bytes = p->held->model->bytes;
        }
    }
    lock_drop(&c->lock);
}

/* ---- lending ---- */

void classifiers_take(struct collection *c, struct lent_classifiers *out)
{
    const struct classifiers *x = c->classifiers;
    out->count = 0;
    lock_take(&c->lock);
    for (size_t i = 0; i < x->count; i++) {
        struct held_classifier *h = x->all[i].held;
        if (!h)
            continue;
        h->refs++;
        out->held[out->count] = h;
        out->all[out->count++] = (struct lent_classifier){.model = h->model, .id = h->id};
    }
    lock_drop(&c->lock);
    for (size_t i = 0; i < out->count; i++) {
        struct lent_classifier *l = &out->all[i];
        l->version = version_find(c, l->model->about.version);
        if (l->version && l->version->dims != l->model->dims) {
            version_unref(l->version);
            l->version = NULL;
        }
    }
}

void classifiers_release(struct collection *c, struct lent_classifiers *lent)
{
    for (size_t i = 0; i < lent->count; i++) {
        version_unref(lent->all[i].version);
        old_drop(c, lent->held[i]);
    }
    lent->count = 0;
}

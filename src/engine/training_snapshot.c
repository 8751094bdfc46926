/* The snapshot of a training: every document with the mean of its passages' vectors, every act of
 * feedback up to one change of the store, and the answers that acts name. Read in bounded steps and
 * written as it is read; of the documents only a number for each id stays in memory. */
#include "engine/training.h"
#include "engine/training_answers.h"
#include "base/hash.h"
#include "classify/labelled.h"
#include "math/half.h"
#include "recommend/training_feed.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- ids ---- */

struct id_slot {
    uint64_t hash;
    uint32_t number; /* 0: free */
};
struct ids {
    struct id_slot *slots;
    size_t cap, count; /* cap: a power of two */
};

static struct id_slot *ids_slot(struct ids *t, uint64_t hash)
{
    size_t at = hash & (t->cap - 1);
    while (t->slots[at].number && t->slots[at].hash != hash)
        at = (at + 1) & (t->cap - 1);
    return &t->slots[at];
}

static void ids_grow(struct ids *t)
{
    struct ids old = *t;
    t->cap = old.cap ? 2 * old.cap : 1024;
    t->slots = xcalloc(t->cap, sizeof *t->slots);
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].number)
            *ids_slot(t, old.slots[i].hash) = old.slots[i];
    free(old.slots);
}

static void ids_add(struct ids *t, struct str id, uint32_t number)
{
    if (2 * (t->count + 1) > t->cap)
        ids_grow(t);
    uint64_t hash = checksum64(id.s, id.n, 0);
    struct id_slot *s = ids_slot(t, hash);
    t->count += s->number == 0;
    *s = (struct id_slot){hash, number};
}

static uint32_t ids_find(struct ids *t, struct str id)
{
    return t->cap ? ids_slot(t, checksum64(id.s, id.n, 0))->number : 0;
}

/* ---- the two passes ---- */

struct snapshot {
    struct training_job *j;
    struct feed_writer *w;
    struct feedback_settings settings;
    struct ids ids;
    struct answer_tokens *answers;
    int64_t now_us; /* the newest act's time: the same data weigh the same whenever they are read */
    uint64_t documents, done;
    uint16_t *mean;
};

static enum err going_on(struct snapshot *s, uint64_t total)
{
    if (s->done++ % 256 != 0)
        return 0;
    double share = total ? (double)s->done / (double)total : 0;
    training_at(s->j->x, "reading", share < 1 ? share : 1);
    return training_cancelled(s->j->x, s->j->task) || trainer_stopping(s->j->x) ? ERR_CANCELLED : 0;
}

bool document_mean_vector(const struct document_record *d, uint32_t dims, uint16_t *out)
{
    float sum[LABELLED_DIMS_MAX] = {0}, row[LABELLED_DIMS_MAX];
    double length = 0;
    if (d->state != DOCUMENT_READY || d->passage_count == 0 || d->dims != dims)
        return false;
    assert(dims <= LABELLED_DIMS_MAX);
    for (uint32_t p = 0; p < d->passage_count; p++) {
        half_to_f32(d->passages[p].vector, row, dims);
        for (uint32_t i = 0; i < dims; i++)
            sum[i] += row[i];
    }
    for (uint32_t i = 0; i < dims; i++)
        length += (double)sum[i] * (double)sum[i];
    length = sqrt(length);
    if (!(length > 1e-6) || !isfinite(length))
        return false;
    for (uint32_t i = 0; i < dims; i++)
        sum[i] = (float)((double)sum[i] / length);
    half_from_f32(sum, out, dims);
    return true;
}

static enum err document_add(void *ctx, const struct document_record *d)
{
    struct snapshot *s = ctx;
    ids_add(&s->ids, d->id, d->number);
    bool read = document_mean_vector(d, s->j->v->dims, s->mean);
    feed_put_item(s->w, d->number, d->created_us, read ? s->mean : NULL);
    return going_on(s, s->documents);
}

static enum err act_add(void *ctx, const struct feedback_record *f)
{
    struct snapshot *s = ctx;
    uint32_t number = ids_find(&s->ids, f->document);
    int64_t age_us = s->now_us > f->time_us ? s->now_us - f->time_us : 0;
    s->j->acts++;
    if (number) {
        feed_put_act(
            s->w, f->user, number, (float)feedback_weight(&s->settings, f->type, f->value, age_us),
            (float)feedback_weight(&s->settings, f->type, f->value, 0), f->time_us, f->session);
        answer_tokens_add(s->answers, s->w, &s->settings, f, number);
    }
    return going_on(s, 0);
}

static enum err newest_time(struct snapshot *s, struct err_info *e)
{
    struct feedback_record *rows;
    size_t n;
    enum err err = store_feedback_list(s->j->x->store, s->j->a, s->j->c->id, STR(""), STR(""), 0, 1,
                                       &rows, &n, e);
    if (!err && n)
        s->now_us = rows[0].time_us;
    return err;
}

static enum err snapshot_write(struct snapshot *s, struct err_info *e)
{
    struct training_job *j = s->j;
    struct position ignored;
    enum err err = newest_time(s, e);
    if (!err)
        err = store_version_scan(j->x->store, j->v->id, DOCUMENT_PASSAGES | DOCUMENT_VECTORS,
                                 document_add, s, &ignored, e);
    if (!err)
        err = store_feedback_scan(j->x->store, j->c->id, 0, j->position, act_add, s, e);
    if (!err)
        err = answers_put(s->answers, j, s->w, e);
    return err;
}

enum err training_snapshot(struct training_job *j, struct err_info *e)
{
    struct snapshot s = {.j = j};
    struct position at;
    uint32_t dims = j->v->dims;
    store_position(j->x->store, &at);
    j->position = at.change;
    collection_feedback(j->c, &s.settings);
    lock_take(&j->c->lock);
    s.documents = j->c->documents;
    lock_drop(&j->c->lock);
    enum err err = feed_writer_open(j->feed, dims, s.settings.threshold, j->position, &s.w, e);
    if (err)
        return err;
    s.mean = xcalloc(dims, sizeof *s.mean);
    s.answers = answer_tokens_new();
    err = snapshot_write(&s, e);
    if (err)
        feed_writer_drop(s.w);
    else
        err = feed_writer_end(s.w, e);
    answer_tokens_free(s.answers);
    free(s.ids.slots);
    free(s.mean);
    return err == ERR_CANCELLED ? err_set(e, err, NULL, "the training was cancelled") : err;
}

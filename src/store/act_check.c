/* What is wrong with an act whatever the store holds; checked on the caller's thread, so that the
 * writer does not wait for it. Hashing the payload is the dearest part (a few microseconds a
 * kilobyte): it is done here since a wrong digest would say "unchanged" of a document that did
 * change. */
#include "base/hash.h"
#include "store/inside.h"
#include <math.h>
#include <string.h>

static enum err length_check(struct str s, const char *field, size_t min, size_t max,
                             struct err_info *e)
{
    if (s.n >= min && s.n <= max)
        return ERR_OK;
    return err_set(e, ERR_INVALID, field, "%s has %zu bytes, %zu to %zu are taken", field, s.n, min,
                   max);
}

static enum err blob_check(struct str s, const char *field, struct err_info *e)
{
    if (s.n <= STORE_BLOB_MAX)
        return ERR_OK;
    return err_set(e, ERR_TOO_LARGE, field, "%s has %zu bytes, at most %u are taken", field, s.n,
                   STORE_BLOB_MAX);
}

static enum err dims_check(uint32_t dims, struct err_info *e)
{
    if (dims >= 1 && dims <= STORE_DIMS_MAX)
        return ERR_OK;
    return err_set(e, ERR_INVALID, "dims", "dims is %u, 1 to %d are taken", dims, STORE_DIMS_MAX);
}

static enum err collection_check(const struct store_act *act, struct err_info *e)
{
    const struct collection_record *c = &act->collection;
    enum err err = ERR_OK;

    if (act->kind == ACT_COLLECTION_DELETE)
        return ERR_OK;
    if (act->kind == ACT_COLLECTION_CREATE)
        err = length_check(c->name, "name", 1, 64, e);
    if (!err)
        err = blob_check(c->settings, "settings", e);
    if (!err)
        err = length_check(c->model_digest, "model_digest", 0, STORE_ID_MAX, e);
    if (!err && act->kind == ACT_COLLECTION_CREATE)
        err = length_check(act->version.model, "model", 0, STORE_ID_MAX, e);
    if (!err && act->kind == ACT_COLLECTION_CREATE)
        err = blob_check(act->version.settings, "version.settings", e);
    return err ? err : dims_check(c->dims, e);
}

static enum err version_check(const struct store_act *act, struct err_info *e)
{
    const struct version_record *v = &act->version;
    enum err err = blob_check(v->settings, "settings", e);

    if (!err && act->kind == ACT_VERSION_UPDATE)
        return blob_check(v->report, "report", e);
    if (!err)
        err = length_check(v->model, "model", 0, STORE_ID_MAX, e);
    if (!err)
        err = length_check(v->model_digest, "model_digest", 0, STORE_ID_MAX, e);
    return err ? err : dims_check(v->dims, e);
}

static enum err recommender_check(const struct recommender_record *r, struct err_info *e)
{
    enum err err = length_check(r->kind, "kind", 1, STORE_ID_MAX, e);

    if (!err)
        err = length_check(r->digest, "digest", 1, STORE_ID_MAX, e);
    if (!err)
        err = length_check(r->label, "label", 0, STORE_LABEL_MAX, e);
    return err ? err : blob_check(r->report, "report", e);
}

static enum err embeddings_check(const struct store_act *act, struct err_info *e)
{
    if (act->embedding_count > STORE_EMBEDDINGS_MAX)
        return err_set(e, ERR_TOO_LARGE, "embeddings",
                       "%zu embeddings in one act, at most %d are taken", act->embedding_count,
                       STORE_EMBEDDINGS_MAX);
    for (size_t i = 0; i < act->embedding_count; i++) {
        enum err err = dims_check(act->embeddings[i].dims, e);
        if (err)
            return err;
        if (!act->embeddings[i].vector)
            return err_set(e, ERR_INVALID, "embeddings", "embedding %zu has no vector", i);
    }
    return ERR_OK;
}

static enum err passages_check(const struct document_record *d, struct err_info *e)
{
    uint64_t bytes_max = (uint64_t)d->passage_count * (STORE_DIMS_MAX * 2 + SPAN_BYTES);

    if (d->passage_count && !d->passages)
        return err_set(e, ERR_INVALID, "passages", "%u passages are named but not given",
                       d->passage_count);
    if (bytes_max > STORE_BLOB_MAX)
        return err_set(e, ERR_TOO_LARGE, "passages",
                       "%u passages in one document, at most %u are taken", d->passage_count,
                       STORE_BLOB_MAX / (STORE_DIMS_MAX * 2 + SPAN_BYTES));
    for (uint32_t i = 0; i < d->passage_count; i++) {
        if (d->passages[i].start > d->passages[i].end)
            return err_set(e, ERR_INVALID, "passages", "passage %u ends before it starts", i);
        if (!d->passages[i].vector != (d->state == DOCUMENT_PENDING))
            return err_set(e, ERR_INVALID, "passages",
                           "passage %u: a ready document has all vectors, a pending one none", i);
    }
    return ERR_OK;
}

void payload_digest(struct str payload, uint8_t out[32])
{
    struct sha256 hash;
    const char *comma = NULL;
    size_t note = sizeof PAYLOAD_NOTE - 1;
    sha256_init(&hash);
    if (str_starts(payload, STR(PAYLOAD_NOTE)))
        comma = memchr(payload.s + note, ',', payload.n - note);
    if (comma) { /* what is left begins with its bracket */
        sha256_add(&hash, "{", 1);
        payload.n -= (size_t)(comma + 1 - payload.s);
        payload.s = comma + 1;
    }
    sha256_add(&hash, payload.s, payload.n);
    sha256_end(&hash, out);
}

static enum err document_check(const struct store_act *act, struct err_info *e)
{
    const struct document_record *d = &act->document;
    enum err err = length_check(d->id, "id", 1, STORE_ID_MAX, e);
    uint8_t digest[32];

    if (err || act->kind == ACT_DOCUMENT_DELETE)
        return err;
    if (act->kind == ACT_DOCUMENT_EMBEDDED || act->kind == ACT_VERSION_EMBEDDED) {
        struct document_record ready = *d;
        ready.state = DOCUMENT_READY;
        return passages_check(&ready, e);
    }
    if (d->state != DOCUMENT_READY && d->state != DOCUMENT_PENDING)
        return err_set(e, ERR_INVALID, "state", "no such state of a document: %d", (int)d->state);
    err = blob_check(d->payload, "payload", e);
    if (!err && !act->keep_passages)
        err = passages_check(d, e);
    if (err)
        return err;
    payload_digest(d->payload, digest);
    if (memcmp(digest, d->digest, sizeof digest) != 0)
        return err_set(e, ERR_INVALID, "digest", "digest is not that of the payload");
    return ERR_OK;
}

static enum err feedback_check(const struct feedback_record *f, struct err_info *e)
{
    enum err err = length_check(f->event_id, "event_id", 1, STORE_ID_MAX, e);

    if (!err)
        err = length_check(f->user, "user", 1, STORE_ID_MAX, e);
    if (!err)
        err = length_check(f->document, "document", 1, STORE_ID_MAX, e);
    if (!err)
        err = length_check(f->type, "type", 1, STORE_ID_MAX, e);
    if (!err)
        err = length_check(f->session, "session", 0, STORE_ID_MAX, e);
    if (!err)
        err = length_check(f->recommendation_id, "recommendation_id", 0, STORE_ID_MAX, e);
    if (!err && !isfinite(f->value))
        err = err_set(e, ERR_INVALID, "value", "value is not a finite number");
    return err;
}

static enum err served_check(const struct store_act *act, struct err_info *e)
{
    enum err err = ERR_OK;

    if (act->served_count > STORE_ACTS_MAX)
        return err_set(e, ERR_TOO_LARGE, "served", "%zu answers in one act, at most %d are taken",
                       act->served_count, STORE_ACTS_MAX);
    for (size_t i = 0; i < act->served_count && !err; i++) {
        const struct served_record *r = &act->served[i];
        err = length_check(r->user, "user", 0, STORE_ID_MAX, e);
        if (!err)
            err = length_check(r->scenario, "scenario", 0, STORE_ID_MAX, e);
        if (!err)
            err = length_check(r->experiment, "experiment", 0, STORE_ID_MAX, e);
        if (!err)
            err = length_check(r->variant, "variant", 0, STORE_ID_MAX, e);
        if (!err)
            err = length_check(r->payload, "payload", 0, SERVED_PAYLOAD_MAX, e);
    }
    return err;
}

static enum err brought_check(const struct store_act *act, struct err_info *e)
{
    const struct brought_record *b = &act->brought;
    enum err err = length_check(b->source, "source", 1, 64, e);

    if (!err)
        err = length_check(b->user, "user", 0, STORE_ID_MAX, e);
    if (err || act->kind != ACT_BROUGHT_PUT)
        return err;
    if (b->count > STORE_SCORES_MAX)
        return err_set(e, ERR_TOO_LARGE, "scores", "%zu scores, at most %d are taken", b->count,
                       STORE_SCORES_MAX);
    for (size_t i = 0; i < b->count; i++)
        if (!isfinite(b->scores[i]) || b->numbers[i] == 0 ||
            (i && b->numbers[i] <= b->numbers[i - 1]))
            return err_set(e, ERR_INVALID, "scores", "score %zu is not finite or out of order", i);
    return ERR_OK;
}

static enum err experiment_check(const struct experiment_record *x, struct err_info *e)
{
    enum err err = length_check(x->name, "name", 1, 64, e);

    if (!err)
        err = length_check(x->scenario, "scenario", 0, STORE_ID_MAX, e);
    if (!err && (x->state < EXPERIMENT_DRAFT || x->state > EXPERIMENT_STOPPED))
        err = err_set(e, ERR_INVALID, "state", "no such state of an experiment: %d", (int)x->state);
    return err ? err : blob_check(x->payload, "payload", e);
}

static enum err aliases_check(const struct store_act *act, struct err_info *e)
{
    enum err err = ERR_OK;

    if (act->alias_count > STORE_ALIASES_SET_MAX)
        return err_set(e, ERR_TOO_LARGE, "aliases", "%zu aliases in one act, at most %d are taken",
                       act->alias_count, STORE_ALIASES_SET_MAX);
    for (size_t i = 0; i < act->alias_count && !err; i++) {
        const struct alias_record *r = &act->aliases[i];
        err = length_check(r->name, "name", 1, 64, e);
        if (!err)
            err = length_check(r->collection_name, "collection", 0, 64, e);
        for (size_t k = 0; k < i && !err; k++)
            if (str_eq(act->aliases[k].name, r->name))
                err = err_set(e, ERR_INVALID, "name", "alias %zu is there twice", i);
    }
    return err;
}

static enum err task_check(const struct task_record *t, struct err_info *e)
{
    enum err err = length_check(t->kind, "kind", 1, STORE_ID_MAX, e);

    if (!err && (t->state < TASK_QUEUED || t->state > TASK_CANCELLED))
        err = err_set(e, ERR_INVALID, "state", "no such state of a task: %d", (int)t->state);
    return err ? err : blob_check(t->payload, "payload", e);
}

static enum err kept_check(const struct kept_record *k, struct err_info *e)
{
    enum err err = length_check(k->owner, "owner", 0, STORE_ID_MAX, e);

    if (!err)
        err = length_check(k->headers, "headers", 0, 4096, e);
    return err ? err : length_check(k->body, "body", 0, STORE_KEPT_BODY_MAX, e);
}

static enum err kind_check(const struct store_act *act, struct err_info *e)
{
    enum err err;

    switch (act->kind) {
    case ACT_COLLECTION_CREATE:
    case ACT_COLLECTION_UPDATE:
    case ACT_COLLECTION_DELETE:
        return collection_check(act, e);
    case ACT_DOCUMENT_PUT:
    case ACT_DOCUMENT_EMBEDDED:
    case ACT_DOCUMENT_DELETE:
        return document_check(act, e);
    case ACT_FEEDBACK_ADD:
        return feedback_check(&act->feedback, e);
    case ACT_USER_PUT:
    case ACT_USER_DELETE:
        err = length_check(act->user.id, "id", 1, STORE_ID_MAX, e);
        return err ? err : blob_check(act->user.payload, "payload", e);
    case ACT_BROUGHT_PUT:
    case ACT_BROUGHT_DELETE:
    case ACT_BROUGHT_CLEAR:
        return brought_check(act, e);
    case ACT_EXPERIMENT_PUT:
    case ACT_EXPERIMENT_DELETE:
        return experiment_check(&act->experiment, e);
    case ACT_KEY_PUT:
    case ACT_KEY_USED:
    case ACT_KEY_DELETE:
        err = length_check(act->key.id, "id", 1, STORE_ID_MAX, e);
        return err ? err : blob_check(act->key.payload, "payload", e);
    case ACT_ALIASES_SET:
        return aliases_check(act, e);
    case ACT_TASK_PUT:
        return task_check(&act->task, e);
    case ACT_CONSUMER_SET:
        return length_check(act->consumer, "consumer", 1, STORE_ID_MAX, e);
    case ACT_VERSION_CREATE:
    case ACT_VERSION_UPDATE:
        return version_check(act, e);
    case ACT_VERSION_EMBEDDED:
        return document_check(act, e);
    case ACT_RECOMMENDER_CREATE:
        return recommender_check(&act->recommender, e);
    case ACT_VERSION_ACTIVATE:
    case ACT_VERSION_DELETE:
    case ACT_RECOMMENDER_ACTIVATE:
    case ACT_RECOMMENDER_RETIRE:
    case ACT_RECOMMENDER_DELETE:
    case ACT_EMBEDDINGS_PUT:
    case ACT_KEPT_FORGET:
    case ACT_SERVED_FORGET:
        return ERR_OK;
    case ACT_KEPT_ADD:
    case ACT_KEPT_ANSWER:
        return kept_check(act->kept, e);
    case ACT_SERVED_ADD:
        return served_check(act, e);
    }
    return err_set(e, ERR_INVALID, NULL, "no such act");
}

enum err act_check(const struct store_act *act, struct err_info *e)
{
    enum err err = kind_check(act, e);

    return err ? err : embeddings_check(act, e);
}

enum err act_revision_check(const struct store_act *act, uint64_t revision, struct err_info *e)
{
    if (act->if_revision == REVISION_ANY)
        return ERR_OK;
    if (act->if_revision == REVISION_NONE) {
        if (revision == 0)
            return ERR_OK;
        return err_set(e, ERR_PRECONDITION, "if_revision", "it exists already, at revision %llu",
                       (unsigned long long)revision);
    }
    if (act->if_revision == revision)
        return ERR_OK;
    if (revision == 0)
        return err_set(e, ERR_PRECONDITION, "if_revision",
                       "it does not exist, revision %llu was wanted",
                       (unsigned long long)act->if_revision);
    return err_set(e, ERR_PRECONDITION, "if_revision", "it is at revision %llu, %llu was wanted",
                   (unsigned long long)revision, (unsigned long long)act->if_revision);
}

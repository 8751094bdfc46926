#include "base/json.h"
#include "events/internal.h"
#include "math/half.h"
#include <string.h>

const char *event_type(const struct change_record *c)
{
    switch (c->kind) {
    case CHANGE_DOCUMENT_PUT:
    case CHANGE_DOCUMENT_EMBEDDED:
        return "document.processed";
    case CHANGE_DOCUMENT_PENDING:
        return "document.pending";
    case CHANGE_DOCUMENT_DELETED:
        return "document.deleted";
    case CHANGE_COLLECTION_CREATED:
        return "collection.created";
    case CHANGE_COLLECTION_UPDATED:
        return "collection.updated";
    case CHANGE_COLLECTION_DELETED:
        return "collection.deleted";
    case CHANGE_FEEDBACK:
        return "feedback.received";
    case CHANGE_USER_PUT:
        return "user.updated";
    case CHANGE_USER_DELETED:
        return "user.deleted";
    case CHANGE_TASK_FINISHED:
        return "task.finished";
    case CHANGE_VERSION_CREATED:
        return "version.created";
    case CHANGE_VERSION_UPDATED:
        return "version.updated";
    case CHANGE_VERSION_ACTIVATED:
        return "version.activated";
    case CHANGE_VERSION_DELETED:
        return "version.deleted";
    case CHANGE_RECOMMENDER_CREATED:
        return "model.trained";
    case CHANGE_RECOMMENDER_ACTIVATED:
        return "model.promoted";
    case CHANGE_RECOMMENDER_RETIRED:
        return "model.retired";
    case CHANGE_RECOMMENDER_DELETED:
        return "model.deleted";
    case CHANGE_EXPERIMENT_PUT:
        return "experiment.updated";
    case CHANGE_EXPERIMENT_DELETED:
        return "experiment.deleted";
    case CHANGE_ALIAS_SET:
        return "alias.updated";
    case CHANGE_ALIAS_DELETED:
        return "alias.deleted";
    }
    return "unknown";
}

static const char *subject_key(enum change_kind k)
{
    switch (k) {
    case CHANGE_DOCUMENT_PUT:
    case CHANGE_DOCUMENT_PENDING:
    case CHANGE_DOCUMENT_EMBEDDED:
    case CHANGE_DOCUMENT_DELETED:
        return "document_id";
    case CHANGE_FEEDBACK:
        return "event_id";
    case CHANGE_USER_PUT:
    case CHANGE_USER_DELETED:
        return "user_id";
    case CHANGE_TASK_FINISHED:
        return "task_id";
    case CHANGE_VERSION_CREATED:
    case CHANGE_VERSION_UPDATED:
    case CHANGE_VERSION_ACTIVATED:
    case CHANGE_VERSION_DELETED:
        return "version_id";
    case CHANGE_RECOMMENDER_CREATED:
    case CHANGE_RECOMMENDER_ACTIVATED:
    case CHANGE_RECOMMENDER_RETIRED:
    case CHANGE_RECOMMENDER_DELETED:
        return "recommender_id";
    case CHANGE_EXPERIMENT_PUT:
    case CHANGE_EXPERIMENT_DELETED:
        return "experiment";
    case CHANGE_ALIAS_SET:
    case CHANGE_ALIAS_DELETED:
        return "alias";
    default:
        return NULL;
    }
}

void event_data(const struct change_record *c, struct strbuf *out)
{
    struct json_writer w;
    const char *key = subject_key(c->kind);
    json_writer_init(&w, out);
    json_object_begin(&w);
    if (key && c->subject.n) { /* of feedback that was erased only the number is left */
        json_key_str(&w, key, c->subject);
    }
    if (c->collection_name.n)
        json_key_str(&w, "collection", c->collection_name);
    json_key_int(&w, "revision", (int64_t)c->change);
    json_object_end(&w);
}

static void put_embedding(const struct document_record *d, uint32_t dims, struct arena *a,
                          struct strbuf *out)
{
    struct json_writer w;
    float *sum = arena_array(a, dims, sizeof *sum), *row = arena_array(a, dims, sizeof *row);
    for (uint32_t p = 0; p < d->passage_count; p++) {
        half_to_f32(d->passages[p].vector, row, dims);
        for (uint32_t i = 0; i < dims; i++)
            sum[i] += row[i] / (float)d->passage_count;
    }
    out->n--; /* the closing brace makes place */
    strbuf_add_c(out, ",\"embedding\":");
    json_writer_init(&w, out);
    json_array_begin(&w);
    for (uint32_t i = 0; i < dims; i++)
        json_put_float(&w, sum[i]);
    json_array_end(&w);
    strbuf_add_char(out, '}');
}

void payload_make(struct job *j, struct strbuf *out)
{
    struct store *s = j->of->events->store;
    bool processed = j->change && str_eq_c(j->type, "document.processed");
    strbuf_add_str(out, j->data);
    if (!processed || !j->of->with_embedding)
        return;
    struct arena *a = arena_new(0);
    struct document_record d;
    enum err err = store_document_get(s, a, j->collection_id, j->subject,
                                      DOCUMENT_PASSAGES | DOCUMENT_VECTORS, &d, NULL);
    /* It may be gone by now, or changed and pending again. */
    if (!err && d.state == DOCUMENT_READY && d.passage_count)
        put_embedding(&d, d.dims, a, out);
    arena_free(a);
}

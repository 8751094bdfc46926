/* The snapshot of a classifier's training: the vectors of documents that have the label, with what
 * it says. Text, true and false, and lists of texts are labels; other values are passed over. */
#include "engine/classifiers.h"
#include "engine/training.h"
#include "base/json.h"
#include <stdlib.h>
#include <string.h>

#define DOCUMENTS_MIN 50
#define OF_LABEL_MIN 5
#define FACETS_MAX 1000

/* ---- before it is queued ---- */

static enum err path_check(struct str label, struct err_info *e)
{
    if (label.n == 0)
        return err_set(e, ERR_INVALID, "/label",
                       "is missing: what to tell, as \"attributes.topic\" or \"tags\"");
    if (label.n > LABEL_PATH_MAX)
        return err_set(e, ERR_INVALID, "/label", "has %zu bytes, at most %d are allowed", label.n,
                       LABEL_PATH_MAX);
    if (!str_eq_c(label, "tags") &&
        !(str_starts(label, STR("attributes.")) && label.n > strlen("attributes.")))
        return err_set(e, ERR_INVALID, "/label",
                       "must be \"tags\" or an attribute, as \"attributes.topic\", not \"%.*s\"",
                       (int)(label.n < 100 ? label.n : 100), label.s);
    return 0;
}

/* Labels are what they are in JSON: "text", true. */
static bool is_label(struct str value)
{
    return value.n && (value.s[0] == '"' || value.s[0] == 't' || value.s[0] == 'f');
}

static enum err values_check(struct str label, const struct facet_value *values, size_t count,
                             struct err_info *e)
{
    size_t labels = 0, documents = 0, others = 0;
    for (size_t i = 0; i < count; i++) {
        bool is = is_label(values[i].value);
        labels += is && values[i].count >= OF_LABEL_MIN;
        documents += is ? values[i].count : 0;
        others += !is;
    }
    if (others == count && others)
        return err_set(e, ERR_INVALID, "/label",
                       "%.*s holds numbers: a label is a text, true or false, or a list of texts",
                       STR_ARG(label));
    if (labels < 2)
        return err_set(
            e, ERR_CONFLICT, "/label",
            "%.*s has %zu label%s that %d documents or more have, of %zu different ones: "
            "at least 2 are needed",
            STR_ARG(label), labels, labels == 1 ? "" : "s", OF_LABEL_MIN, count - others);
    if (documents < DOCUMENTS_MIN)
        return err_set(e, ERR_CONFLICT, "/label",
                       "too few documents to learn from: %zu have %.*s, and %d are needed",
                       documents, STR_ARG(label), DOCUMENTS_MIN);
    return 0;
}

static enum err labels_few(struct collection *c, struct str label, struct arena *a,
                           struct err_info *e)
{
    struct recommender_record *rows;
    struct str seen[CLASSIFIER_LABELS_MAX];
    size_t n, different = 0;
    enum err err = store_recommender_list(c->engine->store, a, c->id, &rows, &n, e);
    for (size_t i = 0; i < n && !err; i++) {
        bool known = !rows[i].label.n || str_eq(rows[i].label, label);
        for (size_t k = 0; k < different && !known; k++)
            known = str_eq(seen[k], rows[i].label);
        if (known)
            continue;
        seen[different++] = rows[i].label;
        if (different == CLASSIFIER_LABELS_MAX)
            return err_set(e, ERR_CONFLICT, "/label",
                           "a collection has classifiers of at most %d labels: delete those of one",
                           CLASSIFIER_LABELS_MAX);
    }
    return err;
}

enum err training_label_check(struct collection *c, struct str label, struct err_info *e)
{
    struct arena *a = arena_new(0);
    struct facet_value *values;
    struct docset all;
    size_t count;
    struct err_info info = {0};
    enum err err = path_check(label, e);
    if (!err && attributes_know_field(c->attributes, label, &info))
        err = err_set(e, ERR_INVALID, "/label", "%s", info.message);
    if (!err)
        err = labels_few(c, label, a, e);
    docset_init(&all);
    attributes_all(c->attributes, &all);
    if (!err)
        err = attributes_facet(c->attributes, a, label, &all, FACETS_MAX, &values, &count, e);
    if (!err)
        err = values_check(label, values, count, e);
    docset_release(&all);
    arena_free(a);
    return err;
}

/* ---- the snapshot ---- */

struct labelling {
    struct training_job *j;
    struct labelled_writer *w;
    uint64_t documents, done;
    uint64_t texts, booleans, lists; /* documents of each */
    uint16_t *mean;
};

static bool name_fits(const json_t *v)
{
    return json_is_string(v) && json_string_length(v) > 0 &&
           json_string_length(v) <= LABEL_NAME_MAX;
}

static size_t labels_of(struct labelling *l, const json_t *v, struct str *out)
{
    size_t n = 0;
    if (json_is_boolean(v)) {
        l->booleans++;
        out[n++] = json_is_true(v) ? STR("true") : STR("false");
    } else if (name_fits(v)) {
        l->texts++;
        out[n++] = json_str(v);
    } else if (json_is_array(v)) {
        for (size_t i = 0; i < json_array_size(v) && n < LABELLED_OF_ONE_MAX; i++)
            if (name_fits(json_array_get(v, i)))
                out[n++] = json_str(json_array_get(v, i));
        l->lists += n > 0;
    }
    return n;
}

static enum err document_add(void *ctx, const struct document_record *d)
{
    struct labelling *l = ctx;
    struct training_job *j = l->j;
    struct str labels[LABELLED_OF_ONE_MAX];
    json_t *payload = NULL;
    if (l->done++ % 256 == 0) {
        training_at(j->x, "reading", l->documents ? (double)l->done / (double)l->documents : 0);
        if (training_cancelled(j->x, j->task) || trainer_stopping(j->x))
            return ERR_CANCELLED;
    }
    if (!document_mean_vector(d, j->v->dims, l->mean) ||
        json_parse_within(d->payload, 256u << 20, &payload, NULL))
        return 0;
    size_t n = labels_of(l, label_value(payload, j->order->label), labels);
    labelled_put(l->w, d->id, l->mean, labels, n);
    json_decref(payload);
    return 0;
}

enum err training_labels_snapshot(struct training_job *j, struct err_info *e)
{
    struct labelling l = {.j = j};
    struct labelled_about about = {.min_probability = j->order->min_probability,
                                   .version = j->v->id};
    struct position at, ignored;
    store_position(j->x->store, &at);
    j->position = about.position = at.change;
    snprintf(about.path, sizeof about.path, "%s", j->order->label);
    lock_take(&j->c->lock);
    l.documents = j->c->documents;
    lock_drop(&j->c->lock);
    enum err err = labelled_writer_open(j->feed, j->v->dims, &about, &l.w, e);
    if (err)
        return err;
    l.mean = xcalloc(j->v->dims, sizeof *l.mean);
    err = store_version_scan(j->x->store, j->v->id,
                             DOCUMENT_PAYLOAD | DOCUMENT_PASSAGES | DOCUMENT_VECTORS, document_add,
                             &l, &ignored, e);
    bool boolean = l.booleans && !l.texts && !l.lists;
    if (err)
        labelled_writer_drop(l.w);
    else
        err = labelled_writer_end(l.w, boolean, l.lists > 0, e);
    free(l.mean);
    return err == ERR_CANCELLED ? err_set(e, err, NULL, "the training was cancelled") : err;
}

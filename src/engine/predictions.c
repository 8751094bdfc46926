/* What classifiers say of documents that have no label, made when a document is read: always of the
 * active classifier and of the stored vector, so it is never out of date, and never in the place of
 * what a team wrote. And engine_classify, which asks them. */
#include "engine/classifiers.h"
#include "engine/training.h"
#include "math/dot.h"
#include "math/half.h"
#include <math.h>
#include <string.h>

#define SHOWN_MAX 20 /* labels of one document, where it may have several */

/* ---- does it have the label? ---- */

static const json_t *value_at(const json_t *object, const char *path)
{
    const json_t *v = json_object_get(object, path);
    if (v && !json_is_null(v))
        return v;
    for (const char *dot = strchr(path, '.'); dot; dot = strchr(dot + 1, '.')) {
        const json_t *inside = json_object_getn(object, path, (size_t)(dot - path));
        if (json_is_object(inside) && (v = value_at(inside, dot + 1)))
            return v;
    }
    return NULL;
}

const json_t *label_value(const json_t *payload, const char *path)
{
    return value_at(payload, path);
}

static bool labelled(const json_t *payload, const char *path)
{
    const json_t *v = label_value(payload, path);
    return v && !(json_is_array(v) && json_array_size(v) == 0);
}

/* ---- one document ---- */

static void label_put(struct json_writer *w, const struct classifier *m, uint32_t class, float p)
{
    json_object_begin(w);
    json_key(w, "label");
    if (m->about.boolean)
        json_put_bool(w, strcmp(m->names[class], "true") == 0);
    else
        json_put_c(w, m->names[class]);
    json_key_double(w, "probability", round((double)p * 1e4) / 1e4);
    json_object_end(w);
}

static const char *key_of(const struct classifier *m)
{
    const char prefix[] = "attributes.", *path = m->about.path;
    return strncmp(path, prefix, sizeof prefix - 1) == 0 ? path + sizeof prefix - 1 : path;
}

static uint32_t told_of(const bool *told, uint32_t *chosen, uint32_t n)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++)
        if (!told || told[chosen[i]])
            chosen[kept++] = chosen[i];
    return kept;
}

static void predict(const struct lent_classifier *l, const float *v, struct json_writer *w)
{
    const struct classifier *m = l->model;
    float p[CLASSIFIER_CLASSES_MAX];
    uint32_t chosen[SHOWN_MAX];
    classifier_probabilities(m, v, p);
    uint32_t n = classifier_choose(m, p, m->about.min_probability, SHOWN_MAX, chosen);
    n = told_of(l->told, chosen, n);
    if (n == 0)
        return;
    json_key(w, key_of(m));
    if (m->about.multiple)
        json_array_begin(w);
    for (uint32_t i = 0; i < n; i++)
        label_put(w, m, chosen[i], p[chosen[i]]);
    if (m->about.multiple)
        json_array_end(w);
}

void prediction_make(const struct lent_classifiers *lent, struct arena *a, const json_t *payload,
                     struct document_out *d)
{
    struct strbuf b;
    struct json_writer w;
    float v[LABELLED_DIMS_MAX];
    strbuf_init(&b, 0);
    json_writer_init(&w, &b);
    json_object_begin(&w);
    for (size_t i = 0; i < lent->count; i++) {
        const struct lent_classifier *l = &lent->all[i];
        if (l->version && !labelled(payload, l->model->about.path) &&
            vectors_document(l->version->vectors, d->number, v))
            predict(l, v, &w);
    }
    json_object_end(&w);
    if (b.n > 2)
        d->predicted = arena_str(a, strbuf_str(&b));
    strbuf_release(&b);
}

/* ---- who sees a part only ---- */

static void told_mark(const struct classifier *m, struct str json, bool *told)
{
    json_t *value = NULL;
    if (json_parse_stored(json, &value, NULL))
        return;
    struct str name =
        json_is_boolean(value) ? str_c(json_is_true(value) ? "true" : "false") : json_str(value);
    for (uint32_t i = 0; i < m->classes; i++)
        told[i] |= str_eq_c(name, m->names[i]);
    json_decref(value);
}

void classifiers_heed(struct lent_classifiers *lent, const struct sight *s, struct arena *a)
{
    const struct docset *among = sight_documents(s);
    for (size_t i = 0; i < lent->count && among; i++) {
        const struct classifier *m = lent->all[i].model;
        struct facet_value *values;
        size_t count = 0;
        bool *told = arena_array(a, m->classes, sizeof *told);
        lent->all[i].told = told;
        if (sight_is_tenants(s))
            continue; /* it learned from all tenants: it tells nothing */
        if (attributes_facet(s->collection->attributes, a, str_c(m->about.path), among,
                             CLASSIFIER_CLASSES_MAX, &values, &count, NULL))
            count = 0;
        for (size_t k = 0; k < count; k++)
            told_mark(m, values[k].value, told);
    }
}

/* ---- many ---- */

void documents_predict(struct collection *c, const struct sight *s, struct arena *a,
                       struct document_out *const *documents, size_t count)
{
    struct lent_classifiers lent;
    classifiers_take(c, &lent);
    classifiers_heed(&lent, s, a);
    for (size_t i = 0; i < count && lent.count; i++) {
        json_t *payload = NULL;
        if (json_parse_stored(documents[i]->payload, &payload, NULL))
            continue;
        prediction_make(&lent, a, payload, documents[i]);
        json_decref(payload);
    }
    classifiers_release(c, &lent);
}

bool fields_want_predicted(const struct str *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq_c(fields[i], "predicted"))
            return true;
    return false;
}

/* ---- classify ---- */

struct classifying {
    struct collection *c;
    const struct classify_request *r;
    struct arena *a;
    uint32_t number; /* of the document that is named */
};

/* As a document of this text would be read: its passages' mean. */
static enum err text_vector(struct classifying *k, struct version *v, float *out,
                            struct err_info *e)
{
    struct draft d = {.text = k->r->text};
    struct document_rules rules;
    uint16_t mean[LABELLED_DIMS_MAX];
    struct document_record read = {.state = DOCUMENT_READY, .dims = v->dims};
    enum err err = version_check_model(v, e);
    if (err)
        return err;
    if ((err = text_nfc(k->a, d.text, &d.text, e)))
        return err_set(e, err, "/text", "it is not UTF-8 text");
    collection_rules(k->c, &rules);
    drafts_split(v, &rules, &d, 1, k->a);
    if (!d.err)
        err = drafts_embed(v, &d, 1, LANE_INTERACTIVE, k->r->deadline_ns, k->a, e);
    if (d.err)
        return err_set(e, d.err, "/text", "%s", d.info.message);
    if (err)
        return err;
    read.passages = d.passages;
    read.passage_count = d.passage_count;
    if (!document_mean_vector(&read, v->dims, mean))
        return err_set(e, ERR_INVALID, "/text", "it has nothing that the model reads");
    half_to_f32(mean, out, v->dims);
    return 0;
}

static enum err given_vector(const struct classify_request *r, uint32_t dims, float *out,
                             struct err_info *e)
{
    if (r->vector_dims != dims)
        return err_set(e, ERR_INVALID, "/vector", "has %zu numbers; the classifier reads %u",
                       r->vector_dims, dims);
    memcpy(out, r->vector, dims * sizeof *out);
    if (!(normalise_f32(out, dims) > 1e-6f) || !isfinite(out[0]))
        return err_set(e, ERR_INVALID, "/vector", "must not be all zeros");
    return 0;
}

static enum err vector_of(struct classifying *k, struct version *v, float *out, struct err_info *e)
{
    if (k->r->vector)
        return given_vector(k->r, v->dims, out, e);
    if (!k->number)
        return text_vector(k, v, out, e);
    if (vectors_document(v->vectors, k->number, out))
        return 0;
    return err_set(e, ERR_CONFLICT, "/id", "the document has no vector yet");
}

static enum err classify(struct classifying *k, const struct lent_classifier *l,
                         struct classified *out, struct err_info *e)
{
    const struct classifier *m = l->model;
    float v[LABELLED_DIMS_MAX], p[CLASSIFIER_CLASSES_MAX];
    uint32_t order[CLASSIFY_LABELS_MAX];
    enum err err = vector_of(k, l->version, v, e);
    if (err)
        return err;
    *out = (struct classified){.label = arena_str(k->a, str_c(m->about.path)),
                               .classifier = l->id,
                               .boolean = m->about.boolean,
                               .multiple = m->about.multiple,
                               .min_probability = m->about.min_probability};
    classifier_probabilities(m, v, p);
    out->count = classifier_rank(m, p, (uint32_t)k->r->limit, order);
    out->labels = arena_array(k->a, out->count + 1, sizeof *out->labels);
    for (size_t i = 0; i < out->count; i++)
        out->labels[i] = (struct classified_label){arena_str(k->a, str_c(m->names[order[i]])),
                                                   (double)p[order[i]]};
    return 0;
}

static enum err number_find(struct classifying *k, struct err_info *e)
{
    enum err err = numbers_of_ids(k->c, NULL, k->a, &k->r->id, 1, &k->number, e);
    if (!err && !k->number)
        err = err_set(e, ERR_NOT_FOUND, "/id", "there is no document \"%.*s\" in this collection",
                      (int)(k->r->id.n < 200 ? k->r->id.n : 200), k->r->id.s);
    return err;
}

static enum err classify_all(struct classifying *k, const struct lent_classifiers *lent,
                             struct classified *out, size_t *count, struct err_info *e)
{
    struct str label = k->r->label;
    bool named = false;
    enum err err = 0;
    *count = 0;
    for (size_t i = 0; i < lent->count && !err; i++) {
        if (label.n && !str_eq_c(label, lent->all[i].model->about.path))
            continue;
        named = true;
        if (lent->all[i].version)
            err = classify(k, &lent->all[i], &out[(*count)++], e);
    }
    if (!err && label.n && !named)
        return err_set(e, ERR_NOT_FOUND, "/label", "no classifier of %.*s is active",
                       (int)(label.n < 200 ? label.n : 200), label.s);
    if (!err && !*count)
        return err_set(e, ERR_CONFLICT, NULL,
                       named || lent->count ? "the embedding version that the classifier learned "
                                              "from has gone: train it again"
                                            : "no classifier is active: train one");
    return err;
}

enum err engine_classify(struct engine *x, struct str collection, const struct classify_request *r,
                         struct arena *a, struct classified **out, size_t *count,
                         struct err_info *e)
{
    struct classifying k = {.r = r, .a = a};
    struct lent_classifiers lent;
    enum err err = collection_find(x, collection, &k.c, e);
    if (err)
        return err;
    classifiers_take(k.c, &lent);
    *out = arena_array(a, CLASSIFIER_LABELS_MAX, sizeof **out);
    if (r->id.n)
        err = number_find(&k, e);
    if (!err)
        err = classify_all(&k, &lent, *out, count, e);
    classifiers_release(k.c, &lent);
    collection_unref(k.c);
    metric_error(x, err);
    return err;
}

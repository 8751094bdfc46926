/* The active classifiers of a collection as they live in this process, and what they say of its
 * documents. Their records and files stand beside those of recommenders (recommenders.h). A file
 * that cannot be read is refused: the one of its label that serves goes on serving, and at a start
 * the one that was retired last takes its place. */
#ifndef ENGINE_CLASSIFIERS_H
#define ENGINE_CLASSIFIERS_H

#include "classify/classifier.h"
#include "engine/internal.h"

#define CLASSIFIER_LABELS_MAX 16 /* labels of a collection that have classifiers */

struct classifiers;
struct classifiers *classifiers_new(void);
void classifiers_free(struct classifiers *x); /* NULL is allowed; nobody holds one any more */
/* Makes what serves what the store says. The applier, or before it starts. */
void classifiers_follow(struct collection *c, const struct recommender_record *rows, size_t count);
/* Can its file be read, and is it the one that was made? ERR_CORRUPT. */
enum err classifier_check(struct collection *c, const struct recommender_record *r,
                          struct err_info *e) MUST_CHECK;
/* Fills in serving, memory_bytes and error of out->id. */
void classifiers_tell(struct collection *c, struct arena *a, struct recommender_info *out);

/* ---- those that serve, lent ---- */
struct lent_classifier {
    const struct classifier *model;
    uint32_t id;
    struct version *version; /* whose vectors it reads; NULL: gone */
    const bool *told;        /* of its classes those that may be named; NULL: all */
};
struct lent_classifiers {
    struct lent_classifier all[CLASSIFIER_LABELS_MAX];
    size_t count; /* by label */
    struct held_classifier *held[CLASSIFIER_LABELS_MAX];
};
void classifiers_take(struct collection *c, struct lent_classifiers *out);
void classifiers_release(struct collection *c, struct lent_classifiers *lent);

/* ---- predictions.c ---- */
/* A label that no document of the sight has is not told: it was learned from others. In the arena;
 * a facet of each label, nothing without a filter. */
void classifiers_heed(struct lent_classifiers *lent, const struct sight *s, struct arena *a);
/* Sets d->predicted: what the lent ones say of each label that the document has not. `payload`: its
 * own, parsed. Some microseconds a classifier. */
void prediction_make(const struct lent_classifiers *lent, struct arena *a, const json_t *payload,
                     struct document_out *d);
/* The same of documents with their payloads whole. */
void documents_predict(struct collection *c, const struct sight *s, struct arena *a,
                       struct document_out *const *documents, size_t count);
/* Do `fields` ask for predictions? */
bool fields_want_predicted(const struct str *fields, size_t count);
/* The value of "tags" or "attributes.a.b" in a document; a name with dots itself is found as the
 * whole rest of the path. NULL: there is none. */
const json_t *label_value(const json_t *payload, const char *path);

#endif

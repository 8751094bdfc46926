/* What a classifier learns from: the vectors of a collection's documents that have a label, with
 * their labels. The server writes it as a file from one moment of the store, in constant memory but
 * for the names of the labels; the worker reads it. */
#ifndef CLASSIFY_LABELLED_H
#define CLASSIFY_LABELLED_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LABEL_PATH_MAX 255        /* bytes of "attributes.topic" */
#define LABEL_NAME_MAX 255        /* bytes of a label; longer ones are passed over */
#define LABELLED_NAMES_MAX 65536u /* different labels: more, and it is none */
#define LABELLED_DOCUMENTS_MAX (1u << 24)
#define LABELLED_DIMS_MAX 4096u
#define LABELLED_OF_ONE_MAX 1024u /* labels of one document */

/* What is asked for, and what the values are. */
struct labelled_about {
    char path[LABEL_PATH_MAX + 1]; /* of the label in a document */
    bool boolean;                  /* the names are "false" and "true" */
    bool multiple;                 /* some document holds a list: each label is a question alone */
    double min_probability;        /* 0 ... 1: of a label that is told */
    uint32_t version;              /* embedding version of the vectors */
    uint64_t position;             /* the change of the store that it is of */
};

struct labelled_set {
    struct labelled_about about;
    uint32_t dims, documents, names_count;
    uint16_t *vectors; /* documents x dims, float16, length 1 */
    uint64_t *keys;    /* documents: digest of the id */
    size_t *start;     /* documents + 1 */
    uint32_t *labels;  /* of document d: start[d] ... start[d + 1], each once; at least one */
    char **names;
};
void labelled_set_free(struct labelled_set *s); /* NULL is allowed */

struct labelled_writer;
/* Of `about` what is known before: path, min_probability, version, position. */
enum err labelled_writer_open(const char *path, uint32_t dims, const struct labelled_about *about,
                              struct labelled_writer **out, struct err_info *e) MUST_CHECK;
/* A label twice counts once; of more than LABELLED_OF_ONE_MAX the first. `vector`: dims float16. */
void labelled_put(struct labelled_writer *w, struct str id, const uint16_t *vector,
                  const struct str *labels, size_t count);
/* Errors of all the puts too. ERR_CONFLICT: more different labels than LABELLED_NAMES_MAX. Frees;
 * the file is the caller's to remove. */
enum err labelled_writer_end(struct labelled_writer *w, bool boolean, bool multiple,
                             struct err_info *e) MUST_CHECK;
void labelled_writer_drop(struct labelled_writer *w); /* NULL is allowed */

/* ERR_CORRUPT: not whole, or not such a file. Memory: that of the file. */
enum err labelled_load(const char *path, struct labelled_set **out, struct err_info *e) MUST_CHECK;

#endif

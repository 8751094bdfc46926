/* The file of a labelled set: one section (base/section.h). Numbers little-endian.
 *
 *     u64 "AKLABEL1"   u64 position   u32 version   u32 dims   f64 min_probability
 *     u32 bytes of the path, the path
 *     u32 n (1 ...)   u64 key   n x u32 label   f16 vector[dims]      a document, each
 *     u32 0   u32 boolean   u32 multiple   u32 names, each: u32 bytes, the name */
#include "classify/labelled.h"
#include "base/arena.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/section.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC UINT64_C(0x314C4542414C4B41) /* "AKLABEL1" */

/* ---- names ---- */

struct names {
    struct arena *a;
    struct str *list;
    uint32_t count, cap;
    uint32_t *slots; /* place in `list` + 1; 0: free */
    size_t slot_count;
};

static uint32_t *names_slot(const struct names *t, struct str name)
{
    size_t at = checksum64(name.s, name.n, 0) & (t->slot_count - 1);
    while (t->slots[at] && !str_eq(t->list[t->slots[at] - 1], name))
        at = (at + 1) & (t->slot_count - 1);
    return &t->slots[at];
}

static void names_grow(struct names *t)
{
    t->cap = t->cap ? 2 * t->cap : 256;
    t->list = xrealloc(t->list, t->cap * sizeof *t->list);
    free(t->slots);
    t->slot_count = 2 * (size_t)t->cap;
    t->slots = xcalloc(t->slot_count, sizeof *t->slots);
    for (uint32_t i = 0; i < t->count; i++)
        *names_slot(t, t->list[i]) = i + 1;
}

static uint32_t names_add(struct names *t, struct str name)
{
    if (t->count == t->cap)
        names_grow(t);
    uint32_t *slot = names_slot(t, name);
    if (!*slot) {
        t->list[t->count] = arena_str(t->a, name);
        *slot = ++t->count;
    }
    return *slot - 1;
}

/* ---- writing ---- */

struct labelled_writer {
    struct file *f;
    struct section_writer *w;
    uint32_t dims;
    uint64_t documents;
    struct names names;
    bool many; /* too many names */
};

enum err labelled_writer_open(const char *path, uint32_t dims, const struct labelled_about *about,
                              struct labelled_writer **out, struct err_info *e)
{
    struct file *f;
    assert(dims > 0 && dims <= LABELLED_DIMS_MAX);
    enum err err = file_open(path, FILE_CREATE, &f, e);
    if (err)
        return err;
    struct labelled_writer *w = xcalloc(1, sizeof *w);
    w->f = f;
    w->w = section_writer_new(f);
    w->dims = dims;
    w->names.a = arena_new(0);
    section_put_u64(w->w, MAGIC);
    section_put_u64(w->w, about->position);
    section_put_u32(w->w, about->version);
    section_put_u32(w->w, dims);
    section_put(w->w, &about->min_probability, sizeof about->min_probability);
    section_put_u32(w->w, (uint32_t)strlen(about->path));
    section_put(w->w, about->path, strlen(about->path));
    *out = w;
    return ERR_OK;
}

static bool among(const uint32_t *list, uint32_t count, uint32_t x)
{
    for (uint32_t i = 0; i < count; i++)
        if (list[i] == x)
            return true;
    return false;
}

void labelled_put(struct labelled_writer *w, struct str id, const uint16_t *vector,
                  const struct str *labels, size_t count)
{
    uint32_t found[LABELLED_OF_ONE_MAX], n = 0;
    for (size_t i = 0; i < count && n < LABELLED_OF_ONE_MAX && !w->many; i++) {
        uint32_t label = names_add(&w->names, labels[i]);
        if (!among(found, n, label))
            found[n++] = label;
        w->many = w->names.count > LABELLED_NAMES_MAX;
    }
    if (!n || w->many || w->documents == LABELLED_DOCUMENTS_MAX)
        return;
    w->documents++;
    section_put_u32(w->w, n);
    section_put_u64(w->w, checksum64(id.s, id.n, 0));
    section_put(w->w, found, n * sizeof *found);
    section_put(w->w, vector, w->dims * sizeof *vector);
}

static void writer_free(struct labelled_writer *w)
{
    file_close(w->f);
    arena_free(w->names.a);
    free(w->names.list);
    free(w->names.slots);
    free(w);
}

enum err labelled_writer_end(struct labelled_writer *w, bool boolean, bool multiple,
                             struct err_info *e)
{
    section_put_u32(w->w, 0);
    section_put_u32(w->w, boolean);
    section_put_u32(w->w, multiple);
    section_put_u32(w->w, w->names.count);
    for (uint32_t i = 0; i < w->names.count; i++) {
        section_put_u32(w->w, (uint32_t)w->names.list[i].n);
        section_put(w->w, w->names.list[i].s, w->names.list[i].n);
    }
    enum err err = section_writer_end(w->w, e);
    if (!err && w->many)
        err = err_set(e, ERR_CONFLICT, "/label",
                      "it has more than %u different values: that is no label", LABELLED_NAMES_MAX);
    writer_free(w);
    return err;
}

void labelled_writer_drop(struct labelled_writer *w)
{
    if (!w)
        return;
    (void)!section_writer_end(w->w, NULL);
    writer_free(w);
}

/* ---- reading ---- */

void labelled_set_free(struct labelled_set *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; s->names && i < s->names_count; i++)
        free(s->names[i]);
    free(s->names);
    free(s->vectors);
    free(s->keys);
    free(s->start);
    free(s->labels);
    free(s);
}

static void head_get(struct section_reader *r, struct labelled_set *s)
{
    if (section_get_u64(r) != MAGIC)
        section_corrupt(r, "it is not a labelled set");
    s->about.position = section_get_u64(r);
    s->about.version = section_get_u32(r);
    s->dims = section_get_u32(r);
    section_get(r, &s->about.min_probability, sizeof s->about.min_probability);
    uint32_t n = section_get_u32(r);
    if (s->dims == 0 || s->dims > LABELLED_DIMS_MAX || n == 0 || n > LABEL_PATH_MAX ||
        !(s->about.min_probability >= 0 && s->about.min_probability <= 1)) {
        section_corrupt(r, "its head is wrong");
        return;
    }
    section_get(r, s->about.path, n);
    if (memchr(s->about.path, 0, n))
        section_corrupt(r, "its head is wrong");
}

struct room {
    size_t documents, labels;
};

static void room_make(struct labelled_set *s, struct room *room, size_t labels)
{
    if (s->documents == room->documents) {
        room->documents = room->documents ? 2 * room->documents : 256;
        s->vectors = xrealloc(s->vectors, room->documents * s->dims * sizeof *s->vectors);
        s->keys = xrealloc(s->keys, room->documents * sizeof *s->keys);
        s->start = xrealloc(s->start, (room->documents + 1) * sizeof *s->start);
    }
    while (labels > room->labels) {
        room->labels = room->labels ? 2 * room->labels : 1024;
        s->labels = xrealloc(s->labels, room->labels * sizeof *s->labels);
    }
}

static bool finite_row(const uint16_t *row, uint32_t dims)
{
    for (uint32_t i = 0; i < dims; i++)
        if ((row[i] & 0x7C00) == 0x7C00)
            return false;
    return true;
}

/* False: the end. */
static bool document_get(struct section_reader *r, struct labelled_set *s, struct room *room,
                         size_t *used)
{
    uint32_t n = section_get_u32(r);
    if (n == 0 || section_error(r))
        return false;
    uint64_t bytes = 8 + n * sizeof *s->labels + s->dims * sizeof *s->vectors;
    if (n > LABELLED_OF_ONE_MAX || s->documents == LABELLED_DOCUMENTS_MAX ||
        bytes > section_left(r)) {
        section_corrupt(r, "it does not hold what it says");
        return false;
    }
    room_make(s, room, *used + n);
    uint16_t *row = s->vectors + (size_t)s->documents * s->dims;
    s->start[s->documents] = *used;
    s->keys[s->documents] = section_get_u64(r);
    section_get(r, s->labels + *used, n * sizeof *s->labels);
    section_get(r, row, s->dims * sizeof *row);
    if (!finite_row(row, s->dims))
        section_corrupt(r, "a number of it is not finite");
    *used += n;
    s->start[++s->documents] = *used;
    return !section_error(r);
}

static void names_get(struct section_reader *r, struct labelled_set *s)
{
    s->about.boolean = section_get_u32(r) != 0;
    s->about.multiple = section_get_u32(r) != 0;
    uint64_t n = section_get_u32(r);
    if (n > LABELLED_NAMES_MAX || n > section_left(r) / sizeof(uint32_t))
        section_corrupt(r, "it does not hold what it says");
    if (section_error(r))
        return;
    s->names = xcalloc(n + 1, sizeof *s->names);
    s->names_count = (uint32_t)n;
    for (uint32_t i = 0; i < n && !section_error(r); i++) {
        uint32_t bytes = section_get_u32(r);
        if (bytes > LABEL_NAME_MAX) {
            section_corrupt(r, "a name of it is too long");
            return;
        }
        s->names[i] = xcalloc(bytes + 1u, 1);
        section_get(r, s->names[i], bytes);
    }
}

static struct labelled_set *set_get(struct section_reader *r)
{
    struct labelled_set *s = xcalloc(1, sizeof *s);
    struct room room = {0};
    size_t used = 0;
    head_get(r, s);
    if (section_error(r))
        return s;
    s->start = xcalloc(1, sizeof *s->start);
    while (document_get(r, s, &room, &used))
        ;
    if (!section_error(r))
        names_get(r, s);
    for (size_t i = 0; i < used && !section_error(r); i++)
        if (s->labels[i] >= s->names_count)
            section_corrupt(r, "a label of it has no name");
    return s;
}

enum err labelled_load(const char *path, struct labelled_set **out, struct err_info *e)
{
    struct file *f = NULL;
    uint64_t offset = 0;
    enum err err = file_open(path, FILE_READ_ONLY, &f, e);
    if (err)
        return err;
    struct section_reader *r = section_reader_new(f, 0);
    struct labelled_set *s = set_get(r);
    err = section_reader_end(r, &offset, e);
    file_close(f);
    if (err)
        labelled_set_free(s);
    else
        *out = s;
    return err;
}

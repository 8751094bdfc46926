/* Does a filter ask for fields that the documents have? */
#include "index/attributes_impl.h"
#include <stdio.h>
#include <string.h>

#define NAME_MAX 64 /* bytes that are compared */

struct str filter_first_field(const struct filter *f)
{
    while (f->op <= FILTER_NOT)
        f = f->children[0];
    return f->field;
}

static const char *const own_fields[] = {"id",      "lang",    "tags",        "created",
                                         "updated", "expires", "duplicate_of"};
/* Of a document too, but not for filters. */
static const char *const other_fields[] = {"title", "text", "url", "revision", "pending", "vector"};

static size_t cut(struct str s)
{
    return s.n < NAME_MAX ? s.n : NAME_MAX;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Levenshtein 1966. */
static unsigned distance(struct str a, struct str b)
{
    unsigned row[NAME_MAX + 1];
    size_t n = cut(a), m = cut(b);
    for (size_t j = 0; j <= m; j++)
        row[j] = (unsigned)j;
    for (size_t i = 0; i < n; i++) {
        unsigned before = row[0];
        row[0] = (unsigned)i + 1;
        for (size_t j = 0; j < m; j++) {
            unsigned above = row[j + 1];
            row[j + 1] = least(before + (a.s[i] != b.s[j]), least(row[j], above) + 1);
            before = above;
        }
    }
    return row[m];
}

static void consider(struct str name, struct str candidate, struct str *best, unsigned *best_at)
{
    unsigned d = distance(name, candidate);
    if (d < *best_at) {
        *best_at = d;
        *best = candidate;
    }
}

static struct str nearest(const struct attributes *x, struct str name)
{
    struct str best = STR("id");
    unsigned best_at = 2 * NAME_MAX;
    for (unsigned i = 0; i < x->field_count; i++)
        consider(name, x->fields[i]->name, &best, &best_at);
    for (size_t i = 0; i < sizeof own_fields / sizeof *own_fields; i++)
        consider(name, str_c(own_fields[i]), &best, &best_at);
    return best;
}

static size_t character(struct str text, size_t byte)
{
    size_t n = 1;
    for (size_t i = 0; i < byte && i < text.n; i++)
        n += ((unsigned char)text.s[i] & 0xC0) != 0x80;
    return n;
}

/* Has one of the documents that may be known of the field? */
static bool had_among(const struct field *f, const struct docset *among)
{
    struct docset have;
    docset_init(&have);
    posting_into(&f->exists, &have);
    docset_and(&have, among);
    bool any = have.count > 0;
    docset_release(&have);
    return any;
}

static bool known(const struct attributes *x, struct str name, const struct docset *among)
{
    const struct field *f = attributes_field(x, name);
    return field_is_reserved(name) || (f && (!among || had_among(f, among)));
}

/* Where there are no documents, none can be without a field. */
static bool empty(const struct attributes *x, const struct docset *among)
{
    return !(among ? among->count : x->all.count);
}

static bool is_other(struct str name)
{
    for (size_t i = 0; i < sizeof other_fields / sizeof *other_fields; i++)
        if (str_eq_c(name, other_fields[i]))
            return true;
    return false;
}

/* `before`: what stands before the message. */
static enum err refuse(const struct attributes *x, struct str name, const struct docset *among,
                       const char *before, struct err_info *e)
{
    if (is_other(name))
        return err_set(
            e, ERR_INVALID, NULL,
            "%sthe %.*s of a document cannot be %s by; what "
            "can: id, lang, tags, created, updated, expires, duplicate_of and attributes",
            before, STR_ARG(name), before[0] ? "filtered" : "sorted or counted");
    if (among)
        return err_set(e, ERR_INVALID, NULL, "%sno document has the field %.*s", before,
                       (int)cut(name), name.s);
    struct str other = nearest(x, name);
    return err_set(e, ERR_INVALID, NULL,
                   "%sno document has the field %.*s; the nearest known is %.*s", before,
                   (int)cut(name), name.s, (int)cut(other), other.s);
}

static enum err check(const struct attributes *x, const struct filter *f, struct str text,
                      const struct docset *among, struct err_info *e)
{
    enum err err = ERR_OK;
    for (unsigned i = 0; f->op <= FILTER_NOT && i < f->count && !err; i++)
        err = check(x, f->children[i], text, among, e);
    if (f->op <= FILTER_NOT || known(x, f->field, among))
        return err;
    char before[64];
    snprintf(before, sizeof before, "filter, character %zu: ", character(text, f->at));
    return refuse(x, f->field, among, before, e);
}

enum err attributes_know(struct attributes *x, const struct filter *f, struct str text,
                         struct err_info *e)
{
    return attributes_know_among(x, f, text, NULL, e);
}

enum err attributes_know_among(struct attributes *x, const struct filter *f, struct str text,
                               const struct docset *among, struct err_info *e)
{
    rwlock_read(&x->lock);
    enum err err = !empty(x, among) && !x->fields_dropped ? check(x, f, text, among, e) : ERR_OK;
    rwlock_drop(&x->lock);
    return err;
}

enum err attributes_know_field(struct attributes *x, struct str field, struct err_info *e)
{
    return attributes_know_field_among(x, field, NULL, e);
}

enum err attributes_know_field_among(struct attributes *x, struct str field,
                                     const struct docset *among, struct err_info *e)
{
    field = filter_field(field);
    rwlock_read(&x->lock);
    enum err err = ERR_OK;
    if (str_eq_c(field, "duplicate_of") && x->duplicates)
        err = err_set(e, ERR_INVALID, NULL,
                      "duplicate_of can be filtered by, but not sorted or counted by");
    else if (!empty(x, among) && !x->fields_dropped && !known(x, field, among))
        err = refuse(x, field, among, "", e);
    else
        err = attributes_field_indexed(x, field, e);
    rwlock_drop(&x->lock);
    return err;
}

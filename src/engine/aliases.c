/* Aliases: second names of collections. What they stand for is kept in memory, under the lock of
 * the list of collections; the applier alone changes it, all of an act in one step. */
#include "engine/internal.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct alias {
    char name[COLLECTION_NAME_MAX + 1], collection[COLLECTION_NAME_MAX + 1];
};

/* ---- the table; engine->lock ---- */

/* Where it is, or would be. */
static size_t alias_place(const struct aliases *t, struct str name, bool *found)
{
    size_t from = 0, to = t->count;
    *found = false;
    while (from < to && !*found) {
        size_t middle = from + (to - from) / 2;
        int order = str_cmp(name, str_c(t->rows[middle].name));
        *found = order == 0;
        if (order <= 0)
            to = middle;
        else
            from = middle + 1;
    }
    return to;
}

static void name_copy(char to[COLLECTION_NAME_MAX + 1], struct str name)
{
    assert(name.n <= COLLECTION_NAME_MAX);
    memcpy(to, name.s, name.n);
    to[name.n] = '\0';
}

static void alias_set(struct aliases *t, struct str name, struct str collection)
{
    bool found;
    size_t at = alias_place(t, name, &found);
    if (!found) {
        if (t->count == t->cap) {
            t->cap = t->cap ? t->cap * 2 : 16;
            t->rows = xrealloc(t->rows, t->cap * sizeof *t->rows);
        }
        memmove(t->rows + at + 1, t->rows + at, (t->count - at) * sizeof *t->rows);
        t->count++;
        name_copy(t->rows[at].name, name);
    }
    name_copy(t->rows[at].collection, collection);
}

static void alias_drop(struct aliases *t, struct str name)
{
    bool found;
    size_t at = alias_place(t, name, &found);
    if (found)
        memmove(t->rows + at, t->rows + at + 1, (--t->count - at) * sizeof *t->rows);
}

void engine_aliases_resolve(struct engine *x, struct arena *a, struct str *names, size_t count)
{
    bool found;
    lock_take(&x->lock);
    for (size_t i = 0; i < count; i++) {
        size_t at = alias_place(&x->aliases, names[i], &found);
        if (found)
            names[i] = arena_str(a, str_c(x->aliases.rows[at].collection));
    }
    lock_drop(&x->lock);
}

/* ---- as the store has them ---- */

enum err aliases_open(struct engine *x, struct err_info *e)
{
    struct arena *a = arena_new(0);
    struct alias_record *rows;
    size_t count = 1;
    struct str after = STR("");
    enum err err = 0;
    while (!err && count > 0) {
        err = store_alias_list(x->store, a, after, 1000, &rows, &count, e);
        lock_take(&x->lock);
        for (size_t i = 0; i < count && !err; i++) {
            alias_set(&x->aliases, rows[i].name, rows[i].collection_name);
            after = rows[i].name;
        }
        lock_drop(&x->lock);
    }
    arena_free(a);
    return err;
}

void aliases_close(struct engine *x)
{
    free(x->aliases.rows);
}

enum err alias_changes(struct engine *x, const struct change_record *first, struct arena *a,
                       struct err_info *e)
{
    struct change_record *rest = NULL;
    size_t count = 0;
    enum err err = first->number
                       ? store_changes(x->store, a, first->change, first->number, &rest, &count, e)
                       : ERR_OK;
    if (err)
        return err;
    lock_take(&x->lock);
    for (size_t i = 0; i <= count; i++) {
        const struct change_record *r = i ? &rest[i - 1] : first;
        if (r->kind == CHANGE_ALIAS_SET)
            alias_set(&x->aliases, r->subject, r->collection_name);
        else
            alias_drop(&x->aliases, r->subject);
    }
    lock_drop(&x->lock);
    return ERR_OK;
}

/* ---- what a user does with them ---- */

static void alias_make(const struct alias_record *r, struct alias_out *out)
{
    *out = (struct alias_out){.name = r->name,
                              .collection = r->collection_name,
                              .created_us = r->created_us,
                              .updated_us = r->updated_us,
                              .revision = r->revision,
                              .created = r->status == ACT_CREATED,
                              .deleted = r->status == ACT_DELETED};
}

enum err engine_alias_get(struct engine *x, struct str name, struct arena *a, struct alias_out *out,
                          struct err_info *e)
{
    struct alias_record r;
    enum err err = store_alias_get(x->store, a, name, &r, NULL);
    if (err)
        return err_set(e, err, "alias",
                       err == ERR_NOT_FOUND ? "there is no alias \"%.*s\""
                                            : "the alias \"%.*s\" could not be read",
                       (int)(name.n < 80 ? name.n : 80), name.s);
    r.status = ACT_UNCHANGED;
    alias_make(&r, out);
    return ERR_OK;
}

enum err engine_alias_list(struct engine *x, struct str after, size_t limit, struct arena *a,
                           struct alias_out **out, size_t *count, struct err_info *e)
{
    struct alias_record *rows;
    size_t n;
    enum err err = store_alias_list(x->store, a, after, limit, &rows, &n, e);
    if (err)
        return err;
    *out = arena_array(a, n + 1, sizeof **out);
    *count = n;
    for (size_t i = 0; i < n; i++) {
        rows[i].status = ACT_UNCHANGED;
        alias_make(&rows[i], &(*out)[i]);
    }
    return ERR_OK;
}

static enum err names_check(const struct alias_in *in, size_t count, struct arena *a,
                            struct err_info *e)
{
    for (size_t i = 0; i < count; i++) {
        enum err err = collection_name_check(in[i].name, arena_printf(a, "/%zu/name", i), e);
        if (err)
            return err;
        for (size_t k = 0; k < i; k++)
            if (str_eq(in[k].name, in[i].name))
                return err_set(e, ERR_INVALID, arena_printf(a, "/%zu/name", i),
                               "is there twice: once is enough");
    }
    return ERR_OK;
}

enum err engine_aliases_set(struct engine *x, const struct alias_in *in, size_t count,
                            struct arena *a, struct alias_out *out, struct err_info *e)
{
    struct alias_record *rows = arena_array(a, count + 1, sizeof *rows);
    struct store_act act = {.kind = ACT_ALIASES_SET, .aliases = rows, .alias_count = count};
    struct position at;
    enum err err = names_check(in, count, a, e);
    if (err)
        return err;
    for (size_t i = 0; i < count; i++)
        rows[i] = (struct alias_record){.name = in[i].name, .collection_name = in[i].collection};
    err = store_write(x->store, &act, 1, false, &at, e);
    if (!err && act.err)
        err = err_set(e, act.err,
                      *act.info.field ? arena_printf(a, "/%zu/%s", act.alias_failed, act.info.field)
                                      : NULL,
                      "%s", act.info.message);
    if (!err)
        err = applied_wait(x, at.change, 0, e);
    metric_error(x, err);
    for (size_t i = 0; i < count && !err; i++)
        alias_make(&rows[i], &out[i]);
    return err;
}

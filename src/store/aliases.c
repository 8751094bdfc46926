/* Aliases: second names of collections. Several are set in one act, of which all is done or
 * nothing; its changes follow one another, and each says how many are still to come, so that
 * whoever follows the log can take them in one step too. */
#include "store/inside.h"
#include <string.h>

static void alias_row(sqlite3_stmt *st, struct arena *a, struct alias_record *out)
{
    *out = (struct alias_record){.name = get_str(st, 0, a),
                                 .collection_name = get_str(st, 1, a),
                                 .collection = (uint32_t)sqlite3_column_int64(st, 2),
                                 .created_us = sqlite3_column_int64(st, 3),
                                 .updated_us = sqlite3_column_int64(st, 4),
                                 .revision = (uint64_t)sqlite3_column_int64(st, 5)};
}

/* What there is of the alias before; collection 0: nothing. */
static enum err alias_find(struct writer *w, struct str name, struct alias_record *out,
                           struct err_info *e)
{
    sqlite3_stmt *st;
    bool row;
    enum err err = conn_stmt(&w->conn, STMT_ALIAS_GET, &st, e);

    memset(out, 0, sizeof *out);
    if (err)
        return err;
    put_str(st, 1, name);
    err = conn_step(&w->conn, st, &row, e);
    if (err || !row)
        return err;
    out->collection = (uint32_t)sqlite3_column_int64(st, 2);
    out->created_us = sqlite3_column_int64(st, 3);
    out->updated_us = sqlite3_column_int64(st, 4);
    out->revision = (uint64_t)sqlite3_column_int64(st, 5);
    return conn_run(&w->conn, st, e);
}

/* ---- what others ask ---- */

enum err alias_absent(struct writer *w, struct str name, struct err_info *e)
{
    struct alias_record old;
    enum err err = alias_find(w, name, &old, e);

    if (!err && old.collection)
        err = err_set(e, ERR_CONFLICT, "name", "an alias of this name exists already");
    return err;
}

enum err aliases_absent(struct writer *w, uint32_t collection, struct err_info *e)
{
    struct strbuf names;
    sqlite3_stmt *st;
    bool row;
    enum err err = conn_stmt(&w->conn, STMT_ALIAS_OF_COLLECTION, &st, e);

    if (err)
        return err;
    strbuf_init(&names, 0);
    put_int(st, 1, collection);
    while (!(err = conn_step(&w->conn, st, &row, e)) && row)
        strbuf_printf(&names, "%s%s", names.n ? ", " : "",
                      (const char *)sqlite3_column_text(st, 0));
    if (!err && names.n)
        err = err_set(e, ERR_CONFLICT, NULL,
                      "aliases stand for this collection: %.*s; move or delete them first",
                      STR_ARG(strbuf_str(&names)));
    strbuf_release(&names);
    return err;
}

/* ---- the act ---- */

static enum err goes_judge(const struct alias_record *old, struct alias_record *r,
                           struct err_info *e)
{
    if (!old->collection)
        return err_set(e, ERR_NOT_FOUND, "name", "there is no alias \"%.*s\"", STR_ARG(r->name));
    *r = (struct alias_record){.name = r->name,
                               .collection = old->collection,
                               .created_us = old->created_us,
                               .status = ACT_DELETED};
    return ERR_OK;
}

static enum err target_judge(struct writer *w, const struct alias_record *old,
                             struct alias_record *r, struct err_info *e)
{
    uint32_t same, target;
    enum err err = collection_named(w, r->name, &same, e);

    if (!err && same)
        err = err_set(e, ERR_CONFLICT, "name", "a collection of this name exists");
    if (!err)
        err = collection_named(w, r->collection_name, &target, e);
    if (!err && !target)
        err = err_set(e, ERR_NOT_FOUND, "collection", "there is no collection \"%.*s\"",
                      STR_ARG(r->collection_name));
    if (err)
        return err;
    r->collection = target;
    r->created_us = old->collection ? old->created_us : w->now_us;
    r->updated_us = old->collection == target ? old->updated_us : w->now_us;
    r->revision = old->revision;
    r->status = !old->collection            ? ACT_CREATED
                : old->collection == target ? ACT_UNCHANGED
                                            : ACT_UPDATED;
    return ERR_OK;
}

static enum err room_check(struct writer *w, uint32_t collection, struct err_info *e)
{
    uint64_t count;
    enum err err = writer_number(w, STMT_ALIAS_COUNT, collection, 0, &count, e);

    if (!err && count >= STORE_ALIASES_MAX)
        err = err_set(e, ERR_CONFLICT, "collection", "it has %d aliases, which is the most",
                      STORE_ALIASES_MAX);
    return err;
}

static enum err alias_store(struct writer *w, const struct alias_record *r, struct err_info *e)
{
    sqlite3_stmt *st;
    bool goes = r->status == ACT_DELETED;
    enum err err = goes ? ERR_OK : room_check(w, r->collection, e);

    if (!err)
        err = conn_stmt(&w->conn, goes ? STMT_ALIAS_REMOVE : STMT_ALIAS_SET, &st, e);
    if (err)
        return err;
    put_str(st, 1, r->name);
    if (!goes) {
        put_int(st, 2, r->collection);
        put_int(st, 3, r->created_us);
        put_int(st, 4, r->updated_us);
        put_int(st, 5, (int64_t)r->revision);
    }
    return conn_run(&w->conn, st, e);
}

static enum err alias_apply(struct writer *w, struct alias_record *r, uint32_t follow,
                            struct err_info *e)
{
    struct held_collection *c;
    enum err err = writer_hold(w, r->collection, &c, e);

    if (!err)
        err = writer_change(w, r->status == ACT_DELETED ? CHANGE_ALIAS_DELETED : CHANGE_ALIAS_SET,
                            c, follow, r->name, &r->revision, e);
    return err ? err : alias_store(w, r, e);
}

static enum err aliases_judge(struct writer *w, struct store_act *act, uint32_t *changes,
                              struct err_info *e)
{
    enum err err = ERR_OK;

    *changes = 0;
    for (size_t i = 0; i < act->alias_count && !err; i++) {
        struct alias_record old, *r = &act->aliases[i];
        act->alias_failed = i;
        err = alias_find(w, r->name, &old, e);
        if (!err)
            err = r->collection_name.n ? target_judge(w, &old, r, e) : goes_judge(&old, r, e);
        *changes += !err && r->status != ACT_UNCHANGED;
    }
    return err;
}

enum err aliases_set(struct writer *w, struct store_act *act, struct err_info *e)
{
    uint32_t changes;
    enum err err = aliases_judge(w, act, &changes, e);

    act->status = changes ? ACT_UPDATED : ACT_UNCHANGED;
    for (size_t i = 0; i < act->alias_count && !err; i++) {
        struct alias_record *r = &act->aliases[i];
        act->alias_failed = i;
        if (r->status == ACT_UNCHANGED)
            continue;
        err = alias_apply(w, r, --changes, e);
        act->revision = r->revision;
    }
    return err;
}

/* ---- reads ---- */

enum err store_alias_get(struct store *s, struct arena *a, struct str name,
                         struct alias_record *out, struct err_info *e)
{
    struct conn *c;
    sqlite3_stmt *st;
    bool row;
    enum err err = read_begin(s, OP_ALIAS_GET, &c, e);

    if (err)
        return err;
    err = conn_stmt(c, STMT_ALIAS_GET, &st, e);
    if (!err) {
        put_str(st, 1, name);
        err = conn_step(c, st, &row, e);
    }
    if (!err && !row)
        err = err_set(e, ERR_NOT_FOUND, "alias", "there is no alias of this name");
    if (!err)
        alias_row(st, a, out);
    read_end(s, c, err);
    return err;
}

enum err store_alias_list(struct store *s, struct arena *a, struct str after, size_t limit,
                          struct alias_record **out, size_t *count, struct err_info *e)
{
    struct list list = {.size = sizeof **out};
    struct conn *c;
    sqlite3_stmt *st;
    bool row;
    enum err err = read_begin(s, OP_ALIAS_LIST, &c, e);

    if (err)
        return err;
    err = conn_stmt(c, STMT_ALIAS_LIST, &st, e);
    if (!err) {
        put_str(st, 1, after);
        put_int(st, 2, limit_clamp(limit));
        while (!(err = conn_step(c, st, &row, e)) && row)
            alias_row(st, a, list_add(&list, a));
    }
    read_end(s, c, err);
    if (err)
        return err;
    *out = list.items;
    *count = list.count;
    return ERR_OK;
}

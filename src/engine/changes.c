/* The change feed: the change log as readers see it. A position is opaque, "<lineage>-<n>". */
#include "engine/internal.h"
#include <string.h>

static enum err cursor_read(struct engine *x, struct str after, uint64_t *change,
                            struct err_info *e)
{
    struct position at, now;
    *change = 0;
    if (after.n == 0)
        return 0;
    if (position_parse(after, &at))
        return err_set(e, ERR_INVALID, "after", "must be a position as akin gave it");
    store_position(x->store, &now);
    if (strcmp(at.lineage, now.lineage) != 0 || at.change > now.change)
        return err_set(e, ERR_GONE, "after",
                       "this position is of another lineage: the data was restored since; start "
                       "anew without it");
    *change = at.change;
    return 0;
}

/* The changes from the oldest that is kept: what is pruned is a prefix, so its end is found by
 * halving. */
static enum err changes_oldest(struct engine *x, size_t limit, struct arena *a,
                               struct change_record **rows, size_t *count, struct err_info *e)
{
    struct position now;
    store_position(x->store, &now);
    uint64_t pruned = 0, kept = now.change; /* invariant: `pruned` is gone, `kept` is not */
    while (kept - pruned > 1) {
        uint64_t middle = pruned + (kept - pruned) / 2;
        enum err err = store_changes(x->store, a, middle, 1, rows, count, NULL);
        if (err && err != ERR_GONE)
            return err;
        if (err)
            pruned = middle;
        else
            kept = middle;
    }
    return store_changes(x->store, a, kept, limit, rows, count, e);
}

static struct str change_data(struct arena *a, const struct change_record *r)
{
    struct strbuf b;
    strbuf_init(&b, 0);
    event_data(r, &b);
    struct str data = arena_str(a, strbuf_str(&b));
    strbuf_release(&b);
    return data;
}

/* ---- who sees a part only ---- */

#define STEPS_MAX 20 /* pages of changes looked at for one of those that are seen */

static bool collection_listed(const struct change_sight *s, struct str name)
{
    bool listed = s->collection_count == 0;
    for (size_t i = 0; i < s->collection_count && !listed; i++)
        listed = str_eq(s->collections[i], name);
    return listed;
}

/* Is the document that the change is about there, and seen? */
static enum err document_seen(struct engine *x, struct str within, const struct change_record *r,
                              struct arena *a, bool *seen, struct err_info *e)
{
    struct sight sight;
    struct document_record d = {0};
    *seen = false;
    struct collection *c =
        r->number && r->kind != CHANGE_ALIAS_SET && r->kind != CHANGE_ALIAS_DELETED
            ? collection_find_id(x, r->collection)
            : NULL;
    if (!c)
        return ERR_OK;
    enum err err = sight_read(c, a, within, &sight, e);
    if (!err)
        err = store_documents_by_number(x->store, a, c->id, &r->number, 1, DOCUMENT_PAYLOAD, &d, e);
    *seen = !err && d.number && str_eq(d.id, r->subject) && sight_sees(&sight, &d);
    sight_close(&sight);
    collection_unref(c);
    return err;
}

static enum err change_seen(struct engine *x, const struct change_sight *s,
                            const struct change_record *r, struct arena *a, bool *seen,
                            struct err_info *e)
{
    *seen = !s || collection_listed(s, r->collection_name);
    return *seen && s && s->within.n ? document_seen(x, s->within, r, a, seen, e) : ERR_OK;
}

static bool sees_all(const struct change_sight *s)
{
    return !s || (!s->within.n && !s->collection_count);
}

static enum err changes_read(struct engine *x, struct str after, uint64_t change, size_t limit,
                             struct arena *a, struct change_record **rows, size_t *count,
                             struct err_info *e)
{
    struct err_info info = {0};
    enum err err = store_changes(x->store, a, change, limit, rows, count, &info);
    if (err == ERR_GONE && after.n == 0)
        return changes_oldest(x, limit, a, rows, count, e);
    return err ? err_set(e, err, info.field, "%s", info.message) : ERR_OK;
}

enum err engine_changes(struct engine *x, const struct change_sight *s, struct str after,
                        size_t limit, struct arena *a, struct change_out **out, size_t *count,
                        struct str *next, struct err_info *e)
{
    uint64_t change;
    struct position at;
    enum err err = cursor_read(x, after, &change, e);
    if (err)
        return err;
    store_position(x->store, &at);
    *out = arena_array(a, limit + 1, sizeof **out);
    *count = 0;
    for (int step = 0; step < STEPS_MAX; step++) {
        struct change_record *rows;
        size_t n;
        if ((err = changes_read(x, after, change, limit, a, &rows, &n, e)))
            return err;
        for (size_t i = 0; i < n && *count < limit; i++) {
            bool seen;
            if ((err = change_seen(x, s, &rows[i], a, &seen, e)))
                return err;
            change = at.change = rows[i].change;
            if (seen)
                (*out)[(*count)++] =
                    (struct change_out){position_text(a, &at), event_type(&rows[i]), rows[i].at_us,
                                        change_data(a, &rows[i])};
        }
        if (sees_all(s) || *count == limit || n < limit)
            break;
        after = STR("-"); /* from here on a gap is one */
    }
    at.change = change;
    *next = position_text(a, &at);
    return 0;
}

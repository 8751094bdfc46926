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

enum err engine_changes(struct engine *x, struct str after, size_t limit, struct arena *a,
                        struct change_out **out, size_t *count, struct str *next,
                        struct err_info *e)
{
    uint64_t change;
    struct change_record *rows;
    struct position at;
    enum err err = cursor_read(x, after, &change, e);
    if (err)
        return err;
    store_position(x->store, &at);
    err = store_changes(x->store, a, change, limit, &rows, count, e);
    if (err == ERR_GONE && after.n == 0)
        err = changes_oldest(x, limit, a, &rows, count, e);
    if (err)
        return err;
    *out = arena_array(a, *count + 1, sizeof **out);
    for (size_t i = 0; i < *count; i++) {
        at.change = rows[i].change;
        (*out)[i] = (struct change_out){position_text(a, &at), event_type(&rows[i]), rows[i].at_us,
                                        change_data(a, &rows[i])};
    }
    at.change = *count ? rows[*count - 1].change : change;
    *next = position_text(a, &at);
    return 0;
}

/* What became of recommendations, grouped. */
#include "engine/tally.h"
#include "base/clock.h"
#include <stdlib.h>
#include <string.h>

#define STATS_NS 1000000000LL /* that an answer may count */

struct group {
    struct stats_row row;
    struct distinct documents, readers;
};

static void key_make(const struct tally_row *r, const struct str *names, unsigned by,
                     struct stats_row *out)
{
    *out = (struct stats_row){.scenario = {"", 0}, .experiment = {"", 0}, .variant = {"", 0}};
    if (by & STATS_DAY)
        out->day_us = r->key.day * TALLY_DAY_US;
    if (by & STATS_SCENARIO)
        out->scenario = names[r->key.scenario];
    if (by & STATS_MODEL)
        out->recommender = r->key.recommender;
    if (by & STATS_VARIANT) {
        out->experiment = names[r->key.experiment];
        out->variant = names[r->key.variant];
    }
}

static int row_cmp(const struct stats_row *x, const struct stats_row *y)
{
    if (x->day_us != y->day_us)
        return x->day_us < y->day_us ? -1 : 1;
    int k = str_cmp(x->scenario, y->scenario);
    if (!k && x->recommender != y->recommender)
        k = x->recommender < y->recommender ? -1 : 1;
    if (!k)
        k = str_cmp(x->experiment, y->experiment);
    return k ? k : str_cmp(x->variant, y->variant);
}

static int group_cmp(const void *a, const void *b)
{
    const struct group *const *x = a, *const *y = b;
    return row_cmp(&(*x)->row, &(*y)->row);
}

static void group_join(struct group *g, const struct group *with)
{
    g->row.answers += with->row.answers;
    g->row.shown += with->row.shown;
    g->row.clicked += with->row.clicked;
    g->row.converted += with->row.converted;
    distinct_join(&g->documents, &with->documents);
    distinct_join(&g->readers, &with->readers);
}

static struct group *group_of(const struct tally_row *r, const struct str *names, unsigned by,
                              struct arena *a)
{
    struct group *g = arena_zalloc(a, sizeof *g);
    key_make(r, names, by, &g->row);
    g->row.answers = r->answers;
    g->row.shown = r->shown;
    g->row.clicked = r->clicked;
    g->row.converted = r->converted;
    g->documents = r->documents;
    g->readers = r->readers;
    return g;
}

/* Those of one key stand together once they are sorted. */
static void rows_make(struct group **all, size_t n, struct arena *a, struct stats_answer *out)
{
    qsort(all, n, sizeof(struct group *), group_cmp);
    out->rows = arena_array(a, n + 1, sizeof *out->rows);
    for (size_t i = 0; i < n;) {
        struct group *g = all[i++];
        while (i < n && row_cmp(&g->row, &all[i]->row) == 0)
            group_join(g, all[i++]);
        g->row.documents = distinct_count(&g->documents);
        g->row.readers = distinct_count(&g->readers);
        out->rows[out->count++] = g->row;
    }
}

static int32_t day_of(int64_t us)
{
    int64_t day = us / TALLY_DAY_US;
    return us <= 0 ? 0 : day > INT32_MAX ? INT32_MAX : (int32_t)day;
}

enum err engine_recommend_stats(struct engine *x, struct str collection, unsigned by,
                                int64_t from_us, int64_t to_us, struct arena *a,
                                struct stats_answer *out, struct err_info *e)
{
    struct collection *c;
    struct tally_row *rows;
    struct str *names;
    size_t n;
    if (to_us && to_us < from_us)
        return err_set(e, ERR_INVALID, "to", "lies before `from`");
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    *out = (struct stats_answer){0};
    err = tally_fold(c->tally, clock_mono_ns() + STATS_NS, &out->complete, e);
    if (!err) {
        tally_rows(c->tally, day_of(from_us), to_us ? day_of(to_us) : INT32_MAX, a, &rows, &n,
                   &names);
        struct group **all = arena_array(a, n + 1, sizeof *all);
        for (size_t i = 0; i < n; i++)
            all[i] = group_of(&rows[i], names, by, a);
        rows_make(all, n, a, out);
        out->through_us = tally_through_us(c->tally);
        lock_take(&c->lock);
        out->documents = c->documents;
        lock_drop(&c->lock);
    }
    collection_unref(c);
    metric_error(x, err);
    return err;
}

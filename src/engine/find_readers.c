/* similar: what the readers of the examples read too. The rows of the recommender that serves say
 * what reading one document says for another; of several examples the mean counts. A model of
 * factors has no rows: then texts decide. What a lift does: recommend/model.h, search/search.h. */
#include "engine/find_impl.h"
#include "engine/recommend_impl.h"
#include "recommend/item_model.h"
#include <stdlib.h>

struct said { /* of an item, by one row */
    uint32_t item;
    double weight;
};

static int item_compare(const void *a, const void *b)
{
    const struct said *x = a, *y = b;
    return (x->item > y->item) - (x->item < y->item);
}

/* What the rows of the examples say, by item, each item once; how many. */
static size_t rows_read(const struct recommend_model *m, const uint32_t *items, size_t count,
                        struct arena *a, struct said **out)
{
    const struct sparse *rows = &m->rows->rows;
    size_t room = 0, n = 0, kept = 0;
    for (size_t k = 0; k < count; k++)
        room += rows->start[items[k] + 1] - rows->start[items[k]];
    struct said *all = *out = arena_alloc(a, (room + 1) * sizeof *all);
    for (size_t k = 0; k < count; k++)
        for (size_t i = rows->start[items[k]]; i < rows->start[items[k] + 1]; i++)
            if (rows->weight[i] > 0)
                all[n++] = (struct said){rows->at[i], (double)rows->weight[i]};
    if (count > 1)
        qsort(all, n, sizeof *all, item_compare);
    for (size_t i = 0; i < n; i++) {
        if (kept && all[kept - 1].item == all[i].item)
            all[kept - 1].weight += all[i].weight;
        else
            all[kept++] = all[i];
    }
    return kept;
}

/* Of the examples the model's items; how many. */
static enum err examples_read(struct find *f, const struct recommend_model *m, uint32_t **items,
                              size_t *count, struct err_info *e)
{
    size_t n = f->r->id_count;
    uint32_t *numbers = arena_array(f->a, n + 1, sizeof *numbers);
    enum err err = numbers_of_ids(f->c, &f->sight, f->a, f->r->ids, n, numbers, e);
    *items = arena_array(f->a, n + 1, sizeof **items);
    *count = 0;
    for (size_t i = 0; i < n && !err; i++) {
        uint32_t item = recommend_model_item(m, numbers[i]);
        if (item != MODEL_ITEM_NONE)
            (*items)[(*count)++] = item;
    }
    return err;
}

/* Of what is there and is no example. */
static void lifts_make(struct find *f, const struct recommend_model *m, const struct said *said,
                       size_t count)
{
    struct search_lift *out = arena_alloc(f->a, (count + 1) * sizeof *out);
    uint32_t *numbers = arena_alloc(f->a, (count + 1) * sizeof *numbers);
    uint64_t *revisions = arena_alloc(f->a, (count + 1) * sizeof *revisions);
    for (size_t i = 0; i < count; i++)
        numbers[i] = m->numbers[said[i].item];
    live_revisions(f->c, numbers, count, revisions);
    for (size_t i = 0; i < count; i++) {
        double mean = said[i].weight / (double)f->r->id_count;
        if (revisions[i] && !docset_has(&f->without, numbers[i]))
            out[f->lift_count++] =
                (struct search_lift){numbers[i], (float)recommend_model_lift(m, mean)};
    }
    f->lifts = out;
    if (f->r->by != SIMILAR_BY_READERS)
        return;
    struct docset among;
    docset_init(&among);
    for (size_t i = 0; i < f->lift_count; i++)
        docset_add(&among, out[i].number);
    find_restrict(f, &among); /* sorting, totals and facets too are of these */
}

static enum err model_read(struct find *f, const struct recommend_model *m, struct err_info *e)
{
    struct said *said;
    uint32_t *items;
    size_t count, n;
    enum err err = examples_read(f, m, &items, &count, e);
    if (err)
        return err;
    n = rows_read(m, items, count, f->a, &said);
    if (count || f->r->by == SIMILAR_BY_READERS)
        lifts_make(f, m, said, n);
    return 0;
}

enum err find_readers(struct find *f, struct err_info *e)
{
    bool alone = f->r->by == SIMILAR_BY_READERS;
    f->by = "text";
    if (alone && !f->r->id_count)
        return err_set(e, ERR_INVALID, "/by",
                       "readers: needs id or ids, since a text or a vector has no readers");
    if (f->r->by == SIMILAR_BY_TEXT || !f->r->id_count)
        return 0;
    struct recommender *served = recommender_for(&f->sight, 0);
    const struct recommend_model *m = served ? served->model : NULL;
    bool rows = m && m->rows && m->row_greatest > 0;
    enum err err = 0;
    if (rows)
        err = model_read(f, m, e);
    else if (alone)
        err = err_set(e, ERR_CONFLICT, "/by",
                      m ? "readers: the recommender that serves has no rows of documents; use text"
                        : "readers: no recommender serves yet; train one, or use text");
    recommender_release(served);
    if (f->lifts)
        f->by = alone ? "readers" : "both";
    return err;
}

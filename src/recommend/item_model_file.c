/* An item model in a section: u32 items; of each row a u32 count of entries; u64 entries of all;
 * their items as u32, rising in each row; their weights as float32. */
#include "recommend/item_model.h"

#include "base/arena.h"
#include "base/section.h"
#include <math.h>
#include <stdbool.h>

void item_model_save(const struct item_model *m, struct section_writer *w)
{
    size_t count = m->rows.start[m->items];
    section_put_u32(w, m->items);
    for (uint32_t i = 0; i < m->items; i++)
        section_put_u32(w, (uint32_t)(m->rows.start[i + 1] - m->rows.start[i]));
    section_put_u64(w, count);
    section_put(w, m->rows.at, count * sizeof *m->rows.at);
    section_put(w, m->rows.weight, count * sizeof *m->rows.weight);
}

static bool row_valid(const struct sparse *s, uint32_t row, uint32_t items)
{
    for (size_t k = s->start[row]; k < s->start[row + 1]; k++)
        if (s->at[k] >= items || (k > s->start[row] && s->at[k] <= s->at[k - 1]) ||
            !isfinite(s->weight[k]))
            return false;
    return true;
}

static void entries_load(struct item_model *m, struct section_reader *r)
{
    struct sparse *s = &m->rows;
    uint64_t count = section_get_count(r, sizeof *s->at + sizeof *s->weight);
    if (!section_error(r) && count != s->start[m->items])
        section_corrupt(r, "the rows do not add up");
    if (section_error(r))
        return;
    s->at = xmalloc((count + 1) * sizeof *s->at);
    s->weight = xmalloc((count + 1) * sizeof *s->weight);
    section_get(r, s->at, count * sizeof *s->at);
    section_get(r, s->weight, count * sizeof *s->weight);
    for (uint32_t i = 0; i < m->items && !section_error(r); i++)
        if (!row_valid(s, i, m->items))
            section_corrupt(r, "a row of weights is wrong");
}

struct item_model *item_model_load(struct section_reader *r, uint32_t items)
{
    struct item_model *m = xcalloc(1, sizeof *m);
    m->items = section_get_u32(r);
    if (!section_error(r) && (m->items != items || items > section_left(r) / sizeof *m->rows.at))
        section_corrupt(r, "a count of rows is wrong");
    if (!section_error(r)) {
        m->rows.start = xcalloc((size_t)items + 1, sizeof *m->rows.start);
        for (uint32_t i = 0; i < items; i++)
            m->rows.start[i + 1] = m->rows.start[i] + section_get_u32(r);
        entries_load(m, r);
    }
    if (!section_error(r))
        return m;
    item_model_free(m);
    return NULL;
}

size_t item_model_bytes(const struct item_model *m)
{
    return sizeof *m + ((size_t)m->items + 1) * sizeof *m->rows.start +
           m->rows.start[m->items] * (sizeof *m->rows.at + sizeof *m->rows.weight);
}

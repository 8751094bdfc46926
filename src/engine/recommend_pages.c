/* Where a list of recommendations goes on. The mark carries what earlier pages showed, so nothing
 * comes twice, whatever the reader does in between, and nothing is kept here: the lineage's text,
 * then as LEB128 the collection, how many, and the documents' numbers, rising, each less the one
 * before. */
#include "engine/recommend_impl.h"
#include <stdlib.h>
#include <string.h>

static void varint_add(struct strbuf *b, uint32_t v)
{
    for (; v >= 0x80; v >>= 7)
        strbuf_add_char(b, (char)(v | 0x80));
    strbuf_add_char(b, (char)v);
}

static bool varint_take(struct str *s, uint32_t *out)
{
    uint64_t v = 0;
    for (unsigned shift = 0; s->n && shift < 35; shift += 7) {
        uint8_t byte = (uint8_t)s->s[0];
        s->s++;
        s->n--;
        v |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *out = (uint32_t)v;
            return v <= UINT32_MAX;
        }
    }
    return false;
}

static int number_compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

struct str pages_mark(struct recommendation *m)
{
    size_t n = m->rules.shown_count;
    struct position now;
    struct strbuf b;
    if (n >= RECOMMEND_REACH_MAX)
        return STR("");
    uint32_t *all = arena_array(m->a, n + 1, sizeof *all);
    memcpy(all, m->rules.shown, n * sizeof *all);
    qsort(all, n, sizeof *all, number_compare);
    store_position(m->x->store, &now);
    strbuf_init(&b, 0);
    strbuf_add(&b, now.lineage, LINEAGE_DIGITS);
    varint_add(&b, m->c->id);
    varint_add(&b, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        varint_add(&b, all[i] - (i ? all[i - 1] : 0));
    struct str mark = arena_str(m->a, strbuf_str(&b));
    strbuf_release(&b);
    return mark;
}

static bool numbers_read(struct recommendation *m, struct str *s, uint32_t count)
{
    uint32_t last = 0, step;
    m->rules.before = arena_array(m->a, count + 1, sizeof *m->rules.before);
    for (uint32_t i = 0; i < count; i++) {
        if (!varint_take(s, &step) || step == 0 || step > UINT32_MAX - last)
            return false;
        m->rules.before[i] = last += step;
    }
    m->rules.before_count = count;
    return s->n == 0;
}

enum err pages_read(struct recommendation *m, struct err_info *e)
{
    struct position now;
    struct str s = m->r->after;
    uint32_t collection, count;
    if (s.n == 0)
        return 0;
    store_position(m->x->store, &now);
    bool ours = s.n > LINEAGE_DIGITS && !memcmp(s.s, now.lineage, LINEAGE_DIGITS);
    s = ours ? (struct str){s.s + LINEAGE_DIGITS, s.n - LINEAGE_DIGITS} : s;
    if (!ours || !varint_take(&s, &collection) || collection != m->c->id)
        return err_set(e, ERR_GONE, "/cursor",
                       "is of before a restore, or of a collection that was made again; begin "
                       "again without it");
    if (!varint_take(&s, &count) || count > RECOMMEND_REACH_MAX || !numbers_read(m, &s, count))
        return err_set(e, ERR_INVALID, "/cursor", "is of another list");
    return 0;
}

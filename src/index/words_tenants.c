/* Whose documents they are. A name keeps its part for as long as the index is in memory, so that
 * who asks while a document changes hands never gets another's statistics. */
#include "index/words_impl.h"

#include "base/hash.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_MIN 64

void tenants_release(struct words_tenants *t)
{
    for (size_t i = 0; i < t->count; i++) {
        free((char *)(uintptr_t)t->all[i].name.s);
        free(t->all[i].counts);
    }
    free(t->all);
    free(t->table);
}

/* Its place in the table, or the free one where it belongs. */
static size_t place_of(const struct words_tenants *t, struct str name)
{
    size_t at = checksum64(name.s, name.n, t->seed) & t->mask;
    while (t->table[at] && !str_eq(t->all[t->table[at] - 1].name, name))
        at = (at + 1) & t->mask;
    return at;
}

static void table_grow(struct words_tenants *t)
{
    size_t size = t->table ? 2 * (t->mask + 1) : TABLE_MIN;
    free(t->table);
    t->table = xcalloc(size, sizeof *t->table);
    t->mask = size - 1;
    for (size_t i = 0; i < t->count; i++)
        t->table[place_of(t, t->all[i].name)] = (uint32_t)i + 1;
}

static uint32_t tenant_add(struct words_tenants *t, struct str name)
{
    if (t->count == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 16;
        t->all = xrealloc(t->all, t->cap * sizeof *t->all);
    }
    char *own = xmalloc(name.n + 1);
    memcpy(own, name.s, name.n);
    t->all[t->count++] = (struct words_tenant){.name = {own, name.n}};
    assert(t->count < PART_UNKNOWN);
    if (!t->table || 2 * t->count > t->mask)
        table_grow(t);
    else
        t->table[place_of(t, name)] = (uint32_t)t->count;
    return (uint32_t)t->count;
}

static uint32_t part_of(const struct words_tenants *t, struct str name)
{
    return t->table ? t->table[place_of(t, name)] : 0;
}

uint32_t tenant_part_add(struct words *w, struct str name)
{
    if (!name.n)
        return 0;
    lock_take(&w->lock);
    uint32_t part = part_of(&w->tenants, name);
    if (!part)
        part = tenant_add(&w->tenants, name);
    lock_drop(&w->lock);
    return part;
}

uint32_t tenant_part(struct words *w, struct str name)
{
    if (!name.n)
        return 0;
    lock_take(&w->lock);
    uint32_t part = part_of(&w->tenants, name);
    lock_drop(&w->lock);
    return part ? part : PART_UNKNOWN;
}

void tenant_parts_take(struct words *w, uint32_t part)
{
    while (w->tenants.count < part)
        tenant_add(&w->tenants, STR(""));
}

void tenant_count_add(struct words_tenants *t, uint32_t part, unsigned language, int by)
{
    struct words_tenant *of = &t->all[part - 1];
    if (!of->counts)
        of->counts = xcalloc(WORDS_LANGUAGES, sizeof *of->counts);
    of->counts[language] += (uint32_t)by;
}

void tenant_counts(struct words *w, uint32_t part, uint32_t out[WORDS_LANGUAGES])
{
    memset(out, 0, WORDS_LANGUAGES * sizeof *out);
    lock_take(&w->lock);
    const uint32_t *counts = part <= w->tenants.count ? w->tenants.all[part - 1].counts : NULL;
    if (counts)
        memcpy(out, counts, WORDS_LANGUAGES * sizeof *out);
    lock_drop(&w->lock);
}

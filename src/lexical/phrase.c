/* Phrases: do the words stand one after the other in a field of a document? */
#include "lexical/plan.h"

#include <stdlib.h>

/* Places where the phrase could begin, rising: field << 32 | position of its first word. */
struct places {
    uint64_t *at;
    size_t count;
};

static int place_cmp(const void *a, const void *b)
{
    uint64_t p = *(const uint64_t *)a, q = *(const uint64_t *)b;
    return p < q ? -1 : p > q;
}

static size_t member_places(const struct member *m, uint32_t slot, uint64_t *out)
{
    unsigned at;
    size_t n = 0;
    const struct block *b = list_find(&m->list, slot, &at);
    if (!b)
        return 0;
    const uint8_t *p = block_positions(b);
    while (at--)
        p = positions_skip(p);
    positions_read(p, out, &n);
    return n;
}

/* Those of a group, less the offset of its word in the phrase. In malloc'd memory: a document may
 * hold a word a million times. */
static struct places group_places(const struct plan_group *g, uint32_t slot, uint32_t offset)
{
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < g->count; i++)
        n += member_places(&g->members[i], slot, NULL);
    struct places s = {xmalloc((n + 1) * sizeof *s.at), 0};
    for (size_t i = 0; i < g->count; i++)
        s.count += member_places(&g->members[i], slot, s.at + s.count);
    for (size_t i = 0; i < s.count; i++)
        if ((uint32_t)s.at[i] >= offset)
            s.at[kept++] = s.at[i] - offset;
    s.count = kept;
    if (g->count > 1)
        qsort(s.at, s.count, sizeof *s.at, place_cmp);
    return s;
}

static void places_and(struct places *s, const struct places *with)
{
    size_t kept = 0;
    for (size_t i = 0, j = 0; i < s->count && j < with->count;) {
        if (s->at[i] < with->at[j])
            i++;
        else if (s->at[i] > with->at[j])
            j++;
        else
            s->at[kept++] = s->at[i++];
    }
    s->count = kept;
}

bool phrase_matches(const struct plan *p, const struct plan_phrase *f, uint32_t slot)
{
    if (!f->count)
        return !f->forbidden;
    struct places s = group_places(&f->groups[0], slot, f->offsets[0]);
    for (size_t i = 1; i < f->count && s.count; i++) {
        struct places with = group_places(&f->groups[i], slot, f->offsets[i]);
        places_and(&s, &with);
        free(with.at);
    }
    free(s.at);
    return s.count > 0;
}

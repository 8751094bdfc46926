/* Facets: counts of exactly what matches. */
#include "engine/find_impl.h"
#include <stdio.h>

#define FACETS_MAX 16
#define RANGES_MAX 100
#define FACET_LIMIT 50
#define FACET_LIMIT_MAX 1000

static enum err facet_check(struct find *f, size_t i, struct err_info *e)
{
    const struct facet_request *q = &f->r->facets[i];
    char pointer[64];
    struct err_info info = {0};
    snprintf(pointer, sizeof pointer, "/facets/%zu", i);
    if (q->limit > FACET_LIMIT_MAX || q->range_count > RANGES_MAX)
        return err_set(e, ERR_INVALID, pointer, "has at most %d values and %d ranges",
                       FACET_LIMIT_MAX, RANGES_MAX);
    for (size_t j = 0; j < i; j++)
        if (str_eq(f->r->facets[j].field, q->field))
            return err_set(e, ERR_INVALID, pointer, "is asked for twice");
    enum err err = field_know(f->c, &f->sight, q->field, &info);
    return err ? err_set(e, err, pointer, "%s", info.message) : 0;
}

enum err find_facets_check(struct find *f, struct err_info *e)
{
    enum err err = 0;
    if (f->r->facet_count > FACETS_MAX)
        return err_set(e, ERR_INVALID, "/facets", "at most %d", FACETS_MAX);
    for (size_t i = 0; i < f->r->facet_count && !err; i++)
        err = facet_check(f, i, e);
    return err;
}

static enum err count_values(struct find *f, const struct facet_request *q,
                             const struct docset *match, struct find_facet *out, struct err_info *e)
{
    struct facet_value *values;
    enum err err = attributes_facet(f->c->attributes, f->a, q->field, match,
                                    q->limit ? q->limit : FACET_LIMIT, &values, &out->count, e);
    if (err)
        return err;
    out->values = arena_array(f->a, out->count + 1, sizeof *out->values);
    for (size_t i = 0; i < out->count; i++) {
        out->values[i].value = values[i].value;
        out->values[i].count = values[i].count;
    }
    return 0;
}

static enum err count_ranges(struct find *f, size_t i, const struct docset *match,
                             struct find_facet *out, struct err_info *e)
{
    const struct facet_request *q = &f->r->facets[i];
    struct err_info info = {0};
    char pointer[200];
    out->ranges = q->ranges;
    out->range_count = q->range_count;
    out->range_counts = arena_array(f->a, q->range_count, sizeof *out->range_counts);
    enum err err = attributes_ranges(f->c->attributes, q->field, match, q->ranges, q->range_count,
                                     out->range_counts, &info);
    snprintf(pointer, sizeof pointer, "/facets/%zu/ranges%s", i, info.field);
    return err ? err_set(e, err, pointer, "%s", info.message) : 0;
}

enum err find_facets(struct find *f, struct find_answer *answer, struct err_info *e)
{
    struct docset match;
    bool exact;
    docset_init(&match);
    enum err err = find_matching(f, &match, &exact, e);
    if (!err && exact && f->r->min_score > 0) { /* now it is known */
        answer->total = match.count;
        answer->total_exact = true;
    }
    answer->facet_count = f->r->facet_count;
    answer->facets = arena_array(f->a, f->r->facet_count, sizeof *answer->facets);
    for (size_t i = 0; i < f->r->facet_count && !err; i++) {
        const struct facet_request *q = &f->r->facets[i];
        struct find_facet *out = &answer->facets[i];
        *out = (struct find_facet){.field = q->field, .stated = q->stats};
        err = q->range_count ? count_ranges(f, i, &match, out, e)
                             : count_values(f, q, &match, out, e);
        if (!err && q->stats)
            attributes_stats(f->c->attributes, f->a, q->field, &match, &out->stats);
    }
    docset_release(&match);
    return err;
}

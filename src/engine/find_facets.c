/* Facets: counts of exactly what matches. */
#include "engine/find_impl.h"

#define FACET_VALUES 50
#define FACET_DEPTH 10000 /* hits that are counted when min_score decides which match */

/* Those of `out` that hold a word of the query. */
static enum err matching_words(struct find *f, struct docset *out, struct err_info *e)
{
    struct docset found;
    docset_init(&found);
    enum err err = words_match(f->c->words, f->r->q, out, &found, e);
    docset_release(out);
    *out = found;
    return err;
}

/* The documents that match, as far as a facet counts them. */
static enum err matching(struct find *f, struct docset *out, struct err_info *e)
{
    const struct find_request *r = f->r;
    enum err err = filter_select(f->c, f->a, r->filter, out, e);
    if (!err && f->without.count)
        docset_minus(out, &f->without);
    if (err || (r->min_score <= 0 && (f->vector || (r->mode != SEARCH_LEXICAL && !f->degraded.n))))
        return err;
    if (r->min_score <= 0)
        return matching_words(f, out, e);
    struct search_result kept = f->result;
    if ((err = find_ask(f, FACET_DEPTH, e)))
        return err;
    docset_release(out);
    docset_init(out);
    for (size_t i = 0; i < f->result.count; i++)
        docset_add(out, f->result.hits[i].number);
    f->result = kept;
    return 0;
}

enum err find_facets(struct find *f, struct find_answer *answer, struct err_info *e)
{
    struct docset match;
    docset_init(&match);
    enum err err = matching(f, &match, e);
    answer->facets = arena_array(f->a, f->r->facet_count, sizeof *answer->facets);
    for (size_t i = 0; i < f->r->facet_count && !err; i++) {
        struct find_facet *facet = &answer->facets[i];
        struct facet_value *values;
        facet->field = f->r->facets[i];
        err = attributes_facet(f->c->attributes, f->a, facet->field, &match, FACET_VALUES, &values,
                               &facet->count, e);
        if (err)
            break;
        facet->values = arena_array(f->a, facet->count + 1, sizeof *facet->values);
        for (size_t j = 0; j < facet->count; j++) {
            facet->values[j].value = values[j].value;
            facet->values[j].count = values[j].count;
        }
    }
    answer->facet_count = f->r->facet_count;
    docset_release(&match);
    return err;
}

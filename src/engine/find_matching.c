/* The set of all documents that match: what totals, facets and sorting are of. */
#include "engine/find_impl.h"

static enum err passed(struct find *f, struct docset *out, struct err_info *e)
{
    struct err_info info = {0};
    if (!f->filter)
        attributes_all(f->c->attributes, out);
    enum err err = f->filter ? attributes_select(f->c->attributes, f->filter, out, &info) : 0;
    if (err)
        return err_set(e, err, "/filter", "%s", info.message);
    if (f->restricted)
        docset_and(out, &f->within);
    if (f->without.count)
        docset_minus(out, &f->without);
    return 0;
}

/* Those of `out` that hold a word of the query. */
static void with_words(struct find *f, struct docset *out)
{
    struct docset found;
    docset_init(&found);
    words_match(f->c->words, f->words, out, f->a, &found);
    docset_release(out);
    *out = found;
}

static enum err good_enough(struct find *f, struct docset *out, bool *exact, struct err_info *e)
{
    struct search_result kept = f->result;
    size_t depth = out->count < FIND_SCORED_MAX ? out->count : FIND_SCORED_MAX;
    *exact = out->count <= FIND_SCORED_MAX;
    enum err err = depth ? find_ask(f, depth, 0, e) : 0;
    if (err || !depth)
        return err;
    docset_release(out);
    docset_init(out);
    for (size_t i = 0; i < f->result.count; i++)
        docset_add(out, f->result.hits[i].number);
    f->result = kept;
    return 0;
}

/* By meaning every document matches, more or less: that is no set to put in another order, so of a
 * hybrid search it is what holds a word of the query. */
static bool by_words(const struct find *f)
{
    const struct find_request *r = f->r;
    if (f->vector || f->browse)
        return false;
    return r->mode == SEARCH_LEXICAL || f->degraded.n ||
           (r->mode == SEARCH_HYBRID && r->sort_count && !r->sort[0].by_score && r->min_score <= 0);
}

enum err find_matching(struct find *f, struct docset *out, bool *exact, struct err_info *e)
{
    enum err err = passed(f, out, e);
    *exact = true;
    if (!err && by_words(f))
        with_words(f, out);
    if (!err &&
        (f->r->min_score > 0 || (out->count > FIND_SCORED_MAX && find_sorts_by_score(f->r))))
        err = good_enough(f, out, exact, e);
    return err;
}

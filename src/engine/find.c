/* search and similar: candidates from search/, the documents from the store, best passage,
 * highlights, facets; find_impl.h says which file does what. */
#include "base/clock.h"
#include "engine/classifiers.h"
#include "engine/find_impl.h"
#include <string.h>

#define VERSION_TRIES 3

static enum err filter_read(struct find *f, struct err_info *e)
{
    const struct filter *tree = NULL;
    struct err_info info = {0};
    enum err err = ERR_OK;
    if (str_trim(f->r->filter).n)
        err = filter_parse(f->a, f->r->filter, &tree, &info);
    if (!err && tree)
        err = attributes_know(f->c->attributes, tree, f->r->filter, &info);
    f->filter = f->filter_read = err ? NULL : tree;
    return err ? err_set(e, err, "/filter", "%s", info.message) : ERR_OK;
}

/* Who sees a part only: the search is among what of that passes the filter. */
static enum err filter_within(struct find *f, struct err_info *e)
{
    f->restricted = true;
    enum err err = filter_select(f->c, &f->sight, f->a, f->r->filter, &f->within, e);
    if (!err && str_trim(f->r->filter).n)
        err = filter_parse(f->a, f->r->filter, &f->filter_read, e);
    return err;
}

static enum err find_begin(struct find *f, struct engine *x, struct str collection,
                           const struct find_request *r, struct arena *a, struct err_info *e)
{
    *f = (struct find){.x = x, .r = r, .a = a};
    docset_init(&f->without);
    docset_init(&f->within);
    enum err err = collection_find(x, collection, &f->c, e);
    if (err)
        return err;
    f->v = version_active(f->c);
    if ((err = sight_open_for(f->c, a, r->within, r->filter, &f->sight, e)))
        return err;
    f->view = (struct search_view){
        .vectors = f->v->vectors,
        .words = f->c->words,
        .attributes = f->c->attributes,
        .embedder = x->embedder,
        .model = f->v->model,
        .mean_cosine = version_mean_cosine(f->v),
        .apart = sight_is_tenants(&f->sight),
    };
    err = f->sight.filter ? filter_within(f, e) : filter_read(f, e);
    return err ? err : find_facets_check(f, e);
}

static void find_end(struct find *f)
{
    docset_release(&f->without);
    docset_release(&f->within);
    sight_close(&f->sight);
    version_unref(f->v);
    if (f->c)
        collection_unref(f->c);
}

static enum err exclude_ids(struct find *f, const struct str *ids, size_t count, struct err_info *e)
{
    uint32_t *numbers = arena_array(f->a, count + 1, sizeof *numbers);
    enum err err = numbers_of_ids(f->c, &f->sight, f->a, ids, count, numbers, e);
    for (size_t i = 0; i < count && !err; i++)
        if (numbers[i])
            docset_add(&f->without, numbers[i]);
    return err;
}

/* A copy of what is not seen is none. */
static void exclude_copies(struct find *f)
{
    struct docset copies;
    if (!f->r->hide_copies)
        return;
    docset_init(&copies);
    duplicates_copies(f->c->duplicates, &copies);
    for (uint32_t n = docset_next(&copies, 0); n != UINT32_MAX; n = docset_next(&copies, n + 1))
        if (sight_has(&f->sight, duplicates_original(f->c->duplicates, n)))
            docset_add(&f->without, n);
    docset_release(&copies);
}

static void hit_make(struct find *f, const struct loaded *l, struct find_hit *h)
{
    const struct search_hit *s = l->hit;
    *h = (struct find_hit){
        .score = s->score,
        .semantic = s->semantic,
        .lexical = s->lexical,
        .readers = s->lift,
        .cosine = s->cosine,
        .bm25 = s->bm25,
        .bound = s->bound,
        .mean_cosine = f->view.mean_cosine,
        .relevance = s->relevance,
        .boosts = f->boosts,
        .boost_of = s->boosts,
        .boost_values = s->boost_values,
        .boost_count = s->boosts ? f->boost_count : 0,
    };
    h->distance_m = find_distance(f, l);
    document_out_make(f->a, &l->document, &h->document);
    json_t *payload = NULL;
    if (json_parse_stored(l->document.payload, &payload, NULL))
        return;
    find_passage(f, l, payload, h);
    if (f->classifiers)
        prediction_make(f->classifiers, f->a, payload, &h->document);
    if (f->r->fields_given)
        document_choose(f->a, payload, f->r->fields, f->r->field_count, &h->document);
    json_decref(payload);
}

static enum err mark_copies(struct find *f, struct find_answer *answer, struct err_info *e)
{
    struct document_out **all = arena_array(f->a, answer->count + 1, sizeof *all);
    for (size_t i = 0; i < answer->count; i++)
        all[i] = &answer->hits[i].document;
    return documents_mark_copies(f->c, &f->sight, f->a, all, answer->count, e);
}

static void hits_make(struct find *f, const struct loaded *loaded, struct find_answer *out)
{
    struct lent_classifiers lent = {0};
    if (f->r->fields_given && fields_want_predicted(f->r->fields, f->r->field_count)) {
        classifiers_take(f->c, &lent);
        classifiers_heed(&lent, &f->sight, f->a);
        f->classifiers = lent.count ? &lent : NULL;
    }
    for (size_t i = 0; i < out->count; i++)
        hit_make(f, &loaded[i], &out->hits[i]);
    classifiers_release(f->c, &lent);
    f->classifiers = NULL;
}

static enum err find_run(struct find *f, struct find_answer *out, struct err_info *e)
{
    struct loaded *loaded;
    size_t count, offset = f->r->offset;
    bool grouped = f->r->group_by.n;
    memset(out, 0, sizeof *out);
    enum err err = grouped ? find_grouped(f, &loaded, &offset, &count, out, e)
                           : find_gather(f, &loaded, &count, out, e);
    if (err)
        return err;
    size_t end = grouped || count < offset + f->limit ? count : offset + f->limit;
    out->count = end > offset ? end - offset : 0;
    out->more = grouped ? out->more : count > offset + f->limit;
    out->hits = arena_array(f->a, out->count + 1, sizeof *out->hits);
    find_distance_begin(f);
    int64_t t0 = clock_mono_ns();
    hits_make(f, loaded + offset, out);
    if ((err = mark_copies(f, out, e)))
        return err;
    out->load_ns += clock_mono_ns() - t0;
    if (out->count && out->more && !grouped)
        out->next = f->browse || f->r->sort_count ? find_sort_mark(f, &loaded[end - 1])
                                                  : find_place_mark(f, &loaded[end - 1], end);
    out->total = f->result.total;
    out->total_exact = f->result.total_exact;
    out->embedding_version = f->v->id;
    out->stages = f->result.stages;
    out->degraded = f->degraded;
    out->personalised = f->personalised;
    out->by = f->by;
    out->lists = (struct find_lists){f->result.depth, f->result.scored, f->result.complete};
    return f->r->facet_count ? find_facets(f, out, e) : 0;
}

static enum err request_check(const struct find_request *r, struct err_info *e)
{
    if (r->limit > 1000)
        return err_set(e, ERR_INVALID, "/limit", "must be 0 to 1000");
    if (r->offset + r->limit > 2000)
        return err_set(e, ERR_INVALID, "/offset", "offset and limit together must not pass 2000");
    if (!(r->diversity >= 0 && r->diversity <= 1))
        return err_set(e, ERR_INVALID, "/diversity", "must be from 0 to 1");
    return 0;
}

/* One attempt; `*e` is empty before. */
typedef enum err find_once(struct engine *x, struct str collection, const struct find_request *r,
                           struct arena *a, struct find_answer *out, struct err_info *e);

/* A version that was deleted while it was searched: it is not the active one any more, so the whole
 * request begins again with that. */
static enum err find_retried(find_once *once, struct engine *x, struct str collection,
                             const struct find_request *r, struct arena *a, struct find_answer *out,
                             struct err_info *e)
{
    for (int try = 0;; try++) {
        struct err_info info = {0};
        struct position now;
        enum err err = once(x, collection, r, a, out, &info);
        bool gone = err == ERR_NOT_FOUND && strcmp(info.field, "version") == 0;
        if (!gone || try == VERSION_TRIES)
            return err ? err_set(e, err, info.field, "%s", info.message) : 0;
        store_position(x->store, &now);
        (void)!applied_wait(x, now.change, r->deadline_ns, NULL);
    }
}

/* Without its model a version has its words: enough for hybrid search. */
static enum err check_model(struct find *f, struct err_info *e)
{
    if (f->v->model || f->browse || f->r->mode == SEARCH_LEXICAL)
        return 0;
    if (f->r->mode == SEARCH_SEMANTIC)
        return version_check_model(f->v, e);
    f->degraded = arena_str(f->a, str_c(f->v->reason));
    return 0;
}

void find_restrict(struct find *f, struct docset *set)
{
    if (f->restricted)
        docset_and(set, &f->within);
    docset_release(&f->within);
    f->within = *set;
    f->restricted = true;
}

/* With words that must or must not be there, hybrid search is among those documents. */
static void words_read(struct find *f)
{
    const struct find_request *r = f->r;
    struct words_options o = {.all = r->match_all, .prefix = r->prefix, .typos = r->typos};
    lock_take(&f->c->lock);
    struct words_rules *rules = words_rules_ref(f->c->rules);
    lock_drop(&f->c->lock);
    o.rules = rules;
    o.tenant = f->sight.tenant;
    f->words = words_query(f->c->words, r->q, &o, f->a);
    words_rules_unref(rules);
    if (r->mode != SEARCH_HYBRID || !words_query_selects(f->words))
        return;
    struct docset selected;
    docset_init(&selected);
    words_select(f->c->words, f->words, f->a, &selected);
    find_restrict(f, &selected);
}

/* No query: documents are looked through, not searched. */
static bool is_browsing(struct str q)
{
    q = str_trim(q);
    return !q.n || str_eq_c(q, "*");
}

static enum err shape_check(struct find *f, struct err_info *e)
{
    enum err err = find_sort_check(f, e);
    if (!err)
        err = find_group_check(f, e);
    return err ? err : find_place_read(f, e);
}

static enum err search_once(struct engine *x, struct str collection, const struct find_request *r,
                            struct arena *a, struct find_answer *out, struct err_info *e)
{
    struct find f;
    enum err err = find_begin(&f, x, collection, r, a, e);
    f.browse = is_browsing(r->q);
    if (!err)
        err = shape_check(&f, e);
    if (!err)
        err = find_ranking(&f, e);
    if (!err)
        err = check_model(&f, e);
    if (!err)
        err = exclude_ids(&f, r->exclude, r->exclude_count, e);
    if (!err) {
        exclude_copies(&f);
        if (!f.browse)
            words_read(&f);
        err = find_run(&f, out, e);
    }
    find_end(&f);
    return err;
}

enum err engine_search(struct engine *x, struct str collection, const struct find_request *r,
                       struct arena *a, struct find_answer *out, struct err_info *e)
{
    int64_t t0 = clock_mono_ns();
    enum err err = request_check(r, e);
    if (err)
        return err;
    err = find_retried(search_once, x, collection, r, a, out, e);
    metric_search(x, r->mode, clock_mono_ns() - t0);
    metric_error(x, err);
    return err;
}

static enum err similar_once(struct engine *x, struct str collection, const struct find_request *r,
                             struct arena *a, struct find_answer *out, struct err_info *e)
{
    struct find f;
    enum err err = find_begin(&f, x, collection, r, a, e);
    if (!err)
        err = find_ranking(&f, e);
    if (!err)
        err = shape_check(&f, e);
    if (!err)
        err = find_vector(&f, e);
    if (!err)
        err = find_readers(&f, e);
    if (!err)
        err = exclude_ids(&f, r->exclude, r->exclude_count, e);
    if (!err) {
        exclude_copies(&f);
        err = find_run(&f, out, e);
    }
    find_end(&f);
    return err;
}

enum err engine_similar(struct engine *x, struct str collection, const struct find_request *r,
                        struct arena *a, struct find_answer *out, struct err_info *e)
{
    int64_t t0 = clock_mono_ns();
    enum err err = request_check(r, e);
    if (err)
        return err;
    err = find_retried(similar_once, x, collection, r, a, out, e);
    metric_similar(x, clock_mono_ns() - t0);
    metric_error(x, err);
    return err;
}

/* search and similar: candidates from search/, the documents from the store, best passage,
 * highlights, facets.
 *
 * A hit carries the revision that was indexed. If the store has another by now, or the document is
 * gone or expired, the hit is dropped and the answer refilled by asking deeper. */
#include "base/clock.h"
#include "engine/internal.h"
#include "math/dot.h"
#include "math/half.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLACK 16 /* hits asked for beyond what is wanted */
#define DEEPER_TRIES 3
#define VERSION_TRIES 3
#define APPLIER_WAIT_NS                                                                            \
    250000000LL /* for a change that is in the store and not yet in the indexes */
#define FACET_VALUES 50
#define FACET_DEPTH 10000 /* hits that are counted when min_score decides which match */
#define SNIPPET_BYTES 400 /* of a document without passages */

struct find {
    struct engine *x;
    struct collection *c;
    struct version *v; /* whose model, vectors and passages they are, to the end */
    const struct find_request *r;
    struct arena *a;
    struct search_view view;
    const struct filter *filter;
    struct docset within, without; /* exclusions, both ways */
    bool restricted;               /* `within` counts */
    float *vector;                 /* similar */
    struct search_result result;
    struct str degraded;
};

static enum err find_begin(struct find *f, struct engine *x, struct str collection,
                           const struct find_request *r, struct arena *a, struct err_info *e)
{
    *f = (struct find){.x = x, .r = r, .a = a};
    docset_init(&f->within);
    docset_init(&f->without);
    enum err err = collection_find(x, collection, &f->c, e);
    if (err)
        return err;
    f->v = version_active(f->c);
    f->view = (struct search_view){
        .vectors = f->v->vectors,
        .words = f->c->words,
        .attributes = f->c->attributes,
        .embedder = x->embedder,
        .model = f->v->model,
        .mean_cosine = version_mean_cosine(f->v),
    };
    struct err_info info = {0};
    if (str_trim(r->filter).n == 0)
        return 0;
    err = filter_parse(a, r->filter, &f->filter, &info);
    if (!err)
        err = attributes_know(f->c->attributes, f->filter, r->filter, &info);
    return err ? err_set(e, err, "/filter", "%s", info.message) : 0;
}

static void find_end(struct find *f)
{
    docset_release(&f->within);
    docset_release(&f->without);
    version_unref(f->v);
    if (f->c)
        collection_unref(f->c);
}

static enum err exclude_ids(struct find *f, const struct str *ids, size_t count, struct err_info *e)
{
    uint32_t *numbers = arena_array(f->a, count + 1, sizeof *numbers);
    enum err err = numbers_of_ids(f->c, f->a, ids, count, numbers, e);
    for (size_t i = 0; i < count && !err; i++)
        if (numbers[i])
            docset_add(&f->without, numbers[i]);
    return err;
}

static void exclude_copies(struct find *f)
{
    struct docset copies;
    if (!f->r->hide_copies)
        return;
    docset_init(&copies);
    duplicates_copies(f->c->duplicates, &copies);
    docset_or(&f->without, &copies);
    docset_release(&copies);
}

/* ---- candidates ---- */

static enum err ask(struct find *f, size_t depth, struct err_info *e)
{
    const struct find_request *r = f->r;
    if (f->vector)
        return search_similar(&f->view, f->vector, f->filter, f->without.count ? &f->without : NULL,
                              depth, r->min_score, r->diversity, r->exact, f->a, &f->result, e);
    struct search_query q = {
        .mode = r->mode,
        .text = r->q,
        .filter = f->filter,
        .within = f->restricted ? &f->within : NULL,
        .depth = depth,
        .min_score = r->min_score,
        .deadline_ns = r->deadline_ns,
        .words_only = f->degraded.n > 0,
        .exact = r->exact,
    };
    enum err err = search_run(&f->view, &q, f->a, &f->result, e);
    if (!err && f->result.degraded.n)
        f->degraded = f->result.degraded;
    return err;
}

/* ---- documents ---- */

struct loaded {
    const struct search_hit *hit;
    struct document_record document;
};

/* Loads the hits' documents until `wanted` of them stand. Those before `offset` are only checked. A
 * hit whose document was changed since it was indexed does not stand; `*newer`: the last such
 * change, 0 if none. */
static enum err load(struct find *f, size_t offset, size_t wanted, struct loaded *out,
                     size_t *count, uint64_t *newer, struct err_info *e)
{
    size_t n = f->result.count, at = 0;
    int64_t now_us = clock_wall_us();
    *count = 0;
    *newer = 0;
    while (at < n && *count < wanted) {
        size_t step = wanted - *count < n - at ? wanted - *count : n - at;
        uint32_t *numbers = arena_array(f->a, step, sizeof *numbers);
        struct document_record *docs = arena_array(f->a, step, sizeof *docs);
        for (size_t i = 0; i < step; i++)
            numbers[i] = f->result.hits[at + i].number;
        unsigned parts =
            *count + step <= offset ? DOCUMENT_HEAD : DOCUMENT_PAYLOAD | DOCUMENT_PASSAGES;
        enum err err = version_passages(f->v, f->a, numbers, step, parts, docs, e);
        if (err)
            return err;
        for (size_t i = 0; i < step; i++) {
            const struct search_hit *h = &f->result.hits[at + i];
            if (docs[i].number && docs[i].revision == h->revision &&
                !document_expired(&docs[i], now_us))
                out[(*count)++] = (struct loaded){h, docs[i]};
            else if (docs[i].number && docs[i].revision > h->revision && docs[i].revision > *newer)
                *newer = docs[i].revision;
        }
        at += step;
    }
    return 0;
}

/* Asks for more until the answer is full or there is no more. One more than wanted tells that there
 * are more. A document that is being changed right now must not be missing from the answer: the
 * applier is waited for, briefly, and asked again. */
static enum err gather(struct find *f, struct loaded **out, size_t *count,
                       struct find_answer *answer, struct err_info *e)
{
    size_t wanted = f->r->offset + f->r->limit + 1, depth = wanted + SLACK;
    *out = arena_array(f->a, wanted, sizeof **out);
    for (int try = 0;; try++, depth *= 4) {
        uint64_t newer = 0;
        enum err err = ask(f, depth, e);
        int64_t t0 = clock_mono_ns();
        if (!err)
            err = load(f, f->r->offset, wanted, *out, count, &newer, e);
        answer->load_ns += clock_mono_ns() - t0;
        if (err || try == DEEPER_TRIES)
            return err;
        if (!newer && (*count == wanted || f->result.count < depth))
            return 0;
        if (newer && applied_wait(f->x, newer, clock_mono_ns() + APPLIER_WAIT_NS, NULL))
            return 0; /* the indexes are behind: what stands is the answer */
    }
}

/* ---- the best passage ---- */

/* A document that has no passages yet: the surroundings of the first match. */
static void choose_snippet(struct find *f, struct str text, size_t *start, size_t *end)
{
    struct text_range *ranges;
    size_t n = 0, at = 0;
    if (f->r->q.n && search_highlight(text, f->r->q, f->a, &ranges, &n) == 0 && n > 0)
        at = ranges[0].start;
    *start = at > SNIPPET_BYTES / 4 ? utf8_floor(text, at - SNIPPET_BYTES / 4) : 0;
    *end = *start + SNIPPET_BYTES < text.n ? utf8_floor(text, *start + SNIPPET_BYTES) : text.n;
}

/* Found by words alone: the passage that the query's terms cover most often. */
static uint32_t choose_passage(struct find *f, struct str text, const struct document_record *d)
{
    struct text_range *ranges;
    size_t n, best_count = 0;
    uint32_t best = 0;
    if (!f->r->q.n || search_highlight(text, f->r->q, f->a, &ranges, &n))
        return 0;
    for (uint32_t p = 0; p < d->passage_count; p++) {
        size_t inside = 0;
        for (size_t i = 0; i < n; i++)
            inside +=
                ranges[i].start >= d->passages[p].start && ranges[i].end <= d->passages[p].end;
        if (inside > best_count) {
            best_count = inside;
            best = p;
        }
    }
    return best;
}

static void passage_make(struct find *f, const struct loaded *l, struct find_hit *h)
{
    const struct document_record *d = &l->document;
    json_t *object = NULL;
    if (json_parse(d->payload, &object, NULL))
        return;
    struct str text = json_str(json_object_get(object, "text"));
    size_t start = 0, end = 0;
    if (d->passage_count == 0) {
        choose_snippet(f, text, &start, &end);
    } else {
        uint32_t p = l->hit->passage;
        if (p >= d->passage_count)
            p = choose_passage(f, text, d);
        start = d->passages[p].start;
        end = d->passages[p].end;
    }
    if (start < end && end <= text.n) {
        h->passage = arena_str(f->a, (struct str){text.s + start, end - start});
        h->passage_start = start;
        h->passage_end = end;
        if (f->r->q.n &&
            search_highlight(h->passage, f->r->q, f->a, &h->highlights, &h->highlight_count))
            h->highlight_count = 0;
    }
    json_decref(object);
}

static void hit_make(struct find *f, const struct loaded *l, struct find_hit *h)
{
    const struct search_hit *s = l->hit;
    *h = (struct find_hit){
        .score = s->score,
        .semantic = s->semantic,
        .lexical = s->lexical,
        .cosine = s->cosine,
        .bm25 = s->bm25,
        .bound = s->bound,
        .mean_cosine = f->view.mean_cosine,
    };
    document_out_make(f->a, &l->document, &h->document);
    passage_make(f, l, h);
}

static enum err mark_copies(struct find *f, struct find_answer *answer, struct err_info *e)
{
    struct document_out **all = arena_array(f->a, answer->count + 1, sizeof *all);
    for (size_t i = 0; i < answer->count; i++)
        all[i] = &answer->hits[i].document;
    return documents_mark_copies(f->c, f->a, all, answer->count, e);
}

/* ---- facets ---- */

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
    if ((err = ask(f, FACET_DEPTH, e)))
        return err;
    docset_release(out);
    docset_init(out);
    for (size_t i = 0; i < f->result.count; i++)
        docset_add(out, f->result.hits[i].number);
    f->result = kept;
    return 0;
}

static enum err facets_make(struct find *f, struct find_answer *answer, struct err_info *e)
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

/* ---- the two calls ---- */

static enum err find_run(struct find *f, struct find_answer *out, struct err_info *e)
{
    struct loaded *loaded;
    size_t count, offset = f->r->offset;
    memset(out, 0, sizeof *out);
    enum err err = gather(f, &loaded, &count, out, e);
    if (err)
        return err;
    size_t end = count < offset + f->r->limit ? count : offset + f->r->limit;
    out->count = end > offset ? end - offset : 0;
    out->more = count > offset + f->r->limit;
    out->hits = arena_array(f->a, out->count + 1, sizeof *out->hits);
    int64_t t0 = clock_mono_ns();
    for (size_t i = 0; i < out->count; i++)
        hit_make(f, &loaded[offset + i], &out->hits[i]);
    if ((err = mark_copies(f, out, e)))
        return err;
    out->load_ns += clock_mono_ns() - t0;
    out->total = f->result.total;
    out->total_exact = f->result.total_exact;
    out->embedding_version = f->v->id;
    out->stages = f->result.stages;
    out->degraded = f->degraded;
    return f->r->facet_count ? facets_make(f, out, e) : 0;
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
    if (f->v->model || f->r->mode == SEARCH_LEXICAL)
        return 0;
    if (f->r->mode == SEARCH_SEMANTIC)
        return version_check_model(f->v, e);
    f->degraded = arena_str(f->a, str_c(f->v->reason));
    return 0;
}

static enum err search_once(struct engine *x, struct str collection, const struct find_request *r,
                            struct arena *a, struct find_answer *out, struct err_info *e)
{
    struct find f;
    enum err err = find_begin(&f, x, collection, r, a, e);
    if (!err)
        err = check_model(&f, e);
    if (!err)
        err = exclude_ids(&f, r->exclude, r->exclude_count, e);
    if (!err)
        exclude_copies(&f);
    if (!err && f.without.count) {
        attributes_all(f.c->attributes, &f.within);
        docset_minus(&f.within, &f.without);
        f.restricted = true;
    }
    if (!err)
        err = find_run(&f, out, e);
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

/* The mean of the examples' vectors; they themselves are not wanted in the answer. */
static enum err vector_of_ids(struct find *f, struct err_info *e)
{
    const struct find_request *r = f->r;
    unsigned dims = f->v->dims;
    uint32_t *numbers = arena_array(f->a, r->id_count, sizeof *numbers);
    float *one = arena_array(f->a, dims, sizeof *one);
    size_t found = 0;
    char pointer[40] = "/id";
    enum err err = numbers_of_ids(f->c, f->a, r->ids, r->id_count, numbers, e);
    for (size_t i = 0; i < r->id_count && !err; i++) {
        snprintf(pointer, sizeof pointer, r->id_alone ? "/id" : "/ids/%zu", i);
        if (numbers[i] == 0)
            return err_set(e, ERR_NOT_FOUND, pointer,
                           "there is no document \"%.*s\" in this collection",
                           (int)(r->ids[i].n < 200 ? r->ids[i].n : 200), r->ids[i].s);
        docset_add(&f->without, numbers[i]);
        if (!vectors_document(f->v->vectors, numbers[i], one))
            continue; /* pending */
        found++;
        for (unsigned d = 0; d < dims; d++)
            f->vector[d] += one[d];
    }
    if (!err && (found == 0 || !(normalise_f32(f->vector, dims) > 1e-9f)))
        err = err_set(e, ERR_UNAVAILABLE, r->id_alone ? "/id" : "/ids",
                      "is not embedded yet; try again in a moment");
    return err;
}

/* A text of any length: the mean of its passages' vectors, made as a document's would be. */
static enum err vector_of_text(struct find *f, struct err_info *e)
{
    unsigned dims = f->v->dims;
    struct document_rules rules;
    struct draft d = {.text = f->r->text, .plan = PLAN_EMBED};
    enum err err = version_check_model(f->v, e);
    if (err)
        return err;
    if ((err = text_nfc(f->a, d.text, &d.text, e)))
        return err;
    if (str_trim(d.text).n == 0)
        return err_set(e, ERR_INVALID, "/text", "must not be empty");
    collection_rules(f->c, &rules);
    drafts_split(f->v, &rules, &d, 1, f->a);
    if (d.err)
        return err_set(e, d.err, "/text", "%s", d.info.message);
    if ((err = drafts_embed(f->v, &d, 1, LANE_INTERACTIVE, f->r->deadline_ns, f->a, e)))
        return err;
    for (uint32_t p = 0; p < d.passage_count; p++)
        for (unsigned i = 0; i < dims; i++)
            f->vector[i] += half_to_float(d.passages[p].vector[i]);
    normalise_f32(f->vector, dims);
    return 0;
}

static enum err vector_given(struct find *f, struct err_info *e)
{
    unsigned dims = f->v->dims;
    if (f->r->vector_dims != dims)
        return err_set(e, ERR_INVALID, "/vector",
                       "must have %u numbers, the dimensions of this collection", dims);
    memcpy(f->vector, f->r->vector, dims * sizeof *f->vector);
    for (unsigned i = 0; i < dims; i++)
        if (!isfinite(f->vector[i])) {
            char pointer[40];
            snprintf(pointer, sizeof pointer, "/vector/%u", i);
            return err_set(e, ERR_INVALID, pointer, "must be a finite number of 32 bits");
        }
    if (!(normalise_f32(f->vector, dims) > 1e-12f))
        return err_set(e, ERR_INVALID, "/vector", "must not be all zeros");
    return 0;
}

static enum err similar_once(struct engine *x, struct str collection, const struct find_request *r,
                             struct arena *a, struct find_answer *out, struct err_info *e)
{
    struct find f;
    enum err err = find_begin(&f, x, collection, r, a, e);
    if (!err) {
        f.vector = arena_array(a, f.v->dims, sizeof *f.vector);
        if (r->id_count)
            err = vector_of_ids(&f, e);
        else if (r->vector)
            err = vector_given(&f, e);
        else
            err = vector_of_text(&f, e);
    }
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

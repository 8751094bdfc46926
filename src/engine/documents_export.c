/* All documents of a collection, a few at a time: the numbers of some hundred ids, then their
 * documents one by one until there is enough for a step. Nothing of the store is held between two
 * steps, so an export may take as long as its reader likes.
 *
 * What is exported is what a list would show: the matches of filter and sight as of the start, each
 * document judged again when it is read. */
#include "base/clock.h"
#include "engine/internal.h"
#include "math/half.h"
#include <stdlib.h>
#include <string.h>

#define PAGE 500                /* ids */
#define SORTED_MAX 5000         /* so few matches are sorted by id at once */
#define STEP_DOCUMENTS 64       /* of an answer */
#define STEP_BYTES (128u << 10) /* of payloads, after which a step ends */

struct export
{
    struct engine *engine;
    struct collection *c;
    struct sight sight, asked; /* asked: the request's filter, without its set */
    struct docset match;       /* if filtered */
    bool filtered, last;       /* last: no page follows */
    uint64_t change;           /* the matches are of this one at least */
    struct settings settings;
    struct field_choice fields;
    char after[ID_BYTES_MAX + 1];
    struct arena *own, *page, *step;
    uint32_t *numbers; /* of the page */
    size_t count, at;
    struct document_out out[STEP_DOCUMENTS];
};

/* ---- ids ---- */

static void after_set(struct export *x, struct str id)
{
    size_t n = id.n < ID_BYTES_MAX ? id.n : ID_BYTES_MAX;
    if (n)
        memcpy(x->after, id.s, n);
    x->after[n] = 0;
}

static enum err page_sorted(struct export *x, struct err_info *e)
{
    size_t n = 0;
    uint32_t *numbers = arena_array(x->page, x->match.count + 1, sizeof *numbers);
    struct document_record *docs = arena_array(x->page, x->match.count + 1, sizeof *docs);
    for (uint32_t i = docset_next(&x->match, 0); i != UINT32_MAX; i = docset_next(&x->match, i + 1))
        numbers[n++] = i;
    enum err err = store_documents_by_number(x->engine->store, x->page, x->c->id, numbers, n,
                                             DOCUMENT_HEAD, docs, e);
    if (err)
        return err;
    records_sort(docs, n);
    for (size_t i = 0; i < n; i++)
        if (docs[i].number && str_cmp(docs[i].id, str_c(x->after)) > 0)
            numbers[x->count++] = docs[i].number;
    x->numbers = numbers;
    x->last = true;
    return ERR_OK;
}

static enum err page_walk(struct export *x, struct err_info *e)
{
    struct document_record *docs;
    size_t n;
    enum err err = store_document_list(x->engine->store, x->page, x->c->id, str_c(x->after), 0,
                                       PAGE, DOCUMENT_HEAD, &docs, &n, e);
    if (err)
        return err;
    x->numbers = arena_array(x->page, n + 1, sizeof *x->numbers);
    for (size_t i = 0; i < n; i++)
        if (!x->filtered || docset_has(&x->match, docs[i].number))
            x->numbers[x->count++] = docs[i].number;
    if (n)
        after_set(x, docs[n - 1].id);
    x->last = n < PAGE;
    return ERR_OK;
}

static enum err page_next(struct export *x, struct err_info *e)
{
    arena_reset(x->page);
    x->count = x->at = 0;
    if (collection_gone(x->c))
        return err_set(e, ERR_GONE, NULL, "the collection was deleted meanwhile");
    return x->filtered && x->match.count <= SORTED_MAX ? page_sorted(x, e) : page_walk(x, e);
}

/* ---- documents ---- */

/* What the filter says of one that was changed since its matches were taken. */
static bool passes(const struct export *x, const struct document_record *d)
{
    return d->number && !document_expired(d, clock_wall_us()) && sight_sees(&x->sight, d) &&
           (d->revision <= x->change || sight_sees(&x->asked, d));
}

/* The vector that its sender brought, unless another version serves by now. */
static enum err vector_read(struct export *x, const struct document_record *d,
                            struct document_out *out, struct err_info *e)
{
    struct document_record with;
    struct str digest = payload_vector_digest(d->payload);
    if (!digest.n)
        return ERR_OK;
    enum err err = store_documents_by_number(x->engine->store, x->step, x->c->id, &d->number, 1,
                                             DOCUMENT_VECTORS, &with, e);
    if (err || !with.number || with.passage_count == 0 || !with.passages[0].vector ||
        !vector_digest_is(digest, with.passages[0].vector, with.dims, with.version))
        return err;
    float *vector = arena_array(x->step, with.dims, sizeof *vector);
    half_to_f32(with.passages[0].vector, vector, with.dims);
    out->vector = vector;
    out->vector_dims = with.dims;
    return ERR_OK;
}

static enum err as_it_is_put(struct export *x, const struct document_record *d,
                             struct document_out *out, struct err_info *e)
{
    document_out_make(x->step, d, out);
    out->hidden = PART_PENDING | PART_DUPLICATE_OF | PART_PREDICTED;
    out->payload = payload_mapped(&x->settings, x->step, out->payload);
    out->id_name = str_c(x->settings.mapping[FIELD_ID]);
    return vector_read(x, d, out, e);
}

static enum err document_next(struct export *x, struct document_record *d, struct err_info *e)
{
    uint32_t number = x->numbers[x->at++];
    enum err err = store_documents_by_number(x->engine->store, x->step, x->c->id, &number, 1,
                                             DOCUMENT_PAYLOAD, d, e);
    if (!err && !passes(x, d))
        d->number = 0;
    return err;
}

/* The records of a step. *n 0: there are no more. */
static enum err records_next(struct export *x, struct document_record *docs, size_t *n,
                             struct err_info *e)
{
    enum err err = ERR_OK;
    size_t bytes = 0;
    *n = 0;
    while (*n < STEP_DOCUMENTS && bytes < STEP_BYTES && !err) {
        if (x->at == x->count && (x->last || *n))
            break;
        if (x->at == x->count) {
            err = page_next(x, e);
            continue;
        }
        struct document_record *d = &docs[*n];
        err = document_next(x, d, e);
        bytes += d->payload.n;
        *n += !err && d->number;
    }
    return err;
}

enum err engine_export_next(struct export *x, const struct document_out **out, size_t *count,
                            struct err_info *e)
{
    struct document_record docs[STEP_DOCUMENTS];
    arena_reset(x->step);
    enum err err = records_next(x, docs, count, e);
    if (!err && *count == 0 && collection_gone(x->c))
        err = err_set(e, ERR_GONE, NULL, "the collection was deleted meanwhile");
    if (!err && x->fields.given)
        err = documents_show(x->c, &x->sight, &x->fields, x->step, docs, *count, x->out, e);
    for (size_t i = 0; i < *count && !err && !x->fields.given; i++)
        err = as_it_is_put(x, &docs[i], &x->out[i], e);
    *out = x->out;
    return err;
}

/* ---- the whole ---- */

static void request_keep(struct export *x, const struct export_request *r)
{
    struct str *names = arena_array(x->own, r->fields.count + 1, sizeof *names);
    for (size_t i = 0; i < r->fields.count; i++)
        names[i] = arena_str(x->own, r->fields.names[i]);
    x->fields = (struct field_choice){r->fields.given, names, r->fields.count};
    after_set(x, r->after);
}

static enum err export_begin(struct export *x, const struct export_request *r,
                             struct position *position, struct err_info *e)
{
    struct document_rules rules;
    struct str within = arena_str(x->own, r->within), filter = arena_str(x->own, r->filter);
    collection_rules(x->c, &rules);
    x->settings = rules.settings;
    request_keep(x, r);
    store_position(x->engine->store, position);
    position->change = x->change = applied_now(x->engine); /* what is applied can be selected */
    enum err err = sight_open(x->c, x->own, within, &x->sight, e);
    x->filtered = str_trim(filter).n > 0 || x->sight.filter;
    if (!err && x->filtered)
        err = filter_select(x->c, &x->sight, x->own, filter, &x->match, e);
    if (!err)
        err = sight_read(x->c, x->own, filter, &x->asked, e);
    return err;
}

enum err engine_export_open(struct engine *engine, struct str collection,
                            const struct export_request *r, struct arena *a, struct str *position,
                            struct export **out, struct err_info *e)
{
    struct export *x = xcalloc(1, sizeof *x);
    struct position at;
    x->engine = engine;
    docset_init(&x->match);
    enum err err = collection_find(engine, collection, &x->c, e);
    if (!err) {
        x->own = arena_new(0);
        x->page = arena_new(0);
        x->step = arena_new(0);
        err = export_begin(x, r, &at, e);
    }
    metric_error(engine, err);
    if (err) {
        engine_export_close(x);
        return err;
    }
    *position = position_text(a, &at);
    *out = x;
    return ERR_OK;
}

void engine_export_close(struct export *x)
{
    if (!x)
        return;
    if (x->c) {
        sight_close(&x->asked);
        sight_close(&x->sight);
        collection_unref(x->c);
    }
    docset_release(&x->match);
    arena_free(x->step);
    arena_free(x->page);
    arena_free(x->own);
    free(x);
}

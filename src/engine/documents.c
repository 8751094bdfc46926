/* Reading documents: by id, as a list, by a filter; and what other files need to turn ids and
 * filters into numbers. */
#include "base/clock.h"
#include "engine/classifiers.h"
#include <stdlib.h>
#include <string.h>

/* Up to so many matches of a filter are loaded and sorted by id; for more, the list by id is walked
 * instead. */
#define FILTER_SORT_MAX 5000
#define LIST_PAGE 500

void document_out_make(struct arena *a, const struct document_record *d, struct document_out *out)
{
    *out = (struct document_out){
        .id = d->id,
        .payload = payload_for_readers(a, d->payload),
        .revision = d->revision,
        .created_us = d->created_us,
        .updated_us = d->updated_us,
        .expires_us = d->expires_us,
        .pending = d->state == DOCUMENT_PENDING,
        .number = d->number,
    };
}

enum err documents_mark_copies(struct collection *c, const struct sight *s, struct arena *a,
                               struct document_out *const *documents, size_t count,
                               struct err_info *e)
{
    uint32_t *originals = arena_array(a, count + 1, sizeof *originals);
    struct document_out **copies = arena_array(a, count + 1, sizeof *copies);
    size_t n = 0;
    int64_t now_us = clock_wall_us();
    for (size_t i = 0; i < count; i++) {
        originals[n] = duplicates_original(c->duplicates, documents[i]->number);
        if (originals[n] && sight_has(s, originals[n]))
            copies[n++] = documents[i];
    }
    if (n == 0)
        return 0;
    struct document_record *docs = arena_array(a, n, sizeof *docs);
    enum err err =
        store_documents_by_number(c->engine->store, a, c->id, originals, n, DOCUMENT_HEAD, docs, e);
    for (size_t i = 0; i < n && !err; i++)
        if (docs[i].number && !document_expired(&docs[i], now_us))
            copies[i]->duplicate_of = docs[i].id;
    return err;
}

bool document_expired(const struct document_record *d, int64_t now_us)
{
    return d->expires_us != 0 && d->expires_us <= now_us;
}

enum err numbers_of_ids(struct collection *c, const struct sight *s, struct arena *a,
                        const struct str *ids, size_t count, uint32_t *numbers, struct err_info *e)
{
    struct document_record *docs = arena_array(a, count + 1, sizeof *docs);
    if (count == 0)
        return 0;
    enum err err =
        store_documents_by_id(c->engine->store, a, c->id, ids, count, DOCUMENT_HEAD, docs, e);
    for (size_t i = 0; i < count && !err; i++)
        numbers[i] = sight_has(s, docs[i].number) ? docs[i].number : 0;
    return err;
}

enum err filter_select(struct collection *c, const struct sight *s, struct arena *a,
                       struct str filter, struct docset *out, struct err_info *e)
{
    const struct docset *among = sight_documents(s);
    const struct filter *tree = NULL;
    struct err_info info = {0};
    enum err err = ERR_OK;
    if (str_trim(filter).n == 0 && among) {
        docset_copy(out, among);
        return 0;
    }
    if (str_trim(filter).n == 0) {
        attributes_all(c->attributes, out);
        return 0;
    }
    err = filter_parse(a, filter, &tree, &info);
    if (!err)
        err = attributes_know_among(c->attributes, tree, filter, among, &info);
    if (!err)
        err = attributes_select_among(c->attributes, tree, among, out, &info);
    if (!err && among)
        docset_and(out, among);
    return err ? err_set(e, err, "/filter", "%s", info.message) : 0;
}

enum err field_know(struct collection *c, const struct sight *s, struct str field,
                    struct err_info *e)
{
    return attributes_know_field_among(c->attributes, field, sight_documents(s), e);
}

enum err engine_get(struct engine *x, struct str collection, struct str within, struct str id,
                    struct arena *a, struct document_out *out, struct err_info *e)
{
    struct collection *c;
    struct document_record d;
    struct sight sight;
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    struct err_info info = {0};
    err = sight_open(c, a, within, &sight, &info);
    if (!err)
        err = store_document_get(x->store, a, c->id, id, DOCUMENT_PAYLOAD, &d, &info);
    if (!err && (document_expired(&d, clock_wall_us()) || !sight_sees(&sight, &d)))
        err = ERR_NOT_FOUND;
    if (!err) {
        document_out_make(a, &d, out);
        err = documents_mark_copies(c, &sight, a, (struct document_out *const[]){out}, 1, &info);
        documents_predict(c, &sight, a, (struct document_out *const[]){out}, 1);
    }
    sight_close(&sight);
    collection_unref(c);
    if (err == ERR_NOT_FOUND)
        return err_set(e, err, "id", "there is no document \"%.*s\" in this collection",
                       (int)(id.n < 200 ? id.n : 200), id.s);
    if (err)
        return err_set(e, err, info.field, "%s", info.message);
    return 0;
}

/* ---- lists ---- */

struct listing {
    struct collection *c;
    struct sight sight;
    struct arena *a;
    struct str after;
    size_t offset, limit;
    struct document_out *out; /* limit + 1: the last only tells that there are more */
    size_t count;
};

/* Takes one more; false when enough. */
static bool listing_take(struct listing *l, const struct document_record *d)
{
    if (!sight_sees(&l->sight, d))
        return true;
    if (l->offset > 0) {
        l->offset--;
        return true;
    }
    document_out_make(l->a, d, &l->out[l->count++]);
    return l->count <= l->limit;
}

static int record_compare(const void *a, const void *b)
{
    return str_cmp(((const struct document_record *)a)->id,
                   ((const struct document_record *)b)->id);
}

void records_sort(struct document_record *docs, size_t count)
{
    qsort(docs, count, sizeof *docs, record_compare);
}

/* A few matches: their ids, sorted, then those that are wanted in full. */
static enum err list_few(struct listing *l, const struct docset *match, struct err_info *e)
{
    size_t n = 0, from = 0;
    struct store *s = l->c->engine->store;
    uint32_t *numbers = arena_array(l->a, match->count + 1, sizeof *numbers);
    for (uint32_t i = docset_next(match, 0); i != UINT32_MAX; i = docset_next(match, i + 1))
        numbers[n++] = i;
    struct document_record *docs = arena_array(l->a, n + 1, sizeof *docs);
    enum err err = store_documents_by_number(s, l->a, l->c->id, numbers, n, DOCUMENT_HEAD, docs, e);
    if (err)
        return err;
    records_sort(docs, n);
    while (from < n && (docs[from].number == 0 || str_cmp(docs[from].id, l->after) <= 0))
        from++;
    from += l->offset;
    n = from < n ? n - from : 0;
    if (n > l->limit + 1)
        n = l->limit + 1;
    for (size_t i = 0; i < n; i++)
        numbers[i] = docs[from + i].number;
    err = store_documents_by_number(s, l->a, l->c->id, numbers, n, DOCUMENT_PAYLOAD, docs, e);
    for (size_t i = 0; i < n && !err; i++)
        if (docs[i].number && sight_sees(&l->sight, &docs[i]))
            document_out_make(l->a, &docs[i], &l->out[l->count++]);
    return err;
}

/* Many matches or no filter (NULL): page by page by id. */
static enum err list_walk(struct listing *l, const struct docset *match, struct err_info *e)
{
    for (;;) {
        struct document_record *docs;
        size_t n, page = match ? LIST_PAGE : l->limit + 1 + l->offset;
        enum err err = store_document_list(l->c->engine->store, l->a, l->c->id, l->after, 0, page,
                                           DOCUMENT_PAYLOAD, &docs, &n, e);
        if (err || n == 0)
            return err;
        for (size_t i = 0; i < n; i++)
            if ((!match || docset_has(match, docs[i].number)) && !listing_take(l, &docs[i]))
                return 0;
        if (n < page)
            return 0;
        l->after = docs[n - 1].id;
    }
}

enum err engine_list(struct engine *x, struct str collection, struct str within, struct str filter,
                     struct str after, size_t offset, size_t limit, struct arena *a,
                     struct document_out **out, size_t *count, bool *more, struct err_info *e)
{
    struct listing l = {.a = a, .after = after, .offset = offset, .limit = limit};
    struct docset match;
    enum err err = collection_find(x, collection, &l.c, e);
    if (err)
        return err;
    docset_init(&match);
    l.out = arena_array(a, limit + 1, sizeof *l.out);
    err = sight_open(l.c, a, within, &l.sight, e);
    bool filtered = str_trim(filter).n > 0 || l.sight.filter;
    if (!err && filtered)
        err = filter_select(l.c, &l.sight, a, filter, &match, e);
    if (!err && filtered && match.count <= FILTER_SORT_MAX)
        err = list_few(&l, &match, e);
    else if (!err)
        err = list_walk(&l, filtered ? &match : NULL, e);
    docset_release(&match);
    struct document_out **all = arena_array(a, l.count + 1, sizeof *all);
    for (size_t i = 0; i < l.count; i++)
        all[i] = &l.out[i];
    if (!err)
        err = documents_mark_copies(l.c, &l.sight, a, all, l.count, e);
    if (!err)
        documents_predict(l.c, &l.sight, a, all, l.count < limit ? l.count : limit);
    sight_close(&l.sight);
    collection_unref(l.c);
    if (err)
        return err;
    *more = l.count > limit;
    *count = *more ? limit : l.count;
    *out = l.out;
    return 0;
}

enum err engine_count(struct engine *x, struct str collection, struct str within, size_t *out,
                      struct err_info *e)
{
    struct collection *c;
    struct sight sight;
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    struct arena *a = arena_new(0);
    struct docset all;
    docset_init(&all);
    err = sight_open(c, a, within, &sight, e);
    if (!err)
        err = filter_select(c, &sight, a, STR(""), &all, e);
    *out = all.count;
    docset_release(&all);
    sight_close(&sight);
    arena_free(a);
    collection_unref(c);
    return err;
}

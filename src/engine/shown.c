/* Documents as readers get them: the parts that were asked for, and many by their ids. Documents
 * are large or small as clients like, so they are loaded a few at a time into memory that is thrown
 * away, and only what comes back is kept. */
#include "base/clock.h"
#include "engine/classifiers.h"

#define STEP 16
#define READ_MAX 4 /* x bytes_max: of what is read, with what is not asked for */

static bool wanted(const struct field_choice *f, const char *name)
{
    for (size_t i = 0; f->given && i < f->count; i++)
        if (str_eq_c(f->names[i], name))
            return true;
    return !f->given;
}

static void shown_make(const struct lent_classifiers *lent, const struct field_choice *f,
                       struct arena *a, const struct document_record *d, struct document_out *out)
{
    json_t *payload = NULL;
    bool reads = lent->count || f->given;
    document_out_make(a, d, out);
    if (!reads || json_parse_stored(out->payload, &payload, NULL))
        return;
    if (lent->count)
        prediction_make(lent, a, payload, out);
    if (f->given)
        document_choose(a, payload, f->names, f->count, out);
    json_decref(payload);
}

enum err documents_show(struct collection *c, const struct sight *s, const struct field_choice *f,
                        struct arena *a, const struct document_record *docs, size_t count,
                        struct document_out *out, struct err_info *e)
{
    struct lent_classifiers lent = {0};
    struct document_out **there = arena_array(a, count + 1, sizeof *there);
    size_t n = 0;
    if (wanted(f, "predicted"))
        classifiers_take(c, &lent);
    classifiers_heed(&lent, s, a);
    for (size_t i = 0; i < count; i++) {
        out[i] = (struct document_out){.number = 0};
        if (!docs[i].number)
            continue;
        shown_make(&lent, f, a, &docs[i], &out[i]);
        there[n++] = &out[i];
    }
    classifiers_release(c, &lent);
    return wanted(f, "duplicate_of") ? documents_mark_copies(c, s, a, there, n, e) : ERR_OK;
}

/* ---- by their ids ---- */

struct fetching {
    struct collection *c;
    struct sight sight;
    const struct str *ids;
    size_t count, *first; /* of each id: where it stands first */
    const struct field_choice *fields;
    size_t bytes, kept, read; /* of the answer, of each id once, with what is not asked for */
    size_t bytes_max;
    struct arena *a, *step; /* of what comes back; of a few documents */
    struct document_out *out;
};

static enum err too_many(const struct fetching *f, size_t i, const char *what, struct err_info *e)
{
    char pointer[40];
    snprintf(pointer, sizeof pointer, "/ids/%zu", i);
    return err_set(e, ERR_TOO_LARGE, pointer, "the documents up to this one %s: ask for fewer",
                   arena_printf(f->a, what, f->bytes_max >> 20));
}

/* With its times and names. */
static enum err fetched_count(const struct fetching *f, size_t i, size_t *bytes, struct err_info *e)
{
    const struct document_out *d = &f->out[i];
    *bytes += d->payload.n + d->predicted.n + f->ids[i].n + 256;
    return *bytes <= f->bytes_max ? ERR_OK : too_many(f, i, "take more than %zu MiB", e);
}

static void fetched_keep(struct fetching *f, const struct document_out *d, size_t i)
{
    struct arena *a = f->a;
    struct document_out *to = &f->out[i];
    *to = *d;
    to->id = arena_str(a, d->id);
    to->payload = arena_str(a, d->payload);
    to->duplicate_of = arena_str(a, d->duplicate_of);
    to->predicted = arena_str(a, d->predicted);
}

/* An id that is asked for again is not read again. */
static int place_compare(const void *a, const void *b, void *ids)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    int order = str_cmp(((const struct str *)ids)[x], ((const struct str *)ids)[y]);
    return order ? order : (x > y) - (x < y);
}

static void firsts_find(struct fetching *f)
{
    size_t *places = arena_array(f->a, f->count + 1, sizeof *places);
    f->first = arena_array(f->a, f->count + 1, sizeof *f->first);
    for (size_t i = 0; i < f->count; i++)
        places[i] = i;
    qsort_r(places, f->count, sizeof *places, place_compare, (void *)f->ids);
    for (size_t i = 0; i < f->count; i++) {
        bool again = i && str_eq(f->ids[places[i]], f->ids[places[i - 1]]);
        f->first[places[i]] = again ? f->first[places[i - 1]] : places[i];
    }
}

/* `at`: places of ids, rising. */
static enum err fetch_step(struct fetching *f, const size_t *at, size_t n, struct err_info *e)
{
    struct document_record docs[STEP];
    struct str ids[STEP];
    struct document_out shown[STEP];
    int64_t now_us = clock_wall_us();
    for (size_t i = 0; i < n; i++)
        ids[i] = f->ids[at[i]];
    enum err err = store_documents_by_id(f->c->engine->store, f->step, f->c->id, ids, n,
                                         DOCUMENT_PAYLOAD, docs, e);
    for (size_t i = 0; i < n && !err; i++) {
        if (document_expired(&docs[i], now_us) || !sight_sees(&f->sight, &docs[i]))
            docs[i].number = 0; /* and counts nowhere */
        if (docs[i].number && (f->read += docs[i].payload.n) > READ_MAX * f->bytes_max)
            err = too_many(f, at[i], "are more than 4 x %zu MiB to read", e);
    }
    if (!err)
        err = documents_show(f->c, &f->sight, f->fields, f->step, docs, n, shown, e);
    for (size_t i = 0; i < n && !err; i++) {
        if (!shown[i].number)
            continue;
        fetched_keep(f, &shown[i], at[i]);
        err = fetched_count(f, at[i], &f->kept, e);
    }
    return err;
}

static enum err fetch_all(struct fetching *f, struct err_info *e)
{
    enum err err = ERR_OK;
    size_t at[STEP], n = 0;
    f->step = arena_new(0);
    firsts_find(f);
    for (size_t i = 0; i < f->count && !err; i++) {
        f->out[i] = (struct document_out){.number = 0};
        if (f->first[i] == i)
            at[n++] = i;
        if (n < STEP && i + 1 < f->count)
            continue;
        err = fetch_step(f, at, n, e);
        arena_reset(f->step);
        n = 0;
    }
    for (size_t i = 0; i < f->count && !err; i++) {
        f->out[i] = f->out[f->first[i]];
        if (f->out[i].number)
            err = fetched_count(f, i, &f->bytes, e);
    }
    arena_free(f->step);
    return err;
}

enum err engine_get_many(struct engine *x, struct str collection, struct str within,
                         const struct str *ids, size_t count, const struct field_choice *fields,
                         size_t bytes_max, struct arena *a, struct document_out *out,
                         struct err_info *e)
{
    struct fetching f = {
        .ids = ids, .count = count, .fields = fields, .bytes_max = bytes_max, .a = a, .out = out};
    enum err err = collection_find(x, collection, &f.c, e);
    if (err)
        return err;
    err = sight_open(f.c, a, within, &f.sight, e);
    if (!err)
        err = fetch_all(&f, e);
    sight_close(&f.sight);
    collection_unref(f.c);
    metric_error(x, err);
    return err;
}

/* What readers did, on its way in: checked row by row, its documents looked up (or made), the
 * answers that it names looked for, stored in one commit, in effect before it is acknowledged. */
#include "base/clock.h"
#include "base/hash.h"
#include "engine/recommend_impl.h"
#include <math.h>
#include <string.h>

#define NAME_BYTES_MAX 255
#define EVENT_ID_DIGITS 32
#define DAY_US 86400000000LL
#define LIST_STEP 1000       /* rows of a list looked at together, and how often, */
#define LIST_STEPS_MAX 50    /* where not all are seen */
#define AHEAD_US 300000000LL /* of clocks that run ahead of this one */

/* ---- one row ---- */

static enum err check_name(struct str s, const char *pointer, struct err_info *e)
{
    if (s.n > NAME_BYTES_MAX || utf8_valid(s) != s.n)
        return err_set(e, ERR_INVALID, pointer, "must be at most %d bytes of UTF-8",
                       NAME_BYTES_MAX);
    return 0;
}

static enum err check_type(const struct feedback_settings *s, const struct feedback_in *f,
                           const struct feedback_type **type, struct err_info *e)
{
    char names[FEEDBACK_TYPES_MAX * (FEEDBACK_TYPE_BYTES + 2)];
    *type = feedback_type_find(s, f->type);
    if (*type)
        return 0;
    feedback_type_names(s, names, sizeof names);
    return err_set(e, ERR_INVALID, "/type", "must be one of %s", names);
}

static enum err check_value(const struct feedback_type *type, const struct feedback_in *f,
                            struct err_info *e)
{
    bool rate = type->value == VALUE_RATING;
    if (rate && !f->value_set)
        return err_set(e, ERR_INVALID, "/value", "a rating needs a value from 1 to 5");
    if (f->value_set && (!isfinite(f->value) || (rate && (f->value < 1 || f->value > 5))))
        return err_set(e, ERR_INVALID, "/value",
                       rate ? "a rating goes from 1 to 5" : "must be a finite number");
    return 0;
}

static enum err check_time(const struct feedback_in *f, int64_t *time_us, struct err_info *e)
{
    int64_t now_us = clock_wall_us();
    *time_us = now_us;
    if (f->time.n == 0)
        return 0;
    if (clock_parse(f->time, time_us))
        return err_set(e, ERR_INVALID, "/time", "must be a time such as \"2026-11-22T16:00:00Z\"");
    if (*time_us > now_us + AHEAD_US)
        return err_set(e, ERR_INVALID, "/time", "lies more than 5 minutes in the future");
    return 0;
}

/* The id of a row that came without one: its digest. A row without a time counts once a day, so
 * that one sent again is not counted again, and a reader who comes back another day is. */
static struct str made_event_id(const struct feedback_in *f, int64_t time_us, struct arena *a)
{
    struct sha256 h;
    uint8_t digest[32];
    char *hex = arena_alloc(a, 65);
    const struct str parts[] = {f->user,    f->document,          f->type,
                                f->session, f->recommendation_id, f->time};
    int64_t day = f->time.n ? 0 : time_us / DAY_US;
    double value = f->value_set ? f->value : 0;
    sha256_init(&h);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        uint64_t n = parts[i].n;
        sha256_add(&h, &n, sizeof n);
        if (n > 0)
            sha256_add(&h, parts[i].s, n);
    }
    sha256_add(&h, &day, sizeof day);
    sha256_add(&h, &value, sizeof value);
    sha256_add(&h, &f->position, sizeof f->position);
    sha256_end(&h, digest);
    sha256_hex(digest, hex);
    return (struct str){hex, EVENT_ID_DIGITS};
}

static enum err feedback_read(const struct feedback_settings *s, const struct feedback_in *f,
                              struct arena *a, struct feedback_record *out, struct err_info *e)
{
    const struct feedback_type *type;
    int64_t time_us;
    enum err err;
    if ((err = id_check(f->user, "/user", e)) || (err = id_check(f->document, "/document", e)))
        return err;
    if (f->event_id.n && (err = id_check(f->event_id, "/event_id", e)))
        return err;
    if ((err = check_type(s, f, &type, e)) || (err = check_value(type, f, e)) ||
        (err = check_time(f, &time_us, e)) || (err = check_name(f->session, "/session", e)) ||
        (err = check_name(f->recommendation_id, "/recommendation_id", e)))
        return err;
    if (f->position < -1)
        return err_set(e, ERR_INVALID, "/position", "must be a place in the list, from 0");
    *out = (struct feedback_record){
        .event_id = f->event_id.n ? f->event_id : made_event_id(f, time_us, a),
        .user = f->user,
        .document = f->document,
        .type = f->type,
        .session = f->session,
        .recommendation_id = f->recommendation_id,
        .value = f->value_set ? f->value : 1,
        .position = f->position,
        .time_us = time_us,
    };
    return 0;
}

/* ---- a batch ---- */

struct batch {
    struct collection *c;
    struct sight sight;
    const struct feedback_in *rows;
    struct feedback_record *records;
    struct put_result *results;
    uint32_t *numbers; /* of the rows' documents */
    size_t count;
    struct arena *a;
};

static void row_fail(struct batch *b, size_t row, enum err err, const struct err_info *info)
{
    struct put_result *r = &b->results[row];
    char field[sizeof info->field];
    memcpy(field, info->field, sizeof field);
    r->status = "failed";
    r->err = err;
    r->info = *info;
    snprintf(r->info.field, sizeof r->info.field, "/%zu%.130s", row, field);
}

static void batch_read(struct batch *b)
{
    struct feedback_settings s;
    collection_feedback(b->c, &s);
    for (size_t i = 0; i < b->count; i++) {
        struct err_info info = {0};
        enum err bad = feedback_read(&s, &b->rows[i], b->a, &b->records[i], &info);
        b->results[i] = (struct put_result){
            .id = bad ? b->rows[i].event_id : b->records[i].event_id, .status = "created"};
        b->records[i].collection = b->c->id;
        if (bad)
            row_fail(b, i, bad, &info);
    }
}

/* ---- documents ---- */

static enum err numbers_find(struct batch *b, struct err_info *e)
{
    struct str *ids = arena_array(b->a, b->count + 1, sizeof *ids);
    for (size_t i = 0; i < b->count; i++)
        ids[i] = b->results[i].err ? STR("") : b->rows[i].document;
    return numbers_of_ids(b->c, &b->sight, b->a, ids, b->count, b->numbers, e);
}

static int row_by_document(const void *x, const void *y)
{
    const struct feedback_in *const *a = x, *const *b = y;
    return str_cmp((*a)->document, (*b)->document);
}

/* The rows whose documents are not there, one a document. */
static const struct feedback_in **rows_unknown(const struct batch *b, size_t *count)
{
    const struct feedback_in **rows = arena_array(b->a, b->count + 1, sizeof *rows);
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < b->count; i++)
        if (!b->results[i].err && b->numbers[i] == 0)
            rows[n++] = &b->rows[i];
    qsort(rows, n, sizeof *rows, row_by_document);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || !str_eq(rows[i]->document, rows[i - 1]->document))
            rows[kept++] = rows[i];
    *count = kept;
    return rows;
}

/* Documents of which nothing is known but that somebody read them. They have their id for a title,
 * since a document is found by something, and a mark by which they are not recommended; whoever
 * puts the document replaces both. */
static enum err placeholders_make(struct batch *b, struct err_info *e)
{
    size_t n;
    const struct feedback_in **rows = rows_unknown(b, &n);
    if (n == 0)
        return ERR_OK;
    json_t **documents = arena_array(b->a, n, sizeof *documents);
    struct put_result *made = arena_array(b->a, n, sizeof *made);
    struct put_options o = {.within = b->sight.text, .lane = LANE_BULK, .if_revision = 0};
    struct str position;
    struct document_rules rules;
    collection_rules(b->c, &rules);
    const char *id = rules.settings.mapping[FIELD_ID], *title = rules.settings.mapping[FIELD_TITLE];
    for (size_t i = 0; i < n; i++) {
        struct str name = rows[i]->document;
        documents[i] =
            json_pack("{s:s%, s:s%, s:{s:b}}", id[0] ? id : "id", name.s, name.n,
                      title[0] ? title : "title", name.s, name.n, "attributes", PLACEHOLDER, 1);
        if (sight_is_tenants(&b->sight))
            json_object_set_new(json_object_get(documents[i], "attributes"),
                                collection_tenant_field(b->c),
                                json_stringn(b->sight.tenant.s, b->sight.tenant.n));
    }
    enum err err = engine_put(b->c->engine, str_c(b->c->name), (const json_t *const *)documents, n,
                              &o, b->a, made, &position, e);
    for (size_t i = 0; i < n; i++)
        json_decref(documents[i]);
    return err ? err : numbers_find(b, e);
}

enum err placeholders_drop(struct collection *c, struct arena *a, struct docset *from,
                           struct err_info *e)
{
    struct docset marked;
    if (attributes_know_field(c->attributes, STR(PLACEHOLDER), NULL))
        return ERR_OK; /* there never was one */
    docset_init(&marked);
    enum err err = filter_select(c, NULL, a, STR(PLACEHOLDER " = true"), &marked, e);
    if (!err)
        docset_minus(from, &marked);
    docset_release(&marked);
    return err;
}

static enum err documents_find(struct batch *b, bool create, struct err_info *e)
{
    enum err err = numbers_find(b, e);
    if (!err && create)
        err = placeholders_make(b, e);
    for (size_t i = 0; i < b->count && !err; i++) {
        struct err_info info = {0};
        if (b->results[i].err || b->numbers[i])
            continue;
        enum err bad = err_set(&info, ERR_NOT_FOUND, "/document",
                               "there is no document \"%.*s\" in this collection",
                               (int)str_utf8_cut(b->rows[i].document, 200), b->rows[i].document.s);
        row_fail(b, i, bad, &info);
    }
    return err;
}

/* ---- the answers that it names ---- */

static bool list_has(const struct served_list *list, uint32_t number)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->slots[i].number == number)
            return true;
    return false;
}

/* What is wrong with naming this answer; NULL: nothing. */
static const char *answer_judge(const struct batch *b, size_t row, const struct served_record *r)
{
    struct served_list list;
    if (r->id == 0)
        return "no such recommendation is in the log: it does not count for one";
    if (r->user.n && !str_eq(r->user, b->rows[row].user))
        return "that recommendation was made for another user: it does not count for one";
    if (served_unpack(r->payload, 0, b->a, &list, NULL) || !list_has(&list, b->numbers[row]))
        return "the document was not in that recommendation: it does not count for one";
    return NULL;
}

/* The log of answers ends some day, and a crash may take its last 200 ms: feedback that names what
 * is not there is kept, and told so. */
static enum err answers_find(struct batch *b, struct err_info *e)
{
    uint8_t(*tokens)[SERVED_TOKEN] = arena_array(b->a, b->count + 1, sizeof *tokens);
    size_t *rows = arena_array(b->a, b->count + 1, sizeof *rows), n = 0;
    for (size_t i = 0; i < b->count; i++) {
        struct str id = b->rows[i].recommendation_id;
        if (b->results[i].err || id.n == 0)
            continue;
        if (served_token(id, tokens[n]))
            rows[n++] = i;
        else
            b->results[i].warning = "is no recommendation id of akin: it does not count for one";
    }
    if (n == 0)
        return ERR_OK;
    struct served_record *found = arena_array(b->a, n, sizeof *found);
    enum err err = served_by_token(b->c, (const uint8_t(*)[SERVED_TOKEN])tokens, n, b->a, found, e);
    for (size_t i = 0; i < n && !err; i++)
        b->results[rows[i]].warning = answer_judge(b, rows[i], &found[i]);
    return err;
}

/* ---- storing ---- */

static enum err batch_write(struct batch *b, bool atomic, struct position *at, struct err_info *e)
{
    struct store_act *acts = arena_array(b->a, b->count + 1, sizeof *acts);
    size_t *of = arena_array(b->a, b->count + 1, sizeof *of), n = 0;
    for (size_t i = 0; i < b->count; i++) {
        if (b->results[i].err)
            continue;
        acts[n].kind = ACT_FEEDBACK_ADD;
        acts[n].feedback = b->records[i];
        of[n++] = i;
    }
    enum err err = n ? store_write(b->c->engine->store, acts, n, atomic, at, e) : 0;
    for (size_t i = 0; i < n && !err; i++) {
        struct put_result *r = &b->results[of[i]];
        r->revision = acts[i].revision;
        if (acts[i].err)
            row_fail(b, of[i], acts[i].err, &acts[i].info);
        else if (acts[i].status == ACT_UNCHANGED)
            r->status = "unchanged";
        else
            metric_feedback(b->c->engine, acts[i].feedback.type);
    }
    return err;
}

/* All or nothing: the first that is wrong speaks for all. */
static enum err batch_whole(const struct batch *b, struct err_info *e)
{
    for (size_t i = 0; i < b->count; i++)
        if (b->results[i].err) {
            *e = b->results[i].info;
            return b->results[i].err;
        }
    return ERR_OK;
}

static enum err batch_run(struct batch *b, const struct feedback_options *o, struct position *at,
                          struct err_info *e)
{
    batch_read(b);
    enum err err = o->atomic ? batch_whole(b, e) : ERR_OK;
    if (!err)
        err = documents_find(b, o->create, e);
    if (!err && o->atomic)
        err = batch_whole(b, e);
    if (!err)
        err = answers_find(b, e);
    if (!err)
        err = batch_write(b, o->atomic, at, e);
    return err ? err : applied_wait(b->c->engine, at->change, 0, e);
}

enum err engine_feedback_add(struct engine *x, struct str collection,
                             const struct feedback_in *rows, size_t count,
                             const struct feedback_options *o, struct arena *a,
                             struct put_result *results, struct str *position, struct err_info *e)
{
    static const struct feedback_options none;
    struct batch b = {.rows = rows, .results = results, .count = count, .a = a};
    struct position at;
    if (count > FEEDBACK_ROWS_MAX)
        return err_set(e, ERR_TOO_LARGE, "", "at most %d rows in one request", FEEDBACK_ROWS_MAX);
    enum err err = collection_find(x, collection, &b.c, e);
    if (err)
        return err;
    b.records = arena_array(a, count + 1, sizeof *b.records);
    b.numbers = arena_array(a, count + 1, sizeof *b.numbers);
    store_position(x->store, &at);
    err = sight_open(b.c, a, o ? o->within : STR(""), &b.sight, e);
    if (!err)
        err = batch_run(&b, o ? o : &none, &at, e);
    sight_close(&b.sight);
    collection_unref(b.c);
    metric_error(x, err);
    if (!err && position)
        *position = position_text(a, &at);
    return err;
}

/* ---- reading ---- */

static void feedback_out_make(const struct feedback_record *f, struct feedback_out *out)
{
    *out = (struct feedback_out){
        .event_id = f->event_id,
        .user = f->user,
        .document = f->document,
        .type = f->type,
        .session = f->session,
        .recommendation_id = f->recommendation_id,
        .value = f->value,
        .position = f->position,
        .time_us = f->time_us,
        .change = f->change,
    };
}

/* Of `rows` those about documents that are seen, in their order; at most `max`. Returns how many
 * were looked at. */
static enum err feedback_seen(struct collection *c, const struct sight *s, struct arena *a,
                              const struct feedback_record *rows, size_t n, size_t max,
                              struct feedback_out *out, size_t *count, size_t *looked,
                              struct err_info *e)
{
    enum err err = ERR_OK;
    uint32_t *numbers = arena_array(a, n + 1, sizeof *numbers);
    struct str *ids = arena_array(a, n + 1, sizeof *ids);
    for (size_t i = 0; i < n; i++)
        ids[i] = rows[i].document;
    if (s->filter)
        err = numbers_of_ids(c, s, a, ids, n, numbers, e);
    for (*looked = 0; !err && *looked < n && *count < max; ++*looked)
        if (!s->filter || numbers[*looked])
            feedback_out_make(&rows[*looked], &out[(*count)++]);
    return err;
}

/* Who sees a part only gets a page of that; so many rows are looked at for it. */
static enum err feedback_page(struct collection *c, const struct sight *s, struct str user,
                              struct str document, uint64_t before, size_t limit, struct arena *a,
                              struct feedback_out *out, size_t *count, uint64_t *next,
                              struct err_info *e)
{
    size_t page = s->filter ? LIST_STEP : limit + 1;
    *count = 0;
    *next = 0;
    for (size_t step = 0; step < LIST_STEPS_MAX; step++) {
        struct feedback_record *rows;
        size_t n, looked;
        enum err err = store_feedback_list(c->engine->store, a, c->id, user, document, before, page,
                                           &rows, &n, e);
        if (!err)
            err = feedback_seen(c, s, a, rows, n, limit, out, count, &looked, e);
        if (err)
            return err;
        *next = looked < n || n == page ? looked ? rows[looked - 1].change : before : 0;
        if (!*next || *count == limit)
            return ERR_OK;
        before = *next;
    }
    return ERR_OK;
}

enum err engine_feedback_list(struct engine *x, struct str collection, struct str within,
                              struct str user, struct str document, uint64_t before, size_t limit,
                              struct arena *a, struct feedback_out **out, size_t *count,
                              uint64_t *next, struct err_info *e)
{
    struct collection *c;
    struct sight sight;
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    *out = arena_array(a, limit + 1, sizeof **out);
    err = sight_open(c, a, within, &sight, e);
    if (!err)
        err = feedback_page(c, &sight, user, document, before, limit, a, *out, count, next, e);
    sight_close(&sight);
    collection_unref(c);
    return err;
}

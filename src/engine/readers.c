/* What readers are and do: users and feedback. */
#include "base/clock.h"
#include "base/hash.h"
#include "engine/internal.h"
#include <math.h>
#include <string.h>

#define FEEDBACK_ROWS_MAX 10000
#define NAME_BYTES_MAX 255
#define EVENT_ID_DIGITS 32
#define DAY_US 86400000000LL
#define AHEAD_US 300000000LL /* of clocks that run ahead of this one */

/* ---- feedback ---- */

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

static void row_fail(struct put_result *r, enum err err, const struct err_info *info)
{
    r->status = "failed";
    r->err = err;
    r->info = *info;
}

/* The pointer of a row's field in the body. */
static void row_pointer(struct err_info *info, size_t row)
{
    char field[sizeof info->field];
    memcpy(field, info->field, sizeof field);
    snprintf(info->field, sizeof info->field, "/%zu%.130s", row, field);
}

static enum err feedback_read_all(struct collection *c, const struct feedback_in *rows,
                                  size_t count, struct arena *a, struct feedback_record *out,
                                  struct put_result *results, struct err_info *e)
{
    struct str *ids = arena_array(a, count + 1, sizeof *ids);
    uint32_t *numbers = arena_array(a, count + 1, sizeof *numbers);
    struct feedback_settings s;
    collection_feedback(c, &s);
    for (size_t i = 0; i < count; i++)
        ids[i] = rows[i].document;
    enum err err = numbers_of_ids(c, a, ids, count, numbers, e);
    for (size_t i = 0; i < count && !err; i++) {
        struct err_info info = {0};
        enum err bad = feedback_read(&s, &rows[i], a, &out[i], &info);
        if (!bad && numbers[i] == 0)
            bad = err_set(&info, ERR_NOT_FOUND, "/document",
                          "there is no such document in this collection");
        results[i] = (struct put_result){.id = bad ? rows[i].event_id : out[i].event_id,
                                         .status = "created"};
        out[i].collection = c->id;
        if (bad) {
            row_pointer(&info, i);
            row_fail(&results[i], bad, &info);
        }
    }
    return err;
}

static enum err feedback_write(struct collection *c, const struct feedback_record *rows,
                               size_t count, struct arena *a, struct put_result *results,
                               struct position *at, struct err_info *e)
{
    struct store_act *acts = arena_array(a, count + 1, sizeof *acts);
    struct put_result **of = arena_array(a, count + 1, sizeof *of);
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (results[i].err)
            continue;
        acts[n].kind = ACT_FEEDBACK_ADD;
        acts[n].feedback = rows[i];
        of[n++] = &results[i];
    }
    enum err err = n ? store_write(c->engine->store, acts, n, false, at, e) : 0;
    for (size_t i = 0; i < n && !err; i++) {
        of[i]->revision = acts[i].revision;
        if (acts[i].err)
            row_fail(of[i], acts[i].err, &acts[i].info);
        else if (acts[i].status == ACT_UNCHANGED)
            of[i]->status = "unchanged";
        else
            metric_feedback(c->engine, acts[i].feedback.type);
    }
    return err;
}

enum err engine_feedback_add(struct engine *x, struct str collection,
                             const struct feedback_in *rows, size_t count, struct arena *a,
                             struct put_result *results, struct str *position, struct err_info *e)
{
    struct collection *c;
    struct position at;
    if (count > FEEDBACK_ROWS_MAX)
        return err_set(e, ERR_TOO_LARGE, "", "at most %d rows in one request", FEEDBACK_ROWS_MAX);
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    struct feedback_record *records = arena_array(a, count + 1, sizeof *records);
    store_position(x->store, &at);
    err = feedback_read_all(c, rows, count, a, records, results, e);
    if (!err)
        err = feedback_write(c, records, count, a, results, &at, e);
    if (!err)
        err = applied_wait(x, at.change, 0, e);
    collection_unref(c);
    metric_error(x, err);
    if (!err && position)
        *position = position_text(a, &at);
    return err;
}

enum err engine_feedback_list(struct engine *x, struct str collection, struct str user,
                              struct str document, uint64_t before, size_t limit, struct arena *a,
                              struct feedback_out **out, size_t *count, struct err_info *e)
{
    struct collection *c;
    struct feedback_record *rows;
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    err = store_feedback_list(x->store, a, c->id, user, document, before, limit, &rows, count, e);
    collection_unref(c);
    if (err)
        return err;
    *out = arena_array(a, *count + 1, sizeof **out);
    for (size_t i = 0; i < *count; i++)
        (*out)[i] = (struct feedback_out){
            .event_id = rows[i].event_id,
            .user = rows[i].user,
            .document = rows[i].document,
            .type = rows[i].type,
            .session = rows[i].session,
            .recommendation_id = rows[i].recommendation_id,
            .value = rows[i].value,
            .position = rows[i].position,
            .time_us = rows[i].time_us,
            .change = rows[i].change,
        };
    return 0;
}

/* ---- users ---- */

static enum err user_check(const json_t *body, struct str id, struct err_info *e)
{
    const char *key;
    json_t *v;
    if (!json_is_object(body))
        return err_set(e, ERR_INVALID, "", "must be an object");
    json_object_foreach((json_t *)body, key, v)
    {
        char pointer[96];
        snprintf(pointer, sizeof pointer, "/%.80s", key);
        bool is_id = strcmp(key, "id") == 0, is_labels = strcmp(key, "labels") == 0;
        if (is_id && !str_eq(json_str(v), id))
            return err_set(e, ERR_INVALID, "/id", "is another than that of the address");
        if (strcmp(key, "attributes") == 0 && !json_is_object(v))
            return err_set(e, ERR_INVALID, pointer, "must be an object");
        if (is_labels && !json_is_array(v))
            return err_set(e, ERR_INVALID, pointer, "must be an array of strings");
        for (size_t i = 0; is_labels && i < json_array_size(v); i++)
            if (!json_is_string(json_array_get(v, i))) {
                snprintf(pointer, sizeof pointer, "/labels/%zu", i);
                return err_set(e, ERR_INVALID, pointer, "must be a string");
            }
        if (!is_id && !is_labels && strcmp(key, "attributes") != 0)
            return err_set(e, ERR_INVALID, pointer,
                           "unknown field; a user has attributes and labels");
    }
    return 0;
}

static struct str user_payload(const json_t *body, struct arena *a)
{
    struct strbuf b;
    json_t *copy = json_copy((json_t *)body);
    json_object_del(copy, "id");
    strbuf_init(&b, 0);
    json_put_canonical(&b, copy);
    struct str payload = arena_str(a, strbuf_str(&b));
    strbuf_release(&b);
    json_decref(copy);
    return payload;
}

static void user_out_make(const struct user_record *r, struct user_out *out)
{
    *out = (struct user_out){r->id, r->payload, r->created_us, r->updated_us, r->revision};
}

static enum err user_act(struct collection *c, struct store_act *act, struct err_info *e)
{
    struct position at;
    enum err err = store_write(c->engine->store, act, 1, false, &at, e);
    if (!err && act->err)
        err = err_set(e, act->err, act->info.field, "%s", act->info.message);
    if (!err)
        err = applied_wait(c->engine, at.change, 0, e);
    metric_error(c->engine, err);
    return err;
}

enum err engine_user_put(struct engine *x, struct str collection, struct str id, const json_t *body,
                         struct arena *a, struct user_out *out, bool *created, struct err_info *e)
{
    struct collection *c;
    struct user_record stored;
    enum err err = id_check(id, "id", e);
    if (err || (err = user_check(body, id, e)) || (err = collection_find(x, collection, &c, e)))
        return err;
    struct store_act act = {.kind = ACT_USER_PUT, .user_collection = c->id};
    act.user.id = id;
    act.user.payload = user_payload(body, a);
    act.user.created_us = act.user.updated_us = clock_wall_us();
    err = user_act(c, &act, e);
    if (!err)
        err = store_user_get(x->store, a, c->id, id, &stored, e);
    collection_unref(c);
    if (err)
        return err;
    if (created)
        *created = act.status == ACT_CREATED;
    user_out_make(&stored, out);
    return 0;
}

enum err engine_user_get(struct engine *x, struct str collection, struct str id, struct arena *a,
                         struct user_out *out, struct err_info *e)
{
    struct collection *c;
    struct user_record r;
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    err = store_user_get(x->store, a, c->id, id, &r, e);
    collection_unref(c);
    if (!err)
        user_out_make(&r, out);
    return err;
}

enum err engine_user_delete(struct engine *x, struct str collection, struct str id,
                            struct err_info *e)
{
    struct collection *c;
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    struct arena *a = arena_new(0);
    struct feedback_record *acts;
    size_t count;
    served_flush(x); /* what waits for the disk is erased with the rest */
    struct store_act act = {.kind = ACT_USER_DELETE, .user_collection = c->id};
    act.user.id = id;
    err = popular_erasing(c, id, a, &acts, &count, e);
    while (!err && !(err = user_act(c, &act, e)) && act.id)
        act.user_rest = true;
    if (!err)
        popular_erased(c, acts, count, a);
    arena_free(a);
    collection_unref(c);
    return err;
}

/* Tasks of kind "train": their payload, queueing, cancelling, and what a user sees of any task. */
#include "engine/training.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include <math.h>
#include <string.h>

#define OPEN_MAX 1000
#define WAITERS_MAX 2 /* callers that hold a worker of the API while they wait for a task */
#define LOOK_NS 200000000
#define CANCEL_NS 5000000000LL

static const char *const status_names[] = {[TASK_QUEUED] = "queued",
                                           [TASK_RUNNING] = "running",
                                           [TASK_DONE] = "done",
                                           [TASK_FAILED] = "failed",
                                           [TASK_CANCELLED] = "cancelled"};
static const char *const reasons[] = {"asked", "changes", "time", "embedding version", "erasure"};

static bool ended(enum task_state s)
{
    return s != TASK_QUEUED && s != TASK_RUNNING;
}

/* ---- the payload ---- */

static void copy_str(char *out, size_t size, struct str s)
{
    size_t n = str_utf8_cut(s, size - 1);
    if (n)
        memcpy(out, s.s, n);
    out[n] = 0;
}

static const char *reason_find(struct str s)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (str_eq_c(s, reasons[i]))
            return reasons[i];
    return reasons[0];
}

void order_read(struct str payload, struct training_order *out)
{
    json_t *v = NULL;
    *out = (struct training_order){
        .seed = TRAINING_SEED, .held_out = TRAINING_HELD_OUT, .reason = reasons[0]};
    if (json_parse_stored(payload, &v, NULL))
        return;
    copy_str(out->collection, sizeof out->collection, json_str(json_object_get(v, "collection")));
    copy_str(out->kind, sizeof out->kind, json_str(json_object_get(v, "kind")));
    copy_str(out->why, sizeof out->why, json_str(json_object_get(v, "why")));
    out->collection_id = (uint32_t)json_integer_value(json_object_get(v, "collection_id"));
    copy_str(out->label, sizeof out->label, json_str(json_object_get(v, "label")));
    out->min_probability = json_number_value(json_object_get(v, "min_probability"));
    out->seed = (uint64_t)json_integer_value(json_object_get(v, "seed"));
    out->held_out = json_number_value(json_object_get(v, "held_out"));
    out->promote = json_is_true(json_object_get(v, "promote"));
    out->reason = reason_find(json_str(json_object_get(v, "reason")));
    out->attempt = (unsigned)json_integer_value(json_object_get(v, "attempt"));
    out->version = (uint32_t)json_integer_value(json_object_get(v, "embedding_version"));
    json_decref(v);
}

static void render_error(struct json_writer *w, const struct err_info *e)
{
    json_object_begin(w);
    json_key_c(w, "code", err_name(e->code));
    json_key_c(w, "detail", e->message);
    json_object_end(w);
}

struct str order_text(const struct training_order *o, struct arena *a)
{
    struct strbuf b;
    struct json_writer w;
    strbuf_init(&b, 0);
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_key_int(&w, "attempt", o->attempt);
    json_key_c(&w, "collection", o->collection);
    json_key_int(&w, "collection_id", o->collection_id);
    if (o->error.code) {
        json_key(&w, "error");
        render_error(&w, &o->error);
    }
    json_key_double(&w, "held_out", o->held_out);
    json_key_c(&w, "kind", o->kind[0] ? o->kind : NULL);
    if (o->label[0]) {
        json_key_c(&w, "label", o->label);
        json_key_double(&w, "min_probability", o->min_probability);
    }
    json_key_bool(&w, "promote", o->promote);
    if (o->version)
        json_key_int(&w, "embedding_version", o->version);
    if (o->made || o->version)
        json_key_bool(&w, "promoted", o->promoted);
    json_key_c(&w, "reason", o->reason);
    if (o->made)
        json_key_int(&w, "recommender", o->made);
    if (o->report.n) {
        json_key(&w, "report");
        json_put_raw(&w, o->report);
    }
    if (o->seconds > 0)
        json_key_double(&w, "seconds", round(o->seconds * 1000) / 1000);
    json_key_int(&w, "seed", (int64_t)o->seed);
    if (o->strength > 0)
        json_key_double(&w, "strength", o->strength);
    if (o->why[0])
        json_key_c(&w, "why", o->why);
    json_object_end(&w);
    struct str text = arena_str(a, strbuf_str(&b));
    strbuf_release(&b);
    return text;
}

/* ---- writing ---- */

static enum err task_act(struct engine *x, uint64_t id, enum task_state state,
                         const struct training_order *o, int64_t created_us, uint64_t *made,
                         struct err_info *e)
{
    struct arena *a = arena_new(0);
    struct store_act act = {.kind = ACT_TASK_PUT};
    act.task = (struct task_record){.id = id,
                                    .kind = STR("train"),
                                    .state = state,
                                    .payload = order_text(o, a),
                                    .created_us = created_us,
                                    .updated_us = clock_wall_us()};
    enum err err = store_write(x->store, &act, 1, false, NULL, e);
    if (!err && act.err)
        err = err_set(e, act.err, act.info.field, "%s", act.info.message);
    if (!err && made)
        *made = act.id;
    arena_free(a);
    return err;
}

enum err training_task_write(struct engine *x, uint64_t id, enum task_state state,
                             const struct training_order *o, struct err_info *e)
{
    struct arena *a = arena_new(0);
    struct task_record r;
    enum err err = store_task_get(x->store, a, id, &r, e);
    if (!err)
        err = task_act(x, id, state, o, r.created_us, NULL, e);
    if (!err && r.state != state) {
        metric_task(x, "train", status_names[r.state], ended(r.state) ? 0 : -1);
        metric_task(x, "train", status_names[state], 1);
    }
    arena_free(a);
    lock_take(&x->training->lock);
    cond_broadcast(&x->training->changed);
    lock_drop(&x->training->lock);
    return err;
}

/* ---- queueing ---- */

static enum err none_open(struct engine *x, uint32_t collection, struct arena *a,
                          struct err_info *e)
{
    struct task_record *rows;
    struct training_order o;
    size_t n;
    enum err err = store_task_open(x->store, a, OPEN_MAX, &rows, &n, e);
    for (size_t i = 0; i < n && !err; i++) {
        if (!str_eq_c(rows[i].kind, "train"))
            continue;
        order_read(rows[i].payload, &o);
        if (o.collection_id == collection)
            err = err_set(e, ERR_CONFLICT, NULL,
                          "task %llu trains collection \"%s\" already: wait for it or cancel it",
                          (unsigned long long)rows[i].id, o.collection);
    }
    return err;
}

enum err training_queue(struct engine *x, const struct training_order *o, uint64_t *id,
                        struct err_info *e)
{
    struct training *t = x->training;
    struct arena *a = arena_new(0);
    lock_take(&t->lock);
    while (t->asking)
        cond_wait(&t->changed, &t->lock);
    t->asking = true;
    lock_drop(&t->lock);
    enum err err = none_open(x, o->collection_id, a, e);
    if (!err)
        err = task_act(x, 0, TASK_QUEUED, o, 0, id, e);
    lock_take(&t->lock);
    t->asking = false;
    cond_broadcast(&t->changed);
    lock_drop(&t->lock);
    arena_free(a);
    if (!err) {
        metric_task(x, "train", "queued", 1);
        trainer_wake(x);
    }
    return err;
}

static enum err enough_readers(struct collection *c, struct err_info *e)
{
    unsigned readers;
    enum err err =
        store_feedback_readers(c->engine->store, c->id, TRAINING_READERS_MIN, &readers, e);
    if (err || readers >= TRAINING_READERS_MIN)
        return err;
    return err_set(e, ERR_CONFLICT, NULL,
                   "%u of at least %u readers have given feedback: too few to train and to judge; "
                   "profiles, neighbours and popularity serve",
                   readers, TRAINING_READERS_MIN);
}

static enum err classifier_order(struct collection *c, const struct train_request *r,
                                 struct training_order *o, struct err_info *e)
{
    bool classifier = str_eq_c(r->kind, TRAINING_CLASSIFIER);
    if (r->label.n && !classifier)
        return err_set(e, ERR_INVALID, "/label", "belongs to the kind classifier");
    if (!classifier)
        return enough_readers(c, e);
    if (!(r->min_probability >= 0 && r->min_probability <= 1))
        return err_set(e, ERR_INVALID, "/min_probability", "must be from 0 to 1");
    enum err err = training_label_check(c, r->label, e);
    if (err)
        return err;
    copy_str(o->label, sizeof o->label, r->label);
    o->min_probability = r->min_probability;
    return 0;
}

static enum err order_make(struct collection *c, const struct train_request *r,
                           struct training_order *o, struct err_info *e)
{
    static const char *const kinds[] = {"",     "ease",           "neighbours",       "walks",
                                        "ials", TRAINING_ADAPTER, TRAINING_CLASSIFIER};
    bool known = false;
    *o = (struct training_order){.collection_id = c->id,
                                 .seed = r->seed,
                                 .held_out = r->held_out > 0 ? r->held_out : TRAINING_HELD_OUT,
                                 .promote = r->promote,
                                 .reason = reasons[0]};
    memcpy(o->collection, c->name, sizeof o->collection);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        known |= str_eq_c(r->kind, kinds[i]);
    if (!known)
        return err_set(e, ERR_INVALID, "/kind",
                       "must be ease, neighbours, walks, ials, adapter or classifier");
    copy_str(o->kind, sizeof o->kind, r->kind);
    return r->held_out < 1 ? classifier_order(c, r, o, e)
                           : err_set(e, ERR_INVALID, "/held_out", "must be between 0 and 1");
}

enum err engine_train(struct engine *x, struct str collection, const struct train_request *r,
                      struct arena *a, struct task_info *out, struct err_info *e)
{
    struct collection *c;
    struct training_order o;
    uint64_t id;
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    err = order_make(c, r, &o, e);
    if (!err)
        err = training_queue(x, &o, &id, e);
    collection_unref(c);
    metric_error(x, err);
    return err ? err : engine_task_get(x, id, a, out, e);
}

/* ---- cancelling ---- */

bool training_cancelled(struct engine *x, uint64_t task)
{
    struct training *t = x->training;
    bool found = false;
    lock_take(&t->lock);
    for (size_t i = 0; i < TRAINING_CANCELS_MAX; i++)
        found |= t->cancels[i] == task;
    lock_drop(&t->lock);
    return found;
}

static bool cancel_note(struct training *t, uint64_t id)
{
    lock_take(&t->lock);
    t->cancels[t->cancel_next++ % TRAINING_CANCELS_MAX] = id;
    bool running = t->task == id;
    lock_drop(&t->lock);
    return running;
}

enum err engine_task_cancel(struct engine *x, uint64_t id, struct arena *a, struct task_info *out,
                            struct err_info *e)
{
    struct task_record r;
    struct training_order o;
    enum err err = store_task_get(x->store, a, id, &r, e);
    if (err)
        return err;
    if (ended(r.state))
        return err_set(e, ERR_CONFLICT, NULL, "task %llu is %s already", (unsigned long long)id,
                       status_names[r.state]);
    if (!str_eq_c(r.kind, "train"))
        return err_set(e, ERR_CONFLICT, NULL, "tasks of type %.*s cannot be cancelled",
                       STR_ARG(r.kind));
    order_read(r.payload, &o);
    if (!cancel_note(x->training, id))
        err = training_task_write(x, id, TASK_CANCELLED, &o, e);
    return err ? err : engine_task_wait(x, id, clock_mono_ns() + CANCEL_NS, a, out, e);
}

/* ---- looking ---- */

void training_at(struct engine *x, const char *step, double done)
{
    struct training *t = x->training;
    lock_take(&t->lock);
    snprintf(t->step, sizeof t->step, "%.47s", step);
    t->done = done < 0 ? 0 : done > 1 ? 1 : done;
    lock_drop(&t->lock);
}

static void info_make(struct engine *x, const struct task_record *r, struct arena *a,
                      struct task_info *out)
{
    struct training *t = x->training;
    struct training_order o;
    *out = (struct task_info){.id = r->id,
                              .type = r->kind,
                              .status = status_names[r->state],
                              .collection = STR(""),
                              .step = STR(""),
                              .done = r->state == TASK_DONE ? 1 : 0,
                              .details = r->payload.n ? r->payload : STR("{}"),
                              .created_us = r->created_us,
                              .updated_us = r->updated_us};
    if (str_eq_c(r->kind, "train")) {
        order_read(r->payload, &o);
        out->collection = arena_str(a, str_c(o.collection));
    }
    lock_take(&t->lock);
    if (t->task == r->id) {
        out->step = arena_str(a, str_c(t->step));
        out->done = t->done;
    }
    lock_drop(&t->lock);
}

enum err engine_task_get(struct engine *x, uint64_t id, struct arena *a, struct task_info *out,
                         struct err_info *e)
{
    struct task_record r;
    enum err err = store_task_get(x->store, a, id, &r, e);
    if (!err)
        info_make(x, &r, a, out);
    return err;
}

enum err engine_task_list(struct engine *x, uint64_t before, size_t limit, struct arena *a,
                          struct task_info **out, size_t *count, struct err_info *e)
{
    struct task_record *rows;
    enum err err = store_task_list(x->store, a, before, limit, &rows, count, e);
    if (err)
        return err;
    *out = arena_array(a, *count + 1, sizeof **out);
    for (size_t i = 0; i < *count; i++)
        info_make(x, &rows[i], a, &(*out)[i]);
    return 0;
}

/* A wait holds a worker of the caller's: few may, the others are told how it stands. */
static bool wait_begin(struct training *t)
{
    lock_take(&t->lock);
    bool may = t->waiting < WAITERS_MAX;
    t->waiting += may;
    lock_drop(&t->lock);
    return may;
}

static void wait_end(struct training *t)
{
    lock_take(&t->lock);
    t->waiting--;
    lock_drop(&t->lock);
}

static void wait_a_while(struct training *t, int64_t deadline_ns)
{
    int64_t until = clock_mono_ns() + LOOK_NS;
    lock_take(&t->lock);
    (void)cond_wait_until(&t->changed, &t->lock, until < deadline_ns ? until : deadline_ns);
    lock_drop(&t->lock);
}

enum err engine_task_wait(struct engine *x, uint64_t id, int64_t deadline_ns, struct arena *a,
                          struct task_info *out, struct err_info *e)
{
    struct task_record r;
    bool may = wait_begin(x->training);
    enum err err;
    while (!(err = store_task_get(x->store, a, id, &r, e)) && may && !ended(r.state) &&
           clock_mono_ns() < deadline_ns && !engine_closing(x))
        wait_a_while(x->training, deadline_ns);
    if (may)
        wait_end(x->training);
    if (!err)
        info_make(x, &r, a, out);
    return err;
}

/* ---- after a start ---- */

static void recover_one(struct engine *x, const struct task_record *r)
{
    struct training_order o;
    struct err_info info = {0};
    order_read(r->payload, &o);
    metric_task(x, "train", status_names[r->state], 1);
    if (r->state == TASK_QUEUED)
        return;
    training_adapter_cut_off(x, &o);
    bool again = o.attempt < TRAINING_ATTEMPTS_MAX;
    if (!again)
        err_set(&o.error, ERR_UNAVAILABLE, NULL, "interrupted %u times: akin ended while it ran",
                o.attempt);
    log_event(LOG_WARN,
              again ? "a training that was interrupted begins anew"
                    : "a training that was interrupted is given up",
              LOG_S("collection", o.collection), LOG_I("task", r->id), LOG_I("attempt", o.attempt));
    if (training_task_write(x, r->id, again ? TASK_QUEUED : TASK_FAILED, &o, &info))
        log_event(LOG_WARN, "a task could not be stored", LOG_S("reason", info.message));
}

void training_recover(struct engine *x)
{
    struct arena *a = arena_new(0);
    struct task_record *rows;
    size_t n = 0;
    if (store_task_open(x->store, a, OPEN_MAX, &rows, &n, NULL))
        n = 0;
    for (size_t i = 0; i < n; i++)
        if (str_eq_c(rows[i].kind, "train"))
            recover_one(x, &rows[i]);
    arena_free(a);
}

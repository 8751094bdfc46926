/* The trainer: one thread that takes the oldest queued training, runs it to its end, and looks in
 * between whether a collection is due for one. */
#include "engine/training.h"
#include "classify/classifier.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/rng.h"
#include "engine/recommend_impl.h"
#include "engine/recommenders.h"
#include <stdlib.h>
#include <string.h>

#define FIRST_NS 300000000LL /* nothing by itself so soon after a start: it may be a short one */
#define OPEN_MAX 1000

struct training *trainer_new(void)
{
    struct training *t = xcalloc(1, sizeof *t);
    lock_init(&t->lock, LOCK_LEAF);
    cond_init(&t->changed);
    return t;
}

void trainer_free(struct training *t)
{
    if (!t)
        return;
    cond_release(&t->changed);
    lock_release(&t->lock);
    free(t);
}

bool trainer_stopping(struct engine *x)
{
    return background_stopping(&x->trainer);
}

void trainer_wake(struct engine *x)
{
    background_wake(&x->trainer);
}

/* ---- what was made ---- */

static bool is_kind(const struct training_job *j, const char *kind)
{
    return strcmp(j->order->kind, kind) == 0;
}

/* The change of the store that it was made of. */
static enum err made_position(struct training_job *j, uint64_t *out, struct err_info *e)
{
    struct recommend_model *m = NULL;
    struct classifier *k = NULL;
    bool classifier = is_kind(j, TRAINING_CLASSIFIER);
    enum err err =
        classifier ? classifier_load(j->model, &k, e) : recommend_model_load(j->model, &m, e);
    if (!err)
        *out = classifier ? k->about.position : m->position;
    classifier_free(k);
    recommend_model_free(m);
    return err;
}

/* Whole, and of this very snapshot? */
static enum err made_verify(struct training_job *j, struct str *kind, struct err_info *e)
{
    uint64_t position = 0;
    json_t *report = NULL;
    enum err err = made_position(j, &position, e);
    if (!err && position != j->position)
        err = err_set(e, ERR_CORRUPT, NULL, "the training made a model of other data");
    if (!err)
        err = json_parse_within(j->report, 64u << 20, &report, e);
    if (!err) {
        struct str name = json_str(json_object_get(report, "kind"));
        *kind = arena_str(j->a, name.n ? name : STR("unknown"));
    }
    json_decref(report);
    return err;
}

static enum err record_make(struct training_job *j, struct recommender_record *r,
                            struct err_info *e)
{
    struct file *f = NULL;
    char *digest = arena_alloc(j->a, 65);
    enum err err = made_verify(j, &r->kind, e);
    if (!err)
        err = file_sha256(j->model, digest, e);
    if (!err)
        err = file_open(j->model, FILE_READ_ONLY, &f, e);
    if (!err)
        err = file_size(f, &r->bytes, e);
    file_close(f);
    r->collection = j->c->id;
    r->label = str_c(j->order->label);
    r->digest = str_c(digest);
    r->version = j->v->id;
    r->change = j->position;
    r->acts = j->acts;
    r->report = j->report;
    return err;
}

/* The record first, then the file under its number: one without the other is removed at the next
 * start, and only a candidate can be so. */
static enum err recommender_keep(struct training_job *j, struct err_info *e)
{
    struct store_act act = {.kind = ACT_RECOMMENDER_CREATE};
    enum err err = record_make(j, &act.recommender, e);
    if (!err)
        err = file_mkdirs(recommender_path(j->c, 0, j->a), 0700, e);
    if (!err)
        err = recommender_act(j->x, &act, e);
    if (err)
        return err;
    j->order->made = (uint32_t)act.id;
    return file_rename(j->model, recommender_path(j->c, j->order->made, j->a), e);
}

/* ---- the gate ---- */

static bool gate_passed(struct training_job *j)
{
    struct training_order *o = j->order;
    json_t *report = NULL;
    if (json_parse_within(j->report, 64u << 20, &report, NULL))
        return false;
    bool passed = json_is_true(json_object_get(report, "promote"));
    snprintf(o->why, sizeof o->why, "%.*s", STR_ARG(json_str(json_object_get(report, "reason"))));
    json_decref(report);
    return passed;
}

static uint32_t active_now(struct training_job *j)
{
    struct recommender_record *rows;
    size_t n;
    if (store_recommender_list(j->x->store, j->a, j->c->id, &rows, &n, NULL))
        return 0;
    for (size_t i = 0; i < n; i++)
        if (rows[i].state == RECOMMENDER_ACTIVE && str_eq_c(rows[i].label, j->order->label))
            return rows[i].id;
    return 0;
}

static void promote(struct training_job *j)
{
    struct training_order *o = j->order;
    struct recommender_info info;
    struct err_info why = {0};
    if (!gate_passed(j))
        return;
    if (!o->promote) {
        snprintf(o->why, sizeof o->why, "it would be promoted, but was not to be");
        return;
    }
    if (active_now(j) != j->active) { /* it was judged against another one */
        snprintf(o->why, sizeof o->why,
                 "another one was made the active one while this one was trained");
        return;
    }
    o->promoted =
        engine_recommender_promote(j->x, str_c(j->c->name), o->made, j->a, &info, &why) == 0;
    if (!o->promoted)
        snprintf(o->why, sizeof o->why, "%.390s", why.message);
}

/* ---- one training ---- */

/* A folder of its own, so that whatever a worker leaves goes with it. */
static enum err folder_make(struct training_job *j, struct err_info *e)
{
    char random[13];
    rng_hex(random, 12); /* a worker of a server before may still be dying */
    j->folder = arena_printf(j->a, "%s/tmp/train-%s", j->x->data_dir, random);
    j->feed = arena_printf(j->a, "%s/feed", j->folder);
    j->model = arena_printf(j->a, "%s/model", j->folder);
    return file_mkdirs(j->folder, 0700, e);
}

static bool erased_meanwhile(struct training_job *j)
{
    lock_take(&j->c->lock);
    bool erased = j->c->training.erased_change > j->position;
    lock_drop(&j->c->lock);
    return erased;
}

static enum err job_run(struct training_job *j, struct err_info *e)
{
    enum err err = 0;
    bool known = true; /* what was made knows a reader who is erased by now */
    for (unsigned tries = 0; !err && known && tries < TRAINING_ATTEMPTS_MAX; tries++) {
        bool classifier = is_kind(j, TRAINING_CLASSIFIER);
        err = classifier ? training_labels_snapshot(j, e) : training_snapshot(j, e);
        if (!err)
            err = training_work(j, e);
        known = !classifier && erased_meanwhile(j); /* a classifier knows no readers */
        (void)!file_remove(j->feed, NULL);
    }
    if (!err && known)
        err = err_set(e, ERR_CONFLICT, NULL, "readers were erased all the while; train again");
    bool adapter = is_kind(j, TRAINING_ADAPTER);
    if (!err)
        err = adapter ? training_adapter_keep(j, e) : recommender_keep(j, e);
    if (err || adapter)
        return err;
    promote(j);
    recommenders_trim(j->c, j->order->made);
    return 0;
}

static enum err job_prepare(struct training_job *j, struct err_info *e)
{
    j->c = collection_find_id(j->x, j->order->collection_id);
    if (!j->c)
        return err_set(e, ERR_NOT_FOUND, "collection", "the collection was deleted");
    if (is_kind(j, TRAINING_ADAPTER)) {
        if (!(j->v = training_adapter_base(j->c, e)))
            return e->code;
    } else {
        j->v = version_active(j->c);
        j->active = active_now(j);
    }
    return folder_make(j, e);
}

/* A cancelled one ends as such; one that akin's own end cut off goes on at the next start. */
static enum task_state state_after(struct training_job *j, enum err err)
{
    if (!err)
        return TASK_DONE;
    if (training_cancelled(j->x, j->task))
        return TASK_CANCELLED;
    if (trainer_stopping(j->x)) {
        j->order->attempt--;
        return TASK_QUEUED;
    }
    return TASK_FAILED;
}

static void job_tell(struct training_job *j, enum task_state state, const struct err_info *info)
{
    struct training_order *o = j->order;
    if (state == TASK_FAILED) {
        o->error = *info;
        log_event(LOG_ERROR, "a training failed", LOG_S("collection", o->collection),
                  LOG_I("task", j->task), LOG_S("reason", info->message));
    } else if (state == TASK_DONE) {
        log_event(LOG_INFO, "trained", LOG_S("collection", o->collection), LOG_I("task", j->task),
                  LOG_I("recommender", o->made), LOG_S("promoted", o->promoted ? "yes" : "no"),
                  LOG_S("why", o->why), LOG_F("seconds", o->seconds));
    }
}

static void task_begin(struct engine *x, uint64_t id)
{
    lock_take(&x->training->lock);
    x->training->task = id;
    snprintf(x->training->step, sizeof x->training->step, "starting");
    x->training->done = 0;
    lock_drop(&x->training->lock);
}

/* A disk may be full: then no other could begin either, and the task would be told to run for ever.
 */
static void end_write(struct training_job *j, enum task_state state)
{
    struct err_info info = {0};
    for (bool told = false; training_task_write(j->x, j->task, state, j->order, &info);) {
        if (!told)
            log_event(LOG_WARN, "a task could not be stored; trying again", LOG_I("task", j->task),
                      LOG_S("reason", info.message));
        told = true;
        if (trainer_stopping(j->x)) /* the next start begins it anew */
            return;
        err_clear(&info);
        background_sleep(&j->x->trainer, FIRST_NS);
    }
}

static void job_do(struct training_job *j)
{
    struct err_info info = {0};
    int64_t t0 = clock_mono_ns();
    task_begin(j->x, j->task);
    j->order->attempt++;
    enum err err = training_task_write(j->x, j->task, TASK_RUNNING, j->order, &info);
    if (!err && training_cancelled(j->x, j->task))
        err = ERR_CANCELLED;
    if (!err)
        err = job_prepare(j, &info);
    if (!err)
        err = job_run(j, &info);
    if (j->folder)
        (void)!file_remove_tree(j->folder, NULL); /* else at the next start */
    j->order->seconds = (double)(clock_mono_ns() - t0) / 1e9;
    enum task_state state = state_after(j, err);
    job_tell(j, state, &info);
    if (state == TASK_DONE || state == TASK_FAILED)
        metric_trained(j->x, j->order->seconds);
    if (j->c && state != TASK_QUEUED && !is_kind(j, TRAINING_CLASSIFIER)) /* no schedule's */
        training_ended(j->c, state == TASK_FAILED);
    task_begin(j->x, 0);
    end_write(j, state);
    version_unref(j->v);
    if (j->c)
        collection_unref(j->c);
}

/* The oldest queued one. False: there is none. */
static bool job_next(struct engine *x, struct arena *a)
{
    struct task_record *rows;
    struct training_order order;
    size_t n;
    if (store_task_open(x->store, a, OPEN_MAX, &rows, &n, NULL))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!str_eq_c(rows[i].kind, "train") || rows[i].state != TASK_QUEUED)
            continue;
        struct training_job j = {.x = x, .a = a, .task = rows[i].id, .order = &order};
        order_read(rows[i].payload, &order);
        job_do(&j);
        return true;
    }
    return false;
}

/* ---- the thread ---- */

static void trainer_run(void *arg)
{
    struct engine *x = arg;
    struct arena *a = arena_new(0);
    int64_t check_ns = (int64_t)x->options.train_check_seconds * 1000000000;
    int64_t due_ns = clock_mono_ns() + check_ns;
    training_recover(x);
    background_rest(&x->trainer, FIRST_NS);
    while (!trainer_stopping(x)) {
        if (check_ns && clock_mono_ns() >= due_ns) {
            training_schedule(x, a);
            due_ns = clock_mono_ns() + check_ns;
        }
        arena_reset(a);
        if (!job_next(x, a))
            background_rest(&x->trainer,
                            check_ns ? due_ns - clock_mono_ns() : INT64_C(60000000000));
        arena_reset(a);
    }
    arena_free(a);
}

void trainer_start(struct engine *x)
{
    background_start(&x->trainer, "trainer", trainer_run, x);
}

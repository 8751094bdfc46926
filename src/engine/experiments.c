/* Experiments kept, started and stopped; and who is in which variant. Those that run are in memory,
 * so that a request finds its variant without a read. */
#include "engine/experiments.h"
#include "base/clock.h"
#include "base/hash.h"
#include "engine/recommend_impl.h"
#include <string.h>

#define RESULTS_NS 2000000000LL /* that an answer may count */

/* ---- those that run ---- */

struct experiments *experiments_ref(struct collection *c)
{
    lock_take(&c->lock);
    struct experiments *x = c->experiments;
    if (x)
        x->refs++;
    lock_drop(&c->lock);
    return x;
}

void experiments_unref(struct collection *c, struct experiments *x)
{
    if (!x)
        return;
    lock_take(&c->lock);
    bool last = --x->refs == 0;
    lock_drop(&c->lock);
    if (last)
        arena_free(x->a);
}

enum err experiments_follow(struct collection *c, struct err_info *e)
{
    struct arena *a = arena_new(0);
    struct experiments *x = arena_zalloc(a, sizeof *x), *before;
    struct experiment_record *rows;
    size_t n;
    x->a = a;
    enum err err = store_experiment_list(c->engine->store, a, c->id, &rows, &n, e);
    if (err) {
        arena_free(a);
        return err;
    }
    x->all = arena_array(a, n + 1, sizeof *x->all);
    for (size_t i = 0; i < n && !err; i++)
        if (rows[i].state == EXPERIMENT_RUNNING)
            err = experiment_stored(&rows[i], a, &x->all[x->count++], NULL, e);
    if (err || !x->count) {
        arena_free(a);
        x = NULL;
    } else {
        x->refs = 1;
    }
    lock_take(&c->lock);
    before = c->experiments;
    c->experiments = x;
    lock_drop(&c->lock);
    experiments_unref(c, before);
    return err;
}

bool experiments_use(struct collection *c, uint32_t recommender)
{
    struct experiments *x = experiments_ref(c);
    bool used = false;
    for (size_t i = 0; x && i < x->count; i++)
        for (unsigned k = 0; k < x->all[i].variant_count; k++)
            used |= x->all[i].variants[k].fields & VARIANT_RECOMMENDER &&
                    x->all[i].variants[k].recommender == recommender;
    experiments_unref(c, x);
    return used;
}

/* ---- who is in which variant ---- */

/* The one of that scenario, or the one of no scenario. */
static const struct experiment *running_find(const struct experiments *x, struct str scenario)
{
    const struct experiment *found = NULL;
    for (size_t i = 0; i < x->count; i++) {
        if (str_eq(x->all[i].scenario, scenario))
            return &x->all[i];
        if (!x->all[i].scenario.n)
            found = &x->all[i];
    }
    return found;
}

/* [0, 1), the same for the same reader. */
static double reader_point(struct collection *c, const struct experiment *x, char kind,
                           struct str reader)
{
    struct strbuf b;
    uint8_t digest[32];
    uint64_t bits;
    strbuf_init(&b, 0);
    strbuf_printf(&b, "experiment %u %s %c ", c->id, x->name, kind);
    strbuf_add_str(&b, reader);
    hmac_sha256(c->engine->secret, sizeof c->engine->secret, b.buf, b.n, digest);
    strbuf_release(&b);
    memcpy(&bits, digest, sizeof bits);
    return (double)(bits >> 11) * 0x1p-53;
}

static const struct variant *variant_at(const struct experiment *x, double point)
{
    double total = 0, sum = 0;
    const struct variant *last = NULL;
    for (unsigned i = 0; i < x->variant_count; i++)
        total += x->variants[i].weight;
    for (unsigned i = 0; i < x->variant_count; i++) {
        if (!(x->variants[i].weight > 0))
            continue;
        last = &x->variants[i];
        sum += last->weight;
        if (point * total < sum)
            return last;
    }
    return last;
}

static void variant_apply(const struct variant *v, struct arena *a, struct recommend_request *r)
{
    if (v->fields & VARIANT_RECOMMENDER)
        r->recommender = v->recommender;
    if (v->fields & VARIANT_BLEND)
        r->blend = arena_str(a, v->blend);
    if (v->fields & VARIANT_DIVERSITY)
        r->diversity = v->diversity;
    if (v->fields & VARIANT_EXPLORE)
        r->explore = v->explore;
    if (v->fields & VARIANT_FATIGUE)
        r->fatigue = v->fatigue;
    if (v->fields & VARIANT_HALF_LIFE)
        r->half_life_days = v->half_life_days;
    if (v->fields & VARIANT_RANKER)
        r->ranker_off = !v->ranker;
}

void experiment_assign(struct collection *c, struct recommend_request *r, struct str session,
                       struct arena *a, struct str *experiment, struct str *variant)
{
    struct experiments *all = experiments_ref(c);
    const struct experiment *x = all ? running_find(all, r->scenario) : NULL;
    *experiment = *variant = (struct str){"", 0};
    if (x && (r->user.n || session.n)) {
        double point = reader_point(c, x, r->user.n ? 'u' : 's', r->user.n ? r->user : session);
        const struct variant *v = variant_at(x, point);
        variant_apply(v, a, r);
        *experiment = str_c(arena_strdup(a, x->name));
        *variant = str_c(arena_strdup(a, v->name));
    }
    experiments_unref(c, all);
}

/* ---- kept, started, stopped ---- */

static const char *const state_names[] = {
    [EXPERIMENT_DRAFT] = "draft",
    [EXPERIMENT_RUNNING] = "running",
    [EXPERIMENT_STOPPED] = "stopped",
};

static void out_make(const struct experiment_record *r, const struct experiment *x,
                     struct str results, struct arena *a, struct experiment_out *out)
{
    *out = (struct experiment_out){
        .name = r->name,
        .scenario = x->scenario,
        .state = state_names[x->state],
        .metric = experiment_metric_names[x->metric],
        .variants = experiment_variants(x, a),
        .results = results,
        .created_us = r->created_us,
        .updated_us = r->updated_us,
        .started_us = x->started_us,
        .stopped_us = x->stopped_us,
        .revision = r->revision,
    };
}

static enum err experiment_find(struct collection *c, struct str name, struct arena *a,
                                struct experiment_record *r, struct experiment *x,
                                struct str *results, struct err_info *e)
{
    struct err_info info = {0};
    enum err err = store_experiment_get(c->engine->store, a, c->id, name, r, &info);
    if (err == ERR_NOT_FOUND)
        return err_set(e, err, "experiment", "collection \"%s\" has no experiment \"%.*s\"",
                       c->name, (int)(name.n < 80 ? name.n : 80), name.s);
    if (err)
        return err_set(e, err, info.field, "%s", info.message);
    return experiment_stored(r, a, x, results, e);
}

/* Writes it and waits until it is in effect. */
static enum err experiment_write(struct collection *c, const struct experiment *x,
                                 struct str results, uint64_t if_revision, struct arena *a,
                                 struct err_info *e)
{
    struct position at;
    struct store_act act = {
        .kind = ACT_EXPERIMENT_PUT,
        .if_revision = if_revision,
        .experiment = {.collection = c->id,
                       .name = str_c(x->name),
                       .scenario = x->scenario,
                       .state = x->state,
                       .payload = experiment_payload(x, results, a)},
    };
    enum err err = store_write(c->engine->store, &act, 1, false, &at, e);
    if (!err && act.err == ERR_PRECONDITION)
        err = err_set(e, ERR_CONFLICT, "",
                      if_revision == REVISION_NONE
                          ? "there is an experiment of this name already"
                          : "the experiment was changed meanwhile; try again");
    else if (!err && act.err)
        err = err_set(e, act.err, act.info.field, "%s", act.info.message);
    return err ? err : applied_wait(c->engine, at.change, 0, e);
}

static enum err recommenders_exist(struct collection *c, const struct experiment *x,
                                   struct arena *a, struct err_info *e)
{
    struct recommender_record r;
    struct err_info info = {0};
    char pointer[64];
    for (unsigned i = 0; i < x->variant_count; i++) {
        const struct variant *v = &x->variants[i];
        if (!(v->fields & VARIANT_RECOMMENDER))
            continue;
        enum err err = store_recommender_get(c->engine->store, a, v->recommender, &r, &info);
        snprintf(pointer, sizeof pointer, "/variants/%u/recommender", i);
        if (err == ERR_NOT_FOUND || (!err && (r.collection != c->id || r.label.n)))
            return err_set(e, ERR_INVALID, pointer, "collection \"%s\" has no recommender %u",
                           c->name, v->recommender);
        if (err)
            return err_set(e, err, info.field, "%s", info.message);
    }
    return 0;
}

/* While it runs, only weights change: anything else would mix two experiments in one count. */
static enum err change_check(const struct experiment *old, const struct experiment *x,
                             struct arena *a, struct err_info *e)
{
    if (old->state == EXPERIMENT_DRAFT)
        return 0;
    if (old->state == EXPERIMENT_STOPPED)
        return err_set(e, ERR_CONFLICT, "",
                       "the experiment was stopped, and is kept as it was; make another one");
    struct experiment weighted = *x;
    bool same = x->metric == old->metric && str_eq(x->scenario, old->scenario) &&
                x->variant_count == old->variant_count;
    for (unsigned i = 0; same && i < x->variant_count; i++)
        weighted.variants[i].weight = old->variants[i].weight;
    if (same && str_eq(experiment_variants(&weighted, a), experiment_variants(old, a)))
        return 0;
    return err_set(e, ERR_CONFLICT, "",
                   "the experiment is running: only the weights of its variants can be changed");
}

enum err engine_experiment_put(struct engine *x, struct str collection, struct str name,
                               const json_t *body, bool only_new, struct arena *a,
                               struct experiment_out *out, bool *created, struct err_info *e)
{
    struct collection *c;
    struct experiment wanted, old;
    struct experiment_record r = {0};
    struct err_info info = {0};
    struct str results = {"", 0};
    enum err err = experiment_read(body, name, a, &wanted, e);
    if (err || (err = collection_find(x, collection, &c, e)))
        return err;
    err = recommenders_exist(c, &wanted, a, e);
    enum err found = err ? err : experiment_find(c, name, a, &r, &old, &results, &info);
    if (!err && found && found != ERR_NOT_FOUND)
        err = err_set(e, found, info.field, "%s", info.message);
    if (!err && !found && !only_new) {
        err = change_check(&old, &wanted, a, e);
        wanted.state = old.state;
        wanted.started_us = old.started_us;
    }
    if (!err)
        err = experiment_write(c, &wanted, results, found || only_new ? REVISION_NONE : r.revision,
                               a, e);
    if (!err)
        err = experiment_find(c, name, a, &r, &wanted, &results, e);
    collection_unref(c);
    metric_error(x, err);
    if (err)
        return err;
    *created = found != 0;
    out_make(&r, &wanted, results, a, out);
    return 0;
}

/* The next state of an experiment, and its numbers when it ends. */
static enum err experiment_advance(struct collection *c, enum experiment_state to, struct arena *a,
                                   struct experiment *x, struct str *results, struct err_info *e)
{
    int64_t now_us = clock_wall_us();
    if (x->state != (to == EXPERIMENT_RUNNING ? EXPERIMENT_DRAFT : EXPERIMENT_RUNNING))
        return err_set(e, ERR_CONFLICT, "",
                       x->state == EXPERIMENT_RUNNING   ? "the experiment is running already"
                       : x->state == EXPERIMENT_STOPPED ? "the experiment was stopped; its numbers "
                                                          "are final. Make another one"
                                                        : "the experiment was not started");
    if (to == EXPERIMENT_RUNNING) {
        x->started_us = now_us;
        x->state = to;
        return recommenders_exist(c, x, a, e);
    }
    enum err err = experiment_results(c, x, clock_mono_ns() + RESULTS_NS, a, results, e);
    x->stopped_us = now_us;
    x->state = to;
    return err;
}

enum err engine_experiment_set(struct engine *x, struct str collection, struct str name,
                               bool running, struct arena *a, struct experiment_out *out,
                               struct err_info *e)
{
    struct collection *c;
    struct experiment one;
    struct experiment_record r;
    struct str results = {"", 0};
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    err = experiment_find(c, name, a, &r, &one, NULL, e);
    if (!err)
        err = experiment_advance(c, running ? EXPERIMENT_RUNNING : EXPERIMENT_STOPPED, a, &one,
                                 &results, e);
    if (!err)
        err = experiment_write(c, &one, results, r.revision, a, e);
    if (!err)
        err = experiment_find(c, name, a, &r, &one, &results, e);
    collection_unref(c);
    metric_error(x, err);
    if (!err)
        out_make(&r, &one, results, a, out);
    return err;
}

enum err engine_experiment_get(struct engine *x, struct str collection, struct str name,
                               struct arena *a, struct experiment_out *out, struct err_info *e)
{
    struct collection *c;
    struct experiment one;
    struct experiment_record r;
    struct str results = {"", 0};
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    err = experiment_find(c, name, a, &r, &one, &results, e);
    if (!err && one.state == EXPERIMENT_RUNNING)
        err = experiment_results(c, &one, clock_mono_ns() + RESULTS_NS, a, &results, e);
    collection_unref(c);
    if (!err)
        out_make(&r, &one, results, a, out);
    return err;
}

enum err engine_experiment_list(struct engine *x, struct str collection, struct arena *a,
                                struct experiment_out **out, size_t *count, struct err_info *e)
{
    struct collection *c;
    struct experiment_record *rows;
    size_t n = 0;
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    err = store_experiment_list(x->store, a, c->id, &rows, &n, e);
    collection_unref(c);
    struct experiment_out *all = arena_array(a, n + 1, sizeof *all);
    for (size_t i = 0; i < n && !err; i++) {
        struct experiment one;
        err = experiment_stored(&rows[i], a, &one, NULL, e);
        if (!err)
            out_make(&rows[i], &one, (struct str){"", 0}, a, &all[i]);
    }
    if (err)
        return err;
    *out = all;
    *count = n;
    return 0;
}

enum err engine_experiment_delete(struct engine *x, struct str collection, struct str name,
                                  struct err_info *e)
{
    struct collection *c;
    struct position at;
    enum err err = collection_find(x, collection, &c, e);
    if (err)
        return err;
    struct store_act act = {.kind = ACT_EXPERIMENT_DELETE,
                            .experiment = {.collection = c->id, .name = name}};
    err = store_write(x->store, &act, 1, false, &at, e);
    if (!err && act.err)
        err = err_set(e, act.err, act.info.field, "%s", act.info.message);
    if (!err)
        err = applied_wait(x, at.change, 0, e);
    collection_unref(c);
    metric_error(x, err);
    return err;
}

/* Opening and closing: the data directory, then from the bottom up store, model, indexes, applier,
 * events, keeper; down again in the other order. */
#include "engine/internal.h"
#include "engine/recommenders.h"
#include "engine/tally.h"
#include "engine/training.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/rng.h"
#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORMAT_VERSION 1
#define LOCK_BYTES 256          /* "<pid> <address>", padded with blanks and a newline */
#define LOCK_WAIT_NS 2000000000 /* for a holder that was killed to let go */
#define LOCK_LOOK_NS 50000000   /* for one that is alive: it may just be dying */
#define LOCK_PAUSE_NS 5000000
#define PROCESS_EXITING 4u              /* PF_EXITING of the kernel, in /proc/PID/stat */
#define CACHE_BYTES_DEFAULT (16u << 20) /* some 10,000 vectors of 384 floats */

static char *path_in(const char *dir, const char *name)
{
    struct strbuf b;
    strbuf_init(&b, 0);
    strbuf_printf(&b, "%s/%s", dir, name);
    return strbuf_detach(&b, NULL);
}

/* ---- LOCK ---- */

static enum err lock_write(struct engine *x, const char *url, struct err_info *e)
{
    char text[LOCK_BYTES + 1];
    memset(text, ' ', LOCK_BYTES);
    int n = snprintf(text, LOCK_BYTES, "%ld %s", (long)getpid(), url);
    if (n >= LOCK_BYTES - 1)
        return err_set(e, ERR_TOO_LARGE, "LOCK", "the address is longer than %d bytes",
                       LOCK_BYTES - 24);
    text[n] = ' ';
    text[LOCK_BYTES - 1] = '\n';
    return file_pwrite(x->lock_file, 0, text, LOCK_BYTES, e);
}

/* What the holder wrote: "<pid> <address>"; free(). NULL if it cannot be read. */
static char *lock_read(const char *path)
{
    char *text;
    size_t n;
    if (file_read_all(path, 64 << 10, &text, &n, NULL))
        return NULL;
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\n'))
        text[--n] = 0;
    return text;
}

/* The process that wrote LOCK has gone, or is about to: killed, and its files are being closed.
 * What /proc does not tell counts as alive. */
static bool holder_is_gone(const char *path)
{
    char stat[64], *text = lock_read(path), *rest = NULL;
    unsigned flags = 0;
    unsigned long signals = 0;
    char state = 'R';
    long pid = text ? strtol(text, NULL, 10) : 0;
    free(text);
    if (pid <= 0)
        return false;
    snprintf(stat, sizeof stat, "/proc/%ld/stat", pid);
    if (!file_exists(stat))
        return file_exists("/proc/self/stat");
    if (file_read_all(stat, 4096, &text, NULL, NULL))
        return true;           /* between the two */
    rest = strrchr(text, ')'); /* the name before it may hold anything */
    bool read =
        rest && sscanf(rest,
                       ") %c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d"
                       " %*d %*u %*u %*d %*u %*u %*u %*u %*u %*u %lu",
                       &state, &flags, &signals) == 3;
    free(text);
    return read && (state == 'Z' || state == 'X' || (flags & PROCESS_EXITING) ||
                    (signals & 1ul << (SIGKILL - 1)));
}

static enum err lock_get(struct engine *x, struct err_info *e)
{
    char *path = path_in(x->data_dir, "LOCK");
    struct err_info info = {0};
    enum err err;
    int64_t start_ns = clock_mono_ns();
    while ((err = file_lock(path, &x->lock_file, &info)) == ERR_CONFLICT &&
           clock_mono_ns() - start_ns < (holder_is_gone(path) ? LOCK_WAIT_NS : LOCK_LOOK_NS))
        clock_sleep_ns(LOCK_PAUSE_NS);
    if (err == ERR_CONFLICT) {
        char *holder = lock_read(path);
        err_set(e, err, "data_dir", "%s is in use by another akin (pid and address: %s)",
                x->data_dir, holder ? holder : "unknown");
        free(holder);
    } else if (err) {
        err_set(e, err, info.field, "%s", info.message);
    } else {
        err = lock_write(x, "", e);
    }
    free(path);
    return err;
}

enum err engine_set_address(struct engine *x, const char *url, struct err_info *e)
{
    return lock_write(x, url, e);
}

enum err engine_address(const char *data_dir, struct arena *a, struct str *url, struct err_info *e)
{
    struct file *f = NULL;
    char *path = path_in(data_dir, "LOCK"), *holder = NULL;
    enum err err = ERR_NOT_FOUND;
    if (file_exists(path) && file_lock(path, &f, NULL) == ERR_CONFLICT)
        holder = lock_read(path);
    file_close(f);
    const char *address = holder ? strchr(holder, ' ') : NULL;
    if (address && address[1]) {
        *url = arena_str(a, str_c(address + 1));
        err = 0;
    } else {
        err_set(e, err, "data_dir", "no akin serves %s", data_dir);
    }
    free(holder);
    free(path);
    return err;
}

/* ---- FORMAT and folders ---- */

static enum err format_check(struct engine *x, struct err_info *e)
{
    char *path = path_in(x->data_dir, "FORMAT"), *text = NULL;
    size_t n;
    int64_t version = 0;
    enum err err = 0;
    if (!file_exists(path)) {
        err = file_write_atomic(path, "akin 1\n", 7, 0600, e);
    } else if (!(err = file_read_all(path, 4096, &text, &n, e))) {
        struct str s = str_trim((struct str){text, n});
        if (!str_starts(s, STR("akin ")) ||
            str_to_i64((struct str){s.s + 5, s.n - 5}, 1, INT32_MAX, &version))
            err = err_set(e, ERR_CORRUPT, path,
                          "is not a FORMAT file of akin; is this its data directory?");
        else if (version > FORMAT_VERSION)
            err = err_set(e, ERR_UNSUPPORTED, path,
                          "was written by a newer akin (format %lld, this one knows %d)",
                          (long long)version, FORMAT_VERSION);
    }
    free(text);
    free(path);
    return err;
}

static enum err folders_make(struct engine *x, struct err_info *e)
{
    static const char *const names[] = {"index", "models", "tmp", "backups"};
    enum err err = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names && !err; i++) {
        char *path = path_in(x->data_dir, names[i]);
        if (strcmp(names[i], "tmp") == 0)
            err = file_remove_tree(path, e); /* what a crash left */
        if (!err)
            err = file_mkdirs(path, 0700, e);
        free(path);
    }
    return err;
}

/* ---- open ---- */

/* Of before there were versions: "auto" was resolved once and kept in DIR/PRECISION. */
static enum precision precision_of_file(struct engine *x)
{
    char *path = path_in(x->data_dir, "PRECISION"), *text = NULL;
    size_t n;
    enum precision kept = PRECISION_AUTO;
    if (!file_exists(path) || file_read_all(path, 64, &text, &n, NULL) ||
        precision_parse(str_trim((struct str){text, n}), &kept, NULL))
        kept = PRECISION_AUTO;
    free(text);
    free(path);
    return kept;
}

/* That of the first active version with the default model: what "auto" became then is opened again
 * on this CPU, so that one copy of the weights serves both. */
static enum precision precision_of_versions(struct engine *x, struct arena *a)
{
    struct collection_record *rows;
    struct version_record r;
    struct version_settings s;
    size_t count;
    if (store_collection_list(x->store, a, STR(""), 100, &rows, &count, NULL))
        return PRECISION_AUTO;
    for (size_t i = 0; i < count; i++) {
        if (store_version_get(x->store, a, rows[i].version, &r, NULL))
            continue;
        version_settings_read(r.settings, &s);
        if (s.precision != PRECISION_AUTO && s.dimensions == 0 &&
            model_is_default(x, r.model.n ? r.model : str_c(s.model)))
            return s.precision;
    }
    return PRECISION_AUTO;
}

static enum precision precision_kept(struct engine *x)
{
    struct arena *a = arena_new(0);
    enum precision kept = precision_of_versions(x, a);
    arena_free(a);
    return kept != PRECISION_AUTO ? kept : precision_of_file(x);
}

/* Every version has its precision by now. */
static void precision_file_remove(struct engine *x)
{
    char *path = path_in(x->data_dir, "PRECISION");
    if (file_exists(path))
        (void)!file_remove(path, NULL);
    free(path);
}

static size_t cache_bytes(size_t wanted)
{
    return wanted == EMBED_CACHE_NONE ? 0 : wanted ? wanted : CACHE_BYTES_DEFAULT;
}

static enum err model_get(struct engine *x, struct err_info *e)
{
    enum precision precision = x->options.remote                ? PRECISION_FP32
                               : x->precision == PRECISION_AUTO ? precision_kept(x)
                                                                : x->precision;
    enum err err = model_take(x, STR(""), precision, 0, &x->model, e);
    if (err)
        return err;
    x->model_info = model_info(x->model);
    struct embedder_options o = {.threads = x->options.embed_threads,
                                 .queue_tokens_max = x->options.embed_queue_tokens,
                                 .background = true,
                                 .cache_bytes = cache_bytes(x->options.embed_cache_bytes)};
    x->embedder = embedder_new(&o);
    counter_of(counter_family("embeddings_generated_total", "Texts embedded", "model"),
               (const char *[]){x->model_info->name}); /* at 0 from the start */
    return 0;
}

/* Index folders of collections that are no more: a crash came between deletion and removal. */
static void orphans_remove(struct engine *x)
{
    char *dir = path_in(x->data_dir, "index"), **names;
    size_t count;
    if (file_list(dir, &names, &count, NULL) == 0) {
        for (size_t i = 0; i < count; i++) {
            int64_t id;
            char *path = path_in(dir, names[i]);
            struct collection *c = str_to_i64(str_c(names[i]), 0, UINT32_MAX, &id)
                                       ? NULL
                                       : collection_find_id(x, (uint32_t)id);
            if (c)
                collection_unref(c);
            else
                (void)!file_remove_tree(path, NULL);
            free(path);
            free(names[i]);
        }
        free(names);
    }
    free(dir);
}

static enum err collections_open(struct engine *x, struct err_info *e)
{
    struct arena *a = arena_new(0);
    struct str after = STR("");
    struct position now;
    enum err err = 0;
    size_t count = 1;
    store_position(x->store, &now);
    x->applied = now.change;
    while (!err && count > 0) {
        struct collection_record *rows;
        err = store_collection_list(x->store, a, after, 100, &rows, &count, e);
        for (size_t i = 0; i < count && !err; i++) {
            err = collection_open(x, &rows[i], e);
            after = rows[i].name;
        }
    }
    for (struct collection *c = NULL; !err && (c = collection_next(x, c));) {
        uint64_t at = c->words_at < c->rows_at ? c->words_at : c->rows_at;
        for (struct version *v = NULL; (v = version_next(c, v));)
            at = v->at < at ? v->at : at;
        if (at < x->applied)
            x->applied = at;
    }
    arena_free(a);
    return err;
}

static enum err versions_check(struct engine *x, struct err_info *e)
{
    enum err err = 0;
    for (struct collection *c = NULL; (c = collection_next(x, c));)
        for (struct version *v = NULL; (v = version_next(c, v));)
            if (!err)
                err = snapshot_version_check(v, e);
    return err;
}

static void options_default(struct engine_options *o)
{
    if (o->ingest_workers == 0)
        o->ingest_workers = thread_cores();
    if (o->snapshot_seconds == 0)
        o->snapshot_seconds = 60;
    if (o->repeat_hours == 0)
        o->repeat_hours = 24;
    if (o->recall_target <= 0)
        o->recall_target = .98;
}

static enum err parts_open(struct engine *x, struct err_info *e)
{
    struct store_options so = {.readers = x->options.store_readers,
                               .slow_ms = x->options.slow_ms,
                               .embedding_cache_bytes = x->options.store_cache_bytes};
    enum err err = file_mkdirs(x->data_dir, 0700, e);
    if (!err)
        err = lock_get(x, e);
    if (!err)
        err = format_check(x, e);
    if (!err)
        err = secret_open(x, e);
    if (!err)
        err = folders_make(x, e);
    if (!err)
        err = store_open(x->data_dir, &so, &x->store, e);
    if (!err)
        err = keys_open(x, e);
    if (!err)
        err = model_get(x, e);
    if (!err)
        err = collections_open(x, e);
    if (!err)
        err = aliases_open(x, e);
    if (!err)
        err = applier_catch_up(x, e);
    if (!err)
        err = versions_check(x, e);
    if (!err)
        precision_file_remove(x);
    return err;
}

static void backgrounds_each(struct engine *x, void (*call)(struct background *b))
{
    struct background *all[] = {&x->keeper,  &x->provider_keeper, &x->merger,  &x->meter,
                                &x->builder, &x->sources,         &x->tallier, &x->trainer};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        call(all[i]);
}

static void parts_close(struct engine *x)
{
    served_close(x);
    metrics_close(x);
    while (x->collections)
        collection_remove_open(x);
    aliases_close(x);
    if (x->embedder)
        embedder_free(x->embedder);
    model_release(x, x->model);
    models_close(x);
    language_detector_free(x->languages);
    keys_close(x);
    if (x->store)
        store_close(x->store);
    file_close(x->lock_file);
    trainer_free(x->training);
    cond_release(&x->applied_cond);
    lock_release(&x->applied_lock);
    backgrounds_each(x, background_release);
    repeats_close(x);
    lock_release(&x->models_lock);
    lock_release(&x->lock);
    free(x->data_dir);
    free(x->model_dir);
    free(x);
}

static void languages_open(struct engine *x)
{
    char path[4200];
    const char *given = x->options.languages;
    snprintf(path, sizeof path, "%s%s", given ? given : x->data_dir,
             given ? "" : "/languages.table");
    x->languages = language_detector_new(path);
    x->options.languages = NULL; /* as precision */
}

static uint64_t changes_in_effect(void *ctx)
{
    struct engine *x = ctx;
    lock_take(&x->applied_lock);
    uint64_t applied = x->applied;
    lock_drop(&x->applied_lock);
    return applied;
}

enum err engine_open(const struct engine_options *o, struct engine **out, struct err_info *e)
{
    assert(o && o->data_dir && (o->model_dir || o->remote));
    struct engine *x = xcalloc(1, sizeof *x);
    int64_t t0 = clock_mono_ns();
    x->options = *o;
    x->data_dir = xstrdup(o->data_dir);
    x->options.model_dir = x->model_dir = xstrdup(o->remote ? "provider:openai" : o->model_dir);
    x->options.precision = NULL; /* read at once; the rest of the strings is the caller's */
    options_default(&x->options);
    lock_init(&x->lock, LOCK_ENGINE);
    lock_init(&x->applied_lock, LOCK_APPLIER);
    backgrounds_each(x, background_init);
    lock_init(&x->models_lock, LOCK_COLLECTION);
    repeats_open(x);
    cond_init(&x->applied_cond);
    x->training = trainer_new();
    metrics_open(x);
    languages_open(x);
    const char *precision = o->precision ? o->precision : "auto";
    enum err err = precision_parse(str_c(precision), &x->precision, e);
    if (!err)
        err = parts_open(x, e);
    if (err) {
        parts_close(x);
        return err;
    }
    orphans_remove(x);
    served_open(x);
    struct events_options eo = {
        .workers = x->options.event_workers, .in_effect = changes_in_effect, .in_effect_ctx = x};
    x->events = events_open(x->store, &eo);
    applier_start(x);
    if (!o->quiet) {
        recommenders_tidy(x);
        trainer_start(x);
        keeper_start(x);
        builder_start(x);
        tally_start(x);
    }
    merger_start(x);
    meter_start(x);
    sources_start(x);
    log_event(LOG_INFO, "engine ready", LOG_S("data", x->data_dir),
              LOG_S("model", x->model_info->name),
              LOG_S("precision", precision_name(x->model_info->precision)),
              LOG_F("seconds", (double)(clock_mono_ns() - t0) / 1e9));
    *out = x;
    return 0;
}

bool engine_closing(struct engine *x)
{
    lock_take(&x->lock);
    bool closing = x->closing;
    lock_drop(&x->lock);
    return closing;
}

void engine_close(struct engine *x, int64_t deadline_ns)
{
    lock_take(&x->lock);
    x->closing = true;
    lock_drop(&x->lock);
    model_stop(x->model);
    background_stop(&x->trainer); /* it kills its worker */
    background_stop(&x->meter);
    background_stop(&x->sources);
    background_stop(&x->builder);
    background_stop(&x->tallier);
    background_stop(&x->keeper);
    background_stop(&x->provider_keeper);
    events_close(x->events, deadline_ns);
    applier_stop(x); /* these two save the snapshots */
    background_stop(&x->merger);
    parts_close(x);
}

/* ---- state ---- */

bool engine_ready(struct engine *x, const char **reason)
{
    const char *missing = NULL;
    lock_take(&x->applied_lock);
    if (x->applier_err)
        missing = "changes cannot be applied to the indexes";
    lock_drop(&x->applied_lock);
    if (engine_closing(x))
        missing = "stopping";
    if (reason)
        *reason = missing;
    return !missing;
}

void engine_position(struct engine *x, struct arena *a, struct str *out)
{
    struct position at;
    store_position(x->store, &at);
    *out = position_text(a, &at);
}

enum err engine_wait(struct engine *x, struct str position, int64_t deadline_ns, struct err_info *e)
{
    struct position wanted, now;
    if (position_parse(position, &wanted))
        return err_set(e, ERR_INVALID, "position", "must be a position as akin gave it");
    store_position(x->store, &now);
    if (strcmp(wanted.lineage, now.lineage) != 0)
        return err_set(e, ERR_INVALID, "position",
                       "is of another lineage: the data was restored from a backup since");
    return applied_wait(x, wanted.change, deadline_ns, e);
}

struct events *engine_events(struct engine *x)
{
    return x->events;
}

enum err engine_backup_create(struct engine *x, struct arena *a, struct str *path, uint64_t *bytes,
                              struct str *position, struct err_info *e)
{
    struct file *f = NULL;
    char time[CLOCK_TEXT], random[9];
    char *dir = realpath(x->data_dir, NULL);
    clock_format(clock_wall_us(), time);
    rng_hex(random, 8); /* two in one second */
    char *name = arena_printf(a, "%s/backups/%.10s-%.2s%.2s%.2s-%s.akin", dir ? dir : x->data_dir,
                              time, time + 11, time + 14, time + 17, random);
    engine_position(x, a, position); /* of before: the copy holds this and may hold more */
    enum err err = store_backup(x->store, name, NULL, NULL, e);
    if (!err)
        err = file_open(name, FILE_READ_ONLY, &f, e);
    if (!err)
        err = file_size(f, bytes, e);
    if (!err)
        *path = str_c(name);
    file_close(f);
    free(dir);
    return err;
}

enum err engine_restore(const char *data_dir, const char *backup, struct err_info *e)
{
    struct engine x = {.data_dir = (char *)data_dir};
    enum err err = file_mkdirs(data_dir, 0700, e);
    if (!err)
        err = lock_get(&x, e);
    if (!err)
        err = store_restore(data_dir, backup, e);
    file_close(x.lock_file);
    return err;
}

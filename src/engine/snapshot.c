/* Snapshots: the indexes of a collection on disk, caches of the store with a position.
 *
 *     index/<collection id>/documents/rows       attributes, near-duplicates and live state
 *     index/<collection id>/<version id>/rows    the vectors of one embedding version
 *     index/<collection id>/words/rows           words
 *
 * Each is checked and made anew on its own (rows_file.c has the bytes of `rows`).
 * Whatever is damaged, of another lineage or model, or ahead of the store is dropped and made anew
 * from the store. */
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "engine/rows_file.h"
#include <stdlib.h>
#include <string.h>

#define BEHIND_MAX                                                                                 \
    10000 /* changes of others after which an unchanged snapshot is saved again, so that a start   \
             reads few */
#define SNAPSHOT_CHANGES 2000 /* after so many the next pause of the writers is used */
#define SAVING_SHARE 20       /* of the time, at most one in so many is spent on saving */
#define WORKED_SHARE 16 /* of the rows, once so many were worked at, that alone is worth saving */
#define WORKED_MIN 1000
#define SNAPSHOT_IDLE_NS 2000000000LL
#define PAUSE_NS 50000000 /* without a change */

/* ---- save ---- */

/* What the applier passed: nothing of it is missing in what is saved from now on. */
static struct position position_applied(struct engine *x)
{
    struct position at;
    store_position(x->store, &at);
    lock_take(&x->applied_lock);
    at.change = x->applied;
    lock_drop(&x->applied_lock);
    return at;
}

static enum err file_save(const struct rows_of *of, const struct position *at, struct err_info *e)
{
    int64_t t0 = clock_mono_ns();
    enum err err = rows_save(of, at, e);
    static const char *const names[] = {
        [INDEX_DOCUMENTS] = "documents", [INDEX_VECTORS] = "vectors", [INDEX_WORDS] = "words"};
    enum index_kind kind = of->v ? INDEX_VECTORS : of->words ? INDEX_WORDS : INDEX_DOCUMENTS;
    metric_index_saved(of->c->engine, kind, !err);
    if (!err)
        log_event(LOG_DEBUG, "index saved", LOG_S("collection", of->c->name),
                  LOG_S("index", names[kind]),
                  LOG_F("seconds", (double)(clock_mono_ns() - t0) / 1e9));
    return err;
}

/* The graph holds more of the rows than its snapshot: what a start would have to merge again. */
static bool worth_saving(struct version *v, uint64_t worked)
{
    uint64_t rows = vectors_count(v->vectors) / WORKED_SHARE;
    return worked - v->worked_saved >= (rows > WORKED_MIN ? rows : WORKED_MIN);
}

static enum err version_save(struct version *v, struct err_info *e)
{
    struct position at = position_applied(v->collection->engine);
    bool touched = __atomic_exchange_n(&v->touched, false, __ATOMIC_ACQUIRE);
    bool changed = __atomic_load_n(&v->at, __ATOMIC_RELAXED) > v->written;
    uint64_t worked = vectors_worked(v->vectors);
    if (!touched && !changed && !worth_saving(v, worked) && at.change <= v->saved + BEHIND_MAX)
        return 0;
    enum err err = file_save(&(struct rows_of){.c = v->collection, .v = v}, &at, e);
    if (!err)
        v->worked_saved = worked;
    else if (touched)
        __atomic_store_n(&v->touched, true, __ATOMIC_RELEASE);
    return err;
}

static enum err documents_save(struct collection *c, struct err_info *e)
{
    struct position at = position_applied(c->engine);
    bool changed = __atomic_load_n(&c->rows_at, __ATOMIC_RELAXED) > c->rows_written;
    if (!changed && at.change <= c->rows_saved + BEHIND_MAX)
        return 0;
    return file_save(&(struct rows_of){.c = c}, &at, e);
}

static enum err words_file_save(struct collection *c, struct err_info *e)
{
    struct position at = position_applied(c->engine);
    bool changed = __atomic_load_n(&c->words_at, __ATOMIC_RELAXED) > c->words_written;
    if (!changed && at.change <= c->words_saved + BEHIND_MAX)
        return 0;
    return file_save(&(struct rows_of){.c = c, .words = true}, &at, e);
}

/* Each for itself: an error of one does not keep the others from being saved. */
static enum err collection_save(struct collection *c, struct err_info *e)
{
    enum err err = documents_save(c, e), one = words_file_save(c, err ? NULL : e);
    err = err ? err : one;
    for (struct version *v = NULL; (v = version_next(c, v));) {
        one = version_save(v, err ? NULL : e);
        err = err ? err : one;
    }
    return err;
}

void snapshots_save(struct engine *x)
{
    for (struct collection *c = NULL; (c = collection_next(x, c));) {
        struct err_info info = {0};
        if (collection_save(c, &info)) {
            metric_error(x, info.code);
            log_event(LOG_WARN,
                      "index snapshot not saved; the changes since the last are replayed at the "
                      "next start",
                      LOG_S("collection", c->name), LOG_S("reason", info.message));
        }
    }
}

/* ---- when ---- */

void snapshot_clock_start(struct engine *x, struct snapshot_clock *k)
{
    k->saved_ns = k->busy_ns = k->due_ns = clock_mono_ns();
    k->took_ns = 0;
    k->saved_change = k->seen_change = position_applied(x).change;
}

bool snapshot_due(struct engine *x, struct snapshot_clock *k)
{
    uint64_t applied = position_applied(x).change;
    int64_t pause_ns = (int64_t)x->options.snapshot_seconds * 1000000000, now_ns = clock_mono_ns();
    if (applied != k->seen_change)
        k->busy_ns = now_ns;
    k->seen_change = applied;
    int64_t since_ns = now_ns - k->saved_ns, idle_ns = now_ns - k->busy_ns;
    bool many = applied - k->saved_change >= SNAPSHOT_CHANGES;
    if (since_ns < SAVING_SHARE * k->took_ns)
        return false;
    k->due_ns = now_ns;
    return (many && idle_ns > SNAPSHOT_IDLE_NS) || (since_ns > pause_ns && idle_ns > PAUSE_NS) ||
           since_ns > 4 * pause_ns;
}

void snapshot_clock_saved(struct snapshot_clock *k)
{
    k->saved_ns = clock_mono_ns();
    k->took_ns = k->saved_ns - k->due_ns;
    k->saved_change = k->seen_change;
}

/* ---- rebuild from the store ---- */

struct rebuild {
    struct collection *c;
    bool rows, words;
    struct arena *a;
    struct err_info *e;
};

static enum err rebuild_document(void *ctx, const struct document_record *d)
{
    struct rebuild *b = ctx;
    struct words_document words;
    enum err err = b->rows ? document_index(b->c, d, b->e) : 0;
    if (err || !b->words)
        return err;
    document_words(b->c, b->a, d, &words);
    words_put(b->c->words, &words);
    arena_reset(b->a);
    return 0;
}

static void rebuild_begun(const struct collection *c, const char *what)
{
    log_event(LOG_INFO, "rebuilding an index from the store", LOG_S("collection", c->name),
              LOG_S("index", what));
}

static void rebuild_ended(const struct collection *c, const char *what, int64_t t0)
{
    log_event(LOG_INFO, "index rebuilt", LOG_S("collection", c->name), LOG_S("index", what),
              LOG_F("seconds", (double)(clock_mono_ns() - t0) / 1e9));
}

static enum err rebuild(struct collection *c, bool rows, bool words, struct err_info *e)
{
    struct position at;
    struct rebuild b = {.c = c, .rows = rows, .words = words, .e = e};
    const char *what = rows && words ? "documents, words" : rows ? "documents" : "words";
    int64_t t0 = clock_mono_ns();
    bool told = c->documents_stored > 0;
    if (told)
        rebuild_begun(c, what);
    b.a = arena_new(0);
    enum err err = store_document_scan(c->engine->store, c->id, DOCUMENT_PAYLOAD, rebuild_document,
                                       &b, &at, e);
    if (!err && words)
        c->words_at = at.change;
    if (!err && rows)
        c->rows_at = at.change;
    if (!err && told) {
        rebuild_ended(c, what, t0);
        for (int i = rows ? 0 : 1; i < (words ? 2 : 1); i++)
            metric_index_rebuilt(c->engine, i ? INDEX_WORDS : INDEX_DOCUMENTS);
    }
    arena_free(b.a);
    return err;
}

struct version_rebuild {
    struct version *v;
    struct err_info *e;
};

static enum err rebuild_vectors(void *ctx, const struct document_record *d)
{
    struct version_rebuild *b = ctx;
    return version_apply(b->v, d, &d->number, 1, b->e);
}

/* The vectors of one version from the store. */
static enum err version_rebuild(struct version *v, struct err_info *e)
{
    struct position at;
    struct store *s = v->collection->engine->store;
    struct version_rebuild b = {v, e};
    unsigned parts = DOCUMENT_PASSAGES | DOCUMENT_VECTORS;
    vectors_free(v->vectors);
    v->vectors = vectors_new(v->dims);
    v->at = v->saved = v->written = v->worked_saved = 0;
    rebuild_begun(v->collection, "vectors");
    int64_t t0 = clock_mono_ns();
    enum err err = store_version_scan(s, v->id, parts, rebuild_vectors, &b, &at, e);
    if (!err) {
        v->at = at.change;
        v->touched = true;
        rebuild_ended(v->collection, "vectors", t0);
        metric_index_rebuilt(v->collection->engine, INDEX_VECTORS);
    }
    return err;
}

/* ---- open ---- */

static void rows_reset(struct collection *c)
{
    attributes_free(c->attributes);
    duplicates_free(c->duplicates);
    free(c->live);
    c->attributes = attributes_new();
    c->duplicates = duplicates_new();
    attributes_duplicates_set(c->attributes, c->duplicates);
    c->live = NULL;
    c->live_count = c->documents = 0;
    c->rows_at = c->rows_saved = c->rows_written = 0;
}

static void words_reset(struct collection *c)
{
    words_free(c->words);
    c->words = words_new(words_terms());
    c->words_at = c->words_saved = c->words_written = 0;
}

/* Does a change log that begins after `change` still hold what is missing? */
static bool replayable(struct engine *x, uint64_t change)
{
    struct arena *a = arena_new(0);
    struct change_record *rows;
    size_t count;
    enum err err = store_changes(x->store, a, change, 1, &rows, &count, NULL);
    arena_free(a);
    return err != ERR_GONE;
}

static void file_dropped(struct collection *c, const char *what, enum err err,
                         const struct err_info *why)
{
    if (!err || err == ERR_NOT_FOUND)
        return;
    c->engine->files_dropped++;
    log_event(LOG_WARN, "index snapshot dropped", LOG_S("collection", c->name),
              LOG_S("index", what), LOG_S("reason", why->message));
}

/* Former servers had their words in a database there. */
static void words_db_remove(struct collection *c)
{
    static const char *const names[] = {"words.db", "words.db-wal", "words.db-shm"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct strbuf path;
        strbuf_init(&path, 0);
        strbuf_printf(&path, "%s/%s", c->words_dir, names[i]);
        (void)!file_remove(path.buf, NULL);
        strbuf_release(&path);
    }
}

/* False: they are empty, and to be made from the store. */
static bool words_open(struct collection *c, const struct position *now)
{
    struct err_info why = {0};
    words_db_remove(c);
    words_reset(c);
    enum err err = rows_load(&(struct rows_of){.c = c, .words = true}, now, &why);
    if (!err && replayable(c->engine, c->words_at))
        return true;
    file_dropped(c, "words", err, &why);
    words_reset(c);
    return false;
}

/* Words, and attributes with near-duplicates and live state, are read while others read vectors. */
struct snapshot_opening {
    struct collection *c;
    struct position now;
    struct thread *words_thread, *rows_thread;
    bool words;
    enum err err; /* of the rows */
    struct err_info why;
};

static void rows_open(void *arg)
{
    struct snapshot_opening *o = arg;
    o->err = rows_load(&(struct rows_of){.c = o->c}, &o->now, &o->why);
}

static void words_open_run(void *arg)
{
    struct snapshot_opening *o = arg;
    o->words = words_open(o->c, &o->now);
}

struct snapshot_opening *snapshot_open(struct collection *c)
{
    struct snapshot_opening *o = xcalloc(1, sizeof *o);
    o->c = c;
    store_position(c->engine->store, &o->now);
    rows_reset(c);
    o->rows_thread = thread_start("documents", rows_open, o);
    o->words_thread = thread_start("words", words_open_run, o);
    return o;
}

static bool rows_usable(struct snapshot_opening *o)
{
    if (!o->err && replayable(o->c->engine, o->c->rows_at))
        return true;
    file_dropped(o->c, "documents", o->err, &o->why);
    rows_reset(o->c);
    return false;
}

enum err snapshot_opened(struct snapshot_opening *o, struct err_info *e)
{
    thread_join(o->words_thread);
    thread_join(o->rows_thread);
    bool rows = rows_usable(o);
    enum err err = rows && o->words ? 0 : rebuild(o->c, !rows, !o->words, e);
    free(o);
    return err;
}

/* A version without passages is empty, and nothing has to be read. */
enum err snapshot_version_open(struct version *v, const struct version_record *r,
                               const struct position *before, struct err_info *e)
{
    struct err_info why = {0};
    enum err err = rows_load(&(struct rows_of){.c = v->collection, .v = v}, before, &why);
    if (!err && replayable(v->collection->engine, v->at))
        return 0;
    v->collection->engine->files_dropped += err && err != ERR_NOT_FOUND;
    if (err && err != ERR_NOT_FOUND)
        log_event(LOG_WARN, "index snapshot dropped", LOG_S("collection", v->collection->name),
                  LOG_I("version", v->id), LOG_S("reason", why.message));
    if (r->passages > 0)
        return version_rebuild(v, e);
    vectors_free(v->vectors);
    v->vectors = vectors_new(v->dims);
    v->at = before->change;
    v->saved = v->written = v->worked_saved = 0;
    return 0;
}

enum err snapshot_version_check(struct version *v, struct err_info *e)
{
    struct arena *a = arena_new(0);
    struct version_record r;
    enum err err = store_version_get(v->collection->engine->store, a, v->id, &r, e);
    uint64_t passages = err ? 0 : r.passages;
    arena_free(a);
    return !err && passages != vectors_count(v->vectors) ? version_rebuild(v, e) : err;
}

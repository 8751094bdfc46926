/* Opening, closing, and what is measured. */
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/sqlite.h"
#include "store/inside.h"
#include <stdio.h>
#include <string.h>

static const char *const op_names[OP_COUNT] = {
    [OP_COLLECTION_GET] = "collection_get",
    [OP_COLLECTION_LIST] = "collection_list",
    [OP_DOCUMENT_GET] = "document_get",
    [OP_DOCUMENTS_BY_NUMBER] = "documents_by_number",
    [OP_DOCUMENTS_BY_ID] = "documents_by_id",
    [OP_DOCUMENT_LIST] = "document_list",
    [OP_DOCUMENT_SCAN] = "document_scan",
    [OP_VERSION_GET] = "version_get",
    [OP_VERSION_LIST] = "version_list",
    [OP_VERSION_PASSAGES] = "version_passages",
    [OP_VERSION_SCAN] = "version_scan",
    [OP_VERSION_MISSING] = "version_missing",
    [OP_RECOMMENDER_GET] = "recommender_get",
    [OP_RECOMMENDER_LIST] = "recommender_list",
    [OP_EMBEDDING_CACHE_GET] = "embedding_cache_get",
    [OP_PENDING_LIST] = "pending_list",
    [OP_EXPIRED_LIST] = "expired_list",
    [OP_FEEDBACK_LIST] = "feedback_list",
    [OP_FEEDBACK_SCAN] = "feedback_scan",
    [OP_FEEDBACK_COUNT] = "feedback_count",
    [OP_SERVED_GET] = "served_get",
    [OP_SERVED_LIST] = "served_list",
    [OP_BROUGHT_GET] = "brought_get",
    [OP_BROUGHT_SOURCES] = "brought_sources",
    [OP_EXPERIMENT_GET] = "experiment_get",
    [OP_EXPERIMENT_LIST] = "experiment_list",
    [OP_KEY_LIST] = "key_list",
    [OP_ALIAS_GET] = "alias_get",
    [OP_ALIAS_LIST] = "alias_list",
    [OP_KEPT_GET] = "kept_get",
    [OP_USER_GET] = "user_get",
    [OP_USER_LIST] = "user_list",
    [OP_TASK_GET] = "task_get",
    [OP_TASK_LIST] = "task_list",
    [OP_CHANGES] = "changes",
    [OP_CONSUMER_GET] = "consumer_get",
    [OP_CHECK] = "check",
    [OP_WRITE] = "write",
    [OP_COMMIT] = "commit",
    [OP_PURGE] = "purge",
    [OP_CHECKPOINT] = "checkpoint",
    [OP_BACKUP] = "backup",
};

void db_metrics_init(struct db_metrics *m)
{
    static const double buckets[] = {.00002, .00005, .0001, .0002, .0005, .001, .002,
                                     .005,   .01,    .02,   .05,   .1,    .2,   .5,
                                     1,      2,      5,     10,    30};
    const unsigned n = sizeof buckets / sizeof *buckets;
    struct gauge_family *connections =
        gauge_family("db_connections", "Read connections of the store by state.", "state");
    struct histogram_family *op = histogram_family(
        "db_query_duration_seconds", "Time of one operation on the database.", "query", buckets, n);

    m->idle = gauge_of(connections, (const char *[]){"idle"});
    m->busy = gauge_of(connections, (const char *[]){"busy"});
    m->wait = histogram_of(
        histogram_family("db_wait_seconds", "Waiting for a read connection.", NULL, buckets, n),
        NULL);
    for (int i = 0; i < OP_COUNT; i++)
        m->op[i] = histogram_of(op, &op_names[i]);
    m->errors = counter_of(
        counter_family("db_errors_total", "Operations that the database failed.", NULL), NULL);
}

static bool is_fault(enum err err)
{
    return err == ERR_IO || err == ERR_FULL || err == ERR_CORRUPT || err == ERR_TIMEOUT ||
           err == ERR_BUSY;
}

void db_op_end(struct store *s, enum db_op op, int64_t started_ns, enum err err)
{
    double seconds = (double)(clock_mono_ns() - started_ns) / 1e9;

    histogram_add(s->metrics.op[op], seconds);
    if (is_fault(err))
        counter_add(s->metrics.errors, 1);
    if (seconds * 1000 > s->options.slow_ms && op != OP_CHECK && op != OP_BACKUP)
        log_event(LOG_WARN, "slow query", LOG_S("query", op_names[op]), LOG_F("seconds", seconds));
}

static char *store_path(const char *dir)
{
    size_t n = strlen(dir) + sizeof "/" STORE_FILE;
    char *path = xmalloc(n);

    snprintf(path, n, "%s/" STORE_FILE, dir);
    return path;
}

static void options_default(struct store_options *o)
{
    o->readers = o->readers ? o->readers : 4;
    o->read_timeout_ms = o->read_timeout_ms ? o->read_timeout_ms : 10000;
    o->slow_ms = o->slow_ms ? o->slow_ms : 100;
    o->group_max = o->group_max ? o->group_max : 512;
    o->kept_bytes = o->kept_bytes ? o->kept_bytes : STORE_KEPT_BYTES;
    o->kept_owner_bytes = o->kept_owner_bytes ? o->kept_owner_bytes : STORE_KEPT_OWNER_BYTES;
    o->embedding_cache_bytes = o->embedding_cache_bytes ? o->embedding_cache_bytes : 256 << 20;
}

static enum err lineage_read(struct store *s, struct err_info *e)
{
    struct conn *c;
    sqlite3_stmt *st;
    bool row = false;
    enum err err = read_begin(s, OP_CHANGES, &c, e);

    if (err)
        return err;
    err = conn_stmt(c, STMT_STATE_GET, &st, e);
    if (!err)
        err = conn_step(c, st, &row, e);
    if (!err && (!row || sqlite3_column_bytes(st, 0) != LINEAGE_DIGITS))
        err = err_set(e, ERR_CORRUPT, NULL, "the lineage of the store is missing");
    if (!err) {
        memcpy(s->lineage, sqlite3_column_blob(st, 0), LINEAGE_DIGITS);
        atomic_store(&s->change, (uint64_t)sqlite3_column_int64(st, 1));
    }
    read_end(s, c, err);
    return err;
}

static enum err store_setup(struct store *s, struct err_info *e)
{
    enum err err = writer_open(&s->writer, s, e);

    if (!err)
        err = check_quick(&s->writer.conn, e);
    if (!err)
        err = readers_open(s, e);
    if (!err)
        err = lineage_read(s, e);
    if (!err)
        err = checkpointer_open(&s->checkpointer, s, e);
    if (!err)
        writer_start(&s->writer);
    return err;
}

enum err store_open(const char *dir, const struct store_options *o, struct store **out,
                    struct err_info *e)
{
    struct err_info info = {0};
    enum err err = file_mkdirs(dir, 0700, e);

    if (err)
        return err;
    struct store *s = xcalloc(1, sizeof *s);
    if (o)
        s->options = *o;
    options_default(&s->options);
    s->path = store_path(dir);
    lock_init(&s->lock, LOCK_STORE);
    cond_init(&s->committed);
    s->requests = queue_new(STORE_REQUESTS_MAX);
    db_metrics_init(&s->metrics);
    err = store_setup(s, &info);
    if (!err) {
        *out = s;
        return ERR_OK;
    }
    if (err == ERR_CORRUPT)
        err_set(e, err, s->path, "%s is damaged (%s); restore a backup with `akin restore`",
                s->path, info.message);
    else if (e && !e->code)
        *e = info;
    store_close(s);
    return err;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    atomic_store(&s->closing, true);
    queue_close(s->requests);
    writer_finish(&s->writer);
    checkpointer_close(&s->checkpointer);
    readers_close(s);
    conn_close(&s->writer.conn); /* the last one: merges the WAL */
    queue_free(s->requests);
    cond_release(&s->committed);
    lock_release(&s->lock);
    free(s->path);
    free(s);
}

void store_position(struct store *s, struct position *out)
{
    memcpy(out->lineage, s->lineage, sizeof out->lineage);
    out->change = atomic_load(&s->change);
}

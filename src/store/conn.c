#include "store/conn.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/sqlite.h"
#include <assert.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#define PROGRESS_OPS 2000 /* steps of SQLite's machine between looks at the clock: some 50 us */
/* Page caches in KiB: a reader's is emptied by every commit, so a small one will do. */
#define READER_SETTINGS "PRAGMA cache_size=-4096"
/* What is deleted is overwritten, whatever SQLite was built with. */
#define WRITER_SETTINGS                                                                            \
    "PRAGMA cache_size=-16384;PRAGMA journal_size_limit=67108864;PRAGMA secure_delete=ON"

static int conn_late(void *arg)
{
    const struct conn *c = arg;

    return c->deadline_ns != 0 && clock_mono_ns() > c->deadline_ns;
}

enum err conn_file_make(const char *path, struct err_info *e)
{
    struct file *f = NULL;
    enum err err = file_exists(path) ? ERR_OK : file_open(path, FILE_CREATE, &f, e);

    if (!err)
        file_close(f);
    return err;
}

enum err conn_open(struct conn *c, const char *path, bool read_only, struct err_info *e)
{
    enum err err;

    memset(c, 0, sizeof *c);
    err = sqlite_open(path, read_only, DB_DURABLE, &c->db, e);
    if (err) {
        c->db = NULL;
        return err;
    }
    err = sqlite_exec(c->db, read_only ? READER_SETTINGS : WRITER_SETTINGS, e);
    if (err) {
        sqlite3_close(c->db);
        c->db = NULL;
        return err;
    }
    sqlite3_wal_autocheckpoint(c->db, 0);
    sqlite3_progress_handler(c->db, PROGRESS_OPS, conn_late, c);
    return ERR_OK;
}

void conn_close(struct conn *c)
{
    if (!c->db)
        return;
    for (int i = 0; i < STMT_COUNT; i++)
        sqlite3_finalize(c->kept[i]);
    int rc = sqlite3_close(c->db);
    assert(rc == SQLITE_OK); /* a statement or a backup was left open */
    memset(c, 0, sizeof *c);
}

static enum err conn_error(struct conn *c, int rc, struct err_info *e)
{
    if ((rc & 0xff) == SQLITE_INTERRUPT)
        return err_set(e, ERR_TIMEOUT, NULL, "the read passed its time limit");
    return sqlite_error(c->db, rc, e);
}

enum err conn_stmt(struct conn *c, enum statement id, sqlite3_stmt **out, struct err_info *e)
{
    sqlite3_stmt **kept = &c->kept[id];

    if (!*kept) {
        int rc = sqlite3_prepare_v3(c->db, schema_statements[id].sql, -1, SQLITE_PREPARE_PERSISTENT,
                                    kept, NULL);
        if (rc != SQLITE_OK)
            return conn_error(c, rc, e);
    } else {
        sqlite3_reset(*kept);
    }
    c->used[id / 64] |= UINT64_C(1) << (id % 64);
    *out = *kept;
    return ERR_OK;
}

enum err conn_step(struct conn *c, sqlite3_stmt *st, bool *row, struct err_info *e)
{
    int rc = sqlite3_step(st);
    enum err err = ERR_OK;

    *row = rc == SQLITE_ROW;
    if (*row)
        return ERR_OK;
    if (rc != SQLITE_DONE)
        err = conn_error(c, rc, e);
    sqlite3_reset(st);
    return err;
}

enum err conn_run(struct conn *c, sqlite3_stmt *st, struct err_info *e)
{
    bool row = true;
    enum err err = ERR_OK;

    while (row && !err)
        err = conn_step(c, st, &row, e);
    return err;
}

enum err conn_exec(struct conn *c, enum statement id, struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_stmt(c, id, &st, e);

    return err ? err : conn_run(c, st, e);
}

void conn_rollback(struct conn *c)
{
    c->deadline_ns = 0;
    for (unsigned i = 0; i < sizeof c->used / sizeof *c->used; i++)
        for (; c->used[i]; c->used[i] &= c->used[i] - 1)
            sqlite3_reset(c->kept[i * 64 + (unsigned)__builtin_ctzll(c->used[i])]);
    if (sqlite3_get_autocommit(c->db))
        return; /* SQLite rolled it back itself */
    enum err err = conn_exec(c, STMT_ROLLBACK, NULL);
    (void)err; /* the error that led here is the one to tell */
}

/* Binding fails only out of memory, for a wrong index or over a gigabyte: bugs here. */
static void bound(int rc)
{
    assert(rc == SQLITE_OK);
}

void put_str(sqlite3_stmt *st, int i, struct str s)
{
    assert(s.n < INT_MAX);
    bound(sqlite3_bind_text(st, i, s.n ? s.s : "", (int)s.n, SQLITE_STATIC));
}

void put_blob(sqlite3_stmt *st, int i, const void *p, size_t n)
{
    assert(n < INT_MAX);
    bound(sqlite3_bind_blob(st, i, n ? p : "", (int)n, SQLITE_STATIC));
}

void put_int(sqlite3_stmt *st, int i, int64_t v)
{
    bound(sqlite3_bind_int64(st, i, v));
}

void put_double(sqlite3_stmt *st, int i, double v)
{
    bound(isnan(v) ? sqlite3_bind_null(st, i) : sqlite3_bind_double(st, i, v));
}

struct str get_str(sqlite3_stmt *st, int i, struct arena *a)
{
    const char *text = (const char *)sqlite3_column_text(st, i);
    size_t n = (size_t)sqlite3_column_bytes(st, i);

    return arena_str(a, (struct str){text ? text : "", text ? n : 0});
}

struct str get_blob(sqlite3_stmt *st, int i, struct arena *a)
{
    const void *p = sqlite3_column_blob(st, i);
    size_t n = p ? (size_t)sqlite3_column_bytes(st, i) : 0;
    char *copy = arena_alloc(a, n + 1);

    if (n)
        memcpy(copy, p, n);
    copy[n] = 0;
    return (struct str){copy, n};
}

void get_digest(sqlite3_stmt *st, int i, uint8_t out[32])
{
    const void *p = sqlite3_column_blob(st, i);

    memset(out, 0, 32);
    if (p && sqlite3_column_bytes(st, i) == 32)
        memcpy(out, p, 32);
}

/* Backup and restore.
 *
 * A backup is read from one snapshot: its own connection stays in one read transaction, so writes
 * go on and never make it start again (the WAL cannot start again until it ends). It is written
 * beside its place without a WAL, checked in full, synced, renamed.
 *
 * Restore prepares DIR/akin.db.restoring-<hex> (copy, check, new lineage), copies away what is
 * there, and renames; until that last step DIR/akin.db is the old store. */
#include "base/clock.h"
#include "base/file.h"
#include "base/rng.h"
#include "base/sqlite.h"
#include "store/inside.h"
#include <stdio.h>
#include <string.h>

#define BACKUP_STEP_PAGES 256

static char *path_with(const char *path, const char *tail)
{
    size_t n = strlen(path) + strlen(tail) + 1;
    char *out = xmalloc(n);

    snprintf(out, n, "%s%s", path, tail);
    return out;
}

/* A database file and what SQLite may have left beside it. */
static void database_remove(const char *path)
{
    static const char *const tails[] = {"", "-wal", "-shm", "-journal"};

    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        char *p = path_with(path, tails[i]);
        enum err err = file_remove(p, NULL);
        (void)err; /* what stays is named so that nobody takes it for a store */
        free(p);
    }
}

static enum err file_sync_path(const char *path, struct err_info *e)
{
    struct file *f;
    enum err err = file_open(path, FILE_READ_WRITE, &f, e);

    if (err)
        return err;
    err = file_sync(f, e);
    file_close(f);
    return err;
}

/* ---- backup ---- */

static enum err pages_copy(struct conn *from, struct conn *to, store_progress_fn *progress,
                           void *ctx, struct err_info *e)
{
    sqlite3_backup *b = sqlite3_backup_init(to->db, "main", from->db, "main");
    int rc = SQLITE_OK;

    if (!b)
        return sqlite_error(to->db, sqlite3_errcode(to->db), e);
    while (rc == SQLITE_OK) {
        rc = sqlite3_backup_step(b, BACKUP_STEP_PAGES);
        if (progress && (rc == SQLITE_OK || rc == SQLITE_DONE)) {
            uint64_t total = (uint64_t)sqlite3_backup_pagecount(b);
            progress(ctx, total - (uint64_t)sqlite3_backup_remaining(b), total);
        }
    }
    int end = sqlite3_backup_finish(b);
    return rc == SQLITE_DONE && end == SQLITE_OK
               ? ERR_OK
               : sqlite_error(to->db, rc == SQLITE_DONE ? end : rc, e);
}

/* One snapshot, held by a statement that has read from it. */
static enum err snapshot_begin(struct conn *c, struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_exec(c, STMT_BEGIN_READ, e);

    if (!err)
        err = conn_stmt(c, STMT_STATE_GET, &st, e);
    return err ? err : conn_run(c, st, e);
}

static enum err backup_write(struct store *s, const char *path, store_progress_fn *progress,
                             void *ctx, struct err_info *e)
{
    struct conn from = {0}, to = {0};
    enum err err = conn_open(&from, s->path, true, e);

    if (!err)
        err = conn_file_make(path, e);
    if (!err)
        err = conn_open(&to, path, false, e);
    if (!err)
        err = sqlite_exec(to.db, "PRAGMA journal_mode=DELETE", e);
    if (!err)
        err = snapshot_begin(&from, e);
    if (!err)
        err = pages_copy(&from, &to, progress, ctx, e);
    if (from.db)
        conn_rollback(&from);
    if (!err)
        err = sqlite_exec(to.db, "PRAGMA journal_mode=DELETE", e);
    if (!err)
        err = check_all(&to, e);
    conn_close(&from);
    conn_close(&to);
    return err;
}

enum err store_backup(struct store *s, const char *path, store_progress_fn *progress, void *ctx,
                      struct err_info *e)
{
    int64_t started_ns = clock_mono_ns();
    char tail[32] = ".partial-";

    rng_hex(tail + strlen(tail), 8);
    char *partial = path_with(path, tail);
    enum err err = backup_write(s, partial, progress, ctx, e);
    if (!err)
        err = file_sync_path(partial, e);
    if (!err)
        err = file_rename(partial, path, e);
    if (err)
        database_remove(partial);
    free(partial);
    db_op_end(s, OP_BACKUP, started_ns, err);
    return err;
}

/* ---- restore ---- */

static enum err lineage_renew(struct conn *c, struct err_info *e)
{
    char lineage[LINEAGE_DIGITS + 1];
    sqlite3_stmt *st;
    enum err err = conn_stmt(c, STMT_LINEAGE_SET, &st, e);

    if (err)
        return err;
    rng_hex(lineage, LINEAGE_DIGITS);
    put_str(st, 1, str_c(lineage));
    return conn_run(c, st, e);
}

static enum err restore_prepare(const char *backup, const char *path, struct err_info *e)
{
    struct conn c = {0};
    struct err_info info = {0};
    enum err err = file_copy(backup, path, e);

    if (err)
        return err;
    err = conn_open(&c, path, false, &info);
    if (!err)
        err = schema_migrate(c.db, backup, &info);
    if (!err)
        err = check_all(&c, &info);
    if (!err)
        err = lineage_renew(&c, &info);
    conn_close(&c);
    if (err == ERR_CORRUPT)
        err_set(e, err, backup, "the backup %s is damaged (%s); take another one", backup,
                info.message);
    else if (err && e && !e->code)
        *e = info;
    return err ? err : file_sync_path(path, e);
}

/* Merge a WAL that a crash left into its database, as far as that is possible, and copy both away.
 */
static enum err old_keep(const char *path, struct err_info *e)
{
    char stamp[CLOCK_TEXT], tail[CLOCK_TEXT + 16] = ".before-";
    struct conn c = {0};
    size_t n = strlen(tail);

    if (conn_open(&c, path, false, NULL) == ERR_OK) {
        enum err ignored = snapshot_begin(&c, NULL);
        (void)ignored;
        conn_rollback(&c);
    }
    conn_close(&c);
    clock_format(clock_wall_us(), stamp);
    for (const char *p = stamp; *p; p++)
        if (*p != ':' && *p != '-' && *p != '.')
            tail[n++] = *p;
    tail[n] = 0;
    char *kept = path_with(path, tail), *wal = path_with(path, "-wal"),
         *kept_wal = path_with(kept, "-wal");
    enum err err = file_copy(path, kept, e);
    if (!err && file_exists(wal))
        err = file_copy(wal, kept_wal, e);
    if (!err)
        err = file_remove(wal, e);
    free(kept);
    free(wal);
    free(kept_wal);
    return err;
}

enum err store_restore(const char *dir, const char *backup, struct err_info *e)
{
    char tail[32] = ".restoring-";
    enum err err = file_mkdirs(dir, 0700, e);

    if (err)
        return err;
    rng_hex(tail + strlen(tail), 8);
    char *path = path_with(dir, "/" STORE_FILE), *fresh = path_with(path, tail);
    char *shm = path_with(path, "-shm");
    err = restore_prepare(backup, fresh, e);
    if (!err && file_exists(path))
        err = old_keep(path, e);
    if (!err)
        err = file_remove(shm, e);
    if (!err)
        err = file_rename(fresh, path, e);
    if (err)
        database_remove(fresh);
    free(path);
    free(fresh);
    free(shm);
    return err;
}

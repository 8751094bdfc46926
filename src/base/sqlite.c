/* The VFS "akin": SQLite's own "unix" VFS with file.h's hook before what changes the disk, and with
 * time and randomness from base/. Everything else, WAL's shared memory and locks among it, goes
 * straight through. */
#include "base/sqlite.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/file_impl.h"
#include "base/rng.h"
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct shim {
    sqlite3_file base; /* what SQLite sees */
    const char *path;  /* SQLite keeps it until xClose */
    sqlite3_file *real;
};

static sqlite3_vfs *unix_vfs;

static sqlite3_file *real_of(sqlite3_file *f)
{
    return ((struct shim *)f)->real;
}

/* SQLite asks errno for the reason afterwards (sqlite3_system_errno). */
static int fault_code(int errnum, int otherwise)
{
    errno = errnum;
    return errnum == ENOSPC || errnum == EDQUOT ? SQLITE_FULL : otherwise;
}

static int shim_close(sqlite3_file *f)
{
    return real_of(f)->pMethods->xClose(real_of(f));
}

static int shim_read(sqlite3_file *f, void *buf, int n, sqlite3_int64 offset)
{
    return real_of(f)->pMethods->xRead(real_of(f), buf, n, offset);
}

static int shim_write(sqlite3_file *f, const void *buf, int n, sqlite3_int64 offset)
{
    const char *path = ((struct shim *)f)->path;
    sqlite3_file *real = real_of(f);
    size_t torn = 0;
    int fault = file_before(FILE_WRITE, path, (uint64_t)offset, (size_t)n, &torn);
    if (fault && torn)
        (void)real->pMethods->xWrite(real, buf, torn < (size_t)n ? (int)torn : n, offset);
    if (fault)
        return fault_code(fault, SQLITE_IOERR_WRITE);
    int rc = real->pMethods->xWrite(real, buf, n, offset);
    if (rc == SQLITE_OK)
        file_after(FILE_WRITE, path, (uint64_t)offset, buf, (size_t)n);
    return rc;
}

static int shim_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    const char *path = ((struct shim *)f)->path;
    int fault = file_before(FILE_TRUNCATE, path, (uint64_t)size, 0, NULL);
    if (fault)
        return fault_code(fault, SQLITE_IOERR_TRUNCATE);
    int rc = real_of(f)->pMethods->xTruncate(real_of(f), size);
    if (rc == SQLITE_OK)
        file_after(FILE_TRUNCATE, path, (uint64_t)size, NULL, 0);
    return rc;
}

static int shim_sync(sqlite3_file *f, int flags)
{
    const char *path = ((struct shim *)f)->path;
    int fault = file_before(FILE_SYNC, path, 0, 0, NULL);
    if (fault)
        return fault_code(fault, SQLITE_IOERR_FSYNC);
    int rc = real_of(f)->pMethods->xSync(real_of(f), flags);
    if (rc == SQLITE_OK)
        file_after(FILE_SYNC, path, 0, NULL, 0);
    return rc;
}

static int shim_file_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return real_of(f)->pMethods->xFileSize(real_of(f), size);
}

static int shim_lock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int shim_unlock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int shim_check_reserved(sqlite3_file *f, int *out)
{
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}

static int shim_control(sqlite3_file *f, int op, void *arg)
{
    return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int shim_sector_size(sqlite3_file *f)
{
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int shim_device(sqlite3_file *f)
{
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int shim_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
    return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, out);
}

static int shim_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return real_of(f)->pMethods->xShmLock(real_of(f), offset, n, flags);
}

static void shim_shm_barrier(sqlite3_file *f)
{
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int shim_shm_unmap(sqlite3_file *f, int delete_it)
{
    return real_of(f)->pMethods->xShmUnmap(real_of(f), delete_it);
}

/* Version 2: with shared memory, without mmap'd pages. */
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = shim_close,
    .xRead = shim_read,
    .xWrite = shim_write,
    .xTruncate = shim_truncate,
    .xSync = shim_sync,
    .xFileSize = shim_file_size,
    .xLock = shim_lock,
    .xUnlock = shim_unlock,
    .xCheckReservedLock = shim_check_reserved,
    .xFileControl = shim_control,
    .xSectorSize = shim_sector_size,
    .xDeviceCharacteristics = shim_device,
    .xShmMap = shim_shm_map,
    .xShmLock = shim_shm_lock,
    .xShmBarrier = shim_shm_barrier,
    .xShmUnmap = shim_shm_unmap,
};

static int vfs_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *flags_out)
{
    struct shim *s = (struct shim *)f;
    s->base.pMethods = NULL; /* then SQLite does not call xClose */
    s->path = name ? name : "(temporary)";
    s->real = (sqlite3_file *)(s + 1);
    int fault = file_before(FILE_OPEN, s->path, 0, 0, NULL);
    if (fault)
        return fault_code(fault, SQLITE_CANTOPEN);
    int rc = unix_vfs->xOpen(unix_vfs, name, s->real, flags, flags_out);
    if (rc != SQLITE_OK) {
        if (s->real->pMethods)
            s->real->pMethods->xClose(s->real);
        return rc;
    }
    assert(s->real->pMethods->iVersion >= 2);
    s->base.pMethods = &methods;
    file_after(FILE_OPEN, s->path, 0, NULL, 0);
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *v, const char *name, int sync_folder)
{
    int fault = file_before(FILE_REMOVE, name, 0, 0, NULL);
    if (fault)
        return fault_code(fault, SQLITE_IOERR_DELETE);
    int rc = unix_vfs->xDelete(unix_vfs, name, sync_folder);
    if (rc == SQLITE_OK)
        file_after(FILE_REMOVE, name, 0, NULL, 0);
    return rc;
}

static int vfs_access(sqlite3_vfs *v, const char *name, int flags, int *out)
{
    return unix_vfs->xAccess(unix_vfs, name, flags, out);
}

static int vfs_full_pathname(sqlite3_vfs *v, const char *name, int n, char *out)
{
    return unix_vfs->xFullPathname(unix_vfs, name, n, out);
}

static int vfs_randomness(sqlite3_vfs *v, int n, char *out)
{
    rng_bytes(out, (size_t)n);
    return n;
}

static int vfs_sleep(sqlite3_vfs *v, int us)
{
    clock_sleep_ns((int64_t)us * 1000);
    return us;
}

/* Milliseconds since noon of 24 November 4714 BC, the Julian epoch. */
static int vfs_time_i64(sqlite3_vfs *v, sqlite3_int64 *out)
{
    *out = clock_wall_us() / 1000 + INT64_C(210866760000000);
    return SQLITE_OK;
}

static int vfs_time(sqlite3_vfs *v, double *out)
{
    sqlite3_int64 ms;
    vfs_time_i64(v, &ms);
    *out = (double)ms / 86400000;
    return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *v, int n, char *out)
{
    return unix_vfs->xGetLastError(unix_vfs, n, out);
}

/* No xDlOpen: extensions are not loaded. */
static sqlite3_vfs vfs = {
    .iVersion = 2,
    .zName = "akin",
    .xOpen = vfs_open,
    .xDelete = vfs_delete,
    .xAccess = vfs_access,
    .xFullPathname = vfs_full_pathname,
    .xRandomness = vfs_randomness,
    .xSleep = vfs_sleep,
    .xCurrentTime = vfs_time,
    .xCurrentTimeInt64 = vfs_time_i64,
    .xGetLastError = vfs_last_error,
};

static void setup(void)
{
    unix_vfs = sqlite3_vfs_find("unix");
    assert(unix_vfs);
    vfs.szOsFile = (int)sizeof(struct shim) + unix_vfs->szOsFile;
    vfs.mxPathname = unix_vfs->mxPathname;
    int rc = sqlite3_vfs_register(&vfs, 0);
    assert(rc == SQLITE_OK);
}

static enum err system_code(sqlite3 *db)
{
    switch (db ? sqlite3_system_errno(db) : 0) {
    case ENOSPC:
    case EDQUOT:
        return ERR_FULL;
    case ENOENT:
        return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
        return ERR_DENIED;
    default:
        return ERR_IO;
    }
}

#define WRITER_WAIT_MS 1000

static enum err code_of(sqlite3 *db, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ERR_OK;
    case SQLITE_FULL:
        return ERR_FULL;
    case SQLITE_IOERR:
        return system_code(db) == ERR_FULL ? ERR_FULL : ERR_IO;
    case SQLITE_CANTOPEN:
        return system_code(db);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_CORRUPT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_BUSY;
    case SQLITE_INTERRUPT:
        return ERR_TIMEOUT;
    case SQLITE_CONSTRAINT:
        return ERR_CONFLICT;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return ERR_DENIED;
    case SQLITE_NOMEM:
        return ERR_NO_MEMORY;
    case SQLITE_TOOBIG:
        return ERR_TOO_LARGE;
    default:
        return ERR_INVALID;
    }
}

static enum err error_at(sqlite3 *db, int rc, const char *path, struct err_info *e)
{
    enum err code = code_of(db, rc);
    if (code)
        err_set(e, code, path, "database %s: %s", path ? path : "",
                db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
    return code;
}

enum err sqlite_error(sqlite3 *db, int rc, struct err_info *e)
{
    return error_at(db, rc, db ? sqlite3_db_filename(db, NULL) : NULL, e);
}

enum err sqlite_exec(sqlite3 *db, const char *sql, struct err_info *e)
{
    return sqlite_error(db, sqlite3_exec(db, sql, NULL, NULL, NULL), e);
}

/* "PRAGMA journal_mode" answers with the mode that it has reached. */
static enum err wal_set(sqlite3 *db, struct err_info *e)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(db, "PRAGMA journal_mode=WAL", -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    const char *mode = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0) : NULL;
    enum err code = sqlite_error(db, rc, e);
    if (!code && (!mode || strcmp(mode, "wal") != 0))
        code = err_set(e, ERR_UNSUPPORTED, NULL, "the file system refuses SQLite's WAL mode");
    sqlite3_finalize(st);
    return code;
}

static enum err settings(sqlite3 *db, bool read_only, enum db_durability durability,
                         struct err_info *e)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "PRAGMA mmap_size=0;PRAGMA trusted_schema=OFF;PRAGMA foreign_keys=OFF;"
             "PRAGMA synchronous=%s",
             durability == DB_DURABLE ? "FULL" : "OFF");
    sqlite3_extended_result_codes(db, 1);
    /* There is one writer, but a reader that meets the WAL's index while it is being written takes
     * the writer's lock for a moment to look again. */
    sqlite3_busy_timeout(db, WRITER_WAIT_MS);
    enum err rc = sqlite_exec(db, sql, e);
    if (!rc && !read_only)
        rc = wal_set(db, e);
    return rc;
}

enum err sqlite_open(const char *path, bool read_only, enum db_durability durability, sqlite3 **out,
                     struct err_info *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    sqlite3 *db = NULL;
    int flags = read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    pthread_once(&once, setup);
    if (strncmp(path, "file:", 5) == 0) /* Debian's SQLite would take it for a URI */
        return err_set(e, ERR_INVALID, path, "a database path cannot begin with \"file:\"");
    int rc = sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, "akin");
    enum err code = rc ? error_at(db, rc, path, e) : settings(db, read_only, durability, e);
    if (code) {
        sqlite3_close(db);
        return code;
    }
    *out = db;
    return ERR_OK;
}

/* SQLite as akin opens it: through a VFS that asks base/file.h's hook before each write, sync,
 * truncate and delete (so faults are injected and syncs recorded), and with the settings that
 * every database of akin has: WAL, foreign keys off, mmap_size 0, trusted_schema off, busy
 * time-out 0 (one writer by construction). */
#ifndef BASE_SQLITE_H
#define BASE_SQLITE_H

#include "base/err.h"
#include <sqlite3.h>
#include <stdbool.h>

enum db_durability {
    DB_DURABLE /* synchronous=FULL */,
    DB_CACHE /* synchronous=OFF: a rebuildable cache */
};

/* A connection is one thread's at a time (sqlite3_interrupt may come from any). Without read_only
 * the file is made if need be; with it, ERR_NOT_FOUND. The path is a path, never a URI. */
enum err sqlite_open(const char *path, bool read_only, enum db_durability durability, sqlite3 **out,
                     struct err_info *e) MUST_CHECK;
/* enum err for a result code, with SQLite's message: FULL (and IOERR for want of space) ERR_FULL,
 * IOERR ERR_IO, CORRUPT and NOTADB ERR_CORRUPT, BUSY and LOCKED ERR_BUSY, INTERRUPT ERR_TIMEOUT,
 * CONSTRAINT ERR_CONFLICT; OK, ROW and DONE are 0; a fault in the SQL ERR_INVALID. */
enum err sqlite_error(sqlite3 *db, int rc, struct err_info *e);
enum err sqlite_exec(sqlite3 *db, const char *sql, struct err_info *e) MUST_CHECK;

#endif

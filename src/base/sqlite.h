/* SQLite as akin opens it: through a VFS that asks base/file.h's hook before each write, sync,
 * truncate and delete (so faults are injected and syncs recorded), and with the settings that
 * every database of akin has: WAL, foreign keys off, mmap_size 0, trusted_schema off, busy
 * time-out 0 (one writer by construction). */
#ifndef BASE_SQLITE_H
#define BASE_SQLITE_H

#include "base/err.h"
#include <sqlite3.h>
#include <stdbool.h>

enum db_durability { DB_DURABLE /* synchronous=FULL */, DB_CACHE /* synchronous=OFF: a rebuildable cache */ };

enum err sqlite_open(const char *path, bool read_only, enum db_durability durability,
                     sqlite3 **out, struct err_info *e) MUST_CHECK;
/* SQLITE_FULL, IOERR, CORRUPT, NOTADB, BUSY, INTERRUPT -> enum err, with sqlite's message. */
enum err sqlite_error(sqlite3 *db, int rc, struct err_info *e);
enum err sqlite_exec(sqlite3 *db, const char *sql, struct err_info *e) MUST_CHECK;

#endif

/* A connection with its kept statements. One thread at a time; prepared once, reused for ever.
 *
 *     err = conn_stmt(c, STMT_X, &st, e);   the statement, reset
 *     put_str(st, 1, id); ...               parameters; what they point to outlives the step
 *     err = conn_step(c, st, &row, e);      row: read columns with get_...; at the end it is reset
 */
#ifndef STORE_CONN_H
#define STORE_CONN_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "store/schema.h"
#include <stdint.h>

struct conn {
    sqlite3 *db;
    sqlite3_stmt *kept[STMT_COUNT];
    uint64_t used[(STMT_COUNT + 63) / 64]; /* bits: may be in the middle of a step */
    int64_t deadline_ns;                   /* a step that passes it is ERR_TIMEOUT; 0: none */
    int64_t started_ns;                    /* of the read that holds it */
    unsigned op;
    struct conn *next; /* in the list of idle readers */
};

enum err conn_open(struct conn *c, const char *path, bool read_only, struct err_info *e) MUST_CHECK;
/* A file that nobody else may read, for a database that is about to be made (SQLite's own would
 * have mode 0644); nothing happens to one that is there. */
enum err conn_file_make(const char *path, struct err_info *e) MUST_CHECK;
void conn_close(struct conn *c); /* also one that never opened, if zeroed */

enum err conn_stmt(struct conn *c, enum statement id, sqlite3_stmt **out,
                   struct err_info *e) MUST_CHECK;
/* *row false: done, and the statement is reset. On an error it is reset too. */
enum err conn_step(struct conn *c, sqlite3_stmt *st, bool *row, struct err_info *e) MUST_CHECK;
/* Step to the end, rows are dropped. */
enum err conn_run(struct conn *c, sqlite3_stmt *st, struct err_info *e) MUST_CHECK;
/* One without parameters. */
enum err conn_exec(struct conn *c, enum statement id, struct err_info *e) MUST_CHECK;
/* Ends whatever transaction is open; nothing is kept. */
void conn_rollback(struct conn *c);

void put_str(sqlite3_stmt *st, int i, struct str s);
void put_blob(sqlite3_stmt *st, int i, const void *p, size_t n);
void put_int(sqlite3_stmt *st, int i, int64_t v);
void put_double(sqlite3_stmt *st, int i, double v); /* NaN: NULL */

struct str get_str(sqlite3_stmt *st, int i, struct arena *a);
/* Copied and 16-byte aligned; the empty string for NULL. */
struct str get_blob(sqlite3_stmt *st, int i, struct arena *a);
void get_digest(sqlite3_stmt *st, int i, uint8_t out[32]); /* zeros if it is not one */

#endif

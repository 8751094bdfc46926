/* Is the store what it claims to be? check_quick at every start, within a few milliseconds;
 * check_all on request and for every backup, reading all of it. */
#include "base/sqlite.h"
#include "store/inside.h"
#include <string.h>

#define QUICK_PAGES 2048 /* up to here quick_check reads everything: some 8 MiB, about 15 ms */

/* Runs `sql`; the first row that is not "ok" is a fault. */
static enum err fault_find(struct conn *c, const char *sql, struct err_info *e)
{
    sqlite3_stmt *st = NULL;
    enum err err = ERR_OK;
    int rc = sqlite3_prepare_v2(c->db, sql, -1, &st, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(st, 0);
        if (text && strcmp(text, "ok") != 0)
            err = err_set(e, ERR_CORRUPT, NULL, "%s", text);
    } else if (rc != SQLITE_DONE) {
        err = sqlite_error(c->db, rc, e);
    }
    sqlite3_finalize(st);
    return err;
}

static enum err payloads_check(struct conn *c, struct err_info *e)
{
    static const char sql[] =
        "SELECT d.id, d.digest, p.payload FROM document d JOIN payload p USING (key)";
    sqlite3_stmt *st = NULL;
    enum err err = ERR_OK;
    int rc = sqlite3_prepare_v2(c->db, sql, -1, &st, NULL);

    while (rc == SQLITE_OK && !err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        uint8_t digest[32];
        struct str payload = {sqlite3_column_blob(st, 2), (size_t)sqlite3_column_bytes(st, 2)};
        rc = SQLITE_OK;
        payload_digest(payload, digest);
        if (sqlite3_column_bytes(st, 1) != 32 ||
            memcmp(digest, sqlite3_column_blob(st, 1), 32) != 0)
            err =
                err_set(e, ERR_CORRUPT, NULL, "the payload of document %s does not have its digest",
                        (const char *)sqlite3_column_text(st, 0));
    }
    if (!err && rc != SQLITE_DONE)
        err = sqlite_error(c->db, rc, e);
    sqlite3_finalize(st);
    return err;
}

enum err check_all(struct conn *c, struct err_info *e)
{
    enum err err = fault_find(c, "PRAGMA integrity_check(1)", e);

    if (!err)
        err = payloads_check(c, e);
    for (unsigned i = 0; i < schema_faults_count && !err; i++)
        err = fault_find(c, schema_faults[i].sql, e);
    return err;
}

/* The ends of every table and index, and that the log ends where the counter stands. */
enum err check_quick(struct conn *c, struct err_info *e)
{
    sqlite3_stmt *st = NULL;
    enum err err = ERR_OK;
    int pages = 0;

    if (sqlite3_prepare_v2(c->db, "PRAGMA page_count", -1, &st, NULL) == SQLITE_OK &&
        sqlite3_step(st) == SQLITE_ROW)
        pages = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    if (pages <= QUICK_PAGES)
        err = fault_find(c, "PRAGMA quick_check(1)", e);
    for (unsigned i = 0; i < schema_probes_count && !err; i++)
        err = fault_find(c, schema_probes[i].sql, e);
    return err;
}

enum err store_check(struct store *s, struct err_info *e)
{
    struct conn *c;
    enum err err = read_begin(s, OP_CHECK, &c, e);

    if (err)
        return err;
    c->deadline_ns = 0; /* it may take its time */
    err = check_all(c, e);
    read_end(s, c, err);
    return err;
}

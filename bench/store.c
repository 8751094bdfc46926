/* The store: documents/s durable, point reads/s, opening, beside a bare SQLite table doing the
 * least that could be called the same (id, text, vector in one row) in the same run.
 *
 *     store [DIR [DOCUMENTS]]     DIR: on the disk that is meant; default ./bench-store, removed
 * afterwards */
#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/sqlite.h"
#include "base/thread.h"
#include "store/store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIMS 384
#define PAYLOAD 1024
#define BATCH 100

static void must(enum err err, const struct err_info *e)
{
    if (!err)
        return;
    fprintf(stderr, "%s: %s\n", err_name(err), e->message);
    exit(1);
}

static double seconds_since(int64_t start_ns)
{
    return (double)(clock_mono_ns() - start_ns) / 1e9;
}

static void report(const char *what, double n, double seconds, const char *unit)
{
    printf("%-44s %10.0f %s/s   (%.2f s)\n", what, n / seconds, unit, seconds);
    fflush(stdout);
}

struct work {
    struct store *s;
    uint32_t collection;
    unsigned from, to, batch;
    unsigned parts;
    bool cached; /* with its vectors for the embedding cache */
    struct thread *thread;
};

static void document_make(struct arena *a, struct rng *r, uint32_t collection, unsigned i,
                          struct store_act *act)
{
    struct document_record *d = &act->document;
    char *payload = arena_alloc(a, PAYLOAD);
    uint64_t *vector = arena_alloc(a, DIMS * 2);
    struct sha256 h;

    memset(act, 0, sizeof *act);
    act->kind = ACT_DOCUMENT_PUT;
    d->collection = collection;
    d->id = str_c(arena_printf(a, "document-%u", i * 2654435761u));
    for (unsigned k = 0; k < PAYLOAD; k++)
        payload[k] = (char)('a' + (rng_next(r) & 15));
    for (unsigned k = 0; k < DIMS / 4; k++)
        vector[k] = rng_next(r);
    d->payload = (struct str){payload, PAYLOAD};
    sha256_init(&h);
    sha256_add(&h, payload, PAYLOAD);
    sha256_end(&h, d->digest);
    memcpy(d->text_digest, d->digest, 32);
    d->passages = arena_array(a, 1, sizeof *d->passages);
    d->passages[0] = (struct passage_record){0, PAYLOAD, 200, (const uint16_t *)vector};
    d->passage_count = 1;
}

static void embedding_add(struct arena *a, struct store_act *act)
{
    struct embedding_record *r = arena_array(a, 1, sizeof *r);

    r->dims = DIMS;
    r->tokens = 200;
    r->vector = act->document.passages[0].vector;
    memcpy(r->key, act->document.digest, EMBEDDING_KEY);
    act->embeddings = r;
    act->embedding_count = 1;
}

static void put_run(void *arg)
{
    struct work *w = arg;
    struct arena *a = arena_new(0);
    struct store_act *acts = calloc(w->batch, sizeof *acts);
    struct err_info e = {0};
    struct rng r;

    rng_init(&r, w->from);
    for (unsigned i = w->from; i < w->to; i += w->batch) {
        unsigned n = w->to - i < w->batch ? w->to - i : w->batch;
        for (unsigned k = 0; k < n; k++) {
            document_make(a, &r, w->collection, i + k, &acts[k]);
            if (w->cached)
                embedding_add(a, &acts[k]);
        }
        must(store_write(w->s, acts, n, false, NULL, &e), &e);
        for (unsigned k = 0; k < n; k++)
            must(acts[k].err, &acts[k].info);
        arena_reset(a);
    }
    free(acts);
    arena_free(a);
}

static void get_run(void *arg)
{
    struct work *w = arg;
    struct arena *a = arena_new(0);
    struct err_info e = {0};
    struct rng r;

    rng_init(&r, w->from);
    for (unsigned i = w->from; i < w->to; i++) {
        struct document_record d;
        unsigned which = (unsigned)rng_below(&r, w->batch);
        must(store_document_get(w->s, a, w->collection,
                                str_c(arena_printf(a, "document-%u", which * 2654435761u)),
                                w->parts, &d, &e),
             &e);
        if (i % 64 == 0)
            arena_reset(a);
    }
    arena_free(a);
}

static double together(struct work w, unsigned threads, unsigned n, void (*run)(void *))
{
    struct work all[16];
    int64_t start = clock_mono_ns();

    for (unsigned i = 0; i < threads; i++) {
        all[i] = w;
        all[i].from = w.from + n / threads * i;
        all[i].to = w.from + n / threads * (i + 1);
        all[i].thread = thread_start("bench", run, &all[i]);
    }
    for (unsigned i = 0; i < threads; i++)
        thread_join(all[i].thread);
    return seconds_since(start);
}

static enum err scan_each(void *ctx, const struct document_record *d)
{
    *(uint64_t *)ctx += d->passages[0].vector[0];
    return ERR_OK;
}

/* A second version: made, filled, activated and left. */
static void versions_run(struct store *s, uint32_t collection, uint32_t first)
{
    struct store_act act = {.kind = ACT_VERSION_CREATE,
                            .version = {.collection = collection, .dims = DIMS}};
    struct store_act *acts = calloc(BATCH, sizeof *acts);
    struct arena *a = arena_new(0);
    struct passage_record passage = {.vector = xcalloc(DIMS, 2)};
    struct err_info e = {0};
    uint32_t after = 0;
    size_t n = 1;
    uint64_t all = 0;
    int64_t start = clock_mono_ns();

    must(store_write(s, &act, 1, true, NULL, &e), &e);
    printf("%-44s %10.1f ms\n", "version, created", seconds_since(start) * 1e3);
    act.version.id = (uint32_t)act.id;
    start = clock_mono_ns();
    for (; n > 0; all += n) {
        struct document_record *docs;
        arena_reset(a);
        must(store_version_missing(s, a, act.version.id, after, BATCH, &docs, &n, &e), &e);
        for (size_t i = 0; i < n; i++) {
            acts[i] = (struct store_act){.kind = ACT_VERSION_EMBEDDED, .document = docs[i]};
            acts[i].version.id = act.version.id;
            acts[i].document.passages = &passage;
            acts[i].document.passage_count = 1;
            after = docs[i].number;
        }
        if (n)
            must(store_write(s, acts, n, true, NULL, &e), &e);
    }
    report("version, missing and embedded", (double)all, seconds_since(start), "documents");
    act.kind = ACT_VERSION_UPDATE;
    act.version.state = VERSION_READY;
    must(store_write(s, &act, 1, true, NULL, &e), &e);
    act.kind = ACT_VERSION_ACTIVATE;
    start = clock_mono_ns();
    must(store_write(s, &act, 1, true, NULL, &e), &e);
    printf("%-44s %10.1f ms\n", "version, activated", seconds_since(start) * 1e3);
    act.version.id = first;
    start = clock_mono_ns();
    must(store_write(s, &act, 1, true, NULL, &e), &e);
    printf("%-44s %10.1f ms\n", "version, rolled back", seconds_since(start) * 1e3);
    arena_free(a);
    free((void *)passage.vector);
    free(acts);
}

static void bare_sqlite(const char *dir, unsigned n)
{
    char path[512];
    sqlite3 *db;
    sqlite3_stmt *put, *get;
    struct err_info e = {0};
    struct arena *a = arena_new(0);
    struct rng r;
    struct store_act act;

    snprintf(path, sizeof path, "%s/bare.db", dir);
    must(sqlite_open(path, false, DB_DURABLE, &db, &e), &e);
    must(sqlite_exec(db, "CREATE TABLE d (id TEXT PRIMARY KEY, text BLOB, vector BLOB)", &e), &e);
    sqlite3_prepare_v2(db, "INSERT INTO d VALUES (?1, ?2, ?3)", -1, &put, NULL);
    sqlite3_prepare_v2(db, "SELECT text FROM d WHERE id = ?1", -1, &get, NULL);
    rng_init(&r, 1);
    int64_t start = clock_mono_ns();
    for (unsigned i = 0; i < n; i++) {
        if (i % BATCH == 0)
            must(sqlite_exec(db, "BEGIN IMMEDIATE", &e), &e);
        document_make(a, &r, 1, i, &act);
        sqlite3_bind_text(put, 1, act.document.id.s, (int)act.document.id.n, SQLITE_STATIC);
        sqlite3_bind_blob(put, 2, act.document.payload.s, PAYLOAD, SQLITE_STATIC);
        sqlite3_bind_blob(put, 3, act.document.passages[0].vector, DIMS * 2, SQLITE_STATIC);
        must(sqlite_error(db, sqlite3_step(put), &e), &e);
        sqlite3_reset(put);
        if (i % BATCH == BATCH - 1) {
            must(sqlite_exec(db, "COMMIT", &e), &e);
            arena_reset(a);
        }
    }
    report("bare SQLite, 100 a transaction", n, seconds_since(start), "documents");
    start = clock_mono_ns();
    for (unsigned i = 0; i < n; i++) {
        char *id = arena_printf(a, "document-%u", (unsigned)rng_below(&r, n) * 2654435761u);
        sqlite3_bind_text(get, 1, id, -1, SQLITE_STATIC);
        sqlite3_step(get);
        sqlite3_reset(get);
        arena_reset(a);
    }
    report("bare SQLite, point reads of the text", n, seconds_since(start), "reads");
    sqlite3_finalize(put);
    sqlite3_finalize(get);
    sqlite3_close(db);
    arena_free(a);
}

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : "bench-store";
    unsigned n = argc > 2 ? (unsigned)atoi(argv[2]) : 20000;
    struct store_act act = {
        .kind = ACT_COLLECTION_CREATE,
        .collection = {.name = STR("bench"), .settings = STR("{}"), .dims = DIMS}};
    struct err_info e = {0};
    struct work w = {.batch = BATCH};
    uint64_t sum = 0;
    int64_t start;

    n -= n % (BATCH * 4);
    log_set_level(LOG_ERROR);
    must(file_mkdirs(dir, 0700, &e), &e);
    bare_sqlite(dir, n);
    must(store_open(dir, NULL, &w.s, &e), &e);
    must(store_write(w.s, &act, 1, false, NULL, &e), &e);
    w.collection = (uint32_t)act.id;
    report("store, 1 caller, 100 acts a call", n, together(w, 1, n, put_run), "documents");
    w.from = n;
    report("store, 4 callers, 100 acts a call", n, together(w, 4, n, put_run), "documents");
    report("store, the same again (unchanged)", n, together(w, 4, n, put_run), "documents");
    w.from = 2 * n;
    w.cached = true;
    report("store, 4 callers, and into the embedding cache", n, together(w, 4, n, put_run),
           "documents");
    w.cached = false;
    w.from = 3 * n;
    w.batch = 1;
    report("store, 1 caller, one act a call", 400, together(w, 1, 400, put_run), "documents");
    w.from += 400;
    report("store, 16 callers, one act a call", 3200, together(w, 16, 3200, put_run), "documents");
    versions_run(w.s, w.collection, act.version_id);
    w.from = 0;
    w.batch = n;
    w.parts = DOCUMENT_PAYLOAD;
    report("store, 1 caller, point reads with payload", n, together(w, 1, n, get_run), "reads");
    report("store, 4 callers, point reads with payload", n, together(w, 4, n, get_run), "reads");
    w.parts = DOCUMENT_PAYLOAD | DOCUMENT_VECTORS;
    report("store, 1 caller, point reads of all", n, together(w, 1, n, get_run), "reads");
    start = clock_mono_ns();
    must(store_document_scan(w.s, w.collection, DOCUMENT_VECTORS, scan_each, &sum, NULL, &e), &e);
    report("store, scan with vectors", 3.0 * n, seconds_since(start), "documents");
    start = clock_mono_ns();
    must(store_check(w.s, &e), &e);
    report("store, full check", 3.0 * n, seconds_since(start), "documents");
    start = clock_mono_ns();
    store_close(w.s);
    printf("%-44s %10.1f ms\n", "close", seconds_since(start) * 1e3);
    start = clock_mono_ns();
    must(store_open(dir, NULL, &w.s, &e), &e);
    printf("%-44s %10.1f ms\n", "open", seconds_since(start) * 1e3);
    store_close(w.s);
    must(file_remove_tree(dir, &e), &e);
    return 0;
}

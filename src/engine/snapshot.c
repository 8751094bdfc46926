/* Snapshots: the indexes of a collection on disk, caches of the store with a position.
 *
 *     index/<collection id>/documents/rows       attributes and live state
 *     index/<collection id>/<version id>/rows    the vectors of one embedding version
 *     index/<collection id>/words/words.db       words; keeps its position itself
 *
 * Each is checked and made anew on its own. A `rows` file is written beside and renamed. Its bytes,
 * little-endian:
 *
 *       0  8  "AKINDOCS" or "AKINVECS"
 *       8  4  format, 2
 *      12  4  collection id
 *      16  4  dims; 0 in documents
 *      20  4  version id; 0 in documents
 *      24  8  change that it holds
 *      32 16  lineage, NUL padded
 *      48 72  model digest in hex, NUL padded; empty in documents
 *     120  8  live rows; 0 in vectors
 *     128  8  checksum of the live rows
 *     136  8  checksum of the bytes before
 *     144     live rows, 8 bytes each: revision
 *             the section of attributes or of vectors (index/), with its own checksum
 *
 * Whatever is damaged, of another lineage or model, or ahead of the store is dropped and made anew
 * from the store. */
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "engine/internal.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC_DOCUMENTS "AKINDOCS"
#define MAGIC_VECTORS "AKINVECS"
#define FORMAT 2
#define HEADER_BYTES 144
#define LIVE_BYTES 8
#define LIVE_MAX (1u << 31)
#define BEHIND_MAX                                                                                 \
    10000 /* changes of others after which an unchanged snapshot is saved again, so that a start   \
             reads few */
#define WORDS_BATCH 500
#define WORDS_BATCH_BYTES (8u << 20)

static char *rows_path(const char *dir, const char *suffix)
{
    struct strbuf b;
    strbuf_init(&b, 0);
    strbuf_printf(&b, "%s/rows%s", dir, suffix);
    return strbuf_detach(&b, NULL);
}

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static void put64(uint8_t *p, uint64_t v)
{
    put32(p, (uint32_t)v);
    put32(p + 4, (uint32_t)(v >> 32));
}

static uint32_t get32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t get64(const uint8_t *p)
{
    return get32(p) | (uint64_t)get32(p + 4) << 32;
}

/* What a header says of a file: of the documents, or (`v`) of a version. */
struct rows_of {
    struct collection *c;
    struct version *v; /* NULL: the documents */
};

/* ---- save ---- */

static uint8_t *live_pack(const struct collection *c, size_t *bytes)
{
    *bytes = c->live_count * LIVE_BYTES;
    uint8_t *out = xmalloc(*bytes + 1);
    for (size_t i = 0; i < c->live_count; i++)
        put64(out + i * LIVE_BYTES, c->live[i].revision);
    return out;
}

/* All that does not depend on the state. */
static void header_begin(const struct rows_of *of, uint8_t h[HEADER_BYTES])
{
    memset(h, 0, HEADER_BYTES);
    memcpy(h, of->v ? MAGIC_VECTORS : MAGIC_DOCUMENTS, 8);
    put32(h + 8, FORMAT);
    put32(h + 12, of->c->id);
    if (!of->v)
        return;
    put32(h + 16, of->v->dims);
    put32(h + 20, of->v->id);
    memcpy(h + 48, of->v->model_digest, strlen(of->v->model_digest));
}

static void header_pack(const struct rows_of *of, const struct position *at, const uint8_t *live,
                        size_t live_bytes, uint8_t h[HEADER_BYTES])
{
    header_begin(of, h);
    put64(h + 24, at->change);
    memcpy(h + 32, at->lineage, LINEAGE_DIGITS);
    put64(h + 120, live_bytes / LIVE_BYTES);
    put64(h + 128, checksum64(live, live_bytes, of->c->id));
    put64(h + 136, checksum64(h, 136, of->c->id));
}

static enum err rows_write(const struct rows_of *of, const char *path, const struct position *at,
                           struct err_info *e)
{
    struct file *f = NULL;
    uint8_t header[HEADER_BYTES];
    size_t live_bytes = 0;
    uint8_t *live = of->v ? xmalloc(1) : live_pack(of->c, &live_bytes);
    header_pack(of, at, live, live_bytes, header);
    enum err err = file_open(path, FILE_CREATE, &f, e);
    if (!err)
        err = file_write(f, header, sizeof header, e);
    if (!err && live_bytes > 0)
        err = file_write(f, live, live_bytes, e);
    if (!err)
        err = of->v ? vectors_save(of->v->vectors, f, e) : attributes_save(of->c->attributes, f, e);
    if (!err)
        err = file_sync(f, e);
    file_close(f);
    free(live);
    return err;
}

static void rows_held_set(const struct rows_of *of, uint64_t change)
{
    *(of->v ? &of->v->written : &of->c->rows_written) = change;
    __atomic_store_n(of->v ? &of->v->saved : &of->c->rows_saved, change,
                     __ATOMIC_RELAXED); /* the keeper reads it */
}

static enum err rows_save(const struct rows_of *of, const struct position *at, struct err_info *e)
{
    const char *dir = of->v ? of->v->dir : of->c->rows_dir;
    char *path = rows_path(dir, ""), *beside = rows_path(dir, ".new");
    enum err err = rows_write(of, beside, at, e);
    if (!err)
        err = file_rename(beside, path, e);
    if (err)
        (void)!file_remove(beside, NULL);
    else
        rows_held_set(of, at->change);
    free(path);
    free(beside);
    return err;
}

static enum err versions_save(struct collection *c, const struct position *at, struct err_info *e)
{
    enum err err = 0;
    for (struct version *v = NULL; (v = version_next(c, v));) {
        bool due = v->touched || v->at > v->written || at->change > v->saved + BEHIND_MAX;
        if (err || !due)
            continue;
        err = rows_save(&(struct rows_of){c, v}, at, e);
        v->touched = v->touched && err;
    }
    return err;
}

enum err snapshot_save(struct collection *c, struct err_info *e)
{
    struct position at;
    char text[POSITION_TEXT];
    store_position(c->engine->store, &at);
    at.change =
        c->engine->applied; /* what the applier passed: nothing of this collection is missing */
    position_format(&at, text);
    enum err err = 0;
    if (c->words_at < at.change) {
        err = words_apply(c->words, NULL, 0, NULL, 0, str_c(text), e);
        if (!err)
            c->words_at = at.change;
    }
    bool changed = c->rows_at > c->rows_written;
    if (!err && (changed || at.change > c->rows_saved + BEHIND_MAX))
        err = rows_save(&(struct rows_of){c, NULL}, &at, e);
    return err ? err : versions_save(c, &at, e);
}

/* ---- load ---- */

static enum err damaged(struct err_info *e, const char *what)
{
    return err_set(e, ERR_CORRUPT, "rows", "%s", what);
}

static enum err header_check(const struct rows_of *of, const uint8_t h[HEADER_BYTES],
                             const struct position *now, struct err_info *e)
{
    uint8_t own[HEADER_BYTES];
    header_begin(of, own);
    if (memcmp(h, own, 8) != 0 || get64(h + 136) != checksum64(h, 136, of->c->id))
        return damaged(e, "the header is damaged");
    if (memcmp(h, own, 24) != 0 || memcmp(h + 48, own + 48, 72) != 0)
        return damaged(e, "it is of another format, collection, version or model");
    if (strncmp((const char *)h + 32, now->lineage, 16) != 0)
        return damaged(e, "it is of another lineage: the store was restored");
    if (get64(h + 24) > now->change)
        return damaged(e, "it is ahead of the store");
    return 0;
}

static enum err live_load(struct collection *c, struct file *f, const uint8_t h[HEADER_BYTES],
                          uint64_t file_bytes, struct err_info *e)
{
    uint64_t n = get64(h + 120);
    if (n > LIVE_MAX || n * LIVE_BYTES > file_bytes)
        return damaged(e, "it is truncated");
    uint8_t *packed = xmalloc(n * LIVE_BYTES + 1);
    enum err err = file_pread(f, HEADER_BYTES, packed, n * LIVE_BYTES, e);
    if (!err && checksum64(packed, n * LIVE_BYTES, c->id) != get64(h + 128))
        err = damaged(e, "the live rows are damaged");
    for (uint64_t i = 0; !err && i < n; i++)
        if (get64(packed + i * LIVE_BYTES))
            live_set(c, (uint32_t)i, (struct live_row){get64(packed + i * LIVE_BYTES)});
    free(packed);
    return err;
}

static enum err documents_read(struct collection *c, struct file *f, const uint8_t h[HEADER_BYTES],
                               uint64_t bytes, struct err_info *e)
{
    struct attributes *x = NULL;
    uint64_t offset = HEADER_BYTES + get64(h + 120) * LIVE_BYTES;
    enum err err = live_load(c, f, h, bytes, e);
    if (!err)
        err = attributes_load(f, &offset, &x, e);
    if (err)
        return err;
    attributes_free(c->attributes);
    c->attributes = x;
    c->rows_at = get64(h + 24);
    return 0;
}

static enum err vectors_read(struct version *v, struct file *f, const uint8_t h[HEADER_BYTES],
                             struct err_info *e)
{
    struct vectors *x = NULL;
    uint64_t offset = HEADER_BYTES;
    enum err err = vectors_load(f, &offset, &x, e);
    if (!err && vectors_dims(x) != v->dims)
        err = damaged(e, "the vectors have other dimensions");
    if (err) {
        vectors_free(x);
        return err;
    }
    vectors_free(v->vectors);
    v->vectors = x;
    v->at = get64(h + 24);
    return 0;
}

static enum err rows_read(const struct rows_of *of, struct file *f, const struct position *now,
                          struct err_info *e)
{
    uint8_t h[HEADER_BYTES];
    uint64_t bytes;
    enum err err = file_size(f, &bytes, e);
    if (!err)
        err = file_pread(f, 0, h, sizeof h, e);
    if (!err)
        err = header_check(of, h, now, e);
    if (!err)
        err = of->v ? vectors_read(of->v, f, h, e) : documents_read(of->c, f, h, bytes, e);
    if (!err)
        rows_held_set(of, get64(h + 24));
    return err;
}

static enum err rows_load(const struct rows_of *of, const struct position *now, struct err_info *e)
{
    struct file *f = NULL;
    char *path = rows_path(of->v ? of->v->dir : of->c->rows_dir, "");
    enum err err = file_open(path, FILE_READ_ONLY, &f, e);
    if (!err)
        err = rows_read(of, f, now, e);
    file_close(f);
    free(path);
    return err;
}

/* ---- rebuild from the store ---- */

struct rebuild {
    struct collection *c;
    bool rows, words;
    struct arena *a;
    struct words_document *batch;
    size_t batch_count, batch_bytes;
    struct err_info *e;
};

static enum err rebuild_flush(struct rebuild *b, struct str position)
{
    enum err err = words_apply(b->c->words, b->batch, b->batch_count, NULL, 0, position, b->e);
    b->batch_count = b->batch_bytes = 0;
    arena_reset(b->a);
    return err;
}

static enum err rebuild_document(void *ctx, const struct document_record *d)
{
    struct rebuild *b = ctx;
    enum err err = b->rows ? document_index(b->c, d, b->e) : 0;
    if (err || !b->words)
        return err;
    document_words(b->a, d, &b->batch[b->batch_count++]);
    b->batch_bytes += d->payload.n;
    if (b->batch_count == WORDS_BATCH || b->batch_bytes > WORDS_BATCH_BYTES)
        err = rebuild_flush(b, STR("")); /* no position yet: half an index is none */
    return err;
}

static enum err rebuild(struct collection *c, bool rows, bool words, struct err_info *e)
{
    struct position at;
    char text[POSITION_TEXT];
    struct rebuild b = {.c = c, .rows = rows, .words = words, .e = e};
    if (c->documents_stored > 0)
        log_event(LOG_INFO, "rebuilding an index from the store", LOG_S("collection", c->name),
                  LOG_S("index", rows && words ? "documents, words"
                                 : rows        ? "documents"
                                               : "words"));
    b.a = arena_new(0);
    b.batch = xcalloc(WORDS_BATCH, sizeof *b.batch);
    enum err err = store_document_scan(c->engine->store, c->id, DOCUMENT_PAYLOAD, rebuild_document,
                                       &b, &at, e);
    if (!err && words) {
        position_format(&at, text);
        err = rebuild_flush(&b, str_c(text));
    }
    if (!err && words)
        c->words_at = at.change;
    if (!err && rows)
        c->rows_at = at.change;
    free(b.batch);
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
    v->at = v->saved = v->written = 0;
    log_event(LOG_INFO, "rebuilding an index from the store",
              LOG_S("collection", v->collection->name), LOG_S("index", "vectors"),
              LOG_I("version", v->id));
    enum err err = store_version_scan(s, v->id, parts, rebuild_vectors, &b, &at, e);
    if (!err) {
        v->at = at.change;
        v->touched = true;
    }
    return err;
}

/* ---- open ---- */

static void rows_reset(struct collection *c)
{
    attributes_free(c->attributes);
    free(c->live);
    c->attributes = attributes_new();
    c->live = NULL;
    c->live_count = c->documents = 0;
    c->rows_at = c->rows_saved = c->rows_written = 0;
}

static void *session_new(void)
{
    return term_analyzer_new();
}

static void session_free(void *session)
{
    term_analyzer_free(session);
}

static void session_analyze(void *session, struct str text,
                            void (*emit)(void *, struct str, size_t, size_t), void *ctx)
{
    term_analyze(session, text, emit, ctx);
}

static const struct words_analyzer analyzer = {session_new, session_free, session_analyze};

static enum err words_make_anew(struct collection *c, struct err_info *e)
{
    if (c->words)
        words_close(c->words);
    c->words = NULL;
    enum err err = file_remove_tree(c->words_dir, e);
    if (!err)
        err = file_mkdirs(c->words_dir, 0700, e);
    if (!err)
        err = words_open(c->words_dir, &analyzer, &c->words, e);
    return err;
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

/* *usable: it opened and holds a position from which can be replayed. */
static enum err words_load(struct collection *c, const struct position *now, bool *usable,
                           struct err_info *e)
{
    struct err_info why = {0};
    struct position at;
    char text[64] = "";
    enum err err = words_open(c->words_dir, &analyzer, &c->words, &why);
    *usable = false;
    if (err && err != ERR_CORRUPT)
        return err_set(e, err, why.field, "%s", why.message);
    if (!err) {
        words_position(c->words, text);
        *usable = text[0] && position_parse(str_c(text), &at) == 0 &&
                  strcmp(at.lineage, now->lineage) == 0 && at.change <= now->change &&
                  replayable(c->engine, at.change);
    }
    if (*usable) {
        c->words_at = at.change;
        return 0;
    }
    if (err || text[0])
        log_event(LOG_WARN, "word index dropped: damaged, or of another state of the store",
                  LOG_S("collection", c->name), LOG_S("reason", why.message));
    return words_make_anew(c, e);
}

enum err snapshot_open(struct collection *c, struct err_info *e)
{
    struct position now;
    struct err_info why = {0};
    bool words;
    store_position(c->engine->store, &now);
    rows_reset(c);
    enum err err = rows_load(&(struct rows_of){c, NULL}, &now, &why);
    bool rows = !err && replayable(c->engine, c->rows_at);
    if (!rows) {
        if (err && err != ERR_NOT_FOUND)
            log_event(LOG_WARN, "index snapshot dropped", LOG_S("collection", c->name),
                      LOG_S("reason", why.message));
        rows_reset(c);
    }
    err = words_load(c, &now, &words, e);
    if (!err && (!rows || !words))
        err = rebuild(c, !rows, !words, e);
    return err;
}

/* A version without passages is empty, and nothing has to be read. */
enum err snapshot_version_open(struct version *v, const struct version_record *r,
                               const struct position *before, struct err_info *e)
{
    struct err_info why = {0};
    enum err err = rows_load(&(struct rows_of){v->collection, v}, before, &why);
    if (!err && replayable(v->collection->engine, v->at))
        return 0;
    if (err && err != ERR_NOT_FOUND)
        log_event(LOG_WARN, "index snapshot dropped", LOG_S("collection", v->collection->name),
                  LOG_I("version", v->id), LOG_S("reason", why.message));
    if (r->passages > 0)
        return version_rebuild(v, e);
    vectors_free(v->vectors);
    v->vectors = vectors_new(v->dims);
    v->at = before->change;
    v->saved = v->written = 0;
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

/* The file of a collection's rows, `rows`, written beside and renamed. Its bytes, little-endian:
 *
 *       0  8  "AKINDOCS", "AKINWORD" or "AKINVECS"
 *       8  4  format, 4
 *      12  4  collection id
 *      16  4  dims; 0 in documents and words
 *      20  4  version id; 0 in documents and words
 *      24  8  change that it holds
 *      32 16  lineage, NUL padded
 *      48 72  model digest in hex, NUL padded; empty in documents and words
 *     120  8  live rows; 0 in words and vectors
 *     128  8  checksum of the live rows
 *     136  8  checksum of the bytes before
 *     144     live rows, 8 bytes each: revision
 *             the sections of attributes and of near-duplicates, or those of words, or that of
 *             vectors (index/), each with its own checksum */
#include "engine/rows_file.h"
#include "base/file.h"
#include "base/hash.h"
#include <stdlib.h>
#include <string.h>

#define MAGIC_DOCUMENTS "AKINDOCS"
#define MAGIC_WORDS "AKINWORD"
#define MAGIC_VECTORS "AKINVECS"
#define FORMAT 4
#define HEADER_BYTES 144
#define LIVE_BYTES 8
#define LIVE_MAX (1u << 31)

static const char *rows_dir(const struct rows_of *of)
{
    return of->v ? of->v->dir : of->words ? of->c->words_dir : of->c->rows_dir;
}

static bool has_live(const struct rows_of *of)
{
    return !of->v && !of->words;
}

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

/* ---- save ---- */

#define LIVE_AT_A_TIME 65536

/* Some rows at a time, since searches want the lock too: each is of before or after a change that
 * is made meanwhile. */
static uint8_t *live_pack(struct collection *c, size_t *bytes)
{
    lock_take(&c->lock);
    size_t count = c->live_count;
    lock_drop(&c->lock);
    uint8_t *out = xmalloc(count * LIVE_BYTES + 1);
    for (size_t from = 0; from < count; from += LIVE_AT_A_TIME) {
        size_t end = from + LIVE_AT_A_TIME < count ? from + LIVE_AT_A_TIME : count;
        lock_take(&c->lock);
        for (size_t i = from; i < end; i++)
            put64(out + i * LIVE_BYTES, c->live[i].revision);
        lock_drop(&c->lock);
    }
    *bytes = count * LIVE_BYTES;
    return out;
}

/* All that does not depend on the state. */
static void header_begin(const struct rows_of *of, uint8_t h[HEADER_BYTES])
{
    memset(h, 0, HEADER_BYTES);
    memcpy(h, of->v ? MAGIC_VECTORS : of->words ? MAGIC_WORDS : MAGIC_DOCUMENTS, 8);
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

static enum err content_save(const struct rows_of *of, struct file *f, struct err_info *e)
{
    if (of->v)
        return vectors_save(of->v->vectors, f, e);
    if (of->words)
        return words_save(of->c->words, f, e);
    enum err err = attributes_save(of->c->attributes, f, e);
    return err ? err : duplicates_save(of->c->duplicates, f, e);
}

static enum err rows_write(const struct rows_of *of, const char *path, const struct position *at,
                           struct err_info *e)
{
    struct file *f = NULL;
    uint8_t header[HEADER_BYTES];
    size_t live_bytes = 0;
    uint8_t *live = has_live(of) ? live_pack(of->c, &live_bytes) : xmalloc(1);
    header_pack(of, at, live, live_bytes, header);
    enum err err = file_open(path, FILE_CREATE, &f, e);
    if (!err)
        err = file_write(f, header, sizeof header, e);
    if (!err && live_bytes > 0)
        err = file_write(f, live, live_bytes, e);
    if (!err)
        err = content_save(of, f, e);
    if (!err)
        err = file_sync(f, e);
    file_close(f);
    free(live);
    return err;
}

static void rows_held_set(const struct rows_of *of, uint64_t change)
{
    struct collection *c = of->c;
    *(of->v ? &of->v->written : of->words ? &c->words_written : &c->rows_written) = change;
    __atomic_store_n(of->v       ? &of->v->saved
                     : of->words ? &c->words_saved
                                 : &c->rows_saved,
                     change, __ATOMIC_RELAXED); /* the keeper reads it */
}

enum err rows_save(const struct rows_of *of, const struct position *at, struct err_info *e)
{
    const char *dir = rows_dir(of);
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
    struct duplicates *duplicates = NULL;
    uint64_t offset = HEADER_BYTES + get64(h + 120) * LIVE_BYTES;
    enum err err = live_load(c, f, h, bytes, e);
    if (!err)
        err = attributes_load(f, &offset, &x, e);
    if (!err)
        err = duplicates_load(f, &offset, &duplicates, e);
    if (err) {
        attributes_free(x);
        return err;
    }
    attributes_free(c->attributes);
    duplicates_free(c->duplicates);
    c->attributes = x;
    c->duplicates = duplicates;
    attributes_duplicates_set(x, duplicates);
    c->rows_at = get64(h + 24);
    return 0;
}

static enum err words_read(struct collection *c, struct file *f, const uint8_t h[HEADER_BYTES],
                           struct err_info *e)
{
    struct words *x = NULL;
    uint64_t offset = HEADER_BYTES;
    enum err err = words_load(f, &offset, words_terms(), &x, e);
    if (err)
        return err;
    words_free(c->words);
    c->words = x;
    c->words_at = get64(h + 24);
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
        err = of->v       ? vectors_read(of->v, f, h, e)
              : of->words ? words_read(of->c, f, h, e)
                          : documents_read(of->c, f, h, bytes, e);
    if (!err)
        rows_held_set(of, get64(h + 24));
    return err;
}

enum err rows_load(const struct rows_of *of, const struct position *now, struct err_info *e)
{
    struct file *f = NULL;
    char *path = rows_path(rows_dir(of), "");
    enum err err = file_open(path, FILE_READ_ONLY, &f, e);
    if (!err)
        err = rows_read(of, f, now, e);
    file_close(f);
    free(path);
    return err;
}

/* Reading the few wanted files out of a .whl or .zip (APPNOTE.TXT of PKWARE, the part that Python
 * writes): end record, central directory, entries stored or deflated.
 *
 *     end record      06054b50 .. 10 entries:2 size:4 offset:4 comment:2
 *     central entry   02014b50 .. 8 flags:2 method:2 .. 16 crc:4 packed:4 size:4 name:2 extra:2
 * comment:2 .. 42 local:4 local entry     04034b50 .. 26 name:2 extra:2
 *
 * Every length is held to the file and to a bound before it is used; names select, they are never
 * used as paths. */
#include "base/arena.h"
#include "base/file.h"
#include "embed/pull.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define DIRECTORY_MAX (32u << 20)
#define END_BYTES 22u
#define CENTRAL_BYTES 46u
#define LOCAL_BYTES 30u
#define CHUNK (256u << 10)

struct zip {
    struct file *file;
    uint64_t size;
    uint8_t *directory;
    size_t directory_bytes;
};
struct entry {
    const char *name; /* in the directory, not terminated */
    size_t name_bytes;
    unsigned flags, method;
    uint32_t crc;
    uint64_t packed, bytes, at;
};

static uint32_t get16(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8;
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) | get16(p + 2) << 16;
}

static enum err broken(const struct zip *z, struct err_info *e, const char *what)
{
    return err_set(e, ERR_CORRUPT, "source", "%.300s is no readable zip file: %s",
                   file_path(z->file), what);
}

static enum err directory_read(struct zip *z, struct err_info *e)
{
    uint8_t tail[END_BYTES + 65535];
    enum err err = file_size(z->file, &z->size, e);
    if (err)
        return err;
    size_t n = z->size < sizeof tail ? (size_t)z->size : sizeof tail;
    if (n < END_BYTES)
        return broken(z, e, "it is too short");
    err = file_pread(z->file, z->size - n, tail, n, e);
    if (err)
        return err;
    size_t at = n - END_BYTES + 1;
    while (at > 0 && get32(tail + at - 1) != 0x06054b50)
        at--;
    if (at == 0)
        return broken(z, e, "it has no end record (truncated?)");
    const uint8_t *end = tail + at - 1;
    uint64_t bytes = get32(end + 12), offset = get32(end + 16);
    if (bytes == 0xffffffff || offset == 0xffffffff)
        return broken(z, e, "zip64 is not supported");
    if (bytes > DIRECTORY_MAX || offset + bytes > z->size)
        return broken(z, e, "its directory lies outside the file");
    z->directory_bytes = (size_t)bytes;
    z->directory = xmalloc(bytes + 1);
    return file_pread(z->file, offset, z->directory, (size_t)bytes, e);
}

/* The entry at *at, which moves behind it; false at the end or at what is no entry. */
static bool entry_next(const struct zip *z, size_t *at, struct entry *out)
{
    const uint8_t *p = z->directory + *at;
    size_t left = z->directory_bytes - *at;
    if (left < CENTRAL_BYTES || get32(p) != 0x02014b50)
        return false;
    size_t name = get16(p + 28), bytes = CENTRAL_BYTES + name + get16(p + 30) + get16(p + 32);
    if (bytes > left)
        return false;
    *out = (struct entry){.name = (const char *)p + CENTRAL_BYTES,
                          .name_bytes = name,
                          .flags = get16(p + 8),
                          .method = get16(p + 10),
                          .crc = get32(p + 16),
                          .packed = get32(p + 20),
                          .bytes = get32(p + 24),
                          .at = get32(p + 42)};
    *at += bytes;
    return true;
}

static bool ends_with(const struct entry *x, const char *file)
{
    size_t n = strlen(file);
    if (x->name_bytes < n || memcmp(x->name + x->name_bytes - n, file, n) != 0)
        return false;
    return x->name_bytes == n || x->name[x->name_bytes - n - 1] == '/';
}

static bool find(const struct zip *z, struct str folder, const char *file, struct entry *out)
{
    size_t at = 0, n = strlen(file);
    while (entry_next(z, &at, out))
        if (out->name_bytes == folder.n + n && memcmp(out->name, folder.s, folder.n) == 0 &&
            memcmp(out->name + folder.n, file, n) == 0)
            return true;
    return false;
}

/* Where the packed bytes start: behind the local entry, whose name and extra have their own sizes.
 */
static enum err data_at(const struct zip *z, const struct entry *x, uint64_t *out,
                        struct err_info *e)
{
    uint8_t local[LOCAL_BYTES];
    if (x->at + LOCAL_BYTES > z->size)
        return broken(z, e, "an entry lies outside the file");
    enum err err = file_pread(z->file, x->at, local, sizeof local, e);
    if (err)
        return err;
    *out = x->at + LOCAL_BYTES + get16(local + 26) + get16(local + 28);
    if (get32(local) != 0x04034b50 || *out + x->packed > z->size)
        return broken(z, e, "an entry lies outside the file");
    return ERR_OK;
}

struct unpack {
    const struct zip *z;
    const struct entry *x;
    const struct pull *pull;
    const char *name;
    struct file *to;
    uint64_t from, left, done;
    uint32_t crc;
    uint8_t *in, *out;
};

static enum err give(struct unpack *u, const uint8_t *p, size_t n, struct err_info *e)
{
    if (n > u->x->bytes - u->done)
        return broken(u->z, e, "an entry unpacks to more than its size");
    u->crc = (uint32_t)crc32(u->crc, p, (uInt)n);
    u->done += n;
    pull_progress(u->pull, u->name, u->done, u->x->bytes);
    return n ? file_write(u->to, p, n, e) : ERR_OK;
}

static enum err take(struct unpack *u, size_t *n, struct err_info *e)
{
    *n = u->left < CHUNK ? (size_t)u->left : CHUNK;
    enum err err = file_pread(u->z->file, u->from, u->in, *n, e);
    u->from += *n;
    u->left -= *n;
    return err;
}

static enum err copy_stored(struct unpack *u, struct err_info *e)
{
    enum err err = ERR_OK;
    size_t n;
    while (u->left > 0 && !err) {
        err = take(u, &n, e);
        if (!err)
            err = give(u, u->in, n, e);
    }
    return err;
}

static enum err copy_deflated(struct unpack *u, struct err_info *e)
{
    z_stream s = {0};
    enum err err = ERR_OK;
    int state = Z_OK;
    if (inflateInit2(&s, -MAX_WBITS) != Z_OK)
        return err_set(e, ERR_NO_MEMORY, "source", "zlib did not start");
    while (state == Z_OK && !err) {
        size_t n;
        if (s.avail_in == 0 && u->left > 0) {
            err = take(u, &n, e);
            s.next_in = u->in;
            s.avail_in = err ? 0 : (uInt)n;
        }
        s.next_out = u->out;
        s.avail_out = CHUNK;
        if (!err)
            state = inflate(&s, Z_NO_FLUSH);
        if (!err && (state == Z_OK || state == Z_STREAM_END))
            err = give(u, u->out, CHUNK - s.avail_out, e);
    }
    inflateEnd(&s);
    return err ? err : state == Z_STREAM_END ? ERR_OK : broken(u->z, e, "an entry does not unpack");
}

static enum err unpack(struct unpack *u, struct err_info *e)
{
    enum err err = data_at(u->z, u->x, &u->from, e);
    u->left = u->x->packed;
    if (!err && u->x->method != 0 && u->x->method != 8)
        err = broken(u->z, e, "an entry is packed in another way than deflate");
    if (!err)
        err = u->x->method == 8 ? copy_deflated(u, e) : copy_stored(u, e);
    if (!err && (u->done != u->x->bytes || u->crc != u->x->crc))
        err = broken(u->z, e, "the checksum of an entry is wrong");
    return err ? err : file_sync(u->to, e);
}

static enum err extract(const struct zip *z, const struct entry *x, const struct pull *p,
                        const struct pull_file *f, struct err_info *e)
{
    char path[4096];
    if (x->flags & 1)
        return broken(z, e, "its entries are encrypted");
    if (x->bytes > f->bytes_max || x->bytes == 0xffffffff || x->packed == 0xffffffff)
        return err_set(e, ERR_TOO_LARGE, f->name, "%s is larger than akin reads", f->name);
    snprintf(path, sizeof path, "%s/%s", p->dir, f->name);
    struct unpack u = {
        .z = z, .x = x, .pull = p, .name = f->name, .crc = (uint32_t)crc32(0, NULL, 0)};
    enum err err = file_open(path, FILE_CREATE, &u.to, e);
    u.in = xmalloc(CHUNK);
    u.out = xmalloc(CHUNK);
    if (!err)
        err = unpack(&u, e);
    file_close(u.to);
    free(u.in);
    free(u.out);
    return err;
}

/* The folder of the archive that holds the model: where model.safetensors is. */
static enum err folder_find(const struct zip *z, struct str *out, struct err_info *e)
{
    struct entry x;
    size_t at = 0;
    while (entry_next(z, &at, &x)) {
        if (ends_with(&x, "model.safetensors")) {
            *out = (struct str){x.name, x.name_bytes - strlen("model.safetensors")};
            return ERR_OK;
        }
    }
    return err_set(e, ERR_NOT_FOUND, "source", "%.300s holds no model.safetensors",
                   file_path(z->file));
}

enum err pull_from_zip(const struct pull *p, struct err_info *e)
{
    struct zip z = {0};
    struct str folder = {0};
    enum err err = file_open(p->source, FILE_READ_ONLY, &z.file, e);
    if (!err)
        err = directory_read(&z, e);
    if (!err)
        err = folder_find(&z, &folder, e);
    for (size_t i = 0; i < PULL_FILES && !err; i++) {
        struct entry x;
        if (find(&z, folder, pull_files[i].name, &x))
            err = extract(&z, &x, p, &pull_files[i], e);
        else if (pull_files[i].required)
            err = err_set(e, ERR_NOT_FOUND, pull_files[i].name, "%s is missing in %.300s",
                          pull_files[i].name, p->source);
    }
    free(z.directory);
    file_close(z.file);
    return err;
}

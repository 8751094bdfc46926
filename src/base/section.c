#include "base/section.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/hash.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_BYTES (1u << 20)
#define HEADER_BYTES 16
#define SYNC_BYTES (8u << 20)

struct section_writer {
    struct file *file;
    enum err err;
    struct err_info e;
    uint64_t sum; /* of the checksums so far */
    size_t n;
    bool holding;
    uint8_t *held; /* frames */
    size_t held_bytes, held_cap, unsynced;
    uint8_t buf[HEADER_BYTES + FRAME_BYTES];
};

static void u32_to(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static void u64_to(uint8_t *p, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t from_le(const uint8_t *p, int n)
{
    uint64_t v = 0;
    for (int i = n; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

struct section_writer *section_writer_new(struct file *f)
{
    struct section_writer *w = xmalloc(sizeof *w);
    w->file = f;
    w->err = ERR_OK;
    err_clear(&w->e);
    w->sum = 0;
    w->n = 0;
    w->holding = false;
    w->held = NULL;
    w->held_bytes = w->held_cap = w->unsynced = 0;
    return w;
}

static uint64_t sum_add(uint64_t sum, uint64_t checksum)
{
    uint8_t le[8];
    u64_to(le, checksum);
    return checksum64(le, sizeof le, sum);
}

/* A large file is synced as it is written: all of it at once, others' syncs would wait for. */
static void bytes_write(struct section_writer *w, const uint8_t *p, size_t n)
{
    w->err = file_write(w->file, p, n, &w->e);
    w->unsynced += n;
    if (w->err || w->unsynced < SYNC_BYTES)
        return;
    w->unsynced = 0;
    w->err = file_sync(w->file, &w->e);
}

static void frame_hold(struct section_writer *w, size_t bytes)
{
    if (w->held_bytes + bytes > w->held_cap) {
        w->held_cap = 2 * w->held_cap + bytes;
        w->held = xrealloc(w->held, w->held_cap);
    }
    memcpy(w->held + w->held_bytes, w->buf, bytes);
    w->held_bytes += bytes;
}

void section_hold(struct section_writer *w)
{
    w->holding = true;
}

void section_let_go(struct section_writer *w)
{
    w->holding = false;
    if (!w->err && w->held_bytes)
        bytes_write(w, w->held, w->held_bytes);
    w->held_bytes = 0;
}

static void frame_write(struct section_writer *w)
{
    uint64_t checksum = w->n ? checksum64(w->buf + HEADER_BYTES, w->n, 0) : w->sum;
    u32_to(w->buf, (uint32_t)w->n);
    u32_to(w->buf + 4, 0);
    u64_to(w->buf + 8, checksum);
    w->sum = sum_add(w->sum, checksum);
    if (w->holding)
        frame_hold(w, HEADER_BYTES + w->n);
    else if (!w->err)
        bytes_write(w, w->buf, HEADER_BYTES + w->n);
    w->n = 0;
}

void section_put(struct section_writer *w, const void *p, size_t n)
{
    const uint8_t *from = p;
    while (n) {
        size_t some = FRAME_BYTES - w->n < n ? FRAME_BYTES - w->n : n;
        memcpy(w->buf + HEADER_BYTES + w->n, from, some);
        w->n += some;
        from += some;
        n -= some;
        if (w->n == FRAME_BYTES)
            frame_write(w);
    }
}

void section_put_u32(struct section_writer *w, uint32_t v)
{
    uint8_t le[4];
    u32_to(le, v);
    section_put(w, le, sizeof le);
}

void section_put_u64(struct section_writer *w, uint64_t v)
{
    uint8_t le[8];
    u64_to(le, v);
    section_put(w, le, sizeof le);
}

enum err section_writer_end(struct section_writer *w, struct err_info *e)
{
    if (w->n)
        frame_write(w);
    frame_write(w);
    enum err err = w->err;
    if (err)
        err_set(e, err, w->e.field, "%s", w->e.message);
    free(w->held);
    free(w);
    return err;
}

struct section_reader {
    struct file *file;
    uint64_t offset, end; /* of the next frame; of the file */
    uint64_t sum;
    enum err err;
    struct err_info e;
    size_t at, n;
    uint8_t buf[FRAME_BYTES];
};

struct section_reader *section_reader_new(struct file *f, uint64_t offset)
{
    struct section_reader *r = xmalloc(sizeof *r);
    r->file = f;
    r->offset = offset;
    r->sum = 0;
    r->at = r->n = 0;
    err_clear(&r->e);
    r->err = file_size(f, &r->end, &r->e);
    return r;
}

void section_corrupt(struct section_reader *r, const char *what)
{
    if (!r->err)
        r->err =
            err_set(&r->e, ERR_CORRUPT, NULL, "%s: %s, in the section that ends before byte %llu",
                    file_path(r->file), what, (unsigned long long)r->offset);
}

enum err section_error(const struct section_reader *r)
{
    return r->err;
}

static void frame_read(struct section_reader *r)
{
    uint8_t header[HEADER_BYTES];
    r->at = r->n = 0;
    if (!r->err)
        r->err = file_pread(r->file, r->offset, header, sizeof header, &r->e);
    if (r->err)
        return;
    uint64_t n = from_le(header, 4), checksum = from_le(header + 8, 8);
    if (n > FRAME_BYTES || from_le(header + 4, 4)) {
        section_corrupt(r, "bad frame header");
        return;
    }
    if (n)
        r->err = file_pread(r->file, r->offset + HEADER_BYTES, r->buf, n, &r->e);
    if (r->err)
        return;
    if (checksum != (n ? checksum64(r->buf, n, 0) : r->sum)) {
        section_corrupt(r, "checksum does not match");
        return;
    }
    r->sum = sum_add(r->sum, checksum);
    r->offset += HEADER_BYTES + n;
    r->n = n;
}

void section_get(struct section_reader *r, void *p, size_t n)
{
    uint8_t *to = p;
    while (n && !r->err) {
        if (r->at == r->n) {
            frame_read(r);
            if (!r->err && !r->n)
                section_corrupt(r, "the section ends early");
            continue;
        }
        size_t some = r->n - r->at < n ? r->n - r->at : n;
        memcpy(to, r->buf + r->at, some);
        r->at += some;
        to += some;
        n -= some;
    }
    if (n)
        memset(to, 0, n);
}

uint32_t section_get_u32(struct section_reader *r)
{
    uint8_t le[4];
    section_get(r, le, sizeof le);
    return (uint32_t)from_le(le, 4);
}

uint64_t section_get_u64(struct section_reader *r)
{
    uint8_t le[8];
    section_get(r, le, sizeof le);
    return from_le(le, 8);
}

uint64_t section_left(const struct section_reader *r)
{
    return (r->end > r->offset ? r->end - r->offset : 0) + (r->n - r->at);
}

uint64_t section_get_count(struct section_reader *r, size_t item_bytes)
{
    uint64_t n = section_get_u64(r);
    if (!r->err && n > section_left(r) / item_bytes)
        section_corrupt(r, "a count is larger than the file");
    return r->err ? 0 : n;
}

void section_get_finite(struct section_reader *r, float *out, size_t n)
{
    section_get(r, out, n * sizeof *out);
    for (size_t i = 0; i < n && !r->err; i++)
        if (!isfinite(out[i]))
            section_corrupt(r, "a number of it is not finite");
}

enum err section_reader_end(struct section_reader *r, uint64_t *offset, struct err_info *e)
{
    if (!r->err && r->at != r->n)
        section_corrupt(r, "bytes are left over");
    if (!r->err)
        frame_read(r);
    if (!r->err && r->n)
        section_corrupt(r, "bytes are left over");
    enum err err = r->err;
    if (err)
        err_set(e, err, r->e.field, "%s", r->e.message);
    else
        *offset = r->offset;
    free(r);
    return err;
}

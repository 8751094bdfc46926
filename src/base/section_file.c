#include "base/section_file.h"

#include "base/file.h"
#include "base/section.h"
#include <string.h>

struct head {
    char magic[8];
    uint32_t format, zero;
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files hold little-endian numbers");

static size_t head_bytes(const struct section_file *kind)
{
    return kind->formats ? sizeof(struct head) : sizeof kind->magic;
}

static enum err all_write(const struct section_file *kind, uint32_t format, struct file *f,
                          void (*put)(const void *ctx, struct section_writer *w), const void *ctx,
                          struct err_info *e)
{
    struct head head = {.format = format};
    memcpy(head.magic, kind->magic, sizeof head.magic);
    enum err err = file_write(f, &head, head_bytes(kind), e);
    if (err)
        return err;
    struct section_writer *w = section_writer_new(f);
    put(ctx, w);
    err = section_writer_end(w, e);
    return err ? err : file_sync(f, e);
}

enum err section_file_save(const struct section_file *kind, uint32_t format, const char *path,
                           void (*put)(const void *ctx, struct section_writer *w), const void *ctx,
                           struct err_info *e)
{
    struct strbuf beside;
    struct file *f = NULL;
    strbuf_init(&beside, 0);
    strbuf_printf(&beside, "%s.tmp", path);
    enum err err = file_open(beside.buf, FILE_CREATE, &f, e);
    if (!err)
        err = all_write(kind, format, f, put, ctx, e);
    file_close(f);
    if (!err)
        err = file_rename(beside.buf, path, e);
    if (err)
        (void)!file_remove(beside.buf, NULL);
    strbuf_release(&beside);
    return err;
}

static enum err head_read(const struct section_file *kind, struct file *f, uint32_t *format,
                          struct err_info *e)
{
    struct head head = {.format = 1};
    enum err err = file_pread(f, 0, &head, head_bytes(kind), e);
    if (err)
        return err;
    if (memcmp(head.magic, kind->magic, sizeof head.magic) != 0 || !head.format || head.zero)
        return err_set(e, ERR_UNSUPPORTED, NULL, "%s is not %s", file_path(f), kind->what);
    if (kind->formats && head.format > kind->formats)
        return err_set(e, ERR_UNSUPPORTED, NULL,
                       "%s has format %u, which a newer akin wrote: this one reads %u",
                       file_path(f), head.format, kind->formats);
    *format = head.format;
    return ERR_OK;
}

static enum err end_check(struct file *f, uint64_t offset, struct err_info *e)
{
    uint64_t bytes = 0;
    enum err err = file_size(f, &bytes, e);
    if (!err && bytes != offset)
        err = err_set(e, ERR_CORRUPT, NULL, "%s: something stands behind its end", file_path(f));
    return err;
}

enum err section_file_load(const struct section_file *kind, const char *path,
                           void (*get)(void *ctx, uint32_t format, struct section_reader *r),
                           void *ctx, struct err_info *e)
{
    struct file *f = NULL;
    uint64_t offset = head_bytes(kind);
    uint32_t format = 0;
    enum err err = file_regular(path, e);
    if (!err)
        err = file_open(path, FILE_READ_ONLY, &f, e);
    if (!err)
        err = head_read(kind, f, &format, e);
    if (!err) {
        struct section_reader *r = section_reader_new(f, offset);
        get(ctx, format, r);
        err = section_reader_end(r, &offset, e);
    }
    if (!err)
        err = end_check(f, offset, e);
    file_close(f);
    return err;
}

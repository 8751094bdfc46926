/* The file: "AKADAPT1", then one section (base/section.h): u32 dims, dims x dims float32. */
#include "math/adapter.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/section.h"
#include "base/str.h"
#include "math/dot.h"
#include "math/half.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char magic[8] = {'A', 'K', 'A', 'D', 'A', 'P', 'T', '1'};

struct adapter *adapter_new(uint32_t dims, const float *matrix)
{
    struct adapter *a = xcalloc(1, sizeof *a);
    size_t n = (size_t)dims * dims;
    struct sha256 h;
    uint8_t digest[32];
    assert(dims > 0 && dims <= ADAPTER_DIMS_MAX);
    a->dims = dims;
    a->matrix = xmalloc(n * sizeof *a->matrix);
    memcpy(a->matrix, matrix, n * sizeof *a->matrix);
    sha256_init(&h);
    sha256_add(&h, &dims, sizeof dims);
    sha256_add(&h, matrix, n * sizeof *matrix);
    sha256_end(&h, digest);
    sha256_hex(digest, a->digest);
    return a;
}

void adapter_free(struct adapter *a)
{
    if (!a)
        return;
    free(a->matrix);
    free(a);
}

void adapter_apply(const struct adapter *a, float *rows, size_t count)
{
    size_t dims = a->dims;
    uint16_t half[ADAPTER_DIMS_MAX];
    float whole[ADAPTER_DIMS_MAX];
    for (size_t i = 0; i < count; i++) {
        float *row = rows + i * dims;
        half_from_f32(row, half, dims);
        half_to_f32(half, whole, dims);
        for (size_t d = 0; d < dims; d++)
            row[d] = whole[d] + dot_f32(a->matrix + d * dims, whole, dims);
        normalise_f32(row, dims);
    }
}

/* ---- the file ---- */

static enum err write_all(const struct adapter *a, struct file *f, struct err_info *e)
{
    enum err err = file_write(f, magic, sizeof magic, e);
    if (err)
        return err;
    struct section_writer *w = section_writer_new(f);
    section_put_u32(w, a->dims);
    section_put(w, a->matrix, (size_t)a->dims * a->dims * sizeof *a->matrix);
    err = section_writer_end(w, e);
    return err ? err : file_sync(f, e);
}

enum err adapter_save(const struct adapter *a, const char *path, struct err_info *e)
{
    struct strbuf beside;
    struct file *f = NULL;
    strbuf_init(&beside, 0);
    strbuf_printf(&beside, "%s.tmp", path);
    enum err err = file_open(beside.buf, FILE_CREATE, &f, e);
    if (!err)
        err = write_all(a, f, e);
    file_close(f);
    if (!err)
        err = file_rename(beside.buf, path, e);
    if (err)
        (void)!file_remove(beside.buf, NULL);
    strbuf_release(&beside);
    return err;
}

static float *matrix_get(struct section_reader *r, uint32_t *dims)
{
    *dims = section_get_u32(r);
    size_t n = (size_t)*dims * *dims;
    if (*dims == 0 || *dims > ADAPTER_DIMS_MAX || n > section_left(r) / sizeof(float)) {
        section_corrupt(r, "its dimensions are wrong");
        return NULL;
    }
    float *matrix = xmalloc(n * sizeof *matrix);
    section_get(r, matrix, n * sizeof *matrix);
    for (size_t i = 0; i < n && !section_error(r); i++)
        if (!isfinite(matrix[i]))
            section_corrupt(r, "a number of it is not finite");
    return matrix;
}

enum err adapter_load(const char *path, struct adapter **out, struct err_info *e)
{
    struct file *f = NULL;
    char found[sizeof magic];
    uint32_t dims = 0;
    float *matrix = NULL;
    uint64_t offset = sizeof magic;
    enum err err = file_regular(path, e);
    if (!err)
        err = file_open(path, FILE_READ_ONLY, &f, e);
    if (!err)
        err = file_pread(f, 0, found, sizeof found, e);
    if (!err && memcmp(found, magic, sizeof magic) != 0)
        err = err_set(e, ERR_UNSUPPORTED, NULL, "%s is not an adapter that this akin reads", path);
    if (!err) {
        struct section_reader *r = section_reader_new(f, offset);
        matrix = matrix_get(r, &dims);
        err = section_reader_end(r, &offset, e);
    }
    file_close(f);
    if (!err)
        *out = adapter_new(dims, matrix);
    free(matrix);
    return err;
}

/* The file: "AKADAPT1", then one section (base/section.h): u32 dims, dims x dims float32. */
#include "math/adapter.h"

#include "base/arena.h"
#include "base/hash.h"
#include "base/section.h"
#include "base/section_file.h"
#include "math/dot.h"
#include "math/half.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const struct section_file file_kind = {
    .magic = {'A', 'K', 'A', 'D', 'A', 'P', 'T', '1'},
    .what = "an adapter that this akin reads",
};

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

static void adapter_put(const void *ctx, struct section_writer *w)
{
    const struct adapter *a = ctx;
    section_put_u32(w, a->dims);
    section_put(w, a->matrix, (size_t)a->dims * a->dims * sizeof *a->matrix);
}

enum err adapter_save(const struct adapter *a, const char *path, struct err_info *e)
{
    return section_file_save(&file_kind, 0, path, adapter_put, a, e);
}

struct matrix {
    uint32_t dims;
    float *numbers;
};

static void matrix_get(void *ctx, uint32_t format, struct section_reader *r)
{
    struct matrix *m = ctx;
    m->dims = section_get_u32(r);
    size_t n = (size_t)m->dims * m->dims;
    if (m->dims == 0 || m->dims > ADAPTER_DIMS_MAX || n > section_left(r) / sizeof(float)) {
        section_corrupt(r, "its dimensions are wrong");
        return;
    }
    m->numbers = xmalloc(n * sizeof *m->numbers);
    section_get_finite(r, m->numbers, n);
}

enum err adapter_load(const char *path, struct adapter **out, struct err_info *e)
{
    struct matrix m = {0};
    enum err err = section_file_load(&file_kind, path, matrix_get, &m, e);
    if (!err)
        *out = adapter_new(m.dims, m.numbers);
    free(m.numbers);
    return err;
}

/* The vector index in a snapshot, and its full check. The payload of its section (section.h),
 * numbers little-endian:
 *
 *     u64 "AKVECT01"   u32 dims   u32 0   u64 documents, and for each, numbers rising
 *         u32 number   u32 rows   u64 revision   rows x dims float16
 *
 * Codes, scales and lengths are computed again when it is read. */
#include "index/vectors_impl.h"

#include "base/arena.h"
#include "index/scalar.h"
#include "index/section.h"
#include "math/dot.h"
#include "math/half.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC UINT64_C(0x3130544345564B41) /* "AKVECT01" */

static uint32_t next_of(const struct vectors *v, uint32_t row)
{
    return chunk_of(v, row)->next[index_of(v, row)];
}

/* Float16 in the file is little-endian, as the machines that akin runs on are. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "snapshots hold little-endian rows");

static void save_document(struct vectors *v, struct section_writer *w, uint32_t number,
                          uint32_t head)
{
    uint32_t rows = 0;
    for (uint32_t row = head; row != ROW_NONE; row = next_of(v, row))
        rows++;
    section_put_u32(w, number);
    section_put_u32(w, rows);
    section_put_u64(w, chunk_of(v, head)->revision[index_of(v, head)]);
    for (uint32_t row = head; row != ROW_NONE; row = next_of(v, row))
        section_put(w, row_half(v, row), 2 * (size_t)v->dims);
}

enum err vectors_save(struct vectors *v, struct file *f, struct err_info *e)
{
    struct section_writer *w = section_writer_new(f);
    section_put_u64(w, MAGIC);
    section_put_u32(w, v->dims);
    section_put_u32(w, 0);
    section_put_u64(w, vectors_documents(v));
    for (uint32_t leaf = 0; leaf < v->leaves_end; leaf++)
        for (uint32_t i = 0; atomic_load(&v->leaves[leaf]) && i < LEAF_NUMBERS; i++) {
            uint32_t number = leaf * LEAF_NUMBERS + i, head = vectors_head(v, number);
            if (head != ROW_NONE)
                save_document(v, w, number, head);
        }
    return section_writer_end(w, e);
}

/* Grows with what is read, so that a wrong count cannot ask for more than the file holds. */
static enum err load_document(struct vectors *v, struct section_reader *r, uint64_t *next,
                              uint16_t **rows, size_t *cap, struct err_info *e)
{
    uint32_t number = section_get_u32(r), count = section_get_u32(r);
    uint64_t revision = section_get_u64(r);
    size_t bytes = 2 * (size_t)v->dims, n = 0;
    if (number < *next || number > DOCUMENT_NUMBER_MAX || !count || count >= ROWS_MAX)
        section_corrupt(r, "a document's number or count is out of range");
    *next = (uint64_t)number + 1;
    for (; n < count && !section_error(r); n++) {
        if (n == *cap) {
            *cap = *cap ? 2 * *cap : 4;
            *rows = xrealloc(*rows, *cap * bytes);
        }
        section_get(r, *rows + n * v->dims, bytes);
    }
    if (section_error(r))
        return section_error(r);
    enum err err = vectors_put(v, number, revision, *rows, count, e);
    if (err)
        section_corrupt(r, "a row is not finite");
    return err;
}

enum err vectors_load(struct file *f, uint64_t *offset, struct vectors **out, struct err_info *e)
{
    struct section_reader *r = section_reader_new(f, *offset);
    struct vectors *v = NULL;
    uint16_t *rows = NULL;
    size_t cap = 0;
    if (section_get_u64(r) != MAGIC)
        section_corrupt(r, "not a vector index");
    uint32_t dims = section_get_u32(r);
    if (section_get_u32(r) || !dims || dims > 4096)
        section_corrupt(r, "dimensions are not 1 to 4096");
    if (!section_error(r))
        v = vectors_new(dims);
    uint64_t count = v ? section_get_count(r, 16 + 2 * (size_t)dims) : 0, next = 0;
    for (uint64_t i = 0; i < count; i++)
        if (load_document(v, r, &next, &rows, &cap, NULL))
            break;
    free(rows);
    enum err err = section_reader_end(r, offset, e);
    if (err)
        vectors_free(v);
    else
        *out = v;
    return err;
}

/* --- the check --- */

static enum err check_row(struct vectors *v, uint32_t row, uint32_t number, uint32_t passage,
                          float *x, int8_t *code, struct err_info *e)
{
    struct chunk *c = chunk_of(v, row);
    uint32_t i = index_of(v, row);
    if (row >= atomic_load(&v->rows_end) || c->number[i] != number || c->passage[i] != passage)
        return err_set(e, ERR_CORRUPT, NULL, "vectors: row %u is not passage %u of document %u",
                       row, passage, number);
    if (atomic_load(&c->died[i]) != NEVER || atomic_load(&c->born[i]) > atomic_load(&v->seq))
        return err_set(e, ERR_CORRUPT, NULL, "vectors: row %u of document %u is not alive", row,
                       number);
    half_to_f32(row_half(v, row), x, v->dims);
    float scale = quantise_i8(x, code, v->dims);
    double rest = 0;
    for (uint32_t d = 0; d < v->dims; d++)
        rest += pow(x[d] - (double)scale * code[d], 2);
    if (scale != c->scale[i] || memcmp(code, row_code(v, row), v->dims) || c->rest[i] < sqrt(rest))
        return err_set(e, ERR_CORRUPT, NULL,
                       "vectors: the code of row %u is not that of its values", row);
    return ERR_OK;
}

static enum err check_documents(struct vectors *v, float *x, int8_t *code, struct err_info *e)
{
    size_t documents = 0, rows = 0, dead = 0;
    enum err err = ERR_OK;
    for (uint32_t number = 0; !err && number < v->leaves_end * LEAF_NUMBERS; number++) {
        uint32_t row = vectors_head(v, number), passage = 0;
        documents += row != ROW_NONE;
        for (; !err && row != ROW_NONE; row = next_of(v, row)) {
            err = check_row(v, row, number, passage++, x, code, e);
            rows++;
        }
    }
    for (uint32_t row = 0; row < atomic_load(&v->rows_end); row++)
        dead += atomic_load(&chunk_of(v, row)->died[index_of(v, row)]) != NEVER;
    if (err)
        return err;
    if (documents != vectors_documents(v) || rows != vectors_count(v))
        return err_set(e, ERR_CORRUPT, NULL,
                       "vectors: %zu documents with %zu rows are found, %zu and %zu counted",
                       documents, rows, vectors_documents(v), vectors_count(v));
    if (dead != v->retired_count || dead + rows != atomic_load(&v->rows_end))
        return err_set(e, ERR_CORRUPT, NULL, "vectors: %zu dead rows, %zu of them to be used again",
                       dead, v->retired_count);
    return ERR_OK;
}

/* Writer only: nothing may change meanwhile. */
enum err vectors_check(struct vectors *v, struct err_info *e)
{
    float *x = xmalloc(v->dims * sizeof *x);
    int8_t *code = xmalloc(v->dims);
    enum err err = check_documents(v, x, code, e);
    free(x);
    free(code);
    return err;
}

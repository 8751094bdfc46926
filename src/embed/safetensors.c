#include "embed/safetensors.h"
#include "base/arena.h"
#include "base/json.h"
#include "math/half.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned type_bytes(const char *dtype)
{
    static const struct {
        const char *name;
        unsigned bytes;
    } types[] = {{"F32", 4}, {"F16", 2},  {"BF16", 2}, {"I64", 8},     {"I32", 4},
                 {"I16", 2}, {"I8", 1},   {"U64", 8},  {"U32", 4},     {"U16", 2},
                 {"U8", 1},  {"BOOL", 1}, {"F64", 8},  {"F8_E4M3", 1}, {"F8_E5M2", 1}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, dtype) == 0)
            return types[i].bytes;
    return 0;
}

static bool get_u64(const json_t *v, uint64_t *out)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return false;
    *out = (uint64_t)json_integer_value(v);
    return true;
}

static enum err bad(const char *name, struct err_info *e, const char *what)
{
    return err_set(e, ERR_CORRUPT, "model.safetensors", "tensor %.120s: %s", name, what);
}

static enum err tensor_shape(const json_t *shape, struct tensor *t, uint64_t *elements,
                             struct err_info *e)
{
    if (!json_is_array(shape) || json_array_size(shape) > SAFETENSORS_RANK_MAX)
        return bad(t->name, e, "\"shape\" must be an array of at most 8 sizes");
    *elements = 1;
    t->rank = (unsigned)json_array_size(shape);
    for (unsigned i = 0; i < t->rank; i++) {
        if (!get_u64(json_array_get(shape, i), &t->shape[i]))
            return bad(t->name, e, "a size in \"shape\" is not a positive number");
        if (__builtin_mul_overflow(*elements, t->shape[i], elements))
            return bad(t->name, e, "the sizes in \"shape\" are too large");
    }
    return ERR_OK;
}

static enum err tensor_parse(const char *name, const json_t *v, uint64_t data_bytes,
                             struct tensor *t, struct err_info *e)
{
    uint64_t elements = 0, bytes;
    if (strlen(name) > 512)
        return err_set(e, ERR_CORRUPT, "model.safetensors", "a tensor name of more than 512 bytes");
    t->name = xstrdup(name);
    const char *dtype = json_string_value(json_object_get(v, "dtype"));
    unsigned size = dtype ? type_bytes(dtype) : 0;
    if (!size)
        return bad(name, e, "\"dtype\" is missing or unknown");
    snprintf(t->dtype, sizeof t->dtype, "%s", dtype);
    enum err err = tensor_shape(json_object_get(v, "shape"), t, &elements, e);
    if (err)
        return err;
    const json_t *offsets = json_object_get(v, "data_offsets");
    if (json_array_size(offsets) != 2 || !get_u64(json_array_get(offsets, 0), &t->start) ||
        !get_u64(json_array_get(offsets, 1), &t->end) || t->start > t->end)
        return bad(name, e, "\"data_offsets\" must be [start, end]");
    if (t->end > data_bytes)
        return err_set(e, ERR_CORRUPT, "model.safetensors",
                       "tensor %.120s ends at byte %" PRIu64 " of %" PRIu64
                       ": the file is truncated or its header is wrong",
                       name, t->end, data_bytes);
    if (__builtin_mul_overflow(elements, size, &bytes) || bytes != t->end - t->start)
        return bad(name, e, "\"data_offsets\" do not fit \"shape\" and \"dtype\"");
    return ERR_OK;
}

static int by_start(const void *a, const void *b)
{
    const struct tensor *x = a, *y = b;
    return x->start != y->start ? (x->start < y->start ? -1 : 1)
                                : (x->end > y->end) - (x->end < y->end);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tensor *)a)->name, ((const struct tensor *)b)->name);
}

static enum err check_overlap(struct safetensors *s, struct err_info *e)
{
    qsort(s->tensors, s->count, sizeof *s->tensors, by_start);
    for (size_t i = 1; i < s->count; i++)
        if (s->tensors[i].start < s->tensors[i - 1].end)
            return bad(s->tensors[i].name, e, "its bytes overlap another tensor");
    qsort(s->tensors, s->count, sizeof *s->tensors, by_name);
    return ERR_OK;
}

static enum err parse_all(const json_t *root, uint64_t data_bytes, struct safetensors *s,
                          struct err_info *e)
{
    const char *name;
    json_t *v;
    if (!json_is_object(root) || json_object_size(root) > SAFETENSORS_TENSORS_MAX)
        return err_set(e, ERR_CORRUPT, "model.safetensors",
                       "the header must be a JSON object of at most %u tensors",
                       SAFETENSORS_TENSORS_MAX);
    s->tensors = xcalloc(json_object_size(root) + 1, sizeof *s->tensors);
    json_object_foreach((json_t *)root, name, v)
    {
        if (strcmp(name, "__metadata__") == 0)
            continue;
        enum err err = tensor_parse(name, v, data_bytes, &s->tensors[s->count++], e);
        if (err)
            return err;
    }
    return check_overlap(s, e);
}

enum err safetensors_parse(struct str header, uint64_t data_bytes, struct safetensors *out,
                           struct err_info *e)
{
    struct safetensors s = {0};
    struct err_info inner = {0};
    json_t *root = NULL;
    enum err err = json_parse_within(header, header.n * 24 + (64 << 10), &root, &inner);
    if (err)
        err = err_set(e, ERR_CORRUPT, "model.safetensors", "header: %s", inner.message);
    else
        err = parse_all(root, data_bytes, &s, e);
    json_decref(root);
    if (err)
        safetensors_close(&s);
    else
        *out = s;
    return err;
}

static enum err header_read(struct file *f, char **header, uint64_t *header_bytes,
                            uint64_t *data_bytes, struct err_info *e)
{
    uint64_t size;
    uint8_t b[8];
    enum err err = file_size(f, &size, e);
    if (!err && size < sizeof b)
        err = err_set(e, ERR_CORRUPT, file_path(f), "%s: truncated, %" PRIu64 " bytes",
                      file_path(f), size);
    if (!err)
        err = file_pread(f, 0, b, sizeof b, e);
    if (err)
        return err;
    *header_bytes = 0;
    for (int i = 7; i >= 0; i--)
        *header_bytes = *header_bytes << 8 | b[i];
    if (*header_bytes > SAFETENSORS_HEADER_MAX)
        return err_set(e, ERR_CORRUPT, file_path(f),
                       "%s: a header of %" PRIu64 " bytes, at most %u are read", file_path(f),
                       *header_bytes, SAFETENSORS_HEADER_MAX);
    if (*header_bytes > size - sizeof b)
        return err_set(e, ERR_CORRUPT, file_path(f),
                       "%s: truncated, %" PRIu64 " bytes with a header of %" PRIu64, file_path(f),
                       size, *header_bytes);
    *data_bytes = size - sizeof b - *header_bytes;
    *header = xmalloc(*header_bytes + 1);
    err = file_pread(f, sizeof b, *header, *header_bytes, e);
    if (err) {
        free(*header);
        *header = NULL;
    }
    return err;
}

enum err safetensors_open(const char *path, struct safetensors *out, struct err_info *e)
{
    struct file *f = NULL;
    char *header = NULL;
    uint64_t header_bytes = 0, data_bytes = 0;
    enum err err = file_exists(path) ? file_regular(path, e) : ERR_OK;
    if (!err)
        err = file_open(path, FILE_READ_ONLY, &f, e);
    if (!err)
        err = header_read(f, &header, &header_bytes, &data_bytes, e);
    if (!err)
        err = safetensors_parse((struct str){header, header_bytes}, data_bytes, out, e);
    free(header);
    if (err) {
        file_close(f);
        return err;
    }
    out->file = f;
    out->data_at = 8 + header_bytes;
    return ERR_OK;
}

void safetensors_close(struct safetensors *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->tensors[i].name);
    free(s->tensors);
    file_close(s->file);
    *s = (struct safetensors){0};
}

const struct tensor *safetensors_find(const struct safetensors *s, const char *name)
{
    struct tensor key = {.name = (char *)name};
    return s->count ? bsearch(&key, s->tensors, s->count, sizeof key, by_name) : NULL;
}

static const char *shape_text(unsigned rank, const uint64_t *shape, char *out, size_t cap)
{
    size_t n = 0;
    out[0] = 0;
    for (unsigned i = 0; i < rank && n < cap; i++)
        n += (size_t)snprintf(out + n, cap - n, "%s%" PRIu64, i ? ", " : "", shape[i]);
    return out;
}

enum err safetensors_expect(const struct safetensors *s, const char *name, unsigned rank,
                            const uint64_t *shape, struct err_info *e)
{
    char want[200], found[200];
    const struct tensor *t = safetensors_find(s, name);
    if (!t)
        return err_set(e, ERR_NOT_FOUND, "model.safetensors",
                       "tensor %s is missing; expected of shape [%s]", name,
                       shape_text(rank, shape, want, sizeof want));
    if (strcmp(t->dtype, "F32") != 0 && strcmp(t->dtype, "F16") != 0 &&
        strcmp(t->dtype, "BF16") != 0)
        return err_set(e, ERR_UNSUPPORTED, "model.safetensors",
                       "tensor %s is %s; F32, F16 and BF16 are read", name, t->dtype);
    if (t->rank != rank || memcmp(t->shape, shape, rank * sizeof *shape) != 0)
        return err_set(e, ERR_INVALID, "model.safetensors",
                       "tensor %s has shape [%s], expected [%s] as config.json says", name,
                       shape_text(t->rank, t->shape, found, sizeof found),
                       shape_text(rank, shape, want, sizeof want));
    return ERR_OK;
}

/* `n` numbers of the tensor from number `first` on. */
static enum err read_numbers(struct safetensors *s, const struct tensor *t, uint64_t first,
                             size_t n, float *out, struct err_info *e)
{
    uint64_t at = s->data_at + t->start;
    if (strcmp(t->dtype, "F32") == 0) /* little endian, as every machine that akin runs on */
        return file_pread(s->file, at + first * sizeof *out, out, n * sizeof *out, e);
    /* two bytes each: read into the upper half of `out`, widened from the start upwards */
    char *narrow = (char *)out + n * sizeof(uint16_t);
    enum err err =
        file_pread(s->file, at + first * sizeof(uint16_t), narrow, n * sizeof(uint16_t), e);
    bool f16 = strcmp(t->dtype, "F16") == 0;
    for (size_t i = 0; !err && i < n; i++) {
        uint16_t h;
        memcpy(&h, narrow + i * sizeof h, sizeof h);
        out[i] = f16 ? half_to_float(h) : bf16_to_float(h);
    }
    return err;
}

enum err safetensors_read(struct safetensors *s, const char *name, unsigned rank,
                          const uint64_t *shape, float *out, struct err_info *e)
{
    enum err err = safetensors_expect(s, name, rank, shape, e);
    if (err)
        return err;
    assert(rank == 1 || rank == 2);
    return read_numbers(s, safetensors_find(s, name), 0, shape[0] * (rank == 2 ? shape[1] : 1), out,
                        e);
}

enum err safetensors_read_rows(struct safetensors *s, const char *name, const uint64_t shape[2],
                               uint64_t first, uint64_t count, float *out, struct err_info *e)
{
    enum err err = safetensors_expect(s, name, 2, shape, e);
    if (err)
        return err;
    assert(first <= shape[0] && count <= shape[0] - first);
    return read_numbers(s, safetensors_find(s, name), first * shape[1], count * shape[1], out, e);
}

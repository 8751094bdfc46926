/* The safetensors format: 8 bytes of header length (little endian), a JSON object
 * {"name": {"dtype": "F32", "shape": [..], "data_offsets": [start, end]}, ...}, then the data.
 * Nothing of the header is believed: each tensor's bytes must be what its shape and type need, lie
 * inside the file and overlap no other. One thread at a time. */
#ifndef EMBED_SAFETENSORS_H
#define EMBED_SAFETENSORS_H

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include <stddef.h>
#include <stdint.h>

#define SAFETENSORS_HEADER_MAX                                                                     \
    (8u << 20) /* real ones have 10-500 kB; JSON of it takes up to 24 x as much */
#define SAFETENSORS_TENSORS_MAX 20000u
#define SAFETENSORS_RANK_MAX 8u

struct tensor {
    char *name;
    char dtype[12];
    unsigned rank;
    uint64_t shape[SAFETENSORS_RANK_MAX];
    uint64_t start, end; /* of the data part */
};
struct safetensors {
    struct file *file;      /* NULL when parsed from memory */
    uint64_t data_at;       /* of the file */
    struct tensor *tensors; /* by name */
    size_t count;
};

/* Only the header, from memory: the tests and the fuzzer. Errors name the tensor. */
enum err safetensors_parse(struct str header, uint64_t data_bytes, struct safetensors *out,
                           struct err_info *e) MUST_CHECK;
enum err safetensors_open(const char *path, struct safetensors *out, struct err_info *e) MUST_CHECK;
void safetensors_close(struct safetensors *s); /* a zeroed one is allowed */

const struct tensor *safetensors_find(const struct safetensors *s, const char *name);
/* Reads F32, F16 or BF16 as floats. ERR_NOT_FOUND names the tensor; ERR_INVALID the shape expected
 * and the shape found. rank 1 or 2; `out` holds shape[0] (x shape[1]) floats. */
enum err safetensors_read(struct safetensors *s, const char *name, unsigned rank,
                          const uint64_t *shape, float *out, struct err_info *e) MUST_CHECK;
/* Some rows of a matrix that has `shape`: `count` x shape[1] floats, without reading the rest. */
enum err safetensors_read_rows(struct safetensors *s, const char *name, const uint64_t shape[2],
                               uint64_t first, uint64_t count, float *out,
                               struct err_info *e) MUST_CHECK;
/* The shape of a matrix or vector that the caller bounds by itself. */
enum err safetensors_expect(const struct safetensors *s, const char *name, unsigned rank,
                            const uint64_t *shape, struct err_info *e) MUST_CHECK;

#endif

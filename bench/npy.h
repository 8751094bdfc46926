/* Reading npy files, for benchmarks. */
#ifndef BENCH_NPY_H
#define BENCH_NPY_H

#include "base/arena.h"
#include "base/file.h"
#include "math/dot.h"
#include "math/half.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NPY_DIMS_MAX 4096

static void die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

struct matrix {
    float *rows;
    size_t count;
    uint32_t dims;
};

static struct matrix npy_read(const char *path)
{
    char *data;
    size_t n, header;
    struct err_info e = {0};
    struct matrix m = {0};
    if (file_read_all(path, (size_t)1 << 36, &data, &n, &e))
        die(path, e.message);
    if (n < 12 || memcmp(data, "\x93NUMPY", 6) != 0)
        die(path, "not an npy file");
    header = data[6] == 1 ? 10 + (size_t)(uint8_t)data[8] + 256 * (size_t)(uint8_t)data[9]
                          : 12 + (size_t)(uint8_t)data[8] + 256 * (size_t)(uint8_t)data[9];
    if (header > n)
        die(path, "cut short");
    char text[512] = {0};
    memcpy(text, data + 10, header - 10 < 511 ? header - 10 : 511);
    const char *shape = strstr(text, "'shape': (");
    bool half = strstr(text, "'<f2'") != NULL;
    if (!shape || (!half && !strstr(text, "'<f4'")) || strstr(text, "'fortran_order': True") ||
        sscanf(shape, "'shape': (%zu, %" SCNu32 ")", &m.count, &m.dims) != 2 || !m.dims ||
        m.dims > NPY_DIMS_MAX)
        die(path, "wanted: float32 or float16, two dimensions, rows in order");
    size_t values = m.count * m.dims;
    if (m.count > n || n - header < values * (half ? 2 : 4))
        die(path, "cut short");
    m.rows = xmalloc(values * sizeof(float) + 1);
    if (half)
        half_to_f32((const uint16_t *)(data + header), m.rows, values);
    else
        memcpy(m.rows, data + header, values * sizeof(float));
    for (size_t i = 0; i < m.count; i++)
        normalise_f32(m.rows + i * m.dims, m.dims);
    free(data);
    return m;
}

#endif

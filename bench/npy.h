/* Reading npy files, for benchmarks. */
#ifndef BENCH_NPY_H
#define BENCH_NPY_H

#include "base/arena.h"
#include "base/file.h"
#include "math/dot.h"
#include "math/half.h"
#include <inttypes.h>
#include <math.h>
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

/* What the header says, as text; returns where the values begin. */
static size_t npy_header(const char *path, const char *data, size_t n, char text[512])
{
    if (n < 12 || memcmp(data, "\x93NUMPY", 6) != 0)
        die(path, "not an npy file (numpy.save writes them)");
    bool old = data[6] == 1;
    size_t from = old ? 10 : 12, length = 0;
    for (size_t i = from; i-- > 8;)
        length = length << 8 | (uint8_t)data[i];
    if (length > n - from)
        die(path, "cut short: it ends within its header");
    memset(text, 0, 512);
    memcpy(text, data + from, length < 511 ? length : 511);
    return from + length;
}

/* Length 1, or a reason why not. */
static void npy_normalise(const char *path, struct matrix *m)
{
    char why[80];
    for (size_t i = 0; i < m->count; i++) {
        float was = normalise_f32(m->rows + i * m->dims, m->dims);
        if (was > 0 && isfinite(was))
            continue;
        snprintf(why, sizeof why, "row %zu %s", i,
                 was == 0 ? "is all zeros" : "has a value that is not finite");
        die(path, why);
    }
}

/* Float32 or float16 rows, each made length 1; ends the program, with the reason, if there are
 * none. */
static struct matrix npy_read(const char *path)
{
    char *data, text[512], why[160];
    size_t n;
    struct err_info e = {0};
    struct matrix m = {0};
    if (file_read_all(path, (size_t)1 << 36, &data, &n, &e))
        die(path, e.message);
    size_t header = npy_header(path, data, n, text);
    const char *shape = strstr(text, "'shape': ("), *type = strstr(text, "'descr': '");
    char kind[8] = {0};
    if (type)
        sscanf(type, "'descr': '%7[^']", kind);
    bool half = !strcmp(kind, "<f2");
    if (!half && strcmp(kind, "<f4") != 0) {
        snprintf(why, sizeof why,
                 "values of type \"%s\": wanted float32 (\"<f4\") or float16 (\"<f2\")", kind);
        die(path, why);
    }
    if (strstr(text, "'fortran_order': True"))
        die(path, "columns first (fortran_order): wanted rows first, numpy.ascontiguousarray");
    if (!shape || sscanf(shape, "'shape': (%zu, %" SCNu32 ")", &m.count, &m.dims) != 2 || !m.dims ||
        m.dims > NPY_DIMS_MAX) {
        int length = shape ? (int)strcspn(shape, ")") + 1 : 0;
        snprintf(why, sizeof why, "%.*s: wanted two dimensions, rows and 1 to %d values each",
                 length < 60 ? length : 60, shape ? shape : "", NPY_DIMS_MAX);
        die(path, why);
    }
    size_t value = half ? 2 : 4, holds = (n - header) / value / m.dims;
    if (holds < m.count) {
        snprintf(why, sizeof why, "cut short: it says %zu rows and holds %zu", m.count, holds);
        die(path, why);
    }
    size_t values = m.count * m.dims;
    m.rows = xmalloc(values * sizeof(float) + 1);
    if (half)
        half_to_f32((const uint16_t *)(data + header), m.rows, values);
    else
        memcpy(m.rows, data + header, values * sizeof(float));
    free(data);
    npy_normalise(path, &m);
    return m;
}

#endif

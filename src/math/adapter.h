/* A linear adapter on vectors of length 1, residual to the identity:
 *
 *     f(v) = (v + A v) / |v + A v|
 *
 * so that A = 0 changes nothing. train/adapter.h learns A, embed/ applies it behind a frozen model.
 * Immutable once made: any thread. */
#ifndef MATH_ADAPTER_H
#define MATH_ADAPTER_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

#define ADAPTER_DIMS_MAX 4096u

struct adapter {
    uint32_t dims;
    float *matrix;   /* A: dims x dims, row by row */
    char digest[65]; /* SHA-256 of dims and A */
};
struct adapter *adapter_new(uint32_t dims, const float *matrix);
void adapter_free(struct adapter *a); /* NULL is allowed */
/* rows: count x dims floats, each becomes f of itself as float16 keeps it: so vectors made of
 * stored ones are those made of texts. dims^2 multiply-adds a row. */
void adapter_apply(const struct adapter *a, float *rows, size_t count);

/* Written beside, synced, renamed. */
enum err adapter_save(const struct adapter *a, const char *path, struct err_info *e) MUST_CHECK;
/* ERR_CORRUPT: torn or flipped; ERR_UNSUPPORTED: not an adapter, or of a newer akin. */
enum err adapter_load(const char *path, struct adapter **out, struct err_info *e) MUST_CHECK;

#endif

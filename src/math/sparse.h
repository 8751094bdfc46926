/* A sparse matrix by compressed rows: those of row r are at[start[r]] ... at[start[r + 1]], rising.
 * Its owner frees the three. */
#ifndef MATH_SPARSE_H
#define MATH_SPARSE_H

#include <stddef.h>
#include <stdint.h>

struct sparse {
    size_t *start; /* rows + 1 */
    uint32_t *at;
    float *weight;
};

#endif

/* Run a check at each SIMD level of this machine. */
#ifndef TEST_MATH_LEVELS_H
#define TEST_MATH_LEVELS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/rng.h"
#include "math/simd.h"

#define FOR_LEVELS(level)                                                                          \
    for (enum simd_level level = SIMD_SCALAR; level < SIMD_LEVELS; level++)                        \
        if (simd_supported(level) ? (simd_force(level), 1) : 0)

#endif

/* SIMD: which instructions the kernels of this process use.
 *
 * Chosen once, before main, as the best level that the processor has; AKIN_SIMD=scalar|avx2|avx512
 * forces one (simd_setup). Each kernel stands beside its plain C reference in one binary; off
 * x86-64 only the reference exists. Kernels of integers and of float16 conversion give the same
 * bits at every level; sums of floats differ in their last bits since their order differs. */
#ifndef MATH_SIMD_H
#define MATH_SIMD_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

enum simd_level {
    SIMD_SCALAR,
    SIMD_AVX2,   /* AVX2, FMA, F16C */
    SIMD_AVX512, /* F, BW, DQ, VL and VNNI: Ice Lake, Zen 4 and later */
    SIMD_LEVELS,
};

/* Reads AKIN_SIMD. ERR_INVALID: unknown value; ERR_UNSUPPORTED: not this processor. Before
 * threads start (model_open calls it; a second call changes nothing). Without it the best level is
 * used. */
enum err simd_setup(struct err_info *e) MUST_CHECK;

enum simd_level simd_level(void);
bool simd_supported(enum simd_level level);
const char *simd_name(enum simd_level level); /* "scalar", "avx2", "avx512" */
bool simd_bf16(void);                         /* AVX512_BF16, and the level is avx512 */

/* Tests: the level must be supported. While no other thread runs kernels. */
void simd_force(enum simd_level level);
void simd_force_bf16(bool on); /* false: as if the processor had no AVX512_BF16 */

#if defined(__x86_64__)
#define SIMD_X86 1
#define TARGET_AVX2 __attribute__((target("avx2,fma,f16c")))
#define TARGET_AVX512                                                                              \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c")))
#define TARGET_BF16                                                                                \
    __attribute__((                                                                                \
        target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx2,fma,f16c")))
#else
#define SIMD_X86 0
#endif

/* Asks memory for p[0..n) ahead of its use. The empty asm: GCC takes a function that does nothing
 * but __builtin_prefetch for one without effect and drops calls to it (12.2 did, of a graph's walk,
 * which then took twice as long). */
static inline void lines_fetch(const void *p, size_t n)
{
    for (size_t i = 0; i < n; i += 64)
        __builtin_prefetch((const char *)p + i);
    __asm__ volatile("");
}

#endif

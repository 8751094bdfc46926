#include "math/simd.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

static enum simd_level level_now = SIMD_SCALAR;
static bool bf16_native;

static const char *const names[SIMD_LEVELS] = {"scalar", "avx2", "avx512"};

bool simd_supported(enum simd_level level)
{
#if SIMD_X86
    switch (level) {
    case SIMD_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case SIMD_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512vnni");
    default:
        return level == SIMD_SCALAR;
    }
#else
    return level == SIMD_SCALAR;
#endif
}

/* Before main, so that a program that never heard of AKIN_SIMD gets the fast kernels too. */
__attribute__((constructor)) static void simd_choose(void)
{
#if SIMD_X86
    __builtin_cpu_init();
    bf16_native = __builtin_cpu_supports("avx512bf16");
#endif
    for (int l = SIMD_LEVELS - 1; l > SIMD_SCALAR; l--) {
        if (simd_supported((enum simd_level)l)) {
            level_now = (enum simd_level)l;
            return;
        }
    }
}

enum err simd_setup(struct err_info *e)
{
    const char *wanted = getenv("AKIN_SIMD");
    if (!wanted || !*wanted)
        return ERR_OK;
    for (int l = 0; l < SIMD_LEVELS; l++) {
        if (strcmp(wanted, names[l]) != 0)
            continue;
        if (!simd_supported((enum simd_level)l))
            return err_set(e, ERR_UNSUPPORTED, "AKIN_SIMD",
                           "this processor has no %s; it can do %s", names[l], names[level_now]);
        if (level_now != (enum simd_level)l)
            level_now = (enum simd_level)l;
        return ERR_OK;
    }
    return err_set(e, ERR_INVALID, "AKIN_SIMD", "\"%.40s\" is none of scalar, avx2, avx512",
                   wanted);
}

enum simd_level simd_level(void)
{
    return level_now;
}

const char *simd_name(enum simd_level level)
{
    assert(level >= 0 && level < SIMD_LEVELS);
    return names[level];
}

bool simd_bf16(void)
{
    return bf16_native && level_now == SIMD_AVX512;
}

void simd_force(enum simd_level level)
{
    assert(simd_supported(level));
    level_now = level;
}

void simd_force_bf16(bool on)
{
#if SIMD_X86
    bf16_native = on && __builtin_cpu_supports("avx512bf16");
#endif
}

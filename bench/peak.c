/* What one core of this machine can do at best just now: the instruction of each number format on
 * registers alone, for the fractions that bench/embed.py prints. Each line on stdin:
 *     -> "fp32 GFLOPS bf16 GFLOPS int8 GOPS"   (0: the machine does not have it; CPU seconds) */
#include <stdio.h>
#include <time.h>

#define CHAINS 12 /* independent accumulators: more than latency times throughput */
#define TURNS 1000000

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* `op` on 12 accumulators in turn, all zero so that nothing becomes denormal. */
#define STEP(op, reg, n) op " %%" reg "12, %%" reg "12, %%" reg #n "\n\t"
#define LOOP(op, reg)                                                                              \
    __asm__ volatile("vzeroall\n1:\n\t" STEP(op, reg, 0) STEP(op, reg, 1) STEP(op, reg, 2)         \
                         STEP(op, reg, 3) STEP(op, reg, 4) STEP(op, reg, 5) STEP(op, reg, 6)       \
                             STEP(op, reg, 7) STEP(op, reg, 8) STEP(op, reg, 9) STEP(op, reg, 10)  \
                                 STEP(op, reg, 11) "dec %0\n\tjnz 1b"                              \
                     : "+r"(turns)::"cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",  \
                       "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12")

__attribute__((target("avx2,fma"))) static void fma_256(long turns)
{
    LOOP("vfmadd231ps", "ymm");
}
__attribute__((target("avx512f"))) static void fma_512(long turns)
{
    LOOP("vfmadd231ps", "zmm");
}
__attribute__((target("avx512f,avx512bf16"))) static void bf16_512(long turns)
{
    LOOP("vdpbf16ps", "zmm");
}
__attribute__((target("avx512f,avx512vnni"))) static void int8_512(long turns)
{
    LOOP("vpdpbusd", "zmm");
}

/* The best of three, since other work disturbs. `ops`: of one instruction, a multiply-add is two.
 */
static double measure(void (*loop)(long), double ops)
{
    double best = 0;
    for (int i = 0; i < 3; i++) {
        double start = cpu_seconds();
        loop(TURNS);
        double rate = ops * CHAINS * TURNS / (cpu_seconds() - start) * 1e-9;
        best = rate > best ? rate : best;
    }
    return best;
}

int main(void)
{
    for (int c; (c = getchar()) != EOF;) {
        if (c != '\n')
            continue;
        double fp32 = 0, bf16 = 0, int8 = 0;
        if (__builtin_cpu_supports("avx512f"))
            fp32 = measure(fma_512, 32);
        else if (__builtin_cpu_supports("avx2"))
            fp32 = measure(fma_256, 16);
        if (__builtin_cpu_supports("avx512bf16"))
            bf16 = measure(bf16_512, 64);
        if (__builtin_cpu_supports("avx512vnni"))
            int8 = measure(int8_512, 128);
        printf("fp32 %.1f bf16 %.1f int8 %.1f\n", fp32, bf16, int8);
        fflush(stdout);
    }
    return 0;
}

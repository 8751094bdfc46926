#include "base/rng.h"
#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static atomic_bool seeded;
static _Atomic uint64_t seeded_state;

static const uint64_t GAMMA = 0x9e3779b97f4a7c15;

/* The output function of splitmix64 (Steele, Lea and Flood 2014). */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static void bytes_seeded(uint8_t *out, size_t n)
{
    while (n) {
        uint64_t v = mix(atomic_fetch_add(&seeded_state, GAMMA) + GAMMA);
        size_t part = n < sizeof v ? n : sizeof v;
        memcpy(out, &v, part);
        out += part;
        n -= part;
    }
}

void rng_bytes(void *out, size_t n)
{
    uint8_t *p = out;
    if (atomic_load(&seeded)) {
        bytes_seeded(p, n);
        return;
    }
    while (n) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno != EINTR) {
            perror("akin: getrandom");
            abort(); /* without randomness no key and no id is safe */
        }
        if (got > 0) {
            p += got;
            n -= (size_t)got;
        }
    }
}

void rng_replace(uint64_t seed)
{
    atomic_store(&seeded_state, seed);
    atomic_store(&seeded, true);
}

void rng_restore(void)
{
    atomic_store(&seeded, false);
}

void rng_hex(char *out, size_t digits)
{
    for (size_t i = 0; i < digits; i += 16) {
        uint64_t v;
        rng_bytes(&v, sizeof v);
        for (size_t j = i; j < digits && j < i + 16; j++, v >>= 4)
            out[j] = "0123456789abcdef"[v & 15];
    }
    out[digits] = 0;
}

void rng_init(struct rng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        r->s[i] = mix(seed += GAMMA);
}

static uint64_t rotate(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t rng_next(struct rng *r)
{
    uint64_t *s = r->s, result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

/* Lemire 2019, "Fast Random Integer Generation in an Interval". */
uint64_t rng_below(struct rng *r, uint64_t n)
{
    __extension__ typedef unsigned __int128 u128;
    u128 m = (u128)rng_next(r) * n;
    if ((uint64_t)m < n) {
        uint64_t threshold = -n % n;
        while ((uint64_t)m < threshold)
            m = (u128)rng_next(r) * n;
    }
    return (uint64_t)(m >> 64);
}

double rng_unit(struct rng *r)
{
    return (double)(rng_next(r) >> 11) * 0x1p-53;
}

/* Box and Muller; the second value is thrown away, so that no state hides. */
float rng_normal(struct rng *r)
{
    double u = 1 - rng_unit(r), v = rng_unit(r);
    return (float)(sqrt(-2 * log(u)) * cos(2 * M_PI * v));
}

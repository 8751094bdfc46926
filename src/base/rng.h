/* Randomness. `rng_bytes` is the process's source (getrandom); a test replaces it by a seed.
 * `struct rng` is a fast seeded generator (xoshiro256**, Blackman and Vigna 2018) for sampling. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

void rng_bytes(void *out, size_t n); /* any thread; unpredictable unless replaced */
void rng_replace(uint64_t seed);     /* tests: every later rng_bytes follows from seed */
void rng_restore(void);
void rng_hex(char *out, size_t digits); /* lower-case hex and a NUL: digits+1 bytes */

struct rng {
    uint64_t s[4];
};
void rng_init(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t n); /* uniform in [0, n), n > 0 */
double rng_unit(struct rng *r);                /* [0, 1) */
float rng_normal(struct rng *r);               /* mean 0, variance 1 */

#endif

/* How many different things were seen, in a kilobyte, whatever their number: exact up to
 * DISTINCT_EXACT, then by HyperLogLog with 1,024 registers (Flajolet, Fusy, Gandouet, Meunier 2007;
 * linear counting below 2,560), 3.3 % standard error. Things are given as 64-bit hashes. Counters
 * of parts join into that of the whole. Plain data; zeroed memory is an empty one. */
#ifndef MATH_DISTINCT_H
#define MATH_DISTINCT_H

#include <stdbool.h>
#include <stdint.h>

#define DISTINCT_EXACT 128
#define DISTINCT_REGISTERS 1024

struct distinct {
    bool sketched;
    uint32_t count; /* of exact */
    union {
        uint64_t exact[DISTINCT_EXACT]; /* rising */
        uint8_t registers[DISTINCT_REGISTERS];
    };
};

void distinct_add(struct distinct *d, uint64_t hash);
void distinct_join(struct distinct *d, const struct distinct *with);
double distinct_count(const struct distinct *d);
/* Of whole numbers: a hash that spreads (splitmix64's finish). */
uint64_t distinct_hash(uint64_t number);

#endif

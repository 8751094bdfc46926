#include "math/distinct.h"
#include <math.h>
#include <string.h>

#define BITS 10

uint64_t distinct_hash(uint64_t number)
{
    uint64_t h = number + 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 27) * 0x94d049bb133111ebu;
    return h ^ h >> 31;
}

static void register_add(struct distinct *d, uint64_t hash)
{
    uint64_t rest = hash << BITS | 1u << (BITS - 1); /* never 0 */
    uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1);
    uint8_t *r = &d->registers[hash >> (64 - BITS)];
    if (*r < rank)
        *r = rank;
}

static void sketch(struct distinct *d)
{
    uint64_t exact[DISTINCT_EXACT];
    uint32_t count = d->count;
    if (d->sketched)
        return;
    memcpy(exact, d->exact, sizeof exact);
    memset(d->registers, 0, sizeof d->registers);
    d->sketched = true;
    for (uint32_t i = 0; i < count; i++)
        register_add(d, exact[i]);
}

void distinct_add(struct distinct *d, uint64_t hash)
{
    uint32_t low = 0, high = d->count;
    if (d->sketched) {
        register_add(d, hash);
        return;
    }
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (d->exact[middle] < hash)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < d->count && d->exact[low] == hash)
        return;
    if (d->count == DISTINCT_EXACT) {
        sketch(d);
        register_add(d, hash);
        return;
    }
    memmove(d->exact + low + 1, d->exact + low, (d->count - low) * sizeof *d->exact);
    d->exact[low] = hash;
    d->count++;
}

void distinct_join(struct distinct *d, const struct distinct *with)
{
    if (!with->sketched) {
        for (uint32_t i = 0; i < with->count; i++)
            distinct_add(d, with->exact[i]);
        return;
    }
    sketch(d);
    for (unsigned i = 0; i < DISTINCT_REGISTERS; i++)
        if (d->registers[i] < with->registers[i])
            d->registers[i] = with->registers[i];
}

double distinct_count(const struct distinct *d)
{
    const double m = DISTINCT_REGISTERS;
    double sum = 0;
    unsigned empty = 0;
    if (!d->sketched)
        return d->count;
    for (unsigned i = 0; i < DISTINCT_REGISTERS; i++) {
        sum += ldexp(1, -d->registers[i]);
        empty += d->registers[i] == 0;
    }
    double estimate = .7213 / (1 + 1.079 / m) * m * m / sum;
    return estimate <= 2.5 * m && empty ? m * log(m / empty) : estimate;
}

/* The stub encoder, for tests only: each id is a direction made by a hash, a text their sum. Texts
 * that share words are near each other, and nothing has to be read from disk. */
#include "embed/model.h"
#include "math/dot.h"
#include <string.h>

static uint64_t mix(uint64_t z) /* splitmix64 */
{
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void stub_embed(const uint32_t *ids, uint32_t length, uint64_t seed, float *out)
{
    memset(out, 0, STUB_DIMS * sizeof *out);
    out[0] = 1e-3f; /* a sum that cancels out still has a direction */
    for (uint32_t t = 0; t < length; t++) {
        uint64_t bits = mix(ids[t] ^ seed << 32);
        for (unsigned i = 0; i < STUB_DIMS; i++)
            out[i] += bits >> i & 1 ? 1.f : -1.f;
    }
    normalise_f32(out, STUB_DIMS);
}

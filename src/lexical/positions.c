/* Where a term stands in a document: the code is described in internal.h. */
#include "lexical/internal.h"

const uint8_t *varint_read(const uint8_t *p, uint32_t *v)
{
    uint32_t value = *p & 0x7f;
    for (unsigned shift = 7; *p++ & 0x80; shift += 7)
        value |= (uint32_t)(*p & 0x7f) << shift;
    *v = value;
    return p;
}

uint8_t *varint_write(uint8_t *p, uint32_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (uint8_t)(v | 0x80);
    *p++ = (uint8_t)v;
    return p;
}

size_t positions_write(const uint64_t *from, size_t count, uint8_t *out)
{
    uint8_t *p = out;
    uint64_t before = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        bool same = i > 0 && from[i] >> 32 == before >> 32;
        uint64_t v = (uint32_t)from[i] - (same ? (uint32_t)before : 0);
        v = v << 3 | from[i] >> 32 << 1 | (i + 1 < count);
        for (; v >= 0x80; v >>= 7)
            *p++ = (uint8_t)(v | 0x80);
        *p++ = (uint8_t)v;
        before = from[i];
    }
    return (size_t)(p - out);
}

const uint8_t *positions_read(const uint8_t *p, uint64_t *out, size_t *count)
{
    uint64_t before = UINT64_MAX, v = 1;
    size_t n = 0;
    for (; v & 1; n++) {
        v = *p & 0x7f;
        for (unsigned shift = 7; *p++ & 0x80; shift += 7)
            v |= (uint64_t)(*p & 0x7f) << shift;
        uint64_t field = v >> 1 & 3, position = v >> 3;
        if (n > 0 && field == before >> 32)
            position += (uint32_t)before;
        before = field << 32 | position;
        if (out)
            out[n] = before;
    }
    *count = n;
    return p;
}

const uint8_t *positions_skip(const uint8_t *p)
{
    for (bool more = true; more;) {
        more = *p & 1;
        while (*p++ & 0x80)
            ;
    }
    return p;
}

/* Packed weights: the header is made good, so that what the table says is reached. */
#include "base/hash.h"
#include "embed/pack.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADER = 64, ENTRY = 80, NAME = 56 };

static void make_good(uint8_t *p, size_t n)
{
    uint32_t sections;
    uint64_t bytes = n, sum;
    memcpy(p, "AKINPACK\1\0\0\0", 12);
    memcpy(&sections, p + 12, 4);
    sections %= 8;
    memcpy(p + 12, &sections, 4);
    memset(p + 16, 0, PACK_KEY_BYTES);
    memcpy(p + 48, &bytes, 8);
    if (HEADER + sections * ENTRY > n)
        return;
    sum = checksum64(p + HEADER, sections * ENTRY, checksum64(p, 56, 0));
    memcpy(p + 56, &sum, 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[PACK_KEY_BYTES];
    struct pack *p = NULL;
    uint8_t *copy = aligned_alloc(64, (size + HEADER + 63) / 64 * 64);
    assert(copy);
    if (size)
        memcpy(copy, data, size);
    if (size >= HEADER)
        make_good(copy, size);
    if (pack_parse(copy, size, key, &p, NULL) == ERR_OK) {
        (void)!pack_check(p, NULL);
        for (size_t i = HEADER; i + ENTRY <= size && i < HEADER + 8 * ENTRY; i += ENTRY) {
            const void *at = NULL;
            char name[NAME + 1] = "";
            uint64_t bytes;
            memcpy(name, copy + i, NAME);
            memcpy(&bytes, copy + i + NAME + 8, 8);
            if (pack_take(p, name, (size_t)bytes, true, &at, NULL) == ERR_OK && bytes)
                assert((const uint8_t *)at >= copy && (const uint8_t *)at + bytes <= copy + size);
        }
        pack_close(p);
    }
    free(copy);
    return 0;
}

/* The n-gram table of the language detector: pieces of words -> the languages that have them, with
 * scores. Made by tools/eldc_to_table.py out of the package eldc. Little-endian:
 *
 *     "akinlang", 32 bytes SHA-256 of all that follows
 *     u32 version = 1, languages (<= 64), slots, pairs
 *     languages x 4 bytes: ISO 639-1 code, zeros
 *     slots x u32: 0, or bits 0-19 and 20 a value, 21-31 the low bits of the mark
 *     pairs x 2 bytes: language (0x80: the last of a list), score; the first is not used
 *
 * A mark is 32 bits of a piece's hash; its slot is mark * slots / 2^32 or the next free one. A
 * value with bit 20 is language * 256 + score; without, the pair at which a list begins. Some 8 MB.
 */
#ifndef TEXT_LANGUAGE_TABLE_H
#define TEXT_LANGUAGE_TABLE_H

#include "base/err.h"
#include <stdint.h>

enum { LANGUAGES_IN_TABLE_MAX = 64 };

struct language_table {
    uint32_t languages, slot_count, pair_count;
    char codes[LANGUAGES_IN_TABLE_MAX][4];
    uint32_t *slots;
    uint8_t *pairs;
};

/* ERR_CORRUPT if it is not such a file whole, ERR_NOT_FOUND if it is not there. About 40 ms. */
enum err language_table_open(const char *path, struct language_table *out,
                             struct err_info *e) MUST_CHECK;
void language_table_release(struct language_table *t);

static inline uint32_t language_table_slot(const struct language_table *t, uint32_t mark)
{
    return (uint32_t)((uint64_t)mark * t->slot_count >> 32);
}

static inline void language_table_prefetch(const struct language_table *t, uint32_t mark)
{
    __builtin_prefetch(&t->slots[language_table_slot(t, mark)]);
}

/* Adds what the piece says to `scores` (as many as languages). */
void language_table_add(const struct language_table *t, uint32_t mark, uint32_t *scores);

#endif

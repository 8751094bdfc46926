#include "text/language_table.h"
#include "base/arena.h"
#include "base/file.h"
#include "base/hash.h"
#include <stdlib.h>
#include <string.h>

enum { DIGEST_AT = 8, HEAD_AT = 40, CODES_AT = 56, FILE_BYTES_MAX = 64 << 20 };

static uint32_t u32_at(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v); /* the machines that akin runs on are little-endian */
    return v;
}

/* The sizes agree with the file's and no value leads out of it. */
static bool is_sound(const struct language_table *t, size_t bytes)
{
    if (t->languages == 0 || t->languages > LANGUAGES_IN_TABLE_MAX || t->slot_count == 0 ||
        t->slot_count > FILE_BYTES_MAX / 4 || t->pair_count == 0 || t->pair_count > 1u << 20)
        return false;
    return bytes == CODES_AT + 4 * ((size_t)t->languages + t->slot_count) + 2 * t->pair_count;
}

static bool values_are_sound(const struct language_table *t)
{
    bool empty = false;
    for (uint32_t i = 0; i < t->slot_count; i++) {
        uint32_t value = t->slots[i] & 0xfffff;
        empty |= t->slots[i] == 0;
        if (t->slots[i] >> 20 & 1 ? value >> 8 >= t->languages : value >= t->pair_count)
            return false;
    }
    for (uint32_t i = 0; i < t->pair_count; i++)
        if ((t->pairs[2 * i] & 0x7f) >= t->languages)
            return false;
    return empty && (t->pair_count == 1 || t->pairs[2 * t->pair_count - 2] & 0x80);
}

static bool digest_is_right(const char *file, size_t bytes)
{
    struct sha256 sum;
    uint8_t digest[32];
    sha256_init(&sum);
    sha256_add(&sum, file + HEAD_AT, bytes - HEAD_AT);
    sha256_end(&sum, digest);
    return memcmp(file + DIGEST_AT, digest, sizeof digest) == 0;
}

static bool read_table(const char *file, size_t bytes, struct language_table *t)
{
    *t = (struct language_table){0};
    if (bytes < CODES_AT || memcmp(file, "akinlang", 8) != 0 || u32_at(file + HEAD_AT) != 1)
        return false;
    t->languages = u32_at(file + HEAD_AT + 4);
    t->slot_count = u32_at(file + HEAD_AT + 8);
    t->pair_count = u32_at(file + HEAD_AT + 12);
    if (!is_sound(t, bytes) || !digest_is_right(file, bytes))
        return false;
    const char *at = file + CODES_AT;
    memcpy(t->codes, at, 4 * (size_t)t->languages);
    for (uint32_t i = 0; i < t->languages; i++)
        t->codes[i][3] = 0;
    at += 4 * (size_t)t->languages;
    t->slots = xmalloc(4 * (size_t)t->slot_count);
    memcpy(t->slots, at, 4 * (size_t)t->slot_count);
    t->pairs = xmalloc(2 * (size_t)t->pair_count);
    memcpy(t->pairs, at + 4 * (size_t)t->slot_count, 2 * (size_t)t->pair_count);
    return values_are_sound(t);
}

enum err language_table_open(const char *path, struct language_table *out, struct err_info *e)
{
    struct language_table t;
    char *file = NULL;
    size_t bytes = 0;
    enum err err = file_read_all(path, FILE_BYTES_MAX, &file, &bytes, e);
    if (err)
        return err;
    if (read_table(file, bytes, &t))
        *out = t;
    else
        err = err_set(e, ERR_CORRUPT, NULL, "%s is no table of languages, or damaged", path);
    if (err)
        language_table_release(&t);
    free(file);
    return err;
}

void language_table_release(struct language_table *t)
{
    free(t->slots);
    free(t->pairs);
    *t = (struct language_table){0};
}

static void add_list(const struct language_table *t, uint32_t first, uint32_t *scores)
{
    for (const uint8_t *p = t->pairs + 2 * first;; p += 2) {
        scores[p[0] & 0x7f] += p[1];
        if (p[0] & 0x80)
            return;
    }
}

void language_table_add(const struct language_table *t, uint32_t mark, uint32_t *scores)
{
    for (uint32_t at = language_table_slot(t, mark); t->slots[at]; at++) {
        uint32_t slot = t->slots[at], value = slot & 0xfffff;
        if (slot >> 21 == (mark & 0x7ff)) {
            if (slot >> 20 & 1)
                scores[value >> 8] += value & 0xff;
            else if (value)
                add_list(t, value, scores);
            return;
        }
        if (at + 1 == t->slot_count)
            at = UINT32_MAX;
    }
}

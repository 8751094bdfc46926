#include "access/key.h"
#include "base/rng.h"
#include <sodium.h>
#include <string.h>

static const char base32[] = "abcdefghijklmnopqrstuvwxyz234567";
static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* ---- made ---- */

void key_id_make(char out[KEY_ID + 1])
{
    uint8_t bytes[KEY_ID];
    rng_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < KEY_ID; i++)
        out[i] = base32[bytes[i] & 31];
    out[KEY_ID] = '\0';
}

/* Characters all as likely: of 256 values the last 8 are drawn again. */
static void base62_random(char *out, size_t n)
{
    uint8_t bytes[64];
    size_t i = 0;
    while (i < n) {
        rng_bytes(bytes, sizeof bytes);
        for (size_t k = 0; k < sizeof bytes && i < n; k++)
            if (bytes[k] < 248)
                out[i++] = base62[bytes[k] % 62];
    }
    sodium_memzero(bytes, sizeof bytes);
}

/* Four bits at a time; polynomial 0xEDB88320. */
static uint32_t crc32_of(const char *s, size_t n)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        crc ^= (uint8_t)s[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

static void checksum_write(const char *text, char out[KEY_CHECKSUM])
{
    uint32_t crc = crc32_of(text, KEY_TEXT - KEY_CHECKSUM);
    for (size_t i = KEY_CHECKSUM; i-- > 0; crc /= 62)
        out[i] = base62[crc % 62];
}

void key_make(const char *id, char out[KEY_TEXT + 1])
{
    memcpy(out, KEY_PREFIX, 5);
    memcpy(out + 5, id, KEY_ID);
    out[5 + KEY_ID] = '_';
    base62_random(out + 6 + KEY_ID, KEY_SECRET);
    checksum_write(out, out + KEY_TEXT - KEY_CHECKSUM);
    out[KEY_TEXT] = '\0';
}

/* ---- read ---- */

static bool is_base62(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool key_like(struct str text)
{
    return str_starts(text, STR(KEY_PREFIX));
}

enum err key_parse(struct str text, struct str *id)
{
    char checksum[KEY_CHECKSUM];
    if (text.n != KEY_TEXT || !key_like(text) || text.s[5 + KEY_ID] != '_')
        return ERR_SYNTAX;
    for (size_t i = 5; i < 5 + KEY_ID; i++)
        if (!text.s[i] || !strchr(base32, text.s[i]))
            return ERR_SYNTAX;
    for (size_t i = 6 + KEY_ID; i < KEY_TEXT; i++)
        if (!is_base62(text.s[i]))
            return ERR_SYNTAX;
    checksum_write(text.s, checksum);
    if (memcmp(checksum, text.s + KEY_TEXT - KEY_CHECKSUM, KEY_CHECKSUM))
        return ERR_SYNTAX;
    *id = (struct str){text.s + 5, KEY_ID};
    return ERR_OK;
}

void key_hash(struct str text, uint8_t out[KEY_HASH])
{
    crypto_generichash(out, KEY_HASH, (const unsigned char *)text.s, text.n, NULL, 0);
}

bool key_hash_equal(const uint8_t a[KEY_HASH], const uint8_t b[KEY_HASH])
{
    return sodium_memcmp(a, b, KEY_HASH) == 0;
}

/* Whole or cut off, right or mistyped: whatever stands where a secret would. */
static size_t secret_length(struct str rest)
{
    size_t head = 6 + KEY_ID, n = head;
    if (rest.n <= head || !key_like(rest) || rest.s[head - 1] != '_')
        return 0;
    while (n < rest.n && is_base62(rest.s[n]))
        n++;
    return n - head > 3 ? n - head : 0;
}

bool key_mask(struct str text, char *out, size_t *n)
{
    bool found = false;
    *n = 0;
    for (size_t i = 0; i < text.n;) {
        size_t secret = secret_length((struct str){text.s + i, text.n - i});
        if (!secret) {
            out[(*n)++] = text.s[i++];
            continue;
        }
        memcpy(out + *n, text.s + i, 6 + KEY_ID);
        memcpy(out + *n + 6 + KEY_ID, "...", 3);
        *n += 6 + KEY_ID + 3;
        i += 6 + KEY_ID + secret;
        found = true;
    }
    return found;
}

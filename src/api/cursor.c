#include "api/cursor.h"
#include "base/hash.h"
#include <assert.h>
#include <string.h>

#define VERSION 2
#define MAC 12
#define FIXED 17 /* version, binding, number */

static const char url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void u64_put(unsigned char *p, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        p[i] = (unsigned char)(v >> (8 * i));
}

static uint64_t u64_get(const unsigned char *p)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static size_t encode(const char *alphabet, const unsigned char *p, size_t n, char *out)
{
    size_t o = 0;
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16;
        if (i + 1 < n)
            v |= (uint32_t)p[i + 1] << 8;
        if (i + 2 < n)
            v |= p[i + 2];
        out[o++] = alphabet[v >> 18];
        out[o++] = alphabet[(v >> 12) & 63];
        if (i + 1 < n)
            out[o++] = alphabet[(v >> 6) & 63];
        if (i + 2 < n)
            out[o++] = alphabet[v & 63];
    }
    return o;
}

void base64_add(struct strbuf *out, const void *p, size_t n)
{
    const unsigned char *bytes = p;
    char four[4];
    for (size_t i = 0; i < n; i += 3) {
        size_t got = encode(digits, bytes + i, n - i < 3 ? n - i : 3, four);
        strbuf_add(out, four, got);
        strbuf_add(out, "==", 4 - got);
    }
}

/* Canonical only: one text for one value. */
static bool decode(struct str text, unsigned char *out, size_t size, size_t *n)
{
    uint32_t bits = 0, held = 0;
    *n = 0;
    for (size_t i = 0; i < text.n; i++) {
        const char *at = text.s[i] ? strchr(url_digits, text.s[i]) : NULL;
        if (!at)
            return false;
        held = held << 6 | (uint32_t)(at - url_digits);
        bits += 6;
        if (bits < 8)
            continue;
        bits -= 8;
        if (*n == size)
            return false;
        out[(*n)++] = (unsigned char)(held >> bits);
        held &= (1u << bits) - 1;
    }
    return bits < 6 && held == 0;
}

/* HMAC-SHA256 (RFC 2104), its first bytes. */
static void mac(const uint8_t *secret, const void *p, size_t n, uint8_t out[MAC])
{
    struct sha256 s;
    uint8_t block[64], digest[32];
    for (int outer = 0; outer < 2; outer++) {
        for (size_t i = 0; i < sizeof block; i++)
            block[i] = (uint8_t)((i < CURSOR_SECRET ? secret[i] : 0) ^ (outer ? 0x5c : 0x36));
        sha256_init(&s);
        sha256_add(&s, block, sizeof block);
        sha256_add(&s, outer ? digest : p, outer ? sizeof digest : n);
        sha256_end(&s, digest);
    }
    memcpy(out, digest, MAC);
}

static bool mac_fits(const uint8_t *secret, const unsigned char *raw, size_t n)
{
    uint8_t right[MAC], differs = 0;
    mac(secret, raw, n - MAC, right);
    for (size_t i = 0; i < MAC; i++)
        differs |= (uint8_t)(right[i] ^ raw[n - MAC + i]);
    return !differs;
}

void cursor_format(const uint8_t *secret, const struct cursor *c, char out[CURSOR_TEXT])
{
    unsigned char raw[FIXED + CURSOR_KEY_MAX + MAC];
    assert(c->key.n <= CURSOR_KEY_MAX);
    raw[0] = VERSION;
    u64_put(raw + 1, c->binding);
    u64_put(raw + 9, c->number);
    if (c->key.n)
        memcpy(raw + FIXED, c->key.s, c->key.n);
    size_t n = FIXED + c->key.n;
    mac(secret, raw, n, raw + n);
    out[encode(url_digits, raw, n + MAC, out)] = '\0';
}

enum err cursor_parse(const uint8_t *secret, struct arena *a, struct str text, uint64_t binding,
                      const char *field, struct cursor *out, struct err_info *e)
{
    unsigned char raw[FIXED + CURSOR_KEY_MAX + MAC];
    size_t n = 0;
    if (!decode(text, raw, sizeof raw, &n) || n < FIXED + MAC || raw[0] != VERSION ||
        !mac_fits(secret, raw, n))
        return err_set(e, ERR_INVALID, field,
                       "is not a cursor of this server; give next_cursor of an answer as it was");
    if (u64_get(raw + 1) != binding)
        return err_set(e, ERR_INVALID, field,
                       "belongs to another list or query; only limit may change between pages");
    out->binding = binding;
    out->number = u64_get(raw + 9);
    out->key = arena_str(a, (struct str){(const char *)raw + FIXED, n - FIXED - MAC});
    return ERR_OK;
}

uint64_t cursor_bind(uint64_t binding, struct str s)
{
    return checksum64(s.n ? s.s : "", s.n, binding + 0x9E3779B97F4A7C15ULL + s.n);
}

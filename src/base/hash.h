/* Hashes. SHA-256 (FIPS 180-4) for digests that people see and that identify models and texts;
 * a 64-bit checksum (XXH64-like strength, not cryptographic) for index files. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
    uint32_t h[8];
    uint64_t bytes;
    uint8_t block[64];
};
void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *p, size_t n);
void sha256_end(struct sha256 *s, uint8_t out[32]);
void sha256_hex(const uint8_t digest[32], char out[65]);

/* HMAC-SHA256 (RFC 2104) of a key of any length. */
void hmac_sha256(const void *key, size_t key_n, const void *p, size_t n, uint8_t out[32]);

uint64_t checksum64(const void *p, size_t n, uint64_t seed);

#endif

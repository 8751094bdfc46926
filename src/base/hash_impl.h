/* Private to hash.c and its test: the two kernels of SHA-256. */
#ifndef BASE_HASH_IMPL_H
#define BASE_HASH_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void sha256_blocks_portable(uint32_t h[8], const uint8_t *p, size_t blocks);
#if defined(__x86_64__)
bool sha256_has_shani(void);
void sha256_blocks_shani(uint32_t h[8], const uint8_t *p, size_t blocks);
#endif

#endif

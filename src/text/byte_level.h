/* GPT-2's alphabet of bytes: each byte as a printable character, U+0021 to U+0143. Any thread. */
#ifndef TEXT_BYTE_LEVEL_H
#define TEXT_BYTE_LEVEL_H

#include <stdint.h>

uint32_t byte_level_char(unsigned char byte);
int byte_level_byte(uint32_t c); /* -1: no character of the alphabet */

#endif

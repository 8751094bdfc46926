#include "text/byte_level.h"
#include <stdbool.h>

enum { FIRST = 0x100 }; /* of the bytes that do not print: 0-20, 7F-A0, AD */

static bool prints(uint32_t c)
{
    return (c >= 0x21 && c <= 0x7e) || (c >= 0xa1 && c <= 0xac) || (c >= 0xae && c <= 0xff);
}

uint32_t byte_level_char(unsigned char byte)
{
    if (prints(byte))
        return byte;
    if (byte <= 0x20)
        return FIRST + byte;
    return byte == 0xad ? FIRST + 0x43 : FIRST + 0x21 + (byte - 0x7fu);
}

int byte_level_byte(uint32_t c)
{
    if (prints(c))
        return (int)c;
    if (c < FIRST || c > FIRST + 0x43)
        return -1;
    uint32_t n = c - FIRST;
    if (n <= 0x20)
        return (int)n;
    return n == 0x43 ? 0xad : (int)(n - 0x21 + 0x7f);
}

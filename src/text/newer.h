/* Characters of Unicode 15.1 and 16.0, which the peer's engines know and ICU 72 (15.0) does not:
 * letters, numbers (all of them decimal digits), marks and punctuation. Made by comparing every
 * code point. Any thread. */
#ifndef TEXT_NEWER_H
#define TEXT_NEWER_H

#include <stddef.h>
#include <stdint.h>

struct newer_range {
    uint32_t first, last;
    char category; /* 'L', 'N', 'M', 'P' */
};
extern const struct newer_range newer_ranges[];
extern const size_t newer_ranges_n;

char newer_category(uint32_t c); /* 0: none of them */

#endif

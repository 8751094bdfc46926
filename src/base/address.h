/* IP addresses and prefixes of them, as settings, keys and headers name them. No state, no I/O: any
 * thread. An IPv4 address and the IPv6 address that maps it (::ffff:a.b.c.d) are the same. */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

enum { ADDRESS_TEXT = 46 };

struct address {
    uint8_t bytes[16]; /* of IPv6; IPv4 is mapped */
};
struct prefix {
    struct address address;
    unsigned bits; /* of 128 */
};

/* "10.0.0.1" or "2001:db8::1". ERR_SYNTAX: a name, a zone, a port, brackets, leading zeros. */
enum err address_parse(struct str text, struct address *out);
void address_print(const struct address *a, char out[ADDRESS_TEXT]);
bool address_same(const struct address *a, const struct address *b);
bool address_v4(const struct address *a);
bool address_loopback(const struct address *a); /* 127.0.0.0/8, ::1 */

/* "10.0.0.0/8", "2001:db8::/32", or an address alone. ERR_INVALID names the text in `field`: also
 * for a length out of range and for bits set behind it, which is mostly a slip of the pen. */
enum err prefix_parse(struct str text, const char *field, struct prefix *out,
                      struct err_info *e) MUST_CHECK;
/* As prefix_parse reads it; a whole address without its length. */
enum { PREFIX_TEXT = ADDRESS_TEXT + 4 };
void prefix_print(const struct prefix *p, char out[PREFIX_TEXT]);
bool prefix_within(const struct prefix *inner, const struct prefix *outer);
bool prefix_has(const struct prefix *p, const struct address *a);
bool prefixes_have(const struct prefix *list, unsigned count, const struct address *a);

#endif

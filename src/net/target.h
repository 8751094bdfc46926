/* What a URL names: scheme, host and port (private). libcurl reads it, so that what is judged is
 * what is asked; it knows addresses in octal, hexadecimal, as one number, and percent-encoded. */
#ifndef NET_TARGET_H
#define NET_TARGET_H

#include "base/address.h"
#include "base/str.h"
#include <stdbool.h>

struct target {
    char host[256]; /* lower case, without brackets and the dot at the end */
    unsigned port;
    bool https;
    bool is_address;
    struct address address; /* if so */
};
/* NULL, or what is wrong with it. */
const char *target_parse(struct str url, struct target *out);

void target_host_plain(char *host); /* lower case, no dot at the end */
/* Is its last part a number (also 0x..)? Then it is an IPv4 address, in whatever form, or nothing.
 */
bool target_host_numeric(const char *host);
/* localhost and what names only inside a network: .local, .internal ... */
bool target_host_internal(const char *host);

#endif

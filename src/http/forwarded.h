/* What a proxy in front says about the client: X-Forwarded-For and X-Forwarded-Proto, or Forwarded
 * (RFC 7239). Pure functions; private to http/ (its tests and fuzz target include it). */
#ifndef HTTP_FORWARDED_H
#define HTTP_FORWARDED_H

#include "base/address.h"
#include "http/parse.h"

struct forwarded_rules {
    const struct prefix *proxies;
    unsigned proxy_count;
    bool standard; /* Forwarded counts, not X-Forwarded-*: never both, a client could set the other
                    */
};

/* `peer`: the other end of the connection; becomes the client's address. If it is a proxy, whoever
 * it names, and so on from the right while those are proxies: what stands further left the client
 * may have made up. An entry that is no address ends the walk. At most the last 32 entries are
 * read. `secure` becomes true if the nearest proxy was asked by https. */
void forwarded_read(const struct forwarded_rules *rules, const struct header *headers,
                    unsigned count, struct address *peer, bool *secure);

#endif

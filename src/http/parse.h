/* What http/ reads by itself, as pure functions: percent-encoding, queries, Host, Origin, framing.
 * Private to http/ (its tests and fuzz target include it). No state: any thread. */
#ifndef HTTP_PARSE_H
#define HTTP_PARSE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "http/http.h"

enum { PARAMS_MAX = 64 };

struct header {
    struct str name, value;
};

/* The decoded parameters of a raw query (without "?"). ERR_SYNTAX: a bad escape, NUL or not UTF-8;
 * ERR_TOO_LARGE: more than PARAMS_MAX. Empty pieces ("a=1&&b=2") are skipped. */
enum err query_parse(struct arena *a, struct str raw, struct http_param **out, unsigned *count,
                     struct err_info *e) MUST_CHECK;

/* Is the request target an origin-form ("/...") without controls or blanks? Other bytes pass. */
bool target_valid(struct str target);

/* "name", "name:port", "[v6]" or "[v6]:port" in its two parts; port 0 if absent. The name keeps its
 * brackets. ERR_SYNTAX: anything else. */
enum err authority_parse(struct str text, struct str *name, unsigned *port);

struct host_rules {
    const char *address; /* as bound */
    const char *local;   /* of this connection when a wildcard is bound; NULL: none */
    const char *const *hosts;
    unsigned host_count;
};
/* localhost, 127.0.0.1, [::1], the bound address or one of `hosts`, with any port. An address that
 * belongs to the machine itself cannot be a rebound name, so the wildcard's `local` passes. */
bool host_allowed(const struct host_rules *rules, struct str host);

/* May a page of this origin reach us? Origin must name the authority of Host, or one of `hosts`;
 * Sec-Fetch-Site: cross-site passes only for a navigation by GET or HEAD. Absent headers are the
 * empty string with `has` false. */
struct fetch_headers {
    struct str method, host, origin, site, mode;
    bool has_origin;
};
bool origin_allowed(const struct host_rules *rules, const struct fetch_headers *h);

/* How the body is framed. Returns NULL, or the sentence that says why it is refused. Headers that
 * the server library would read differently from another server on the way are refused, since the
 * difference is what request smuggling lives on (RFC 9112, section 11.2). */
struct framing {
    bool chunked;
    bool has_length;
    uint64_t length;
    bool expect_continue;
    bool expect_unknown; /* 417 */
};
const char *framing_parse(const struct header *headers, unsigned count, bool http_1_0,
                          struct framing *out);

/* 32 hex digits and a NUL from a W3C `traceparent`; false: not valid, `out` untouched. */
bool traceparent_parse(struct str value, char out[33]);

bool text_same_ci(struct str a, struct str b); /* ASCII letters in any case */

#endif

/* Where requests of akin's own may go. An address that came from somebody else (a request's body, a
 * redirect) must not reach what only this machine or its network reaches: the operator's own
 * settings may, since they are the operator's word.
 *
 * Two gates, and both are needed. outbound_url_check refuses what can be told from the text, before
 * the address is kept: for a clear answer. The guard vets the address of each socket before it is
 * opened, after the name was resolved: a name that resolves otherwise the second time (rebinding),
 * another way to write an address, or a redirect meet it too. A handle with a guard speaks http and
 * https, sends no credentials, and asks no proxy, which would open the sockets out of sight.
 *
 * No state but the rules, which are constant: any thread. No I/O. */
#ifndef NET_OUTBOUND_H
#define NET_OUTBOUND_H

#include "base/address.h"
#include "base/err.h"
#include "base/str.h"
#include <curl/curl.h>
#include <stdbool.h>

enum { OUTBOUND_URL_MAX = 2048, OUTBOUND_REDIRECTS_MAX = 8 };

/* What the operator permits beyond the public internet (setting outbound.allow): addresses and
 * prefixes of them, whatever name leads there, and host names ("hooks.lan"; "*.lan" for all below),
 * wherever they lead. */
struct outbound_rules;
/* ERR_INVALID names the entry in `field`. The rules are the caller's, to be freed behind the last
 * guard; NULL stands for rules that permit nothing more. */
enum err outbound_rules_new(const char *const *allow, unsigned count, const char *field,
                            struct outbound_rules **out, struct err_info *e) MUST_CHECK;
void outbound_rules_free(struct outbound_rules *r); /* NULL is allowed */

/* Why an address is not a public one, like "a loopback address"; NULL: it is one. Addresses in
 * which another is embedded (NAT64) are judged by that; those of 6to4 and Teredo, which lead
 * through strangers' relays, are refused. Source: the special-purpose registries of IANA, and the
 * addresses at which clouds tell a machine its secrets. */
const char *outbound_reason(const struct address *a);
bool outbound_allowed(const struct outbound_rules *r, const struct address *a);

/* May this URL be kept? http or https, a host, no user or password, not an address or a name that
 * is internal, in no odd form (numbers that are not dotted decimal, zones, letters beyond ASCII:
 * write xn--), a port that is 80, 443 or from 1024 on; a permitted host may have any. ERR_INVALID
 * with `field` and what would be right. */
enum err outbound_url_check(const struct outbound_rules *r, struct str url, const char *field,
                            struct err_info *e) MUST_CHECK;

/* Holds a handle to the rules while it performs. Of the caller, who keeps it until then. */
struct outbound_guard {
    const struct outbound_rules *rules;
    /* NULL, or the operator's own URL: what has its host and port may be anywhere, and a proxy of
     * the environment is asked if there is one (it then decides what is reached). A redirect from
     * there to another host is held to the rules. */
    const char *own;
    CURL *curl;
    char refused[192]; /* after a failure: why, if it was the guard; "" otherwise */
};
/* To be called behind the caller's own options: sets protocols, redirects (`redirects` of them, at
 * most OUTBOUND_REDIRECTS_MAX; 0: none is followed), proxy, netrc, and the function that opens
 * sockets. A refusal ends curl_easy_perform with CURLE_COULDNT_CONNECT (from any address that the
 * name has) and fills `refused`. */
void outbound_guard_set(struct outbound_guard *g, CURL *curl, unsigned redirects);

/* The guard's judgement, by itself: may a socket to `a` be opened for `url`? False fills
 * g->refused. */
bool outbound_guard_vet(struct outbound_guard *g, const char *url, const struct address *a);

#endif

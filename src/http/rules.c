/* What can be changed while the server works: limits, lists of names, and how many connections each
 * client has. */
#include "http/internal.h"
#include <stdlib.h>
#include <string.h>

/* ---- lists ---- */

static char **texts_copy(const char *const *from, unsigned count)
{
    char **to = xcalloc(count, sizeof *to);
    for (unsigned i = 0; i < count; i++)
        to[i] = xstrdup(from[i]);
    return to;
}

static void texts_free(char **texts, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        free(texts[i]);
    free(texts);
}

/* As a browser sends it: scheme, host and port if it is not the scheme's; nothing behind. */
static enum err origin_check(const char *text, struct err_info *e)
{
    struct str rest = str_c(text), name;
    unsigned port;
    bool plain = str_starts(rest, STR("http://"));
    size_t scheme = plain ? 7 : 8;
    if (str_eq_c(rest, "*"))
        return ERR_OK;
    if ((plain || str_starts(rest, STR("https://"))) &&
        !authority_parse((struct str){rest.s + scheme, rest.n - scheme}, &name, &port) &&
        port != (plain ? 80u : 443u))
        return ERR_OK;
    return err_set(e, ERR_INVALID, "server.cors.origins",
                   "\"%.100s\" is no origin: write it as browsers send it, like "
                   "https://app.example.com or http://localhost:3000, or * for all",
                   text);
}

static enum err host_check(const char *text, struct err_info *e)
{
    struct address address;
    struct str name;
    unsigned port;
    if (!address_parse(str_c(text), &address) ||
        (!authority_parse(str_c(text), &name, &port) && !port))
        return ERR_OK;
    return err_set(e, ERR_INVALID, "server.hosts",
                   "\"%.100s\" is no name of a host: write it without scheme, port and path, like "
                   "search.example.com",
                   text);
}

static enum err lists_check(const struct http_options *o, struct err_info *e)
{
    enum err err = ERR_OK;
    for (unsigned i = 0; i < o->host_count && !err; i++)
        err = host_check(o->hosts[i], e);
    for (unsigned i = 0; i < o->origin_count && !err; i++)
        err = origin_check(o->origins[i], e);
    return err;
}

enum err policy_make(const struct http_options *o, struct policy **out, struct err_info *e)
{
    enum err err = lists_check(o, e);
    if (err)
        return err;
    struct policy *r = xcalloc(1, sizeof *r);
    atomic_init(&r->refs, 1);
    r->proxies = xcalloc(o->proxy_count, sizeof *r->proxies);
    for (; r->proxy_count < o->proxy_count && !err; r->proxy_count++)
        err = prefix_parse(str_c(o->proxies[r->proxy_count]), "server.trusted_proxies",
                           &r->proxies[r->proxy_count], e);
    r->hosts = texts_copy(o->hosts, o->host_count);
    r->host_count = o->host_count;
    r->origins = texts_copy(o->origins, o->origin_count);
    r->origin_count = o->origin_count;
    r->standard_forwarded = o->standard_forwarded;
    for (unsigned i = 0; i < r->origin_count; i++)
        r->any_origin |= strcmp(r->origins[i], "*") == 0;
    if (err)
        policy_drop(r);
    else
        *out = r;
    return err;
}

struct policy *policy_take(struct http_server *s)
{
    struct policy *r;
    lock_take(&s->rules_lock);
    r = s->rules;
    atomic_fetch_add(&r->refs, 1);
    lock_drop(&s->rules_lock);
    return r;
}

void policy_drop(struct policy *r)
{
    if (atomic_fetch_sub(&r->refs, 1) != 1)
        return;
    texts_free(r->hosts, r->host_count);
    texts_free(r->origins, r->origin_count);
    free(r->proxies);
    free(r);
}

/* ---- limits ---- */

static unsigned or_default(unsigned value, unsigned fallback)
{
    return value ? value : fallback;
}

void limits_set(struct limits *l, const struct http_options *o)
{
    unsigned connections = or_default(o->connections_max, 1024);
    unsigned deadline_ms = or_default(o->deadline_ms, 30000);
    unsigned header_ms = or_default(o->header_ms, 10000);
    l->connections_max = connections;
    l->per_address_max = or_default(o->per_address_max, connections / 4 + 1);
    l->in_flight_max = or_default(o->in_flight_max, 256);
    l->deadline_ms = deadline_ms;
    l->header_ms = header_ms < deadline_ms ? header_ms : deadline_ms;
    l->idle_ms = or_default(o->idle_ms, 30000);
    l->plain_answers = o->plain_answers;
    l->body_bytes_max = o->body_bytes_max ? o->body_bytes_max : 10 << 20;
}

/* ---- shares ---- */

/* Whoever has an IPv6 address has 2^64 of them. */
static struct address share_key(const struct address *a)
{
    struct address key = *a;
    if (!address_v4(a))
        memset(key.bytes + 8, 0, 8);
    return key;
}

static struct share **share_find(struct http_server *s, const struct address *key)
{
    struct str bytes = {(const char *)key->bytes, sizeof key->bytes};
    struct share **at = &s->shares[str_hash(bytes) % SHARES];
    while (*at && !address_same(&(*at)->address, key))
        at = &(*at)->next;
    return at;
}

static bool share_free(struct http_server *s, const struct address *a)
{
    struct policy *rules = policy_take(s);
    bool free_of_it = prefixes_have(rules->proxies, rules->proxy_count, a);
    policy_drop(rules);
    return free_of_it || address_loopback(a);
}

bool share_full(struct http_server *s, const struct address *a)
{
    struct address key = share_key(a);
    unsigned count;
    if (share_free(s, a))
        return false;
    lock_take(&s->lock);
    struct share *share = *share_find(s, &key);
    count = share ? share->count : 0;
    lock_drop(&s->lock);
    return count >= s->limits.per_address_max;
}

void share_add(struct http_server *s, struct conn *conn)
{
    struct address key = share_key(&conn->address);
    struct share **at = share_find(s, &key);
    lock_assert_held(&s->lock);
    if (!*at) {
        *at = xcalloc(1, sizeof **at);
        (*at)->address = key;
    }
    (*at)->count++;
    conn->share = *at;
}

void share_remove(struct http_server *s, struct conn *conn)
{
    struct share *share = conn->share, **at = share_find(s, &share->address);
    lock_assert_held(&s->lock);
    if (--share->count)
        return;
    *at = share->next;
    free(share);
}

void shares_release(struct http_server *s)
{
    for (unsigned i = 0; i < SHARES; i++)
        while (s->shares[i]) {
            struct share *next = s->shares[i]->next;
            free(s->shares[i]);
            s->shares[i] = next;
        }
}

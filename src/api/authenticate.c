#include "api/authenticate.h"
#include "access/key.h"
#include "api/server.h"
#include "engine/keys.h"
#include <string.h>
#include <strings.h>

/* A key is taken from Authorization: Bearer and from X-API-Key, never from the address. Without
 * keys (loopback, none configured) everybody is the administrator. */

const char *const auth_failure_names[AUTH_FAILURES] = {
    [AUTH_MISSING] = "missing",       [AUTH_MALFORMED] = "malformed",
    [AUTH_WRONG] = "wrong",           [AUTH_EXPIRED] = "expired",
    [AUTH_ADDRESS] = "address",       [AUTH_URL] = "url",
    [AUTH_AMBIGUOUS] = "ambiguous",   [AUTH_SCOPE] = "scope",
    [AUTH_COLLECTION] = "collection",
};

static bool refuse(struct call *c, enum auth_failure why, enum err err, const char *detail)
{
    counter_add(c->api->auth_failures[why], 1);
    call_problem(c, err == ERR_SYNTAX ? 400 : err_status(err, NULL), err_name(err), detail);
    return true;
}

static struct str bearer_token(struct str header)
{
    if (header.n <= 7 || strncasecmp(header.s, "Bearer ", 7))
        return (struct str){"", 0};
    return str_trim((struct str){header.s + 7, header.n - 7});
}

/* One of ours: whatever it is, it is taken or refused, also where no key is asked for. */
static bool refused_by_verdict(struct call *c, enum key_verdict verdict)
{
    switch (verdict) {
    case KEY_FITS:
        return false;
    case KEY_MALFORMED:
        return refuse(c, AUTH_MALFORMED, ERR_UNAUTHENTICATED,
                      "this is no key as akin makes them: a character is wrong or missing");
    case KEY_UNKNOWN:
        break;
    case KEY_EXPIRED:
        return refuse(c, AUTH_EXPIRED, ERR_UNAUTHENTICATED, "this key has expired");
    case KEY_ELSEWHERE:
        return refuse(c, AUTH_ADDRESS, ERR_DENIED, "this key is not taken from this address");
    }
    return refuse(c, AUTH_WRONG, ERR_UNAUTHENTICATED, "this server does not know this key");
}

void api_admit(struct api *a, bool key_wanted, const char *admin_key)
{
    uint8_t hash[KEY_HASH];
    key_hash(str_c(admin_key), hash);
    lock_take(&a->door);
    a->key_wanted = key_wanted;
    a->admin_key_set = admin_key && admin_key[0];
    memcpy(a->admin_key_hash, hash, sizeof hash);
    lock_drop(&a->door);
}

static bool admin_key_fits(struct api *a, struct str key)
{
    uint8_t hash[KEY_HASH];
    key_hash(key, hash); /* so that neither length nor contents show in the time */
    lock_take(&a->door);
    bool fits = a->admin_key_set && key_hash_equal(hash, a->admin_key_hash);
    lock_drop(&a->door);
    return fits;
}

static bool key_wanted(struct api *a)
{
    lock_take(&a->door);
    bool wanted = a->key_wanted;
    lock_drop(&a->door);
    return wanted;
}

/* Where no key is asked for, one of somebody else's is no reason to refuse: openai's clients must
 * send one. */
static bool refused_by_text(struct call *c, struct str key)
{
    if (key.n && admin_key_fits(c->api, key)) {
        c->caller = (struct caller){.scopes = SCOPE_ADMIN_ALL, .key_id = STR("admin")};
        return false;
    }
    if (key_like(key))
        return refused_by_verdict(
            c, engine_key_check(c->engine, key, http_peer(c->request), c->arena, &c->caller));
    if (!key_wanted(c->api)) {
        c->caller = (struct caller){.scopes = SCOPE_ADMIN_ALL};
        return false;
    }
    if (key.n)
        return refused_by_verdict(c, KEY_UNKNOWN);
    return refuse(c, AUTH_MISSING, ERR_UNAUTHENTICATED,
                  "this server asks for a key: Authorization: Bearer KEY, or X-API-Key: KEY");
}

/* Addresses end in histories, logs and Referer headers, so one with a key in it is refused
 * whatever it asks for, and logged without it (key_mask). */
static bool refused_by_address(struct call *c)
{
    unsigned count;
    const struct http_param *params = http_params(c->request, &count);
    struct str id;
    bool found = false;
    for (unsigned i = 0; i < count; i++)
        found |= !key_parse(params[i].value, &id) || !key_parse(params[i].name, &id);
    for (unsigned i = 0; i < c->match.count; i++)
        found |= !key_parse(c->match.values[i], &id);
    return found && refuse(c, AUTH_URL, ERR_SYNTAX,
                           "a key is in the address: send it in a header, and rotate it");
}

static bool writes(const struct route *r)
{
    return strcmp(r->method, "GET") != 0 &&
           !(r->scopes & (SCOPE_SEARCH | SCOPE_RECOMMEND | SCOPE_DOCUMENTS_READ));
}

static bool refused_outside(struct call *c)
{
    struct err_info e = {0};
    struct str name = c->alias.n ? c->alias : call_collection(c);
    counter_add(c->api->auth_failures[AUTH_COLLECTION], 1);
    if (writes(c->route))
        err_set(&e, ERR_DENIED, NULL, "this key is not for the collection \"%.*s\"",
                (int)(name.n < 80 ? name.n : 80), name.s);
    else /* word for word what the engine says of one that does not exist */
        err_set(&e, ERR_NOT_FOUND, "collection", "there is no collection \"%.*s\"",
                (int)(name.n < 80 ? name.n : 80), name.s);
    call_error(c, &e);
    return true;
}

bool refused_by_scope(struct call *c)
{
    char wanted[200];
    switch (authorize(&c->caller, c->route->scopes, STR(""))) {
    case ACCESS_ALLOWED:
    case ACCESS_OUTSIDE: /* of the collection: refused_by_collection */
        return false;
    case ACCESS_UNAUTHENTICATED:
    case ACCESS_DENIED:
        break;
    }
    scopes_print(c->route->scopes, wanted, sizeof wanted);
    return refuse(c, AUTH_SCOPE, ERR_DENIED,
                  arena_printf(c->arena, "this key lacks the scope: %s", wanted));
}

static void collection_set(struct call *c, struct str name)
{
    for (unsigned i = 0; i < c->match.count; i++)
        if (str_eq_c(c->match.names[i], "c"))
            c->match.values[i] = name;
}

bool refused_by_collection(struct call *c)
{
    struct str given = c->alias.n ? c->alias : call_collection(c), name = given;
    if (!given.n)
        return false;
    engine_aliases_resolve(c->engine, c->arena, &name, 1);
    if (name.s != given.s)
        c->alias = given;
    collection_set(c, name);
    return authorize(&c->caller, c->route->scopes, name) == ACCESS_OUTSIDE && refused_outside(c);
}

bool refused_by_key(struct call *c)
{
    if (c->route->scopes & SCOPE_OPEN)
        return false;
    struct str key = http_header(c->request, "X-API-Key");
    struct str bearer = bearer_token(http_header(c->request, "Authorization"));
    if (http_header_repeated(c->request, "X-API-Key") ||
        http_header_repeated(c->request, "Authorization"))
        return refuse(c, AUTH_AMBIGUOUS, ERR_SYNTAX, "a key is sent once");
    if (key.n && bearer.n && !str_eq(key, bearer))
        return refuse(c, AUTH_AMBIGUOUS, ERR_SYNTAX,
                      "Authorization and X-API-Key carry different keys; send one");
    if (refused_by_address(c) || refused_by_text(c, key.n ? key : bearer))
        return true;
    return refused_by_scope(c) || refused_by_collection(c);
}

bool key_still_fits(const struct call *c, struct arena *scratch)
{
    struct caller now;
    struct str key = http_header(c->request, "X-API-Key");
    if (!key.n)
        key = bearer_token(http_header(c->request, "Authorization"));
    if (!key_like(key) || str_eq_c(c->caller.key_id, "admin"))
        return true; /* of the configuration, or none was asked for */
    if (engine_key_check(c->engine, key, http_peer(c->request), scratch, &now) != KEY_FITS)
        return false;
    return str_eq(now.filter, c->caller.filter) &&
           authorize(&now, c->route->scopes, call_collection(c)) == ACCESS_ALLOWED;
}

#include "api/authenticate.h"
#include "api/server.h"
#include <string.h>
#include <strings.h>

/* A key is taken from Authorization: Bearer and from X-API-Key, never from the address. Without
 * keys (loopback, none configured) everybody is the administrator. */

const char *const auth_failure_names[AUTH_FAILURES] = {
    [AUTH_MISSING] = "missing", [AUTH_WRONG] = "wrong",           [AUTH_AMBIGUOUS] = "ambiguous",
    [AUTH_SCOPE] = "scope",     [AUTH_COLLECTION] = "collection",
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

/* Takes as long for a wrong key as for a right one. */
static bool key_equal(struct str given, const char *key)
{
    size_t n = strlen(key);
    unsigned char differs = given.n != n;
    for (size_t i = 0; i < given.n; i++)
        differs |= (unsigned char)(given.s[i] ^ key[n ? i % n : 0]);
    return differs == 0;
}

static bool refused_by_text(struct call *c, struct str key)
{
    if (!key.n)
        return refuse(c, AUTH_MISSING, ERR_UNAUTHENTICATED,
                      "this server asks for a key: Authorization: Bearer KEY, or X-API-Key: KEY");
    if (!key_equal(key, c->api->admin_key))
        return refuse(c, AUTH_WRONG, ERR_UNAUTHENTICATED, "this server does not know this key");
    return false;
}

static bool writes(const struct route *r)
{
    return strcmp(r->method, "GET") != 0 &&
           !(r->scopes & (SCOPE_SEARCH | SCOPE_RECOMMEND | SCOPE_DOCUMENTS_READ));
}

static bool refused_outside(struct call *c)
{
    struct err_info e = {0};
    struct str name = call_collection(c);
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

static bool refused_by_scope(struct call *c)
{
    char wanted[200];
    switch (authorize(&c->caller, c->route->scopes, call_collection(c))) {
    case ACCESS_ALLOWED:
        return false;
    case ACCESS_OUTSIDE:
        return refused_outside(c);
    case ACCESS_UNAUTHENTICATED:
    case ACCESS_DENIED:
        break;
    }
    scopes_print(c->route->scopes, wanted, sizeof wanted);
    return refuse(c, AUTH_SCOPE, ERR_DENIED,
                  arena_printf(c->arena, "this key lacks the scope: %s", wanted));
}

bool refused_by_key(struct call *c)
{
    if (c->route->scopes & SCOPE_OPEN)
        return false;
    struct str key = http_header(c->request, "X-API-Key");
    struct str bearer = bearer_token(http_header(c->request, "Authorization"));
    if (key.n && bearer.n && !str_eq(key, bearer))
        return refuse(c, AUTH_AMBIGUOUS, ERR_SYNTAX,
                      "Authorization and X-API-Key carry different keys; send one");
    if (c->api->admin_key && refused_by_text(c, key.n ? key : bearer))
        return true;
    c->caller = (struct caller){.scopes = SCOPE_ADMIN_ALL,
                                .key_id = c->api->admin_key ? STR("admin") : STR("")};
    return refused_by_scope(c);
}

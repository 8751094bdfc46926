#include "access/scope.h"
#include <stdio.h>

static const char *const names[SCOPE_COUNT] = {
    "documents.read", "documents.write", "search", "recommend", "feedback.write", "users.read",
    "users.write",    "embed",           "train",  "models",    "events",         "backup",
    "metrics",        "collections",     "keys",   "admin",
};
_Static_assert(SCOPE_ADMIN_ALL == 1 << (SCOPE_COUNT - 1), "a name a scope, in their order");
_Static_assert(SCOPE_BACKUP == 1 << 11 && SCOPE_COLLECTIONS == 1 << 13, "names[] follows scope");

#define OF_THE_SERVER (SCOPE_BACKUP | SCOPE_METRICS)
#define OF_WHOLE_COLLECTIONS (SCOPE_COLLECTIONS | SCOPE_MODELS | SCOPE_TRAIN)

const char *scope_name(unsigned index)
{
    return index < SCOPE_COUNT ? names[index] : NULL;
}

unsigned scope_parse(struct str name)
{
    for (unsigned i = 0; i < SCOPE_COUNT; i++)
        if (str_eq_c(name, names[i]))
            return 1u << i;
    return 0;
}

void scopes_print(unsigned scopes, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < SCOPE_COUNT && n < size; i++)
        if (scopes & 1u << i)
            n += (size_t)snprintf(out + n, size - n, "%s%s", n ? " or " : "", names[i]);
}

unsigned caller_scopes(const struct caller *c)
{
    unsigned scopes = c->scopes & SCOPE_ADMIN_ALL ? SCOPES_ALL : c->scopes & SCOPES_ALL;
    if (c->collection_count || c->filter.n)
        scopes &= ~(unsigned)OF_THE_SERVER;
    if (c->filter.n)
        scopes &= ~(unsigned)OF_WHOLE_COLLECTIONS;
    return scopes;
}

static bool collection_allowed(const struct caller *c, struct str collection)
{
    if (!collection.n || !c->collection_count)
        return true;
    for (unsigned i = 0; i < c->collection_count; i++)
        if (str_eq(c->collections[i], collection))
            return true;
    return false;
}

enum access_verdict authorize(const struct caller *c, unsigned wanted, struct str collection)
{
    if (wanted & SCOPE_OPEN)
        return ACCESS_ALLOWED;
    if (!c)
        return ACCESS_UNAUTHENTICATED;
    if (!(caller_scopes(c) & wanted))
        return ACCESS_DENIED;
    return collection_allowed(c, collection) ? ACCESS_ALLOWED : ACCESS_OUTSIDE;
}

#include "access/grant.h"
#include "base/clock.h"
#include <string.h>

void grant_copy(struct arena *a, const struct grant *from, struct grant *out)
{
    struct str *names = arena_array(a, from->collection_count + 1, sizeof *names);
    struct prefix *ranges = arena_array(a, from->address_count + 1, sizeof *ranges);
    for (unsigned i = 0; i < from->collection_count; i++)
        names[i] = arena_str(a, from->collections[i]);
    for (unsigned i = 0; i < from->address_count; i++)
        ranges[i] = from->addresses[i];
    *out = *from;
    out->name = arena_str(a, from->name);
    out->description = arena_str(a, from->description);
    out->filter = arena_str(a, from->filter);
    out->collections = names;
    out->addresses = ranges;
}

static enum err scopes_within(const struct grant *inner, const struct grant *outer,
                              struct err_info *e)
{
    unsigned more = outer->scopes & SCOPE_ADMIN_ALL ? 0 : inner->scopes & ~outer->scopes;
    for (unsigned i = 0; i < SCOPE_COUNT; i++)
        if (more & 1u << i)
            return err_set(e, ERR_DENIED, "/scopes",
                           "a key cannot give what it has not: it lacks the scope %s",
                           scope_name(i));
    return ERR_OK;
}

static enum err collections_within(const struct grant *inner, const struct grant *outer,
                                   struct err_info *e)
{
    const struct caller as_caller = {.scopes = SCOPE_SEARCH,
                                     .collections = outer->collections,
                                     .collection_count = outer->collection_count};
    if (!outer->collection_count)
        return ERR_OK;
    if (!inner->collection_count)
        return err_set(e, ERR_DENIED, "/collections",
                       "the key that asks is bound to collections: name some of them");
    for (unsigned i = 0; i < inner->collection_count; i++)
        if (authorize(&as_caller, SCOPE_SEARCH, inner->collections[i]) != ACCESS_ALLOWED)
            return err_set(e, ERR_DENIED, "/collections",
                           "the key that asks is not for the collection \"%.*s\"",
                           STR_ARG(inner->collections[i]));
    return ERR_OK;
}

bool grant_filter_rest(struct str inner, struct str outer, struct str *rest)
{
    size_t head = outer.n + 8; /* "(" outer ") AND (" */
    *rest = (struct str){"", 0};
    if (str_eq(inner, outer))
        return true;
    if (inner.n <= head + 1 || inner.s[0] != '(' || memcmp(inner.s + 1, outer.s, outer.n) ||
        memcmp(inner.s + 1 + outer.n, ") AND (", 7) || inner.s[inner.n - 1] != ')')
        return false;
    *rest = (struct str){inner.s + head, inner.n - head - 1};
    return true;
}

static enum err filter_within(const struct grant *inner, const struct grant *outer,
                              struct err_info *e)
{
    struct str rest;
    if (!outer->filter.n || grant_filter_rest(inner->filter, outer->filter, &rest))
        return ERR_OK;
    return err_set(e, ERR_DENIED, "/filter",
                   "the key that asks is bound by a filter: it has to be the same one, or (%.*s) "
                   "AND (more)",
                   STR_ARG(outer->filter));
}

static enum err addresses_within(const struct grant *inner, const struct grant *outer,
                                 struct err_info *e)
{
    char text[PREFIX_TEXT];
    if (!outer->address_count)
        return ERR_OK;
    if (!inner->address_count)
        return err_set(e, ERR_DENIED, "/addresses",
                       "the key that asks is bound to addresses: name some of them");
    for (unsigned i = 0; i < inner->address_count; i++) {
        bool within = false;
        for (unsigned k = 0; k < outer->address_count && !within; k++)
            within = prefix_within(&inner->addresses[i], &outer->addresses[k]);
        if (within)
            continue;
        prefix_print(&inner->addresses[i], text);
        return err_set(e, ERR_DENIED, "/addresses", "the key that asks is not for %s", text);
    }
    return ERR_OK;
}

static enum err expiry_within(const struct grant *inner, const struct grant *outer,
                              struct err_info *e)
{
    char text[CLOCK_TEXT];
    if (!outer->expires_us || (inner->expires_us && inner->expires_us <= outer->expires_us))
        return ERR_OK;
    clock_format(outer->expires_us, text);
    return err_set(e, ERR_DENIED, "/expires",
                   "the key that asks expires at %s: name that time or an earlier one", text);
}

enum err grant_within(const struct grant *inner, const struct grant *outer, struct err_info *e)
{
    enum err err = scopes_within(inner, outer, e);
    if (!err)
        err = collections_within(inner, outer, e);
    if (!err)
        err = filter_within(inner, outer, e);
    if (!err)
        err = addresses_within(inner, outer, e);
    return err ? err : expiry_within(inner, outer, e);
}

static enum err limit_judge(const struct limit *inner, const struct limit *outer,
                            const struct limit *general, const char *field, struct err_info *e)
{
    char text[LIMIT_TEXT];
    inner = inner->quota > 0 ? inner : general;
    outer = outer->quota > 0 ? outer : general;
    if (limit_within(inner, outer))
        return ERR_OK;
    limit_print(outer, text);
    return err_set(e, ERR_DENIED, field, "the key that asks may take %s itself: name that or less",
                   text);
}

enum err grant_limits_within(const struct grant *inner, const struct grant *outer,
                             const struct general_limits *general, struct err_info *e)
{
    if (outer->scopes & SCOPE_ADMIN_ALL)
        return ERR_OK;
    enum err err =
        limit_judge(&inner->requests, &outer->requests, &general->requests, "/limits/requests", e);
    return err ? err
               : limit_judge(&inner->tokens, &outer->tokens, &general->tokens, "/limits/tokens", e);
}

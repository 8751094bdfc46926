#include "api/routes.h"
#include "http/http.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

/* A linear walk over some thirty templates: about a microsecond, and nothing to keep in step with
 * the table. */

#define SEGMENTS_MAX 8

static enum err segments_split(struct arena *a, struct str path, struct str *out, unsigned *count)
{
    *count = 0;
    if (path.n == 0 || path.s[0] != '/')
        return ERR_NOT_FOUND;
    size_t start = 1;
    for (size_t i = 1; i <= path.n; i++) {
        if (i < path.n && path.s[i] != '/')
            continue;
        if (*count == SEGMENTS_MAX)
            return ERR_NOT_FOUND;
        struct str raw = {path.s + start, i - start};
        if (raw.n == 0 && path.n > 1)
            return ERR_NOT_FOUND; /* a trailing or double slash */
        if (http_decode(a, raw, &out[*count]))
            return ERR_SYNTAX;
        (*count)++;
        start = i + 1;
    }
    return ERR_OK;
}

/* The next segment of a template, without its slash. */
static struct str template_next(const char **at)
{
    const char *s = *at + 1;
    const char *end = strchrnul(s, '/');
    *at = end;
    return (struct str){s, (size_t)(end - s)};
}

/* "{version}:promote": the value is what stands before the verb. */
static bool parameter_match(struct str t, struct str segment, struct route_match *out, bool *verb)
{
    const char *end = memchr(t.s, '}', t.n);
    struct str suffix = {end + 1, (size_t)(t.s + t.n - end - 1)};
    if (suffix.n > 0 && (segment.n <= suffix.n ||
                         memcmp(segment.s + segment.n - suffix.n, suffix.s, suffix.n) != 0))
        return false;
    assert(out->count < ROUTE_VALUES_MAX);
    out->names[out->count] = (struct str){t.s + 1, (size_t)(end - t.s) - 1};
    out->values[out->count++] = (struct str){segment.s, segment.n - suffix.n};
    *verb |= suffix.n > 0;
    return true;
}

/* *verb: a parameter was followed by one. */
static bool template_match(const struct route *r, const struct str *segments, unsigned count,
                           struct route_match *out, bool *verb)
{
    const char *at = r->path;
    *verb = false;
    out->count = 0;
    for (unsigned i = 0; i < count; i++) {
        if (*at != '/')
            return false;
        struct str t = template_next(&at);
        if (t.n > 0 && t.s[0] == '{') {
            if (!parameter_match(t, segments[i], out, verb))
                return false;
        } else if (!str_eq(t, segments[i])) {
            return false;
        }
    }
    return *at == '\0';
}

static void allow_add(struct route_match *m, const char *method)
{
    size_t n = strlen(m->allow);
    snprintf(m->allow + n, sizeof m->allow - n, "%s%s", n ? ", " : "", method);
    if (!strcmp(method, "GET"))
        allow_add(m, "HEAD");
}

static bool method_fits(const struct route *r, struct str method, bool *head)
{
    *head = str_eq_c(method, "HEAD") && !strcmp(r->method, "GET");
    return *head || str_eq_c(method, r->method);
}

enum err route_find(struct arena *a, struct str method, struct str path, struct route_match *out)
{
    struct str segments[SEGMENTS_MAX];
    unsigned count = 0;
    *out = (struct route_match){0};
    enum err err = segments_split(a, path, segments, &count);
    if (err)
        return err;
    struct route_match m = {0};
    bool found = false, with_verb = false;
    for (unsigned i = 0; i < ROUTE_COUNT; i++) {
        bool head = false, verb;
        if (!template_match(&routes[i], segments, count, &m, &verb) || (with_verb && !verb))
            continue;
        if (verb && !with_verb) { /* and not a value that looks like it */
            *out = (struct route_match){0};
            found = false;
        }
        with_verb = verb;
        allow_add(out, routes[i].method);
        if (found || !method_fits(&routes[i], method, &head))
            continue;
        found = true;
        out->route = &routes[i];
        out->head = head;
        out->count = m.count;
        memcpy(out->names, m.names, sizeof m.names);
        memcpy(out->values, m.values, sizeof m.values);
    }
    if (!out->allow[0])
        return ERR_NOT_FOUND;
    allow_add(out, "OPTIONS");
    out->options = str_eq_c(method, "OPTIONS");
    return found || out->options ? ERR_OK : ERR_UNSUPPORTED;
}

struct str route_value(const struct route_match *m, const char *name)
{
    for (unsigned i = 0; i < m->count; i++)
        if (str_eq_c(m->names[i], name))
            return m->values[i];
    return (struct str){"", 0};
}

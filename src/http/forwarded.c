#include "http/forwarded.h"
#include <string.h>

enum { ENTRIES_MAX = 32 };

/* The last ENTRIES_MAX entries of a list that may go over several headers. */
struct entries {
    struct str list[ENTRIES_MAX];
    unsigned count; /* ever added */
};

static void entry_add(struct entries *e, const char *from, const char *to)
{
    e->list[e->count++ % ENTRIES_MAX] = str_trim((struct str){from, (size_t)(to - from)});
}

/* Commas divide, but not within quotes. */
static void entries_split(struct entries *e, struct str value, bool quotes)
{
    const char *from = value.s, *end = value.s + value.n;
    bool inside = false;
    for (const char *p = value.s; p < end; p++) {
        if (quotes && inside && *p == '\\' && p + 1 < end)
            p++;
        else if (quotes && *p == '"')
            inside = !inside;
        else if (*p == ',' && !inside) {
            entry_add(e, from, p);
            from = p + 1;
        }
    }
    entry_add(e, from, end);
}

static void entries_read(struct entries *e, const struct header *headers, unsigned count,
                         struct str name, bool quotes)
{
    e->count = 0;
    for (unsigned i = 0; i < count; i++)
        if (text_same_ci(headers[i].name, name) && headers[i].value.n)
            entries_split(e, headers[i].value, quotes);
}

/* "10.0.0.1", "10.0.0.1:80", "[2001:db8::1]", "[2001:db8::1]:80", "2001:db8::1". */
static bool node_read(struct str text, struct address *out)
{
    if (text.n > 1 && text.s[0] == '"' && text.s[text.n - 1] == '"')
        text = (struct str){text.s + 1, text.n - 2};
    if (text.n && text.s[0] == '[') {
        const char *close = memchr(text.s, ']', text.n);
        size_t n = close ? (size_t)(close - text.s) : 0;
        if (!close || (n + 1 < text.n && text.s[n + 1] != ':'))
            return false;
        text = (struct str){text.s + 1, n - 1};
    } else {
        const char *colon = text.n ? memchr(text.s, ':', text.n) : NULL;
        if (colon && !memchr(colon + 1, ':', text.n - (size_t)(colon + 1 - text.s)))
            text.n = (size_t)(colon - text.s);
    }
    return !address_parse(text, out);
}

/* The value of `name` in "for=192.0.2.1;proto=https"; empty if absent. */
static struct str pair_find(struct str entry, struct str name)
{
    const char *at = entry.s, *end = entry.s + entry.n;
    while (at < end) {
        bool inside = false;
        const char *stop = at;
        for (; stop < end && (inside || *stop != ';'); stop++)
            inside ^= *stop == '"';
        struct str pair = str_trim((struct str){at, (size_t)(stop - at)});
        const char *equals = pair.n ? memchr(pair.s, '=', pair.n) : NULL;
        size_t n = equals ? (size_t)(equals - pair.s) : 0;
        if (equals && text_same_ci((struct str){pair.s, n}, name))
            return (struct str){equals + 1, pair.n - n - 1};
        at = stop + 1;
    }
    return (struct str){"", 0};
}

static struct str entry_last(const struct entries *e)
{
    return e->count ? e->list[(e->count - 1) % ENTRIES_MAX] : (struct str){"", 0};
}

static void walk(const struct forwarded_rules *rules, const struct entries *e, struct address *peer)
{
    unsigned left = e->count < ENTRIES_MAX ? e->count : ENTRIES_MAX;
    struct address next;
    for (unsigned i = 1; i <= left && prefixes_have(rules->proxies, rules->proxy_count, peer);
         i++) {
        struct str entry = e->list[(e->count - i) % ENTRIES_MAX];
        if (!node_read(rules->standard ? pair_find(entry, STR("for")) : entry, &next))
            return;
        *peer = next;
    }
}

void forwarded_read(const struct forwarded_rules *rules, const struct header *headers,
                    unsigned count, struct address *peer, bool *secure)
{
    struct entries e;
    struct str scheme;
    *secure = false;
    if (!prefixes_have(rules->proxies, rules->proxy_count, peer))
        return;
    if (rules->standard) {
        entries_read(&e, headers, count, STR("Forwarded"), true);
        scheme = pair_find(entry_last(&e), STR("proto"));
    } else {
        entries_read(&e, headers, count, STR("X-Forwarded-Proto"), false);
        scheme = entry_last(&e);
        entries_read(&e, headers, count, STR("X-Forwarded-For"), false);
    }
    if (scheme.n > 1 && scheme.s[0] == '"')
        scheme = (struct str){scheme.s + 1, scheme.n - 2};
    *secure = text_same_ci(scheme, STR("https"));
    walk(rules, &e, peer);
}

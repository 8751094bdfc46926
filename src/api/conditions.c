#include "api/conditions.h"
#include <string.h>

/* One ETag off the front of `s`: `weak` or not, what is inside its quotes. False: not an ETag. */
static bool etag_take(struct str *s, bool *weak, struct str *inside)
{
    *weak = str_starts(*s, STR("W/"));
    if (*weak)
        *s = (struct str){s->s + 2, s->n - 2};
    if (!s->n || s->s[0] != '"')
        return false;
    const char *end = memchr(s->s + 1, '"', s->n - 1);
    if (!end)
        return false;
    *inside = (struct str){s->s + 1, (size_t)(end - s->s - 1)};
    *s = str_trim((struct str){end + 1, s->n - (size_t)(end + 1 - s->s)});
    return true;
}

/* A weak ETag counts with If-Match too, though RFC 9110 would not have it: it is weak only since
 * the answer was compressed on its way, and the revision in it still names the document's state. */
enum err etags_parse(struct str text, const char *header, struct etags *out, struct err_info *e)
{
    struct str s = str_trim(text), inside;
    struct etags t = {.any = str_eq_c(s, "*")};
    bool weak;
    while (!t.any && s.n) {
        int64_t revision;
        if (!etag_take(&s, &weak, &inside) || (s.n && s.s[0] != ','))
            return err_set(e, ERR_INVALID, header,
                           "must be *, or ETags in quotes as an answer gave them: \"17\"");
        if (t.count < ETAGS_MAX && !str_to_i64(inside, 1, INT64_MAX, &revision))
            t.revisions[t.count++] = (uint64_t)revision;
        if (s.n)
            s = str_trim((struct str){s.s + 1, s.n - 1});
    }
    *out = t;
    return ERR_OK;
}

bool etags_have(const struct etags *t, uint64_t revision)
{
    for (unsigned i = 0; i < t->count; i++)
        if (t->revisions[i] == revision)
            return true;
    return t->any;
}

#include "api/conditions.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
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

/* 17, or 17-9f86d081. False: not one of ours. */
static bool etag_read(struct str inside, struct etag *out)
{
    int64_t revision;
    const char *dash = inside.n ? memchr(inside.s, '-', inside.n) : NULL;
    struct str number = {inside.s, dash ? (size_t)(dash - inside.s) : inside.n};
    *out = (struct etag){0};
    if (str_to_i64(number, 1, INT64_MAX, &revision))
        return false;
    out->revision = (uint64_t)revision;
    if (!dash)
        return true;
    char hex[9] = "";
    if (inside.n - number.n != 9)
        return false;
    memcpy(hex, dash + 1, 8);
    if (strspn(hex, "0123456789abcdef") != 8)
        return false;
    out->mark = (uint32_t)strtoul(hex, NULL, 16);
    return out->mark != 0;
}

/* A weak ETag counts with If-Match too, though RFC 9110 would not have it: it is weak only since
 * the answer was compressed on its way, and the revision in it still names the document's state. */
enum err etags_parse(struct str text, const char *header, struct etags *out, struct err_info *e)
{
    struct str s = str_trim(text), inside;
    struct etags t = {.any = str_eq_c(s, "*")};
    bool weak;
    while (!t.any && s.n) {
        if (!etag_take(&s, &weak, &inside) || (s.n && s.s[0] != ','))
            return err_set(e, ERR_INVALID, header,
                           "must be *, or ETags in quotes as an answer gave them: \"17\"");
        if (t.count < ETAGS_MAX && etag_read(inside, &t.tags[t.count]))
            t.count++;
        if (s.n)
            s = str_trim((struct str){s.s + 1, s.n - 1});
    }
    *out = t;
    return ERR_OK;
}

bool etags_have(const struct etags *t, uint64_t revision)
{
    for (unsigned i = 0; i < t->count; i++)
        if (t->tags[i].revision == revision)
            return true;
    return t->any;
}

bool etags_have_reading(const struct etags *t, const struct etag *tag)
{
    for (unsigned i = 0; i < t->count; i++)
        if (t->tags[i].revision == tag->revision && t->tags[i].mark == tag->mark)
            return true;
    return t->any;
}

void etag_format(const struct etag *tag, char out[ETAG_TEXT])
{
    if (tag->mark)
        snprintf(out, ETAG_TEXT, "\"%" PRIu64 "-%08" PRIx32 "\"", tag->revision, tag->mark);
    else
        snprintf(out, ETAG_TEXT, "\"%" PRIu64 "\"", tag->revision);
}

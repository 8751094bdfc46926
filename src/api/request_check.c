#include "api/validate.h"
#include <stdio.h>
#include <string.h>

static const struct {
    unsigned media;
    const char *name;
} media_table[] = {
    {MEDIA_JSON, "application/json"},
    {MEDIA_NDJSON, "application/x-ndjson"},
    {MEDIA_NDJSON, "application/jsonl"},
    {MEDIA_MERGE_PATCH, "application/merge-patch+json"},
};

unsigned media_parse(struct str content_type)
{
    const char *semicolon = content_type.n ? memchr(content_type.s, ';', content_type.n) : NULL;
    struct str type = {content_type.s,
                       semicolon ? (size_t)(semicolon - content_type.s) : content_type.n};
    type = str_trim(type);
    for (size_t i = 0; i < sizeof media_table / sizeof *media_table; i++)
        if (type.n == strlen(media_table[i].name) &&
            !strncasecmp(type.s, media_table[i].name, type.n))
            return media_table[i].media;
    return 0;
}

void media_names(unsigned media, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sizeof media_table / sizeof *media_table && n < size; i++)
        if (media & media_table[i].media)
            n += (size_t)snprintf(out + n, size - n, "%s%s", n ? ", " : "", media_table[i].name);
}

enum err body_check(const struct route *r, struct str body, json_t **out, struct faults *f,
                    struct err_info *e)
{
    struct err_info own = {0};
    json_t *v = NULL;
    if (body.n >= 3 && memcmp(body.s, "\xef\xbb\xbf", 3) == 0) /* RFC 8259, 8.1: may be ignored */
        body = (struct str){body.s + 3, body.n - 3};
    if (str_trim(body).n == 0)
        return err_set(e, ERR_SYNTAX, NULL, "the body is missing; this route takes JSON");
    if (json_parse(body, &v, &own)) /* too deep is as unreadable as broken */
        return err_set(e, ERR_SYNTAX, NULL, "the body is not readable JSON: %s", own.message);
    validate_value(r->body, v, "", f);
    if (f->total) {
        json_decref(v);
        return ERR_INVALID;
    }
    *out = v;
    return ERR_OK;
}

enum err request_check(struct arena *a, struct str method, struct str path,
                       const struct http_param *params, unsigned count, struct str content_type,
                       struct str body, struct checked *out, struct err_info *e)
{
    *out = (struct checked){0};
    faults_init(&out->faults, a);
    enum err err = route_find(a, method, path, &out->match);
    if (err || out->match.options)
        return err;
    const struct route *r = out->match.route;
    if (r->media && !(media_parse(content_type) & r->media))
        return err_set(e, ERR_UNSUPPORTED, NULL,
                       "Content-Type is not one of those that this route takes");
    validate_path(&out->match, &out->faults);
    out->query = validate_query(r, params, count, &out->faults);
    if (!out->faults.total && r->media && media_parse(content_type) != MEDIA_NDJSON)
        return body_check(r, body, &out->body, &out->faults, e);
    return out->faults.total ? ERR_INVALID : ERR_OK;
}

void checked_release(struct checked *c)
{
    json_decref(c->query);
    json_decref(c->body);
    c->query = c->body = NULL;
}

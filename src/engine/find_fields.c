/* Which parts of a document come back. A path goes down through objects at its dots
 * ("author.name"); a name that has dots itself is found by the whole rest of the path. What is not
 * there is left out. */
#include "engine/internal.h"
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    unsigned part;
} parts[] = {
    {"created", PART_CREATED}, {"updated", PART_UPDATED},           {"revision", PART_REVISION},
    {"pending", PART_PENDING}, {"duplicate_of", PART_DUPLICATE_OF}, {"predicted", PART_PREDICTED},
};

static void take(const json_t *from, json_t *to, struct str path)
{
    json_t *value = json_object_getn(from, path.s, path.n);
    if (value) {
        json_object_setn(to, path.s, path.n, value);
        return;
    }
    const char *dot = memchr(path.s, '.', path.n);
    if (!dot)
        return;
    struct str first = {path.s, (size_t)(dot - path.s)};
    struct str rest = {dot + 1, path.n - first.n - 1};
    const json_t *inside = json_object_getn(from, first.s, first.n);
    json_t *there = json_object_getn(to, first.s, first.n);
    if (!json_is_object(inside) || there == inside) /* taken whole already */
        return;
    json_t *part = there ? json_incref(there) : json_object();
    take(inside, part, rest);
    if (json_object_size(part))
        json_object_setn(to, first.s, first.n, part);
    json_decref(part);
}

void document_choose(struct arena *a, const json_t *payload, const struct str *fields, size_t count,
                     struct document_out *out)
{
    json_t *chosen = json_object();
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
        out->hidden |= parts[k].part;
    for (size_t i = 0; i < count; i++) {
        struct str path = fields[i];
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
            if (str_eq_c(path, parts[k].name))
                out->hidden &= ~parts[k].part;
        if (!str_eq_c(path, "vector_digest")) /* ours */
            take(payload, chosen, path);
    }
    char *text = json_dumps(chosen, JSON_COMPACT | JSON_SORT_KEYS);
    out->payload = arena_str(a, str_c(text));
    free(text);
    json_decref(chosen);
}

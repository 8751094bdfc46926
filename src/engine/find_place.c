/* Where an answer by score goes on: behind the last document that was shown, wherever that stands
 * by now. Scores move a little with every change to the collection, and all of them together; so
 * pages follow each other by documents, and by score only where the last document has changed or
 * gone. While nothing changes no document comes twice and none is left out.
 *
 * The mark of a page, as a JSON array: what its scores are of (lineage, collection, embedding
 * version, 0 for words alone), the last document (number, revision, score), and how many were
 * shown. */
#include "engine/find_impl.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define REACH_MAX 2000

static uint32_t version_of(const struct find *f)
{
    bool words = !f->vector && (f->r->mode == SEARCH_LEXICAL || f->degraded.n);
    return words ? 0 : f->v->id;
}

static enum err gone(struct err_info *e)
{
    return err_set(e, ERR_GONE, "/cursor",
                   "is too old: scores are of another embedding version, or of before a restore; "
                   "begin again without it");
}

static bool is_of_now(const struct find *f, const struct find_place *p)
{
    struct position now;
    store_position(f->x->store, &now);
    return !strcmp(p->lineage, now.lineage) && p->collection == f->c->id;
}

static enum err place_parse(struct str text, struct find_place *p, struct err_info *e)
{
    json_t *v = NULL;
    const char *lineage;
    json_int_t collection, version, number, revision, shown;
    if (json_parse(text, &v, NULL) ||
        json_unpack(v, "[s,I,I,I,I,F,I!]", &lineage, &collection, &version, &number, &revision,
                    &p->score, &shown) ||
        strlen(lineage) >= sizeof p->lineage || shown < 0 || shown >= REACH_MAX) {
        json_decref(v);
        return err_set(e, ERR_INVALID, "/cursor", "is of another list");
    }
    snprintf(p->lineage, sizeof p->lineage, "%s", lineage);
    p->collection = (uint32_t)collection;
    p->version = (uint32_t)version;
    p->number = (uint32_t)number;
    p->revision = (uint64_t)revision;
    p->shown = (size_t)shown;
    json_decref(v);
    return 0;
}

enum err find_place_read(struct find *f, struct err_info *e)
{
    f->limit = f->r->limit;
    if (!f->r->after.n || f->browse || f->r->sort_count)
        return 0;
    enum err err = place_parse(f->r->after, &f->place, e);
    if (!err && !is_of_now(f, &f->place))
        err = gone(e);
    f->placed = !err;
    if (f->limit > REACH_MAX - f->place.shown)
        f->limit = REACH_MAX - f->place.shown;
    return err;
}

/* Scores that depend on the other hits, or an order that is not theirs, have no place of a score.
 */
static bool score_orders(const struct find_request *r)
{
    return r->diversity <= 0 && (r->mode != SEARCH_HYBRID || r->fusion == SEARCH_LINEAR);
}

enum err find_place_start(const struct find *f, size_t *out, struct err_info *e)
{
    const struct search_result *r = &f->result;
    const struct find_place *p = &f->place;
    *out = 0;
    if (!f->placed)
        return 0;
    if (p->version != version_of(f))
        return gone(e);
    for (size_t i = 0; i < r->count; i++)
        if (r->hits[i].number == p->number && r->hits[i].revision == p->revision) {
            *out = i + 1;
            return 0;
        }
    if (!score_orders(f->r)) {
        *out = p->shown < r->count ? p->shown : r->count;
        return 0;
    }
    while (*out < r->count && r->hits[*out].score >= p->score)
        ++*out;
    return 0;
}

struct str find_place_mark(struct find *f, const struct loaded *last, size_t count)
{
    struct position now;
    size_t shown = f->place.shown + count;
    store_position(f->x->store, &now);
    if (shown >= REACH_MAX)
        return (struct str){"", 0};
    return str_c(arena_printf(f->a, "[\"%s\",%u,%u,%u,%" PRIu64 ",%.17g,%zu]", now.lineage,
                              f->c->id, version_of(f), last->hit->number, last->hit->revision,
                              isfinite(last->hit->score) ? last->hit->score : 0, shown));
}

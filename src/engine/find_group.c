/* The best of each value of a field.
 *
 * The candidates are asked for, deeper and deeper, until there are as many groups as are wanted.
 * Those that are not full by then are asked for alone: among the documents that have their values
 * only, so that a large group starves nobody. A document that does not stand any more is excluded,
 * and everything asked again. */
#include "base/clock.h"
#include "engine/document.h"
#include "engine/find_impl.h"
#include <string.h>

#define GROUP_LIMIT_MAX 100
#define GROUPED_MAX 1000
#define SLACK 16
#define TRIES 3

struct group {
    uint32_t id;    /* of attributes_groups, of the last call; 0: alone */
    size_t count;   /* members */
    bool exhausted; /* there are no more */
};

struct grouping {
    struct find *f;
    size_t wanted, room; /* groups; members of each */
    struct group *groups;
    size_t count;
    struct search_hit *members; /* room of each group */
    struct search_result first; /* of all candidates: totals */
};

static struct search_hit *members_of(const struct grouping *g, size_t i)
{
    return g->members + i * g->room;
}

static void member_add(struct grouping *g, size_t i, const struct search_hit *h)
{
    if (g->groups[i].count < g->room)
        members_of(g, i)[g->groups[i].count++] = *h;
}

static void ids_of(struct grouping *g, const struct search_hit *hits, size_t count, uint32_t *out)
{
    uint32_t *numbers = arena_array(g->f->a, count + 1, sizeof *numbers);
    for (size_t i = 0; i < count; i++)
        numbers[i] = hits[i].number;
    attributes_groups(g->f->c->attributes, g->f->r->group_by, numbers, count, out);
}

/* --- all candidates: which groups there are --- */

static void group_all(struct grouping *g)
{
    const struct search_result *r = &g->f->result;
    uint32_t *ids = arena_array(g->f->a, r->count + 1, sizeof *ids);
    size_t size = 16;
    while (size < 2 * (g->wanted + 1))
        size *= 2;
    uint32_t *table = arena_array(g->f->a, size, sizeof *table); /* group + 1 by id */
    ids_of(g, r->hits, r->count, ids);
    g->count = 0;
    for (size_t i = 0; i < r->count; i++) {
        size_t at = (ids[i] * UINT32_C(2654435761)) & (size - 1);
        while (ids[i] && table[at] && g->groups[table[at] - 1].id != ids[i])
            at = (at + 1) & (size - 1);
        size_t group = ids[i] && table[at] ? table[at] - 1 : g->count;
        if (group == g->wanted) /* there are enough of them */
            continue;
        if (group == g->count) {
            g->groups[g->count++] = (struct group){.id = ids[i], .exhausted = !ids[i]};
            if (ids[i])
                table[at] = (uint32_t)g->count;
        }
        member_add(g, group, &r->hits[i]);
    }
}

static enum err find_groups(struct grouping *g, struct err_info *e)
{
    size_t depth = 2 * g->wanted * g->room + SLACK;
    size_t most = attributes_groups_most(g->f->c->attributes, g->f->r->group_by);
    for (;; depth *= 4) {
        depth = depth < FIND_SCORED_MAX ? depth : FIND_SCORED_MAX;
        enum err err = find_candidates(g->f, depth, depth, e);
        if (err)
            return err;
        group_all(g);
        bool all = g->f->result.count < depth || depth == FIND_SCORED_MAX;
        if (!all && g->count < g->wanted && g->count < most)
            continue;
        for (size_t i = 0; i < g->count && all; i++)
            g->groups[i].exhausted = true;
        g->first = g->f->result;
        return 0;
    }
}

/* --- groups that are not full --- */

static bool is_open(const struct grouping *g, size_t i)
{
    return !g->groups[i].exhausted && g->groups[i].count < g->room;
}

/* The documents that have a value of an open group of this page; how many groups that are. */
static size_t open_groups(struct grouping *g, size_t from, struct docset *out)
{
    uint32_t *heads = arena_array(g->f->a, g->count + 1, sizeof *heads);
    size_t n = 0;
    for (size_t i = from; i < g->count; i++)
        if (is_open(g, i))
            heads[n++] = members_of(g, i)->number;
    attributes_alike(g->f->c->attributes, g->f->r->group_by, heads, n, out);
    return n;
}

/* The candidates among them, into the open groups, anew. */
static void fill_open(struct grouping *g, size_t from)
{
    const struct search_result *r = &g->f->result;
    uint32_t *ids = arena_array(g->f->a, r->count + 1, sizeof *ids);
    uint32_t *heads = arena_array(g->f->a, g->count + 1, sizeof *heads);
    struct search_hit *head_hits = arena_array(g->f->a, g->count + 1, sizeof *head_hits);
    for (size_t i = 0; i < g->count; i++)
        head_hits[i] = *members_of(g, i);
    ids_of(g, r->hits, r->count, ids);
    ids_of(g, head_hits, g->count, heads);
    for (size_t i = from; i < g->count; i++) {
        if (!is_open(g, i))
            continue;
        g->groups[i].count = 0;
        for (size_t j = 0; j < r->count; j++)
            if (heads[i] && ids[j] == heads[i])
                member_add(g, i, &r->hits[j]);
        if (!g->groups[i].count) /* changed this very moment */
            member_add(g, i, &head_hits[i]);
    }
}

static enum err fill_among(struct grouping *g, size_t from, struct err_info *e)
{
    struct find *f = g->f;
    struct docset all = f->within;
    bool restricted = f->restricted;
    size_t depth = 0;
    enum err err = 0;
    for (;;) {
        struct docset among;
        docset_init(&among);
        size_t open = open_groups(g, from, &among);
        if (restricted)
            docset_and(&among, &all);
        f->within = among;
        f->restricted = true;
        depth = 4 * (depth > open * g->room ? depth : open * g->room);
        depth = depth < FIND_SCORED_MAX ? depth : FIND_SCORED_MAX;
        if (open)
            err = find_candidates(f, depth, depth, e);
        docset_release(&among);
        f->within = all;
        f->restricted = restricted;
        if (err || !open)
            return err;
        fill_open(g, from);
        if (f->result.count < depth || depth == FIND_SCORED_MAX)
            return 0;
    }
}

/* --- documents --- */

/* The hits to load: the first of each group before this page, and all of this page. */
static size_t hits_of(const struct grouping *g, size_t from, size_t to, struct search_hit *out)
{
    size_t n = 0;
    for (size_t i = 0; i < to; i++)
        for (size_t j = 0; j < (i < from ? 1 : g->groups[i].count); j++)
            out[n++] = members_of(g, i)[j];
    return n;
}

/* Those that do not stand are not candidates any more. */
static void exclude_fallen(struct find *f, const struct loaded *loaded, size_t count)
{
    for (size_t i = 0, at = 0; i < f->result.count; i++) {
        if (at < count && loaded[at].hit == &f->result.hits[i])
            at++;
        else
            docset_add(&f->without, f->result.hits[i].number);
    }
}

static struct str value_json(struct find *f, const struct loaded *l)
{
    struct strbuf b;
    struct json_writer w;
    json_t *document = document_for_filters(&l->document);
    json_t *value = group_value(f->r->group_by, document);
    strbuf_init(&b, 0);
    json_writer_init(&w, &b);
    json_put_value(&w, value);
    struct str out = arena_str(f->a, strbuf_str(&b));
    strbuf_release(&b);
    json_decref(value);
    json_decref(document);
    return out;
}

static bool is_member(const struct grouping *g, size_t i, const struct loaded *l)
{
    for (size_t j = 0; j < g->groups[i].count; j++)
        if (members_of(g, i)[j].number == l->hit->number)
            return true;
    return false;
}

/* answer->groups: the loaded hits of this page by their groups; what fell is left out. */
static void groups_make(struct grouping *g, size_t from, size_t to, const struct loaded *loaded,
                        size_t start, size_t count, struct find_answer *answer)
{
    answer->groups = arena_array(g->f->a, to + 1, sizeof *answer->groups);
    answer->group_count = 0;
    for (size_t i = from, at = start; i < to; i++) {
        struct find_group out = {.first = at - start};
        while (at < count && is_member(g, i, &loaded[at]))
            at++;
        out.count = at - start - out.first;
        if (!out.count)
            continue;
        out.value = value_json(g->f, &loaded[start + out.first]);
        answer->groups[answer->group_count++] = out;
    }
}

/* One attempt. `*again`: something did not stand. */
static enum err group_once(struct grouping *g, struct loaded **out, size_t *start, size_t *count,
                           struct find_answer *answer, bool *again, struct err_info *e)
{
    struct find *f = g->f;
    uint64_t newer = 0;
    enum err err = find_groups(g, e);
    size_t to = g->count < g->wanted ? g->count : g->wanted - 1;
    size_t from = f->r->offset < to ? f->r->offset : to;
    answer->more = g->count == g->wanted;
    g->count = to;
    if (!err)
        err = fill_among(g, from, e);
    if (err)
        return err;
    struct search_hit *hits = arena_array(f->a, from + to * g->room + 1, sizeof *hits);
    f->result = g->first;
    f->result.hits = hits;
    f->result.count = hits_of(g, from, to, hits);
    *out = arena_array(f->a, f->result.count + 1, sizeof **out);
    int64_t t0 = clock_mono_ns();
    err = find_load(f, 0, from, f->result.count, *out, count, &newer, e);
    answer->load_ns += clock_mono_ns() - t0;
    if (err)
        return err;
    *start = 0;
    while (*start < *count && (*out)[*start].hit < hits + from)
        ++*start;
    groups_make(g, from, to, *out, *start, *count, answer);
    *again = *count < f->result.count;
    if (*again && !(newer && find_wait(f, newer)))
        exclude_fallen(f, *out, *count);
    return 0;
}

enum err find_grouped(struct find *f, struct loaded **out, size_t *start, size_t *count,
                      struct find_answer *answer, struct err_info *e)
{
    struct grouping g = {.f = f, .room = f->r->group_limit};
    bool again = true;
    enum err err = 0;
    g.wanted = f->r->offset + f->limit + 1;
    g.groups = arena_array(f->a, g.wanted + 1, sizeof *g.groups);
    g.members = arena_array(f->a, (g.wanted + 1) * g.room, sizeof *g.members);
    for (int try = 0; try <= TRIES && again && !err; try++)
        err = group_once(&g, out, start, count, answer, &again, e);
    return err;
}

enum err find_group_check(struct find *f, struct err_info *e)
{
    const struct find_request *r = f->r;
    struct err_info info = {0};
    if (!r->group_by.n)
        return 0;
    if (r->group_limit < 1 || r->group_limit > GROUP_LIMIT_MAX)
        return err_set(e, ERR_INVALID, "/group_by/limit", "must be 1 to %d", GROUP_LIMIT_MAX);
    if (r->limit * r->group_limit > GROUPED_MAX)
        return err_set(e, ERR_INVALID, "/group_by/limit",
                       "times limit must not pass %d: so many hits are in an answer", GROUPED_MAX);
    if (r->diversity > 0)
        return err_set(e, ERR_INVALID, "/group_by", "and diversity exclude each other");
    if (r->mode == SEARCH_HYBRID && r->fusion != SEARCH_LINEAR)
        return err_set(e, ERR_INVALID, "/group_by",
                       "needs the fusion linear: other scores depend on the other hits");
    enum err err = field_know(f->c, &f->sight, r->group_by, &info);
    return err ? err_set(e, err, "/group_by", "%s", info.message) : 0;
}

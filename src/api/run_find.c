#include "api/cursor.h"
#include "api/find_input.h"
#include "api/render.h"
#include "api/response.h"
#include "base/clock.h"
#include "base/rng.h"
#include <math.h>

double call_took_ms(const struct call *c)
{
    return round((double)(clock_mono_ns() - http_started_ns(c->request)) / 1e3) / 1e3;
}

void next_cursor_put(struct json_writer *w, const struct find_input *in, struct str after,
                     size_t offset)
{
    char text[CURSOR_TEXT];
    bool fits = after.n && after.n <= CURSOR_KEY_MAX;
    struct cursor cursor = {.binding = in->binding,
                            .number = fits ? 0 : offset,
                            .key = fits ? after : (struct str){"", 0}};
    json_key(w, "next_cursor");
    if (!fits && (!offset || offset >= REACH_MAX)) {
        json_put_null(w);
        return;
    }
    cursor_format(in->secret, &cursor, text);
    json_put_c(w, text);
}

static void lists_put(struct json_writer *w, const struct find_lists *l)
{
    json_key(w, "explain");
    json_object_begin(w);
    json_key(w, "depth");
    json_object_begin(w);
    json_key_int(w, "lexical", (int64_t)l->depth.lexical);
    json_key_int(w, "semantic", (int64_t)l->depth.semantic);
    json_object_end(w);
    json_key_int(w, "scored", (int64_t)l->scored);
    json_key_bool(w, "complete", l->complete);
    json_object_end(w);
}

void find_answer_put(struct json_writer *w, const struct find_input *in,
                     const struct find_request *r, const struct find_answer *a, double took)
{
    char id[33];
    struct hit_style style = style_input(in->input);
    json_object_begin(w);
    json_key(w, "data");
    json_array_begin(w);
    for (size_t i = 0; i < a->group_count; i++)
        render_group(w, &a->groups[i], a->hits, &style);
    for (size_t i = 0; i < a->count && !r->group_by.n; i++)
        render_hit(w, &a->hits[i], &style);
    json_array_end(w);
    render_total(w, a);
    size_t shown = r->group_by.n ? (a->more ? a->group_count : 0) : a->next.n ? a->count : 0;
    next_cursor_put(w, in, a->next, shown ? r->offset + shown : 0);
    if (r->facet_count) {
        json_key(w, "facets");
        render_facets(w, a->facets, a->facet_count);
        render_facet_stats(w, a->facets, a->facet_count);
    }
    json_key_int(w, "embedding_version", a->embedding_version);
    json_key_double(w, "took_ms", took);
    if (r->explain)
        lists_put(w, &a->lists);
    if (r->user.n)
        json_key_bool(w, "personalised", a->personalised);
    if (a->by)
        json_key_c(w, "by", a->by);
    if (a->degraded.n)
        json_key_str(w, "degraded", a->degraded);
    rng_hex(id, 32);
    json_key_c(w, "search_id", id);
    json_object_end(w);
}

static void find_reply(struct call *c, const struct find_input *in, const struct find_request *r,
                       const struct find_answer *a)
{
    struct response out;
    c->stage_ns[STAGE_EMBED] = a->stages.embed_ns;
    c->stage_ns[STAGE_WORDS] = a->stages.words_ns;
    c->stage_ns[STAGE_VECTORS] = a->stages.vectors_ns;
    c->stage_ns[STAGE_LOAD] = a->load_ns;
    find_answer_put(response_begin(&out), in, r, a, call_took_ms(c));
    response_send(c, 200, &out);
}

struct find_input find_input_of(struct call *c)
{
    return (struct find_input){c->arena, c->input, c->body != NULL, call_binding(c),
                               engine_secret(c->engine)};
}

typedef enum err find_read(const struct find_input *in, struct find_request *r, struct err_info *e);
typedef enum err find_ask(struct engine *x, struct str collection, const struct find_request *r,
                          struct arena *a, struct find_answer *out, struct err_info *e);

static void find(struct call *c, find_read *read, find_ask *ask)
{
    struct err_info e = {0};
    struct find_request r = {.within = c->caller.filter,
                             .deadline_ns = http_deadline_ns(c->request)};
    struct find_answer answer = {0};
    struct find_input in = find_input_of(c);
    int64_t start = clock_mono_ns();
    if (read(&in, &r, &e)) {
        call_error(c, &e);
        return;
    }
    if (ask(c->engine, call_collection(c), &r, c->arena, &answer, &e)) {
        call_input_error(c, &e);
        return;
    }
    c->stage_ns[STAGE_ENGINE] = clock_mono_ns() - start;
    find_reply(c, &in, &r, &answer);
}

void run_search(struct call *c)
{
    find(c, search_input, engine_search);
}

void run_similar(struct call *c)
{
    find(c, similar_input, engine_similar);
}

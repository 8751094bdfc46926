/* The values of one field, without a search around them. */
#include "api/render.h"
#include "api/response.h"
#include "base/clock.h"
#include <math.h>
#include <string.h>

static void facet_reply(struct call *c, const struct find_answer *a)
{
    struct response out;
    struct json_writer *w = response_begin(&out);
    const struct find_facet *f = &a->facets[0];
    json_object_begin(w);
    json_key_str(w, "field", f->field);
    json_key(w, "data");
    render_facet(w, f);
    render_total(w, a);
    if (f->stated) {
        json_key(w, "stats");
        render_stats(w, &f->stats);
    }
    json_key_double(w, "took_ms",
                    round((double)(clock_mono_ns() - http_started_ns(c->request)) / 1e3) / 1e3);
    json_object_end(w);
    response_send(c, 200, &out);
}

void run_facet(struct call *c)
{
    struct err_info e = {0};
    struct find_answer answer = {0};
    struct facet_request facet = {.field = route_value(&c->match, "field"),
                                  .limit = (size_t)input_int(c->input, "limit", 0),
                                  .stats = input_bool(c->input, "stats", false)};
    struct find_request r = {.within = c->caller.filter,
                             .mode = SEARCH_LEXICAL,
                             .q = input_str(c->input, "q"),
                             .filter = input_str(c->input, "filter"),
                             .hide_copies = str_eq_c(input_str(c->input, "duplicates"), "hide"),
                             .facets = &facet,
                             .facet_count = 1,
                             .deadline_ns = http_deadline_ns(c->request)};
    int64_t start = clock_mono_ns();
    if (engine_search(c->engine, call_collection(c), &r, c->arena, &answer, &e)) {
        struct err_info of_field = {0};
        bool own = !strncmp(e.field, "/facets", strlen("/facets"));
        if (own)
            err_set(&of_field, e.code, "field", "%s", e.message);
        call_input_error(c, own ? &of_field : &e);
        return;
    }
    c->stage_ns[STAGE_ENGINE] = clock_mono_ns() - start;
    facet_reply(c, &answer);
}

/* Several searches in one request. Those that are sound have their queries embedded together; then
 * they are worked through, several at a time. */
#include "api/bounds.h"
#include "api/cursor.h"
#include "api/find_input.h"
#include "api/response.h"
#include "api/schemas.h"
#include "api/server.h"
#include "api/together.h"
#include "base/clock.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define LIMITS_MAX 1000 /* of all searches together: what is loaded stays in memory to the end */

/* One search; one thread at a time. */
struct part {
    struct find_input in;
    struct str named, collection; /* the latter is not an alias */
    struct find_request request;
    struct find_answer answer;
    struct faults faults; /* of the input */
    enum err err;
    struct err_info e;
    int64_t took_ns;
};

struct multi {
    struct engine *engine;
    struct part *parts;
};

static void part_run(void *ctx, size_t i)
{
    const struct multi *m = ctx;
    struct part *p = &m->parts[i];
    int64_t start = clock_mono_ns();
    if (!p->err)
        p->err =
            engine_search(m->engine, p->collection, &p->request, p->in.arena, &p->answer, &p->e);
    p->took_ns = clock_mono_ns() - start;
}

/* ---- in ---- */

static void part_read(struct call *c, struct part *p, const json_t *input, size_t i, size_t *room)
{
    const char *at = arena_printf(c->arena, "/searches/%zu", i);
    faults_init(&p->faults, c->arena);
    validate_value(&schema_search_of, input, at, &p->faults);
    p->err = p->faults.total ? ERR_INVALID : 0;
    if (p->err)
        return;
    uint64_t binding = input_binding(cursor_bind(0, str_c(c->route->path)), input);
    if (!str_eq(p->named, p->collection)) /* a page of another collection is not the next one */
        binding = cursor_bind(binding, p->collection);
    p->in = (struct find_input){arena_new(0), input, true, bounds_binding(c, binding),
                                engine_secret(c->engine)};
    p->request.within = c->caller.filter;
    p->request.deadline_ns = http_deadline_ns(c->request);
    p->err = search_input(&p->in, &p->request, &p->e);
    if (!p->err && p->request.limit > *room)
        p->err = err_set(&p->e, ERR_INVALID, "/limit",
                         "the limits of all searches together must not pass %d", LIMITS_MAX);
    if (!p->err && !call_knows(c, p->collection))
        p->err = collection_unknown(p->named, &p->e);
    if (!p->err)
        *room -= p->request.limit;
}

/* Those of one collection together. */
static void queries_embed(struct call *c, struct part *parts, size_t count)
{
    struct find_request **together = arena_array(c->arena, count, sizeof(struct find_request *));
    bool *done = arena_array(c->arena, count, sizeof *done);
    for (size_t i = 0; i < count; i++) {
        size_t n = 0;
        for (size_t j = i; j < count; j++)
            if (!done[j] && !parts[j].err && str_eq(parts[j].collection, parts[i].collection)) {
                done[j] = true;
                together[n++] = &parts[j].request;
            }
        if (n > 1)
            engine_searches_embed(c->engine, parts[i].collection, together, n, c->arena);
    }
}

/* ---- out ---- */

static void failure_put(struct json_writer *w, const struct part *p, size_t i)
{
    char place[40], pointer[ROW_POINTER];
    struct fault fault = {.pointer = pointer, .detail = p->e.message};
    snprintf(place, sizeof place, "/searches/%zu", i);
    json_object_begin(w);
    if (p->faults.total) {
        problem_row_faults(w, &p->faults);
    } else {
        json_key(w, "error");
        row_pointer(p->e.field, &(struct row_place){.pointer = place, .index = i}, pointer);
        problem_row(w, p->err, p->e.message, &fault, p->e.field[0] == '/');
    }
    json_object_end(w);
}

static void multi_reply(struct call *c, const struct part *parts, size_t count)
{
    struct response out;
    struct json_writer *w = response_list_begin(&out);
    size_t failed = 0;
    for (size_t i = 0; i < count; i++) {
        const struct part *p = &parts[i];
        failed += p->err != 0;
        if (p->err)
            failure_put(w, p, i);
        else
            find_answer_put(w, &p->in, &p->request, &p->answer,
                            round((double)p->took_ns / 1e3) / 1e3);
    }
    json_array_end(w);
    json_key_int(w, "failed", (int64_t)failed);
    json_key_double(w, "took_ms",
                    round((double)(clock_mono_ns() - http_started_ns(c->request)) / 1e3) / 1e3);
    json_object_end(w);
    response_send(c, 200, &out);
}

/* As of one moment, so that no answer is of both sides of a swap. */
static void collections_resolve(struct call *c, struct part *parts, const json_t *searches,
                                size_t count)
{
    struct str *names = arena_array(c->arena, count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i] = parts[i].named = input_str(json_array_get(searches, i), "collection");
    engine_aliases_resolve(c->engine, c->arena, names, count);
    for (size_t i = 0; i < count; i++)
        parts[i].collection = names[i];
}

void run_multi_search(struct call *c)
{
    const json_t *searches = json_object_get(c->input, "searches");
    size_t count = json_array_size(searches), room = LIMITS_MAX;
    struct part *parts = arena_array(c->arena, count, sizeof *parts);
    int64_t start = clock_mono_ns();
    collections_resolve(c, parts, searches, count);
    for (size_t i = 0; i < count; i++)
        part_read(c, &parts[i], json_array_get(searches, i), i, &room);
    queries_embed(c, parts, count);
    together_run(c->api->pool, count, part_run, &(struct multi){c->engine, parts});
    c->stage_ns[STAGE_ENGINE] = clock_mono_ns() - start;
    struct arena **arenas = xcalloc(count, sizeof(struct arena *));
    for (size_t i = 0; i < count; i++)
        arenas[i] = parts[i].in.arena; /* the reply takes the call's memory with it */
    multi_reply(c, parts, count);
    for (size_t i = 0; i < count; i++)
        arena_free(arenas[i]);
    free(arenas);
}

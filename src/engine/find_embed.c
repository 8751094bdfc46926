/* Queries of several searches that come together are embedded together: one block of a model here,
 * one request to one elsewhere. They go into the embedder's cache, where each search finds its own;
 * one that is not there, for whatever reason, is embedded by its search, which tells what is wrong.
 */
#include "engine/find_impl.h"
#include <string.h>

/* Its text is embedded as it stands, whole. */
static bool is_plain(const struct find_request *r, const struct model *m)
{
    const struct str q = r->q;
    return r->mode != SEARCH_LEXICAL && str_trim(q).n && !str_eq_c(str_trim(q), "*") &&
           !memchr(q.s, '"', q.n) && !memchr(q.s, '-', q.n) &&
           q.n + 2 < model_info(m)->tokens_max; /* a token is a byte at least */
}

static void embed(struct version *v, struct find_request *const *requests, size_t count,
                  struct arena *a)
{
    struct embed_text *texts = arena_array(a, count, sizeof *texts);
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (is_plain(requests[i], v->model))
            texts[n++] = (struct embed_text){.text = requests[i]->q,
                                             .out = arena_array(a, v->dims, sizeof(float))};
    if (n > 1)
        (void)!embedder_embed(v->collection->engine->embedder, v->model, ROLE_QUERY,
                              LANE_INTERACTIVE, texts, n, requests[0]->deadline_ns, NULL);
}

void engine_searches_embed(struct engine *x, struct str collection,
                           struct find_request *const *requests, size_t count, struct arena *a)
{
    struct collection *c;
    if (count < 2 || x->options.embed_cache_bytes == EMBED_CACHE_NONE ||
        collection_find(x, collection, &c, NULL))
        return;
    struct version *v = version_active(c);
    if (v->model)
        embed(v, requests, count, a);
    version_unref(v);
    collection_unref(c);
}

#include "api/bounds.h"
#include "api/cursor.h"
#include "base/err.h"

enum { HEEDS_FILTER = 1, HEEDS_COLLECTIONS = 2, OF_NONE = 3 };

/* A route with a collection in its path heeds that (authorize). The others hold nothing of any
 * collection, or handle the bounds themselves. */
static const unsigned char heeds[ROUTE_COUNT] = {
    [ROUTE_COLLECTIONS_LIST] = HEEDS_FILTER | HEEDS_COLLECTIONS,
    [ROUTE_COLLECTIONS_CREATE] = HEEDS_COLLECTIONS,
    [ROUTE_COLLECTION_GET] = HEEDS_FILTER,
    [ROUTE_ALIASES_LIST] = HEEDS_FILTER | HEEDS_COLLECTIONS,
    [ROUTE_ALIASES_SWAP] = HEEDS_COLLECTIONS,
    [ROUTE_ALIAS_GET] = HEEDS_FILTER | HEEDS_COLLECTIONS,
    [ROUTE_ALIAS_PUT] = HEEDS_COLLECTIONS,
    [ROUTE_ALIAS_DELETE] = HEEDS_COLLECTIONS,
    [ROUTE_TASKS_LIST] = HEEDS_COLLECTIONS,
    [ROUTE_TASK_GET] = HEEDS_COLLECTIONS,
    [ROUTE_TASK_CANCEL] = HEEDS_COLLECTIONS,
    [ROUTE_DOCUMENTS_LIST] = HEEDS_FILTER,
    [ROUTE_DOCUMENTS_ADD] = HEEDS_FILTER,
    [ROUTE_DOCUMENTS_DELETE] = HEEDS_FILTER,
    [ROUTE_DOCUMENTS_GET] = HEEDS_FILTER,
    [ROUTE_DOCUMENTS_EXPORT] = HEEDS_FILTER,
    [ROUTE_DOCUMENT_GET] = HEEDS_FILTER,
    [ROUTE_DOCUMENT_PUT] = HEEDS_FILTER,
    [ROUTE_DOCUMENT_PATCH] = HEEDS_FILTER,
    [ROUTE_DOCUMENT_DELETE] = HEEDS_FILTER,
    [ROUTE_SEARCH_GET] = HEEDS_FILTER,
    [ROUTE_SEARCH] = HEEDS_FILTER,
    [ROUTE_MULTI_SEARCH] = HEEDS_FILTER | HEEDS_COLLECTIONS,
    [ROUTE_SIMILAR] = HEEDS_FILTER,
    [ROUTE_FACET] = HEEDS_FILTER,
    [ROUTE_RECOMMEND] = HEEDS_FILTER,
    [ROUTE_RECOMMEND_BATCH] = HEEDS_FILTER,
    [ROUTE_DOCUMENT_READERS] = HEEDS_FILTER,
    [ROUTE_FEEDBACK_ADD] = HEEDS_FILTER,
    [ROUTE_FEEDBACK_LIST] = HEEDS_FILTER,
    [ROUTE_USER_EXPORT] = HEEDS_FILTER,
    [ROUTE_USER_RECOMMENDATIONS] = HEEDS_FILTER,
    [ROUTE_MCP] = HEEDS_FILTER | HEEDS_COLLECTIONS, /* each tool as its route */
    [ROUTE_CHANGES] = HEEDS_FILTER | HEEDS_COLLECTIONS,
    [ROUTE_KEYS_LIST] = HEEDS_FILTER | HEEDS_COLLECTIONS, /* no key is wider (engine/keys.h) */
    [ROUTE_KEYS_CREATE] = HEEDS_FILTER | HEEDS_COLLECTIONS,
    [ROUTE_KEY_GET] = HEEDS_FILTER | HEEDS_COLLECTIONS,
    [ROUTE_KEY_UPDATE] = HEEDS_FILTER | HEEDS_COLLECTIONS,
    [ROUTE_KEY_DELETE] = HEEDS_FILTER | HEEDS_COLLECTIONS,
    [ROUTE_KEY_ROTATE] = HEEDS_FILTER | HEEDS_COLLECTIONS,
    [ROUTE_EMBEDDINGS] = OF_NONE,
    [ROUTE_MODELS_LIST] = OF_NONE,
    [ROUTE_MODEL_GET] = OF_NONE,
    [ROUTE_TEI_ROOT] = OF_NONE,
    [ROUTE_TEI_EMBED] = OF_NONE,
    [ROUTE_TEI_EMBED_ALL] = OF_NONE,
    [ROUTE_TEI_SIMILARITY] = OF_NONE,
    [ROUTE_TEI_TOKENIZE] = OF_NONE,
    [ROUTE_TEI_DECODE] = OF_NONE,
    [ROUTE_TEI_INFO] = OF_NONE,
    [ROUTE_VERSION] = OF_NONE,
    [ROUTE_OPENAPI] = OF_NONE,
};

static bool refuse(struct call *c, const char *detail)
{
    call_problem(c, err_status(ERR_DENIED, NULL), err_name(ERR_DENIED), detail);
    return true;
}

bool refused_by_bounds(struct call *c)
{
    unsigned bound = heeds[c->route - routes];
    if (c->route->scopes & SCOPE_OPEN)
        return false;
    if (c->caller.filter.n && !(bound & HEEDS_FILTER))
        return refuse(c, "this key sees some of the documents only, by its filter; what was asked "
                         "for concerns a whole collection");
    if (c->caller.collection_count && !call_collection(c).n && !(bound & HEEDS_COLLECTIONS))
        return refuse(c,
                      "this key is for some of the collections only; what was asked for concerns "
                      "the whole server");
    return false;
}

bool call_knows(const struct call *c, struct str collection)
{
    bool knows = c->caller.collection_count == 0;
    for (unsigned i = 0; i < c->caller.collection_count && !knows; i++)
        knows = str_eq(c->caller.collections[i], collection);
    return knows;
}

enum err collections_known(struct call *c, struct str after, size_t want,
                           struct collection_info *out, size_t *count, struct err_info *e)
{
    *count = 0;
    for (size_t n = want; n == want && *count < want;) {
        struct collection_info *page;
        enum err err = engine_collection_list(c->engine, after, want, c->arena, &page, &n, e);
        if (err)
            return err;
        for (size_t i = 0; i < n && *count < want; i++) {
            after = page[i].name;
            if (call_knows(c, after))
                out[(*count)++] = page[i];
        }
    }
    return ERR_OK;
}

enum err collection_unknown(struct str name, struct err_info *e)
{
    return err_set(e, ERR_NOT_FOUND, "collection", "there is no collection \"%.*s\"",
                   (int)(name.n < 80 ? name.n : 80), name.s);
}

uint64_t bounds_binding(const struct call *c, uint64_t binding)
{
    return c->caller.filter.n ? cursor_bind(binding, c->caller.filter) : binding;
}

/* Vectors of passages that were embedded before: in another collection, in a document that was
 * deleted since, before a restart. They are kept in the store by the digest of all that they depend
 * on (embed_key), as the float16 values that documents hold, so a vector that is found is the very
 * one that would be made. What had to be embedded goes into the store with the document's own act.
 */
#include "engine/internal.h"
#include "math/half.h"
#include <assert.h>
#include <string.h>

_Static_assert(EMBED_KEY == EMBEDDING_KEY, "one digest for both caches");

struct embedding_record *embeddings_find(struct version *v, enum embed_role role,
                                         const struct embed_text *texts, size_t count,
                                         struct arena *a)
{
    struct engine *x = v->collection->engine;
    struct embedding_record *found = arena_array(a, count, sizeof *found);
    uint8_t(*keys)[EMBED_KEY] = arena_array(a, count, sizeof *keys);
    size_t hits = 0;
    for (size_t i = 0; i < count; i++)
        embed_key(v->model, role, &texts[i], keys[i]);
    /* A cache that cannot be read is no reason to refuse a document. */
    if (x->options.store_cache_bytes == EMBEDDING_CACHE_NONE ||
        store_embedding_cache_get(x->store, a, (const uint8_t(*)[EMBED_KEY])keys, count, found,
                                  NULL))
        memset(found, 0, count * sizeof *found);
    for (size_t i = 0; i < count; i++) {
        if (found[i].dims != v->dims)
            found[i] = (struct embedding_record){0};
        memcpy(found[i].key, keys[i], EMBED_KEY);
        hits += found[i].vector != NULL;
    }
    metric_embedding_cache(x, hits, count - hits);
    return found;
}

void embedding_made(struct draft *d, struct embedding_record *r, const struct embed_text *text,
                    unsigned dims, struct arena *a)
{
    uint16_t *half = arena_array(a, dims, sizeof *half);
    half_from_f32(text->out, half, dims);
    r->vector = half;
    r->dims = dims;
    r->tokens = text->tokens;
    if (!d->embeddings)
        d->embeddings = arena_array(a, d->passage_count, sizeof *d->embeddings);
    assert(d->embedding_count < d->passage_count);
    d->embeddings[d->embedding_count++] = *r;
}

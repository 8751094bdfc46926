/* Vectors by the digest of what they were made from. */
#include "store/inside.h"
#include <string.h>

enum err store_embedding_cache_get(struct store *s, struct arena *a,
                                   const uint8_t (*keys)[EMBEDDING_KEY], size_t count,
                                   struct embedding_record *out, struct err_info *e)
{
    memset(out, 0, count * sizeof *out);
    for (size_t i = 0; i < count; i++)
        memcpy(out[i].key, keys[i], EMBEDDING_KEY);
    return ERR_OK;
}

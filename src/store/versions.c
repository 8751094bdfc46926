/* Embedding versions, read. */
#include "store/inside.h"
#include <string.h>

static enum err unsupported(struct err_info *e)
{
    return err_set(e, ERR_UNSUPPORTED, "version", "this store has no embedding versions yet");
}

enum err store_version_get(struct store *s, struct arena *a, uint32_t version,
                           struct version_record *out, struct err_info *e)
{
    return unsupported(e);
}

enum err store_version_list(struct store *s, struct arena *a, uint32_t collection,
                            struct version_record **out, size_t *count, struct err_info *e)
{
    return unsupported(e);
}

enum err store_version_passages(struct store *s, struct arena *a, uint32_t version,
                                const uint32_t *numbers, size_t count, unsigned parts,
                                struct document_record *out, struct err_info *e)
{
    return unsupported(e);
}

enum err store_version_scan(struct store *s, uint32_t version, unsigned parts, document_fn *each,
                            void *ctx, struct position *position, struct err_info *e)
{
    return unsupported(e);
}

enum err store_version_missing(struct store *s, struct arena *a, uint32_t version, uint32_t after,
                               size_t limit, struct document_record **out, size_t *count,
                               struct err_info *e)
{
    return unsupported(e);
}

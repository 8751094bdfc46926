/* The texts of a call on their way to the lanes: NFC, prefix, token ids (private). */
#ifndef EMBED_BATCH_H
#define EMBED_BATCH_H

#include "embed/lanes.h"

/* The items that have to be computed, with their ids. Nothing is allocated before the first. */
struct batch {
    struct item *items;
    uint32_t *ids;
    size_t count, tokens, count_max, ids_cap;
    struct tokens found; /* reused */
    struct strbuf prefixed;
};
void batch_init(struct batch *b, size_t count_max);
void batch_release(struct batch *b);
void batch_clear(struct batch *b);
/* Tokenizes one text and adds it; sets text->tokens. `number`: of the text in its call, for errors
 * (embed.h). `claim` may be NULL. */
enum err batch_add(struct batch *b, const struct model *m, enum embed_role role,
                   struct embed_text *text, size_t number, struct claim *claim,
                   struct err_info *e) MUST_CHECK;

#endif

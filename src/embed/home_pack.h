/* The packs that lie in a model's home (private to embed/). One thread at a time. */
#ifndef EMBED_HOME_PACK_H
#define EMBED_HOME_PACK_H

#include "embed/home.h"
#include "embed/pack.h"

struct pack_id {
    uint8_t key[PACK_KEY_BYTES];
    char name[64];
};
/* `content` says all that the pack's content depends on; packs of the same `kind` take the place of
 * each other. */
void pack_id_make(const char *content, const char *kind, struct pack_id *out);

/* Gives the pack to `take`, which owns it if it returns 0; else there is a line in the log and the
 * next place is looked at. ERR_NOT_FOUND: no good one. */
enum err home_pack_open(const struct home *h, const struct pack_id *id,
                        enum err (*take)(void *ctx, struct pack *p, struct err_info *e),
                        void *ctx) MUST_CHECK;
/* In the first place that takes it; read again and checked whole. */
enum err home_pack_write(struct home *h, const struct pack_id *id,
                         enum err (*write)(void *ctx, const char *path, const uint8_t *key,
                                           struct err_info *e),
                         void *ctx, struct err_info *e) MUST_CHECK;
/* Reads each one whole; a damaged one is removed, with a line in the log. */
void home_pack_check(const struct home *h, const struct pack_id *id);

#endif

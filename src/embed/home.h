/* What akin keeps beside a model (private to embed/): DIR/packed/ with packs and `state.json`, or,
 * where that cannot be written, CACHE/<digest of DIR's path>/. All of it can be made anew, so
 * nothing here fails: what cannot be read is not there, what cannot be written is a log line.
 *
 * state.json remembers what is dear to find out at each start: the SHA-256 of the model's files (as
 * long as size, time and inode are what they were; model_verify hashes again), which precision
 * `auto` came to on a CPU, and mean cosines. One thread at a time; of two processes the last
 * writer wins. */
#ifndef EMBED_HOME_H
#define EMBED_HOME_H

#include "base/err.h"
#include "base/json.h"
#include <stdbool.h>

struct home {
    const char *dir;      /* of the model, borrowed */
    char places[2][4096]; /* where packs are looked for and written, in this order */
    unsigned place_count;
    json_t *state;
    bool changed;
};
/* `cache_dir` may be NULL. */
void home_open(struct home *h, const char *dir, const char *cache_dir);
void home_close(struct home *h); /* writes the state if it changed; a zeroed one is allowed */

bool home_has(const struct home *h, const char *file); /* DIR/file is there */
/* SHA-256 of DIR/file; `anew`: hashes even if it is remembered. */
enum err home_digest(struct home *h, const char *file, bool anew, char out[65],
                     struct err_info *e) MUST_CHECK;

/* The same if it is remembered, else NULL; borrowed until the next home_remember. */
const char *home_digest_known(const struct home *h, const char *file);

/* A remembered value of a group, NULL if there is none; borrowed until the next home_remember. */
const json_t *home_recall(const struct home *h, const char *group, const char *key);
void home_remember(struct home *h, const char *group, const char *key, json_t *value /* taken */);

/* Writes `name` by `write` in the first place that takes it; *path (4,200 bytes) is where it is.
 * Packs of the same kind (the part of the name behind the first '-') of other content go. */
enum err home_write(struct home *h, const char *name,
                    enum err (*write)(void *ctx, const char *path, struct err_info *e), void *ctx,
                    char *path, struct err_info *e) MUST_CHECK;

#endif

/* Packs: what was computed from a model's files, kept on disk and mapped read-only at the next
 * start. A pack is a cache: whatever is wrong with one, it is made anew from the model.
 *
 * A pack belongs to a key, the SHA-256 of all that its content was made from. What is checked when:
 *   at opening    magic, version, key, the size of the file, the checksum of header and table, and
 *                 that every section lies inside the file, aligned, behind the one before it;
 *   when taken    the section's size; its checksum too, if the taker asks (layers: about 5 GB/s);
 *   pack_check    all sections: once after writing, and in `akin model verify`.
 * The table of word vectors is not read at a start: most of it is never needed, and it is large.
 *
 * Immutable once open; any thread. */
#ifndef EMBED_PACK_H
#define EMBED_PACK_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACK_VERSION 1u
#define PACK_KEY_BYTES 32
#define PACK_NAME_MAX 55u
#define PACK_SECTIONS_MAX 4096u

struct pack;
/* ERR_NOT_FOUND: none there; ERR_CONFLICT: a pack of another key or version; ERR_CORRUPT with what
 * is wrong. */
enum err pack_open(const char *path, const uint8_t key[PACK_KEY_BYTES], struct pack **out,
                   struct err_info *e) MUST_CHECK;
/* The same over memory that the caller owns, 64-byte aligned: tests and the fuzzer. */
enum err pack_parse(const void *bytes, size_t n, const uint8_t key[PACK_KEY_BYTES],
                    struct pack **out, struct err_info *e) MUST_CHECK;
void pack_close(struct pack *p); /* NULL is allowed; the sections are gone with it */

/* The section, 64-byte aligned, until pack_close. ERR_CORRUPT: absent, of another size, or (with
 * `verify`) of another content than was written. */
enum err pack_take(const struct pack *p, const char *name, size_t bytes, bool verify,
                   const void **out, struct err_info *e) MUST_CHECK;
/* The same of any size, verified. */
enum err pack_find(const struct pack *p, const char *name, struct str *out,
                   struct err_info *e) MUST_CHECK;
enum err pack_check(const struct pack *p, struct err_info *e) MUST_CHECK;

struct pack_section {
    char name[PACK_NAME_MAX + 1];
    const void *p; /* borrowed until pack_write */
    size_t bytes;
};
/* Written beside, synced, renamed: `path` is whole or not there. ERR_FULL, ERR_IO ... otherwise. */
enum err pack_write(const char *path, const uint8_t key[PACK_KEY_BYTES],
                    const struct pack_section *sections, size_t count,
                    struct err_info *e) MUST_CHECK;

#endif

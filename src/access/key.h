/* The text of a key: akin_<id>_<secret><checksum>.
 *
 *   id        12 of a-z2-7: names the key in lists and logs; no secret
 *   secret    43 of 0-9A-Za-z, 256 bits of the process's secure source
 *   checksum  6 of 0-9A-Za-z: CRC-32 (IEEE 802.3) of all before it, in base 62, so that a typing
 *             error and a scanner for leaked secrets need to ask nobody
 *
 * The text is shown once; what is kept is key_hash. Pure but for key_make. */
#ifndef ACCESS_KEY_H
#define ACCESS_KEY_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

#define KEY_PREFIX "akin_"
#define KEY_ID 12
#define KEY_SECRET 43
#define KEY_CHECKSUM 6
#define KEY_TEXT (5 + KEY_ID + 1 + KEY_SECRET + KEY_CHECKSUM)
#define KEY_HASH 32

/* A new id, or a new secret for `id` (not NULL). Both with a NUL behind them. */
void key_id_make(char out[KEY_ID + 1]);
void key_make(const char *id, char out[KEY_TEXT + 1]);

/* ERR_SYNTAX: not the text of a key: form, length or checksum. *id is a view into it. About 0.2
 * us. */
enum err key_parse(struct str text, struct str *id) MUST_CHECK;
/* Does it begin like a key? */
bool key_like(struct str text);
/* BLAKE2b-256 of the text, which holds 256 random bits: nothing slower is needed. */
void key_hash(struct str text, uint8_t out[KEY_HASH]);
/* In constant time. */
bool key_hash_equal(const uint8_t a[KEY_HASH], const uint8_t b[KEY_HASH]);
/* All secrets of keys in the text as "akin_<id>_...", into `out` (as long as the text at most). For
 * what is logged. Returns whether there was any. */
bool key_mask(struct str text, char *out, size_t *n);

#endif

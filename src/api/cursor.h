/* Cursors: where a list goes on. Opaque to clients: base64url of
 *     version u8 | binding u64 | number u64 | key | HMAC-SHA256, 12 bytes
 * little-endian. `binding` is a hash of what the list is of (route, collection, query), so that a
 * cursor is refused elsewhere. The HMAC (RFC 2104) is by a secret of the data directory, so that
 * nobody else makes one. */
#ifndef API_CURSOR_H
#define API_CURSOR_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include <stdint.h>

struct cursor {
    uint64_t binding;
    uint64_t number; /* offset or change */
    struct str key;  /* id, or where an order goes on: at most CURSOR_KEY_MAX bytes */
};
#define CURSOR_KEY_MAX 6000
#define CURSOR_TEXT 8100
#define CURSOR_SECRET 32
/* `secret`: CURSOR_SECRET bytes. */
void cursor_format(const uint8_t *secret, const struct cursor *c, char out[CURSOR_TEXT]);
/* ERR_INVALID with `field`: tampered, cut, or of another list. `out->key` lives in the arena. */
enum err cursor_parse(const uint8_t *secret, struct arena *a, struct str text, uint64_t binding,
                      const char *field, struct cursor *out, struct err_info *e) MUST_CHECK;
/* Folds one more text into a binding. */
uint64_t cursor_bind(uint64_t binding, struct str s);

/* base64 with padding (RFC 4648) for vectors; base64url without, for cursors. */
void base64_add(struct strbuf *out, const void *p, size_t n);

#endif

/* The keys that are known, found without a lock: readers look into an immutable table, a change
 * swaps it for another (base/epoch.h). Whoever keeps the keys (engine/keys.c) is the one writer. */
#ifndef ACCESS_KEYS_H
#define ACCESS_KEYS_H

#include "access/grant.h"
#include "access/key.h"
#include <stdatomic.h>

#define KEYS_MAX 10000
#define KEY_DEPTH_MAX 8 /* keys that made keys that made a key */

/* Constant once it is in the table, but for used_us. Its strings live as long as it does. */
struct key {
    char id[KEY_ID + 1];
    uint8_t hash[KEY_HASH];
    uint8_t old_hash[KEY_HASH];
    int64_t old_until_us; /* the secret before the last rotation works until then; 0: not at all */
    struct grant grant;
    struct str created_by; /* id of a key, "admin", or empty: made where none was asked for */
    /* The key that made it, whose limits it takes of too; empty: made by an admin, who is above
     * limits. */
    char within[KEY_ID + 1];
    bool deleted; /* nobody's any more, but there for the limits of the keys that it made */
    int64_t created_us, updated_us;
    _Atomic int64_t used_us; /* to the second; 0: never */
};

struct keys;
struct keys *keys_new(void);
void keys_free(struct keys *k); /* nobody is inside any more */

/* `all` are the keys from now on; both the array and the keys are borrowed. When it returns nobody
 * sees what was there before any more, so it may be freed. One thread at a time; waits for readers,
 * some microseconds. */
void keys_replace(struct keys *k, struct key *const *all, size_t count);

enum key_verdict {
    KEY_FITS,
    KEY_MALFORMED, /* no key at all, or mistyped: the checksum says so */
    KEY_UNKNOWN,   /* no such id, or another secret */
    KEY_EXPIRED,
    KEY_ELSEWHERE, /* not from this address */
};
/* Any thread, no lock; about 1 us. `peer`: the address without port. *out (KEY_FITS only) is copied
 * into the arena. Writes down that the key was used. */
enum key_verdict keys_check(struct keys *k, struct str text, struct str peer, int64_t now_us,
                            struct arena *a, struct caller *out);

#endif

/* Keys of the API: made, listed, changed, rotated, revoked; and who asks, a request.
 *
 * Whoever asks for any of this is a `struct caller`: it sees and handles only keys that may do no
 * more than its own (others are ERR_NOT_FOUND), and makes none that may (ERR_DENIED with the field
 * that is wider). A caller without a key of its own (the configured one, or none at all) is bound
 * by nothing.
 *
 * Threads: any. A change is durable and in force when the call returns; it waits for the disk. */
#ifndef ENGINE_KEYS_H
#define ENGINE_KEYS_H

#include "access/keys.h"
#include "base/json.h"

struct engine;

#define KEY_GRACE_SECONDS_MAX 604800
#define KEY_FILE "admin.key" /* in the data directory: the first key (key_file.c) */

struct key_out {
    struct str id, created_by; /* created_by: id of a key, "admin", or empty */
    struct grant grant;
    int64_t created_us, updated_us, used_us; /* used_us: to the second; 0: never */
    int64_t
        old_until_us; /* until when the secret before the rotation works too; 0: there is none */
    const char *text; /* the key itself: only of one that was just made or rotated */
};

/* About 1 us, no lock (access/keys.h). */
enum key_verdict engine_key_check(struct engine *x, struct str text, struct str peer,
                                  struct arena *a, struct caller *out);

/* ERR_INVALID with a pointer: no scope, a filter that is none or asks for a field that no document
 * of a named collection has, a time that has passed. ERR_DENIED: KEY_DEPTH_MAX too. ERR_FULL:
 * KEYS_MAX. What a key makes takes of its limits (struct caller's makers), unless it is an admin.
 */
enum err engine_key_create(struct engine *x, const struct caller *by, const struct grant *g,
                           struct arena *a, struct key_out *out, struct err_info *e) MUST_CHECK;
/* All that `by` may see, by id, after `after`. */
enum err engine_key_list(struct engine *x, const struct caller *by, struct str after, size_t limit,
                         struct arena *a, struct key_out **out, size_t *count,
                         struct err_info *e) MUST_CHECK;
enum err engine_key_get(struct engine *x, const struct caller *by, struct str id, struct arena *a,
                        struct key_out *out, struct err_info *e) MUST_CHECK;
/* What it allows from now on; errors as of create. */
enum err engine_key_update(struct engine *x, const struct caller *by, struct str id,
                           const struct grant *g, struct arena *a, struct key_out *out,
                           struct err_info *e) MUST_CHECK;
/* A new secret; the one before works for grace_s seconds more (0: no more). */
enum err engine_key_rotate(struct engine *x, const struct caller *by, struct str id,
                           int64_t grace_s, struct arena *a, struct key_out *out,
                           struct err_info *e) MUST_CHECK;
/* Those that it made stay, and go on taking of its limits: so long its row is kept, which nobody
 * sees but KEYS_MAX. */
enum err engine_key_delete(struct engine *x, const struct caller *by, struct str id,
                           struct err_info *e) MUST_CHECK;
/* The limits of keys that have none of their own: what a key may make is judged by them. */
void engine_key_limits(struct engine *x, const struct general_limits *general);
/* Is there a key with the scope admin that binds to nothing and has not expired? */
bool engine_key_admin_exists(struct engine *x);

/* Writes the file, which then follows the key: it has the new secret after a rotation, and goes
 * when the key goes or is to expire. Durable. */
enum err key_file_write(struct engine *x, const char *text, struct err_info *e) MUST_CHECK;

/* ---- keys_json.c: a grant as JSON, in the store and in the API's bodies ---- */
/* The fields of `v` over those of *out: absent ones stay, null is the default. ERR_INVALID with a
 * pointer. Strings are copied into the arena. */
enum err grant_read(const json_t *v, struct arena *a, struct grant *out,
                    struct err_info *e) MUST_CHECK;
void grant_write(struct json_writer *w, const struct grant *g); /* members of an open object */

#endif

/* Keys kept in the store and, all of them, in memory, where a request finds its own without a lock
 * (access/keys.c). A change is judged and made by one thread at a time: `busy` is taken under the
 * lock and held while the store writes, so that the lock never is. */
#include "engine/keys.h"
#include "base/clock.h"
#include "base/log.h"
#include "engine/internal.h"
#include <stdlib.h>
#include <string.h>

#define USED_EVERY_NS 60000000000LL /* times of use are written */

struct kept { /* a key and its memory */
    struct key key;
    struct arena *a;
    int64_t used_stored_us; /* keeper only, once the engine is open */
    bool within_guessed;    /* of a store from before that was kept: while the ring opens */
};

struct key_ring {
    struct keys *table;
    struct lock lock; /* for all that follows */
    struct cond idle;
    bool busy;
    struct key **all; /* by id; each the head of a struct kept */
    size_t count;
    struct general_limits general; /* changed by who holds both lock and `busy` */
    int64_t used_written_ns;
};

static struct kept *kept_new(struct str id)
{
    struct arena *a = arena_new(0);
    struct kept *k = arena_zalloc(a, sizeof *k);
    k->a = a;
    memcpy(k->key.id, id.s, KEY_ID);
    return k;
}

static void kept_free(struct key *k)
{
    if (k)
        arena_free(((struct kept *)k)->a);
}

/* The same key, to be changed before it takes the other's place. */
static struct kept *kept_copy(const struct key *from)
{
    struct kept *k = kept_new((struct str){from->id, KEY_ID});
    memcpy(k->key.hash, from->hash, KEY_HASH);
    memcpy(k->key.old_hash, from->old_hash, KEY_HASH);
    k->key.old_until_us = from->old_until_us;
    grant_copy(k->a, &from->grant, &k->key.grant);
    k->key.created_by = arena_str(k->a, from->created_by);
    memcpy(k->key.within, from->within, sizeof k->key.within);
    k->key.created_us = from->created_us;
    k->key.updated_us = from->updated_us;
    atomic_store(&k->key.used_us, atomic_load(&from->used_us));
    k->used_stored_us = ((const struct kept *)from)->used_stored_us;
    return k;
}

/* ---- the ring ---- */

/* Place of the id, or where it belongs. */
static size_t ring_place(const struct key_ring *r, struct str id, bool *found)
{
    size_t low = 0, high = r->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (str_cmp((struct str){r->all[mid]->id, KEY_ID}, id) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *found = low < r->count && str_eq_c(id, r->all[low]->id);
    return low;
}

/* Deleted ones too. */
static struct key *ring_row(const struct key_ring *r, struct str id)
{
    bool found;
    size_t at = ring_place(r, id, &found);
    return found ? r->all[at] : NULL;
}

static struct key *ring_find(const struct key_ring *r, struct str id)
{
    struct key *k = ring_row(r, id);
    return k && !k->deleted ? k : NULL;
}

static void ring_begin(struct key_ring *r)
{
    lock_take(&r->lock);
    while (r->busy)
        cond_wait(&r->idle, &r->lock);
    r->busy = true;
    lock_drop(&r->lock);
}

static void ring_end(struct key_ring *r)
{
    lock_take(&r->lock);
    r->busy = false;
    cond_broadcast(&r->idle);
    lock_drop(&r->lock);
}

/* `k` (NULL: none) in place of what has that id. Whoever holds `busy`. */
static void ring_put(struct key_ring *r, struct str id, struct key *k)
{
    bool found;
    lock_take(&r->lock);
    size_t at = ring_place(r, id, &found);
    struct key *before = found ? r->all[at] : NULL;
    if (k && !found) {
        r->all = xrealloc(r->all, (r->count + 1) * sizeof *r->all);
        memmove(r->all + at + 1, r->all + at, (r->count++ - at) * sizeof *r->all);
    }
    if (k)
        r->all[at] = k;
    else if (found)
        memmove(r->all + at, r->all + at + 1, (--r->count - at) * sizeof *r->all);
    lock_drop(&r->lock);
    keys_replace(r->table, r->all, r->count); /* busy: nobody else changes them */
    kept_free(before);
}

/* ---- what the store has ---- */

static struct str payload_of(const struct key *k, struct arena *a)
{
    struct strbuf b;
    struct json_writer w;
    strbuf_init(&b, 0);
    json_writer_init(&w, &b);
    json_object_begin(&w);
    grant_write(&w, &k->grant);
    json_key_str(&w, "created_by", k->created_by);
    json_key_c(&w, "within", k->within);
    json_key_bool(&w, "deleted", k->deleted);
    json_object_end(&w);
    struct str out = arena_str(a, strbuf_str(&b));
    strbuf_release(&b);
    return out;
}

static enum err key_store(struct engine *x, const struct key *k, struct err_info *e)
{
    struct arena *a = arena_new(0);
    struct store_act *act = arena_zalloc(a, sizeof *act);
    act->kind = ACT_KEY_PUT;
    act->key = (struct key_record){.id = {k->id, KEY_ID},
                                   .old_until_us = k->old_until_us,
                                   .payload = payload_of(k, a),
                                   .created_us = k->created_us,
                                   .updated_us = k->updated_us,
                                   .used_us = atomic_load(&k->used_us)};
    memcpy(act->key.hash, k->hash, KEY_HASH);
    memcpy(act->key.old_hash, k->old_hash, KEY_HASH);
    enum err err = store_write(x->store, act, 1, true, NULL, e);
    arena_free(a);
    return err;
}

static void within_read(const json_t *v, struct kept *k)
{
    const json_t *x = json_object_get(v, "within");
    struct str id = x ? json_str(x) : k->key.created_by;
    k->within_guessed = !x;
    if (id.n == KEY_ID)
        memcpy(k->key.within, id.s, KEY_ID);
}

/* Keys of a store from before say only who made them: that counts if it is still known to have been
 * no admin. */
static void within_settle(struct key_ring *r)
{
    for (size_t i = 0; i < r->count; i++) {
        struct kept *k = (struct kept *)r->all[i];
        const struct key *maker = ring_row(r, str_c(k->key.within));
        if (k->within_guessed && (!maker || maker->grant.scopes & SCOPE_ADMIN_ALL))
            memset(k->key.within, 0, sizeof k->key.within);
    }
}

static enum err kept_read(const struct key_record *r, struct kept **out, struct err_info *e)
{
    json_t *v = NULL;
    if (r->id.n != KEY_ID)
        return err_set(e, ERR_CORRUPT, "akin.db", "the key %.*s has no id of a key",
                       STR_ARG(r->id));
    enum err err = json_parse_stored(r->payload, &v, e);
    if (err)
        return err;
    struct kept *k = kept_new(r->id);
    err = grant_read(v, k->a, &k->key.grant, e);
    k->key.created_by = arena_str(k->a, json_str(json_object_get(v, "created_by")));
    within_read(v, k);
    k->key.deleted = json_is_true(json_object_get(v, "deleted"));
    json_decref(v);
    memcpy(k->key.hash, r->hash, KEY_HASH);
    memcpy(k->key.old_hash, r->old_hash, KEY_HASH);
    k->key.old_until_us = r->old_until_us;
    k->key.created_us = r->created_us;
    k->key.updated_us = r->updated_us;
    atomic_store(&k->key.used_us, r->used_us);
    k->used_stored_us = r->used_us;
    if (err)
        kept_free(&k->key);
    else
        *out = k;
    return err;
}

enum err keys_open(struct engine *x, struct err_info *e)
{
    struct key_ring *r = xcalloc(1, sizeof *r);
    struct arena *a = arena_new(0);
    struct key_record *rows;
    size_t n = 0;
    struct str after = STR("");
    x->keys = r;
    r->table = keys_new();
    lock_init(&r->lock, LOCK_ENGINE);
    cond_init(&r->idle);
    r->used_written_ns = clock_mono_ns();
    enum err err = ERR_OK;
    do {
        err = store_key_list(x->store, a, after, 1000, &rows, &n, e);
        if (!err && n)
            r->all = xrealloc(r->all, (r->count + n) * sizeof *r->all);
        for (size_t i = 0; i < n && !err; i++) {
            struct kept *k = NULL;
            err = kept_read(&rows[i], &k, e);
            if (!err)
                r->all[r->count++] = &k->key;
            after = rows[i].id;
        }
    } while (!err && n == 1000);
    within_settle(r);
    keys_replace(r->table, r->all, r->count);
    arena_free(a);
    if (!err)
        key_file_check(x);
    return err;
}

static void used_flush(struct engine *x, bool now);

void keys_close(struct engine *x)
{
    struct key_ring *r = x->keys;
    if (!r)
        return;
    used_flush(x, true);
    for (size_t i = 0; i < r->count; i++)
        kept_free(r->all[i]);
    free(r->all);
    keys_free(r->table);
    cond_release(&r->idle);
    lock_release(&r->lock);
    free(r);
}

/* ---- when it was used ---- */

/* One act for each key that was used since it was last written. */
static void used_flush(struct engine *x, bool now)
{
    struct key_ring *r = x->keys;
    if (!now && clock_mono_ns() - r->used_written_ns < USED_EVERY_NS)
        return;
    r->used_written_ns = clock_mono_ns();
    struct arena *a = arena_new(0);
    size_t n = 0;
    ring_begin(r); /* so that the keys stay */
    struct store_act *acts = arena_array(a, r->count + 1, sizeof *acts);
    for (size_t i = 0; i < r->count; i++) {
        struct kept *k = (struct kept *)r->all[i];
        int64_t used = atomic_load(&k->key.used_us);
        if (used <= k->used_stored_us)
            continue;
        acts[n++] = (struct store_act){.kind = ACT_KEY_USED,
                                       .key = {.id = {k->key.id, KEY_ID}, .used_us = used}};
        k->used_stored_us = used;
    }
    if (n)
        (void)!store_write(x->store, acts, n, false, NULL,
                           NULL); /* the next use is written again */
    ring_end(r);
    arena_free(a);
}

void keys_used_step(struct engine *x)
{
    used_flush(x, false);
}

/* ---- who may ---- */

enum key_verdict engine_key_check(struct engine *x, struct str text, struct str peer,
                                  struct arena *a, struct caller *out)
{
    return keys_check(x->keys->table, text, peer, clock_wall_us(), a, out);
}

static bool unbound(const struct caller *by)
{
    return by->key_id.n != KEY_ID;
}

/* ERR_DENIED: the key that asks was deleted meanwhile, or `g` is wider. Whoever holds lock or
 * `busy`. */
static enum err within_caller(const struct key_ring *r, const struct caller *by,
                              const struct grant *g, struct err_info *e)
{
    const struct key *own = unbound(by) ? NULL : ring_find(r, by->key_id);
    if (unbound(by))
        return ERR_OK;
    if (!own)
        return err_set(e, ERR_DENIED, NULL, "the key that asks has been deleted");
    enum err err = grant_within(g, &own->grant, e);
    return err ? err : grant_limits_within(g, &own->grant, &r->general, e);
}

static struct key *seen_find(const struct key_ring *r, const struct caller *by, struct str id,
                             struct err_info *e)
{
    struct key *k = ring_find(r, id);
    if (k && !within_caller(r, by, &k->grant, NULL))
        return k;
    err_set(e, ERR_NOT_FOUND, "key", "there is no key \"%.*s\"", (int)(id.n < 40 ? id.n : 40),
            id.s);
    return NULL;
}

static enum err filter_fields_check(struct engine *x, const struct grant *g, const struct filter *f,
                                    struct err_info *e)
{
    enum err err = ERR_OK;
    for (unsigned i = 0; i < g->collection_count && !err; i++) {
        struct collection *c;
        struct err_info own = {0};
        if (collection_find(x, g->collections[i], &c, NULL))
            continue; /* it may come yet */
        err = attributes_know(c->attributes, f, g->filter, &own);
        if (err)
            err_set(e, err, "/filter", "in %s: %s", c->name, own.message);
        collection_unref(c);
    }
    return err;
}

static enum err filter_text_check(struct arena *a, struct str text, const struct filter **out,
                                  struct err_info *e)
{
    struct err_info own = {0};
    enum err err = filter_parse(a, text, out, &own);
    return err ? err_set(e, ERR_INVALID, "/filter", "%s", own.message) : ERR_OK;
}

static enum err grant_check(struct engine *x, const struct grant *g, struct arena *a,
                            struct err_info *e)
{
    const struct filter *f;
    if (!g->scopes)
        return err_set(e, ERR_INVALID, "/scopes", "a key needs at least one scope");
    if (g->expires_us && g->expires_us <= clock_wall_us())
        return err_set(e, ERR_INVALID, "/expires", "this time has passed");
    if (!g->filter.n)
        return ERR_OK;
    enum err err = filter_text_check(a, g->filter, &f, e);
    return err ? err : filter_fields_check(x, g, f, e);
}

/* "(OWN) AND (more)": more is a filter by itself, so that no parenthesis of it closes ours. */
static enum err filter_rest_check(const struct key_ring *r, const struct caller *by,
                                  const struct grant *g, struct arena *a, struct err_info *e)
{
    const struct filter *f;
    struct str rest;
    const struct key *own = unbound(by) ? NULL : ring_find(r, by->key_id);
    if (!own || !own->grant.filter.n || !grant_filter_rest(g->filter, own->grant.filter, &rest) ||
        !rest.n)
        return ERR_OK;
    return filter_text_check(a, rest, &f, e);
}

static enum err grant_allowed(struct engine *x, const struct caller *by, const struct grant *g,
                              struct arena *a, struct err_info *e)
{
    enum err err = grant_check(x, g, a, e);
    if (!err)
        err = within_caller(x->keys, by, g, e);
    return err ? err : filter_rest_check(x->keys, by, g, a, e);
}

/* ---- what users do ---- */

static void key_tell(const struct key *k, struct arena *a, struct key_out *out)
{
    *out = (struct key_out){.id = arena_str(a, (struct str){k->id, KEY_ID}),
                            .created_by = arena_str(a, k->created_by),
                            .created_us = k->created_us,
                            .updated_us = k->updated_us,
                            .used_us = atomic_load(&k->used_us)};
    if (k->old_until_us > clock_wall_us())
        out->old_until_us = k->old_until_us;
    grant_copy(a, &k->grant, &out->grant);
}

static void key_log(const char *what, const struct key *k, const struct caller *by)
{
    log_event(LOG_INFO, what, LOG_S("key", k->id), LOG_STR("by", by->key_id));
}

/* Into the store, then in force; `k` is taken over. */
static enum err key_commit(struct engine *x, struct kept *k, struct arena *a, struct key_out *out,
                           struct err_info *e)
{
    enum err err = key_store(x, &k->key, e);
    if (err) {
        kept_free(&k->key);
        return err;
    }
    key_tell(&k->key, a, out);
    ring_put(x->keys, out->id, &k->key);
    return ERR_OK;
}

static void secret_make(struct key *k, struct arena *a, const char **text)
{
    char *out = arena_alloc(a, KEY_TEXT + 1);
    key_make(k->id, out);
    key_hash((struct str){out, KEY_TEXT}, k->hash);
    *text = out;
}

/* What it makes takes of its limits: it has a key, which is no admin's. */
static bool has_limits(const struct key_ring *r, const struct caller *by)
{
    const struct key *own = unbound(by) ? NULL : ring_find(r, by->key_id);
    return own && !(own->grant.scopes & SCOPE_ADMIN_ALL);
}

/* So that what a request costs is bounded. */
static enum err depth_check(const struct key_ring *r, const struct caller *by, struct err_info *e)
{
    unsigned depth = 0;
    const struct key *k = has_limits(r, by) ? ring_find(r, by->key_id) : NULL;
    for (; k && depth <= KEY_DEPTH_MAX; depth++)
        k = ring_row(r, str_c(k->within));
    return depth <= KEY_DEPTH_MAX
               ? ERR_OK
               : err_set(e, ERR_DENIED, NULL,
                         "keys that were made by keys are %d deep at most: let one further up make "
                         "it",
                         KEY_DEPTH_MAX);
}

static struct kept *kept_create(struct key_ring *r, const struct caller *by, const struct grant *g)
{
    char id[KEY_ID + 1];
    do
        key_id_make(id);
    while (ring_row(r, str_c(id)));
    struct kept *k = kept_new(str_c(id));
    grant_copy(k->a, g, &k->key.grant);
    k->key.created_by = arena_str(k->a, by->key_id);
    if (has_limits(r, by))
        memcpy(k->key.within, by->key_id.s, KEY_ID);
    k->key.created_us = k->key.updated_us = clock_wall_us();
    return k;
}

enum err engine_key_create(struct engine *x, const struct caller *by, const struct grant *g,
                           struct arena *a, struct key_out *out, struct err_info *e)
{
    struct key_ring *r = x->keys;
    const char *text;
    ring_begin(r);
    enum err err = grant_allowed(x, by, g, a, e);
    if (!err)
        err = depth_check(r, by, e);
    if (!err && r->count >= KEYS_MAX)
        err = err_set(e, ERR_FULL, NULL, "there are %d keys, which is the most", KEYS_MAX);
    if (!err) {
        struct kept *k = kept_create(r, by, g);
        secret_make(&k->key, a, &text);
        err = key_commit(x, k, a, out, e);
    }
    if (!err) {
        out->text = text;
        key_log("key created", ring_find(r, out->id), by);
    }
    ring_end(r);
    return err;
}

enum err engine_key_list(struct engine *x, const struct caller *by, struct str after, size_t limit,
                         struct arena *a, struct key_out **out, size_t *count, struct err_info *e)
{
    struct key_ring *r = x->keys;
    bool found;
    *count = 0;
    lock_take(&r->lock);
    size_t at = ring_place(r, after, &found) + found;
    *out = arena_array(a, (limit < r->count ? limit : r->count) + 1, sizeof **out);
    for (; at < r->count && *count < limit; at++)
        if (!r->all[at]->deleted && !within_caller(r, by, &r->all[at]->grant, NULL))
            key_tell(r->all[at], a, &(*out)[(*count)++]);
    lock_drop(&r->lock);
    return ERR_OK;
}

enum err engine_key_get(struct engine *x, const struct caller *by, struct str id, struct arena *a,
                        struct key_out *out, struct err_info *e)
{
    struct key_ring *r = x->keys;
    lock_take(&r->lock);
    struct key *k = seen_find(r, by, id, e);
    if (k)
        key_tell(k, a, out);
    lock_drop(&r->lock);
    return k ? ERR_OK : ERR_NOT_FOUND;
}

enum err engine_key_update(struct engine *x, const struct caller *by, struct str id,
                           const struct grant *g, struct arena *a, struct key_out *out,
                           struct err_info *e)
{
    struct key_ring *r = x->keys;
    ring_begin(r);
    struct key *before = seen_find(r, by, id, e);
    enum err err = before ? grant_allowed(x, by, g, a, e) : ERR_NOT_FOUND;
    if (!err) {
        struct kept *k = kept_copy(before);
        grant_copy(k->a, g, &k->key.grant);
        k->key.updated_us = clock_wall_us();
        err = key_commit(x, k, a, out, e);
    }
    if (!err)
        key_log("key changed", ring_find(r, out->id), by);
    if (!err && g->expires_us)
        key_file_follow(x, out->id, NULL, "its key is to expire");
    ring_end(r);
    return err;
}

enum err engine_key_rotate(struct engine *x, const struct caller *by, struct str id,
                           int64_t grace_s, struct arena *a, struct key_out *out,
                           struct err_info *e)
{
    struct key_ring *r = x->keys;
    const char *text;
    ring_begin(r);
    struct key *before = seen_find(r, by, id, e);
    enum err err = before ? ERR_OK : ERR_NOT_FOUND;
    if (!err) {
        struct kept *k = kept_copy(before);
        k->key.updated_us = clock_wall_us();
        k->key.old_until_us = grace_s > 0 ? k->key.updated_us + grace_s * 1000000 : 0;
        memcpy(k->key.old_hash, before->hash, KEY_HASH);
        if (!k->key.old_until_us)
            memset(k->key.old_hash, 0, KEY_HASH);
        secret_make(&k->key, a, &text);
        err = key_commit(x, k, a, out, e);
    }
    if (!err) {
        out->text = text;
        key_log("key rotated", ring_find(r, out->id), by);
        key_file_follow(x, out->id, text, NULL);
    }
    ring_end(r);
    return err;
}

/* Did it make keys that are there, `but` aside? */
static bool has_made(const struct key_ring *r, const char *id, const struct key *but)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->all[i] != but && !strcmp(r->all[i]->within, id))
            return true;
    return false;
}

/* What is left of it bounds the keys that it made, or a key could multiply its limits by making
 * some and being deleted. */
static enum err key_empty(struct engine *x, const struct key *k, struct err_info *e)
{
    struct kept *left = kept_copy(k);
    left->key.deleted = true;
    left->key.old_until_us = 0;
    memset(left->key.hash, 0, KEY_HASH);
    memset(left->key.old_hash, 0, KEY_HASH);
    left->key.grant = (struct grant){
        .scopes = k->grant.scopes, .requests = k->grant.requests, .tokens = k->grant.tokens};
    enum err err = key_store(x, &left->key, e);
    if (err)
        kept_free(&left->key);
    else
        ring_put(x->keys, (struct str){left->key.id, KEY_ID}, &left->key);
    return err;
}

/* With those further up that were there for its sake alone. */
static enum err key_remove(struct engine *x, const struct key *k, struct err_info *e)
{
    struct key_ring *r = x->keys;
    struct store_act acts[KEY_DEPTH_MAX + 1] = {0};
    char ids[KEY_DEPTH_MAX + 1][KEY_ID + 1];
    size_t n = 0;
    const struct key *below;
    do {
        memcpy(ids[n], k->id, sizeof ids[n]);
        acts[n] = (struct store_act){.kind = ACT_KEY_DELETE, .key.id = {ids[n], KEY_ID}};
        n++;
        below = k;
        k = ring_row(r, str_c(k->within));
    } while (n <= KEY_DEPTH_MAX && k && k->deleted && !has_made(r, k->id, below));
    enum err err = store_write(x->store, acts, n, true, NULL, e);
    for (size_t i = 0; i < n && !err; i++)
        ring_put(r, str_c(ids[i]), NULL);
    return err;
}

enum err engine_key_delete(struct engine *x, const struct caller *by, struct str id,
                           struct err_info *e)
{
    struct key_ring *r = x->keys;
    ring_begin(r);
    struct key *k = seen_find(r, by, id, e);
    enum err err = !k                         ? ERR_NOT_FOUND
                   : has_made(r, k->id, NULL) ? key_empty(x, k, e)
                                              : key_remove(x, k, e);
    if (!err) {
        log_event(LOG_INFO, "key deleted", LOG_STR("key", id), LOG_STR("by", by->key_id));
        key_file_follow(x, id, NULL, "its key was deleted");
    }
    ring_end(r);
    return err;
}

void engine_key_limits(struct engine *x, const struct general_limits *general)
{
    struct key_ring *r = x->keys;
    ring_begin(r);
    lock_take(&r->lock);
    r->general = *general;
    lock_drop(&r->lock);
    ring_end(r);
}

bool engine_key_admin_exists(struct engine *x)
{
    struct key_ring *r = x->keys;
    int64_t now = clock_wall_us();
    bool found = false;
    lock_take(&r->lock);
    for (size_t i = 0; i < r->count && !found; i++) {
        const struct grant *g = &r->all[i]->grant;
        found = !r->all[i]->deleted && g->scopes & SCOPE_ADMIN_ALL && !g->collection_count &&
                !g->filter.n && (!g->expires_us || g->expires_us > now);
    }
    lock_drop(&r->lock);
    return found;
}

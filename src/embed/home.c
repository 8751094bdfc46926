#include "embed/home.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE_BYTES_MAX (1u << 20)
#define STATE_FORMAT 1

/* --- where --- */

static void place_add(struct home *h, const char *folder, const char *name)
{
    char *to = h->places[h->place_count];
    if (snprintf(to, sizeof h->places[0], "%s/%s", folder, name) < (int)sizeof h->places[0] - 100)
        h->place_count++;
}

static void path_digest(const char *dir, char out[17])
{
    char *real = realpath(dir, NULL), hex[65];
    const char *path = real ? real : dir;
    uint8_t sum[32];
    struct sha256 s;
    sha256_init(&s);
    sha256_add(&s, path, strlen(path));
    sha256_end(&s, sum);
    sha256_hex(sum, hex);
    snprintf(out, 17, "%.16s", hex);
    free(real);
}

static json_t *state_read(const char *place)
{
    char path[4200], *text = NULL;
    size_t n = 0;
    json_t *state = NULL;
    snprintf(path, sizeof path, "%s/state.json", place);
    if (!file_exists(path) || file_read_all(path, STATE_BYTES_MAX, &text, &n, NULL))
        return NULL;
    if (json_parse((struct str){text, n}, &state, NULL))
        state = NULL;
    free(text);
    if (json_integer_value(json_object_get(state, "format")) != STATE_FORMAT) {
        json_decref(state);
        return NULL;
    }
    return state;
}

void home_open(struct home *h, const char *dir, const char *cache_dir)
{
    char name[17];
    *h = (struct home){.dir = dir};
    place_add(h, dir, "packed");
    if (cache_dir) {
        path_digest(dir, name);
        place_add(h, cache_dir, name);
    }
    for (unsigned i = 0; i < h->place_count && !h->state; i++)
        h->state = state_read(h->places[i]);
    if (!h->state)
        h->state = json_pack("{s:i}", "format", STATE_FORMAT);
}

static enum err state_write(void *ctx, const char *path, struct err_info *e)
{
    const struct home *h = ctx;
    char *text = json_dumps(h->state, JSON_INDENT(1) | JSON_SORT_KEYS);
    enum err err = text ? file_write_atomic(path, text, strlen(text), 0600, e)
                        : err_set(e, ERR_NO_MEMORY, NULL, "no memory");
    free(text);
    return err;
}

void home_close(struct home *h)
{
    char path[4200];
    struct err_info e = {0};
    if (h->changed && home_write(h, "state.json", state_write, h, path, &e))
        log_event(LOG_INFO, "what was found out about the model cannot be kept",
                  LOG_S("model", h->dir), LOG_S("reason", e.message));
    json_decref(h->state);
    *h = (struct home){0};
}

/* --- remembering --- */

const json_t *home_recall(const struct home *h, const char *group, const char *key)
{
    return json_object_get(json_object_get(h->state, group), key);
}

void home_remember(struct home *h, const char *group, const char *key, json_t *value)
{
    if (!json_is_object(json_object_get(h->state, group)))
        json_object_set_new(h->state, group, json_object());
    json_object_set_new(json_object_get(h->state, group), key, value);
    h->changed = true;
}

static const char *digest_recall(const struct home *h, const char *file,
                                 const struct file_stamp *stamp)
{
    const json_t *known = home_recall(h, "files", file);
    const char *sha256 = json_string_value(json_object_get(known, "sha256"));
    const struct {
        const char *key;
        uint64_t now;
    } marks[] = {{"bytes", stamp->bytes},
                 {"inode", stamp->inode},
                 {"changed_ns", (uint64_t)stamp->changed_ns}};
    for (size_t i = 0; i < 3; i++) {
        const json_t *v = json_object_get(known, marks[i].key);
        if (!json_is_integer(v) || (uint64_t)json_integer_value(v) != marks[i].now)
            return NULL;
    }
    return sha256 && strlen(sha256) == 64 ? sha256 : NULL;
}

const char *home_digest_known(const struct home *h, const char *file)
{
    char path[4200];
    struct file_stamp stamp;
    snprintf(path, sizeof path, "%s/%s", h->dir, file);
    return file_stamp(path, &stamp, NULL) == ERR_OK ? digest_recall(h, file, &stamp) : NULL;
}

bool home_has(const struct home *h, const char *file)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", h->dir, file);
    return file_exists(path);
}

enum err home_digest(struct home *h, const char *file, bool anew, char out[65], struct err_info *e)
{
    char path[4200];
    struct file_stamp stamp, after;
    snprintf(path, sizeof path, "%s/%s", h->dir, file);
    enum err err = file_stamp(path, &stamp, e);
    if (!err)
        err = file_regular(path, e);
    if (err)
        return err;
    const char *known = anew ? NULL : digest_recall(h, file, &stamp);
    if (known) {
        snprintf(out, 65, "%s", known);
        return ERR_OK;
    }
    err = file_sha256(path, out, e);
    if (!err && file_stamp(path, &after, NULL) == ERR_OK &&
        memcmp(&stamp, &after, sizeof stamp) == 0)
        home_remember(h, "files", file,
                      json_pack("{s:I,s:I,s:I,s:s}", "bytes", (json_int_t)stamp.bytes, "inode",
                                (json_int_t)stamp.inode, "changed_ns", (json_int_t)stamp.changed_ns,
                                "sha256", out));
    return err;
}

/* --- writing --- */

#define HALF_WRITTEN_S 3600 /* a file that nobody has finished for so long is of one who died */

static bool half_written(const char *path)
{
    struct file_stamp stamp;
    size_t n = strlen(path);
    return n > 4 && strcmp(path + n - 4, ".tmp") == 0 && file_stamp(path, &stamp, NULL) == ERR_OK &&
           stamp.changed_ns / 1000 < clock_wall_us() - HALF_WRITTEN_S * 1000000ll;
}

/* "0123456789abcdef-int8.pack": of the same kind, of other weights; what runs with them keeps its
 * mapping. And what a crash left half. */
static void remove_older(const char *place, const char *name)
{
    char **names = NULL, path[4400];
    size_t count = 0;
    const char *kind = strchr(name, '-');
    if (!kind || file_list(place, &names, &count, NULL))
        return;
    for (size_t i = 0; i < count; i++) {
        const char *other = strchr(names[i], '-');
        snprintf(path, sizeof path, "%s/%.200s", place, names[i]);
        if ((other && strcmp(other, kind) == 0 && strcmp(names[i], name) != 0) ||
            half_written(path))
            (void)!file_remove(path, NULL);
        free(names[i]);
    }
    free(names);
}

enum err home_write(struct home *h, const char *name,
                    enum err (*write)(void *ctx, const char *path, struct err_info *e), void *ctx,
                    char *path, struct err_info *e)
{
    enum err err = ERR_DENIED;
    struct err_info first = {0};
    for (unsigned i = 0; i < h->place_count; i++) {
        struct err_info fault = {0};
        snprintf(path, 4200, "%s/%s", h->places[i], name);
        err = file_mkdirs(h->places[i], 0700, &fault);
        if (!err)
            err = write(ctx, path, &fault);
        if (!err) {
            remove_older(h->places[i], name);
            return ERR_OK;
        }
        if (!first.code)
            first = fault;
    }
    return err_set(e, err, "packed", "%s", first.message[0] ? first.message : "no folder for it");
}

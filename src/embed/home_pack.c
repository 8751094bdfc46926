#include "embed/home_pack.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include <stdio.h>
#include <string.h>

enum { PATH_BYTES = 4200 };

void pack_id_make(const char *content, const char *kind, struct pack_id *out)
{
    char hex[65];
    struct sha256 sum;
    sha256_init(&sum);
    sha256_add(&sum, content, strlen(content));
    sha256_end(&sum, out->key);
    sha256_hex(out->key, hex);
    snprintf(out->name, sizeof out->name, "%.16s-%s.pack", hex, kind);
}

static void pack_path(const struct home *h, unsigned place, const struct pack_id *id,
                      char out[PATH_BYTES])
{
    snprintf(out, PATH_BYTES, "%s/%s", h->places[place], id->name);
}

static void log_bad(const char *path, const struct err_info *e)
{
    log_event(LOG_WARN, "a pack is made anew", LOG_S("file", path), LOG_S("reason", e->message));
}

enum err home_pack_open(const struct home *h, const struct pack_id *id,
                        enum err (*take)(void *ctx, struct pack *p, struct err_info *e), void *ctx)
{
    for (unsigned i = 0; i < h->place_count; i++) {
        char path[PATH_BYTES];
        struct pack *p = NULL;
        struct err_info e = {0};
        pack_path(h, i, id, path);
        if (!file_exists(path))
            continue;
        enum err err = pack_open(path, id->key, &p, &e);
        if (!err)
            err = take(ctx, p, &e);
        if (!err)
            return ERR_OK;
        pack_close(p);
        log_bad(path, &e);
    }
    return ERR_NOT_FOUND;
}

struct writing {
    const struct pack_id *id;
    enum err (*write)(void *ctx, const char *path, const uint8_t *key, struct err_info *e);
    void *ctx;
};

static enum err write_and_check(void *ctx, const char *path, struct err_info *e)
{
    const struct writing *w = ctx;
    struct pack *written = NULL;
    enum err err = w->write(w->ctx, path, w->id->key, e);
    if (!err)
        err = pack_open(path, w->id->key, &written, e);
    if (!err)
        err = pack_check(written, e);
    pack_close(written);
    return err;
}

enum err home_pack_write(struct home *h, const struct pack_id *id,
                         enum err (*write)(void *ctx, const char *path, const uint8_t *key,
                                           struct err_info *e),
                         void *ctx, struct err_info *e)
{
    char path[PATH_BYTES];
    return home_write(h, id->name, write_and_check, &(struct writing){id, write, ctx}, path, e);
}

static void check(const char *path, const struct pack_id *id)
{
    struct pack *p = NULL;
    struct err_info e = {0};
    enum err err = pack_open(path, id->key, &p, &e);
    if (!err)
        err = pack_check(p, &e);
    pack_close(p);
    if (!err)
        return;
    log_bad(path, &e);
    (void)!file_remove(path, NULL);
}

void home_pack_check(const struct home *h, const struct pack_id *id)
{
    for (unsigned i = 0; i < h->place_count; i++) {
        char path[PATH_BYTES];
        pack_path(h, i, id, path);
        if (file_exists(path))
            check(path, id);
    }
}

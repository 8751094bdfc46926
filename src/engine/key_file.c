/* DATA/admin.key, which the first start beyond this machine writes, and which commands on this
 * machine read: it holds a key that works, or is not there. */
#include "base/file.h"
#include "base/log.h"
#include "engine/internal.h"
#include "engine/keys.h"
#include <stdlib.h>
#include <string.h>

static char *key_path(struct engine *x, struct arena *a)
{
    return arena_printf(a, "%s/" KEY_FILE, x->data_dir);
}

/* The key in it; empty: none, or something that is not ours. */
static struct str file_text(const char *path, struct arena *a, struct str *id)
{
    char *text;
    size_t n;
    if (!file_exists(path) || file_read_all(path, 4096, &text, &n, NULL))
        return STR("");
    struct str key = arena_str(a, str_trim((struct str){text, n}));
    free(text);
    return key_parse(key, id) ? STR("") : key;
}

static void file_drop(const char *path, const char *why)
{
    struct err_info e = {0};
    if (file_remove(path, &e))
        log_event(LOG_ERROR, "a file holds a key that does not work: remove it",
                  LOG_S("file", path), LOG_S("error", e.message));
    else
        log_event(LOG_WARN, "the file of the first key was removed", LOG_S("file", path),
                  LOG_S("why", why));
}

enum err key_file_write(struct engine *x, const char *text, struct err_info *e)
{
    struct arena *a = arena_new(0);
    const char *line = arena_printf(a, "%s\n", text);
    enum err err = file_write_atomic(key_path(x, a), line, strlen(line), 0600, e);
    arena_free(a);
    return err;
}

void key_file_follow(struct engine *x, struct str id, const char *text, const char *why)
{
    struct arena *a = arena_new(0);
    struct err_info e = {0};
    struct str in_file;
    const char *path = key_path(x, a);
    if (file_text(path, a, &in_file).n && str_eq(in_file, id)) {
        if (!text)
            file_drop(path, why);
        else if (key_file_write(x, text, &e))
            file_drop(path, e.message);
    }
    arena_free(a);
}

void key_file_check(struct engine *x)
{
    struct arena *a = arena_new(0);
    struct caller as;
    struct str id;
    const char *path = key_path(x, a);
    struct str text = file_text(path, a, &id);
    if (text.n) {
        enum key_verdict v = engine_key_check(x, text, STR(""), a, &as);
        if (v == KEY_UNKNOWN || v == KEY_EXPIRED)
            file_drop(path, v == KEY_EXPIRED ? "its key has expired" : "its key is not known");
    }
    arena_free(a);
}

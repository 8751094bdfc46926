#include "engine/settings_quota.h"
#include <stdio.h>
#include <string.h>

static enum err read_bound(uint64_t *out, const json_t *v, const char *pointer, struct err_info *e)
{
    int64_t n = 0;
    if (!json_is_null(v) && (!json_whole(v, &n) || n < 1 || n > QUOTA_MAX))
        return err_set(e, ERR_INVALID, pointer, "must be a whole number from 1, or null: no bound");
    *out = json_is_null(v) ? 0 : (uint64_t)n;
    return 0;
}

enum err quota_settings_merge(struct quota_settings *q, const json_t *object, struct err_info *e)
{
    struct quota_settings new = *q;
    const char *key;
    json_t *v;
    if (json_is_null(object)) {
        *q = (struct quota_settings){0};
        return 0;
    }
    if (!json_is_object(object))
        return err_set(e, ERR_INVALID, "/quota",
                       "must be an object such as {\"documents\":1000000}, or null: no quota");
    json_object_foreach((json_t *)object, key, v)
    {
        enum err err;
        char pointer[96];
        snprintf(pointer, sizeof pointer, "/quota/%.80s", key);
        if (strcmp(key, "documents") == 0)
            err = read_bound(&new.documents, v, pointer, e);
        else if (strcmp(key, "bytes") == 0)
            err = read_bound(&new.bytes, v, pointer, e);
        else
            err = err_set(e, ERR_INVALID, pointer, "unknown; there are documents and bytes");
        if (err)
            return err;
    }
    *q = new;
    return 0;
}

static void print_bound(struct json_writer *w, const char *key, uint64_t n)
{
    json_key(w, key);
    if (n)
        json_put_int(w, (int64_t)n);
    else
        json_put_null(w);
}

void quota_settings_print(const struct quota_settings *q, struct json_writer *w)
{
    json_object_begin(w);
    print_bound(w, "bytes", q->bytes);
    print_bound(w, "documents", q->documents);
    json_object_end(w);
}

/* A model with an adapter behind it: its directory, and what opening adds. */
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "embed/model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DESCRIPTION "adapter.json"
#define DESCRIPTION_MAX 4096
#define PATH_MAX_BYTES 4300

enum err model_adapt(struct model *m, const char *path, struct err_info *e)
{
    struct model_info *i = &m->info;
    struct sha256 sum;
    uint8_t bytes[32];
    enum err err = adapter_load(path, &m->adapter, e);
    if (err)
        return err;
    if (m->adapter->dims != i->dims)
        return err_set(e, ERR_INVALID, "adapter",
                       "%.200s is for vectors of %u dimensions, the model's have %u", path,
                       m->adapter->dims, i->dims);
    memcpy(i->base_digest, i->digest, sizeof i->base_digest);
    sha256_init(&sum);
    sha256_add(&sum, i->digest, 64);
    sha256_add(&sum, m->adapter->digest, 64);
    sha256_end(&sum, bytes);
    sha256_hex(bytes, i->digest);
    return ERR_OK;
}

void model_adapt_row(const struct model *m, float *row)
{
    adapter_apply(m->adapter, row, 1);
}

void model_adapter_name(const char *path, char *out, size_t cap)
{
    char dir[PATH_MAX_BYTES];
    snprintf(dir, sizeof dir, "%s", path);
    char *end = strrchr(dir, '/');
    if (end)
        *end = 0;
    model_name_from_dir(dir, out, cap);
}

enum err model_adapter_base(const char *dir, char base[96], struct err_info *e)
{
    char path[PATH_MAX_BYTES + 16], *text;
    size_t n;
    json_t *found = NULL;
    struct err_info own = {0};
    base[0] = 0;
    snprintf(path, sizeof path, "%s/" DESCRIPTION, dir);
    enum err err = file_read_all(path, DESCRIPTION_MAX, &text, &n, &own);
    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    if (err)
        return err_set(e, err, own.field, "%s", own.message);
    err = json_parse((struct str){text, n}, &found, e);
    free(text);
    struct str name = json_str(json_object_get(found, "base"));
    if (!err && (name.n == 0 || name.n >= 96))
        err = err_set(e, ERR_INVALID, DESCRIPTION, "%.200s names no \"base\"", path);
    if (!err)
        snprintf(base, 96, "%.*s", STR_ARG(name));
    json_decref(found);
    return err;
}

static enum err write_files(const char *dir, const char *base, const struct adapter *a,
                            struct err_info *e)
{
    char path[PATH_MAX_BYTES + 16];
    struct strbuf text;
    struct json_writer w;
    enum err err = file_mkdirs(dir, 0700, e);
    snprintf(path, sizeof path, "%s/" MODEL_ADAPTER_FILE, dir);
    if (!err)
        err = adapter_save(a, path, e);
    strbuf_init(&text, 0);
    json_writer_init(&w, &text);
    json_object_begin(&w);
    json_key_c(&w, "base", base);
    json_object_end(&w);
    snprintf(path, sizeof path, "%s/" DESCRIPTION, dir);
    if (!err)
        err = file_write_atomic(path, text.buf, text.n, 0600, e);
    strbuf_release(&text);
    return err;
}

enum err model_adapter_install(const char *dir, const char *base, const struct adapter *a,
                               struct err_info *e)
{
    char beside[PATH_MAX_BYTES];
    if (snprintf(beside, sizeof beside, "%s.part", dir) > (int)4200)
        return err_set(e, ERR_INVALID, "model", "the path of the model directory is too long");
    if (file_is_dir(dir))
        return err_set(e, ERR_CONFLICT, "model", "%.300s exists", dir);
    enum err err = file_remove_tree(beside, e);
    if (!err)
        err = write_files(beside, base, a, e);
    if (!err)
        err = file_rename(beside, dir, e);
    if (err)
        (void)!file_remove_tree(beside, NULL);
    return err;
}

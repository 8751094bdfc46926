/* The models that are open. A version names its model by the directory's name, precision and
 * dimensions; who takes the same gets the same one. One that nobody uses any more is closed. */
#include "base/file.h"
#include "engine/internal.h"
#include "math/adapter.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_NAME_MAX 95
#define STUB "stub" /* a test tool: only where it is the default */

struct model_entry {
    struct model_entry *next;
    char dir[600];
    enum precision asked; /* AUTO or not; the model's own says what came of it */
    unsigned dimensions;
    struct model *model;
    unsigned users;
};

/* ---- names ---- */

static struct str base_name(const char *dir)
{
    size_t n = strlen(dir), start;
    while (n > 1 && dir[n - 1] == '/')
        n--;
    for (start = n; start > 0 && dir[start - 1] != '/';)
        start--;
    return (struct str){dir + start, n - start};
}

bool model_is_default(struct engine *x, struct str name)
{
    return name.n == 0 || str_eq(name, base_name(x->options.model_dir)) ||
           (x->model_info && str_eq_c(name, x->model_info->name));
}

static bool models_path(struct engine *x, struct str name, char *out, size_t size)
{
    return snprintf(out, size, "%s/models/%.*s", x->data_dir, STR_ARG(name)) < (int)size;
}

void model_take_name(struct engine *x, struct str name, char out[96])
{
    char path[600];
    struct str base = base_name(x->options.model_dir);
    if (!model_is_default(x, name))
        base = name;
    else if (!models_path(x, base, path, sizeof path) || !file_is_dir(path))
        base = str_c(x->model_info->name); /* a directory elsewhere: the model's own name */
    snprintf(out, MODEL_NAME_MAX + 1, "%.*s", STR_ARG(base));
}

static enum err model_dir(struct engine *x, struct str name, char *out, size_t size,
                          struct err_info *e)
{
    bool good = name.n <= MODEL_NAME_MAX && (name.n == 0 || name.s[0] != '.');
    for (size_t i = 0; good && i < name.n; i++)
        good = name.s[i] != '/' && (unsigned char)name.s[i] >= 0x20;
    if (!good)
        return err_set(e, ERR_INVALID, "/model",
                       "must be the name of a model in DATA/models, at most %d bytes",
                       MODEL_NAME_MAX);
    if (model_is_default(x, name)) {
        if (snprintf(out, size, "%s", x->options.model_dir) < (int)size)
            return 0;
        return err_set(e, ERR_INVALID, "/model", "the path of the model directory is too long");
    }
    if (!str_eq_c(name, STUB) && models_path(x, name, out, size) && file_is_dir(out))
        return 0;
    return err_set(e, ERR_NOT_FOUND, "/model",
                   "there is no model \"%.*s\" in %s/models; get it with `akin model pull`",
                   STR_ARG(name), x->data_dir);
}

/* ---- the list ---- */

static struct model_entry *entry_find(struct engine *x, const char *dir, enum precision precision,
                                      unsigned dimensions)
{
    lock_assert_held(&x->models_lock);
    for (struct model_entry *m = x->models; m; m = m->next) {
        const struct model_info *i = model_info(m->model);
        bool fits =
            precision == PRECISION_AUTO ? m->asked == PRECISION_AUTO : i->precision == precision;
        unsigned cut = dimensions == i->dims_full ? 0 : dimensions;
        if (fits && m->dimensions == cut && strcmp(m->dir, dir) == 0)
            return m;
    }
    return NULL;
}

static struct model *entry_use(struct engine *x, const char *dir, enum precision precision,
                               unsigned dimensions)
{
    lock_take(&x->models_lock);
    struct model_entry *m = entry_find(x, dir, precision, dimensions);
    if (m)
        m->users++;
    lock_drop(&x->models_lock);
    return m ? m->model : NULL;
}

/* Two that open the same at a time: the second one's is closed again. */
static struct model *entry_add(struct engine *x, const char *dir, enum precision asked,
                               unsigned dimensions, struct model *model)
{
    const struct model_info *i = model_info(model);
    unsigned cut = dimensions == i->dims_full ? 0 : dimensions;
    lock_take(&x->models_lock);
    struct model_entry *m = entry_find(x, dir, i->precision, cut);
    if (!m) {
        m = xcalloc(1, sizeof *m);
        snprintf(m->dir, sizeof m->dir, "%s", dir);
        m->asked = asked;
        m->dimensions = cut;
        m->model = model_ref(model);
        m->next = x->models;
        x->models = m;
    }
    m->users++;
    lock_drop(&x->models_lock);
    model_unref(model);
    return m->model;
}

/* The provider's is the default one as it was opened; there is no other. */
static enum err remote_take(struct engine *x, const char *dir, enum precision precision,
                            unsigned dimensions, struct model **out, struct err_info *e)
{
    struct model *opened;
    if (precision == PRECISION_BF16 || precision == PRECISION_INT8)
        return err_set(e, ERR_INVALID, "precision", "a provider's model has no precision");
    if (dimensions && dimensions != x->model_info->dims)
        return err_set(e, ERR_INVALID, "dimensions",
                       "of a provider's model are set by embed.dimensions (now %u)",
                       x->model_info->dims);
    if ((*out = entry_use(x, dir, PRECISION_FP32, 0)))
        return 0;
    enum err err = remote_model_open(x, &opened, e);
    if (!err)
        *out = entry_add(x, dir, PRECISION_FP32, 0, opened);
    return err;
}

/* The model of a directory, or, if it holds an adapter, its base with that. */
static enum err open_with_adapter(struct engine *x, const char *dir, struct model_options *o,
                                  struct model **out, struct err_info *e)
{
    char base[96], base_dir[600], file[640];
    enum err err = model_adapter_base(dir, base, e);
    if (!err && !base[0])
        return model_open(dir, o, out, e);
    if (!err && x->options.remote && model_is_default(x, str_c(base)))
        err = err_set(e, ERR_UNSUPPORTED, "/model", "an adapter needs a model that runs here");
    if (!err)
        err = model_dir(x, str_c(base), base_dir, sizeof base_dir, e);
    snprintf(file, sizeof file, "%s/" MODEL_ADAPTER_FILE, dir);
    o->adapter = file;
    return err ? err : model_open(base_dir, o, out, e);
}

enum err model_take(struct engine *x, struct str name, enum precision precision,
                    unsigned dimensions, struct model **out, struct err_info *e)
{
    char dir[600];
    struct model *opened;
    char cache[600];
    struct model_options o = {.precision = precision, .dimensions = dimensions, .cache_dir = cache};
    snprintf(cache, sizeof cache, "%s/packed", x->data_dir);
    enum err err = model_dir(x, name, dir, sizeof dir, e);
    if (err)
        return err;
    if (x->options.remote && model_is_default(x, name))
        return remote_take(x, dir, precision, dimensions, out, e);
    if ((*out = entry_use(x, dir, precision, dimensions)))
        return 0;
    if ((err = open_with_adapter(x, dir, &o, &opened, e)))
        return err;
    *out = entry_add(x, dir, precision, dimensions, opened);
    return 0;
}

enum err choice_take(struct engine *x, const struct version_choice *choice, struct model **out,
                     struct err_info *e)
{
    enum precision precision = PRECISION_AUTO;
    struct err_info info = {0};
    enum err err =
        choice->precision.n ? precision_parse(choice->precision, &precision, &info) : ERR_OK;
    if (!err && precision == PRECISION_AUTO && choice->dimensions == 0 &&
        model_is_default(x, choice->model))
        precision = x->model_info->precision; /* resolved, and open */
    if (!err)
        err = model_take(x, choice->model, precision, choice->dimensions, out, &info);
    if (!err)
        return 0;
    const char *field = strcmp(info.field, "precision") == 0       ? "/precision"
                        : strstr(info.field, "dimensions") != NULL ? "/dimensions"
                                                                   : "/model";
    return err_set(e, err, field, "%s", info.message);
}

void model_release(struct engine *x, struct model *m)
{
    struct model_entry *idle = NULL;
    if (!m)
        return;
    lock_take(&x->models_lock);
    struct model_entry **at = &x->models;
    while (*at && (*at)->model != m)
        at = &(*at)->next;
    assert(*at && (*at)->users > 0);
    if (--(*at)->users == 0) {
        idle = *at;
        *at = idle->next;
    }
    lock_drop(&x->models_lock);
    if (idle)
        model_unref(idle->model);
    free(idle);
}

void models_close(struct engine *x)
{
    assert(!x->models); /* everybody gave back what was taken */
}

/* ---- what a passage may have ---- */

static unsigned own_tokens(const struct model *m)
{
    return tokenizer_specials(model_tokenizer(m)) + model_info(m)->prefix_tokens[ROLE_PASSAGE];
}

unsigned model_tokens_max(const struct model *m)
{
    return model_info(m)->tokens_max - own_tokens(m);
}

unsigned model_tokens_best(const struct model *m)
{
    return model_info(m)->tokens_best - own_tokens(m);
}

/* ---- care ---- */

static struct model_entry *entry_at(struct engine *x, size_t i)
{
    struct model_entry *m = x->models;
    for (; m && i; i--)
        m = m->next;
    return m;
}

static enum err files_verify(const char *dir, const char *cache, struct err_info *e)
{
    char base[96], file[640];
    struct adapter *a = NULL;
    enum err err = model_adapter_base(dir, base, e);
    if (!err && !base[0])
        return model_verify(dir, cache, e);
    snprintf(file, sizeof file, "%s/" MODEL_ADAPTER_FILE, dir);
    err = err ? err : adapter_load(file, &a, e);
    adapter_free(a);
    return err;
}

void models_verify(struct engine *x,
                   void (*each)(void *ctx, const char *dir, enum err err,
                                const struct err_info *info),
                   void *ctx)
{
    char dir[600], before[600] = "", cache[600];
    snprintf(cache, sizeof cache, "%s/packed", x->data_dir);
    for (size_t i = 0;; i++) {
        lock_take(&x->models_lock);
        const struct model_entry *m = entry_at(x, i);
        if (m)
            memcpy(dir, m->dir, sizeof dir);
        lock_drop(&x->models_lock);
        if (!m)
            return;
        if (!file_is_dir(dir) || strcmp(dir, before) == 0)
            continue; /* a provider's, the stub; or the same one, run otherwise */
        struct err_info info = {0};
        enum err err = files_verify(dir, cache, &info);
        each(ctx, dir, err, &info);
        memcpy(before, dir, sizeof before);
    }
}

/* The engine with a remote model: it starts while the provider is away, and no write is refused for
 * that: what cannot be embedded now is stored pending, found by its words, and embedded by the
 * keeper. */
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "engine/internal.h"
#include <stdlib.h>
#include <string.h>

/* DATA/PROVIDER: what the first answer told, so that a later start need not ask.
 *
 *     {"dims":1536,"mean_cosine":0.08,"provider":"<digest of address, model, dimensions wanted>"}
 */
#define FILE_NAME "PROVIDER"
#define FILE_BYTES_MAX 4096

static void provider_digest(const struct remote_options *o, char out[65])
{
    struct strbuf b;
    struct sha256 s;
    uint8_t sum[32];
    strbuf_init(&b, 0);
    strbuf_printf(&b, "%s\n%s\n%u", o->base_url ? o->base_url : "", o->model ? o->model : "",
                  o->dims);
    sha256_init(&s);
    sha256_add(&s, b.buf, b.n);
    sha256_end(&s, sum);
    sha256_hex(sum, out);
    strbuf_release(&b);
}

static void provider_path(const struct engine *x, struct strbuf *out)
{
    strbuf_init(out, 0);
    strbuf_printf(out, "%s/" FILE_NAME, x->data_dir);
}

/* Fills in dims_known and mean_cosine_known. A file that cannot be read is none. */
static void provider_recall(const struct engine *x, struct remote_options *o)
{
    char digest[65], *text = NULL;
    size_t n;
    struct strbuf path;
    json_t *v = NULL;
    provider_digest(o, digest);
    provider_path(x, &path);
    if (file_exists(path.buf) && !file_read_all(path.buf, FILE_BYTES_MAX, &text, &n, NULL) &&
        !json_parse((struct str){text, n}, &v, NULL) &&
        str_eq_c(json_str(json_object_get(v, "provider")), digest)) {
        int64_t dims = json_integer_value(json_object_get(v, "dims"));
        double mean = json_number_value(json_object_get(v, "mean_cosine"));
        if (dims > 0 && dims <= UINT16_MAX && mean > -1 && mean < 1) {
            o->dims_known = (unsigned)dims;
            o->mean_cosine_known = (float)mean;
        }
    }
    json_decref(v);
    free(text);
    strbuf_release(&path);
}

static enum err provider_keep(const struct engine *x, const struct remote_options *o,
                              const struct model_info *m, struct err_info *e)
{
    char digest[65];
    struct strbuf path, out;
    struct json_writer w;
    provider_digest(o, digest);
    provider_path(x, &path);
    strbuf_init(&out, 0);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_key_int(&w, "dims", m->dims);
    json_key(&w, "mean_cosine");
    json_put_float(&w, m->mean_cosine);
    json_key_c(&w, "provider", digest);
    json_object_end(&w);
    enum err err = file_write_atomic(path.buf, out.buf, out.n, 0600, e);
    strbuf_release(&out);
    strbuf_release(&path);
    return err;
}

enum err remote_model_open(struct engine *x, struct model **out, struct err_info *e)
{
    struct remote_options o = *x->options.remote;
    struct model *m = NULL;
    provider_recall(x, &o);
    enum err err = model_open_remote(&o, &m, e);
    if (!err && model_remote_learned(m) && (err = provider_keep(x, &o, model_info(m), e))) {
        model_unref(m);
        return err;
    }
    if (!err)
        *out = m;
    return err;
}

static void drafts_defer(struct draft *drafts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct draft *d = &drafts[i];
        if (!d->err && !d->done && d->plan == PLAN_EMBED && !d->embedded)
            d->plan = PLAN_PENDING;
    }
}

bool remote_is_away(const struct model *m, enum err err)
{
    return model_is_remote(m) &&
           (err == ERR_UNAVAILABLE || err == ERR_TIMEOUT || err == ERR_CANCELLED);
}

enum err drafts_embed_or_defer(struct version *v, struct draft *drafts, size_t count,
                               enum lane lane, int64_t deadline_ns, struct arena *a,
                               struct err_info *e)
{
    struct err_info info = {0};
    enum err err = drafts_embed(v, drafts, count, lane, deadline_ns, a, &info);
    if (!err || !model_is_remote(v->model))
        return err ? err_set(e, err, info.field, "%s", info.message) : 0;
    metric_error(v->collection->engine, err);
    drafts_defer(drafts, count);
    return 0;
}

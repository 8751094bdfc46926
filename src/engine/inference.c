/* The model as such: its description and embeddings of texts that are not stored. */
#include "engine/internal.h"
#include "math/dot.h"
#include <stdlib.h>
#include <string.h>

void engine_models(struct engine *x, struct arena *a, struct model_out **out, size_t *count)
{
    const struct model_info *m = x->model_info;
    *out = arena_array(a, 1, sizeof **out);
    *count = 1;
    (*out)[0] = (struct model_out){
        .name = str_c(m->name),
        .digest = str_c(m->digest),
        .precision = str_c(precision_name(m->precision)),
        .pooling = str_c(m->pooling),
        .dims = m->dims,
        .tokens_max = m->tokens_max,
    };
}

/* The first `dims` of each row, of length 1 again; rows move together. */
static void rows_shorten(float *rows, size_t count, unsigned from, unsigned dims)
{
    for (size_t i = 0; i < count; i++) {
        memmove(rows + i * dims, rows + i * from, dims * sizeof *rows);
        normalise_f32(rows + i * dims, dims);
    }
}

enum err engine_embeddings(struct engine *x, const struct str *texts, size_t count,
                           unsigned dimensions, enum lane lane, int64_t deadline_ns,
                           struct arena *a, float **out, unsigned *dims, uint64_t *tokens,
                           struct err_info *e)
{
    unsigned full = x->model_info->dims;
    struct err_info info = {0};
    if (dimensions > full)
        return err_set(e, ERR_INVALID, "/dimensions",
                       "must be 1 to %u, the dimensions of the model", full);
    struct embed_text *in = arena_array(a, count + 1, sizeof *in);
    float *rows = arena_array(a, count * full + 1, sizeof *rows);
    for (size_t i = 0; i < count; i++)
        in[i] = (struct embed_text){.text = texts[i], .out = rows + i * full};
    enum err err =
        embedder_embed(x->embedder, x->model, ROLE_NONE, lane, in, count, deadline_ns, &info);
    if (err) {
        char pointer[sizeof info.field + 8];
        snprintf(pointer, sizeof pointer, "/input%s", info.field);
        metric_error(x, err);
        return err_set(e, err, err == ERR_TOO_LARGE ? pointer : info.field, "%s", info.message);
    }
    *tokens = 0;
    for (size_t i = 0; i < count; i++)
        *tokens += in[i].tokens;
    *dims = dimensions ? dimensions : full;
    if (*dims < full)
        rows_shorten(rows, count, full, *dims);
    *out = rows;
    return 0;
}

unsigned engine_retry_after_s(struct engine *x)
{
    struct embed_load load;
    embedder_load(x->embedder, &load);
    return load.retry_after_s ? load.retry_after_s : 1;
}

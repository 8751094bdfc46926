/* The vectors of a version whose model is another's with an adapter: made of the stored vectors of
 * a version of that other model, so that nothing has to be embedded again. */
#include "engine/internal.h"
#include "math/half.h"
#include <string.h>

/* A version of the model as it is without the adapter; with a reference, NULL: there is none. */
static struct version *base_of(struct version *v)
{
    struct version *found = NULL;
    const char *digest = model_info(v->model)->base_digest;
    for (struct version *o = NULL; digest[0] && (o = version_next(v->collection, o));)
        if (!found && strcmp(o->model_digest, digest) == 0 && o->dims == v->dims)
            found = version_find(v->collection, o->id);
    return found;
}

static void draft_adapt(const struct version *v, const struct document_record *d, struct draft *out,
                        struct arena *a)
{
    float *row = arena_array(a, v->dims, sizeof *row);
    for (uint32_t i = 0; i < d->passage_count; i++)
        if (!d->passages[i].vector)
            return;
    out->passages = arena_array(a, d->passage_count + 1, sizeof *out->passages);
    for (uint32_t i = 0; i < d->passage_count; i++) {
        uint16_t *half = arena_array(a, v->dims, sizeof *half);
        half_to_f32(d->passages[i].vector, row, v->dims);
        model_adapt_row(v->model, row);
        half_from_f32(row, half, v->dims);
        out->passages[i] = d->passages[i];
        out->passages[i].vector = half;
    }
    out->passage_count = d->passage_count;
    out->split = out->embedded = true;
}

enum err drafts_adapt(struct version *v, const struct document_record *docs, struct draft *drafts,
                      size_t count, struct arena *a, struct err_info *e)
{
    struct version *base = base_of(v);
    if (!base)
        return 0;
    uint32_t *numbers = arena_array(a, count + 1, sizeof *numbers);
    struct document_record *rows = arena_array(a, count + 1, sizeof *rows);
    for (size_t i = 0; i < count; i++)
        numbers[i] = docs[i].number;
    enum err err =
        version_passages(base, a, numbers, count, DOCUMENT_PASSAGES | DOCUMENT_VECTORS, rows, e);
    version_unref(base);
    for (size_t i = 0; i < count && !err; i++)
        if (!drafts[i].err && rows[i].number && rows[i].revision == docs[i].revision &&
            rows[i].state == DOCUMENT_READY && rows[i].passage_count > 0)
            draft_adapt(v, &rows[i], &drafts[i], a);
    return err;
}

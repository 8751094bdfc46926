/* similar: the vector that is looked near, from examples, a text of any length or as it is given.
 */
#include "engine/find_impl.h"
#include "math/dot.h"
#include "math/half.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* The mean of the examples' vectors; they themselves are not wanted in the answer. */
static enum err vector_of_ids(struct find *f, struct err_info *e)
{
    const struct find_request *r = f->r;
    unsigned dims = f->v->dims;
    uint32_t *numbers = arena_array(f->a, r->id_count, sizeof *numbers);
    float *one = arena_array(f->a, dims, sizeof *one);
    size_t found = 0;
    char pointer[40] = "/id";
    enum err err = numbers_of_ids(f->c, &f->sight, f->a, r->ids, r->id_count, numbers, e);
    for (size_t i = 0; i < r->id_count && !err; i++) {
        snprintf(pointer, sizeof pointer, r->id_alone ? "/id" : "/ids/%zu", i);
        if (numbers[i] == 0)
            return err_set(e, ERR_NOT_FOUND, pointer,
                           "there is no document \"%.*s\" in this collection",
                           (int)(r->ids[i].n < 200 ? r->ids[i].n : 200), r->ids[i].s);
        docset_add(&f->without, numbers[i]);
        if (!vectors_document(f->v->vectors, numbers[i], one))
            continue; /* pending */
        found++;
        for (unsigned d = 0; d < dims; d++)
            f->vector[d] += one[d];
    }
    if (!err && (found == 0 || !(normalise_f32(f->vector, dims) > 1e-9f)))
        err = err_set(e, ERR_UNAVAILABLE, r->id_alone ? "/id" : "/ids",
                      "is not embedded yet; try again in a moment");
    return err;
}

/* A text of any length: the mean of its passages' vectors, made as a document's would be. */
static enum err vector_of_text(struct find *f, struct err_info *e)
{
    unsigned dims = f->v->dims;
    struct document_rules rules;
    struct draft d = {.text = f->r->text, .plan = PLAN_EMBED};
    enum err err = version_check_model(f->v, e);
    if (err)
        return err;
    if ((err = text_nfc(f->a, d.text, &d.text, e)))
        return err;
    if (str_trim(d.text).n == 0)
        return err_set(e, ERR_INVALID, "/text", "must not be empty");
    collection_rules(f->c, &rules);
    drafts_split(f->v, &rules, &d, 1, f->a);
    if (d.err)
        return err_set(e, d.err, "/text", "%s", d.info.message);
    if ((err = drafts_embed(f->v, &d, 1, LANE_INTERACTIVE, f->r->deadline_ns, f->a, e)))
        return err;
    for (uint32_t p = 0; p < d.passage_count; p++)
        for (unsigned i = 0; i < dims; i++)
            f->vector[i] += half_to_float(d.passages[p].vector[i]);
    normalise_f32(f->vector, dims);
    return 0;
}

static enum err vector_given(struct find *f, struct err_info *e)
{
    unsigned dims = f->v->dims;
    if (f->r->vector_dims != dims)
        return err_set(e, ERR_INVALID, "/vector",
                       "must have %u numbers, the dimensions of this collection", dims);
    memcpy(f->vector, f->r->vector, dims * sizeof *f->vector);
    for (unsigned i = 0; i < dims; i++)
        if (!isfinite(f->vector[i])) {
            char pointer[40];
            snprintf(pointer, sizeof pointer, "/vector/%u", i);
            return err_set(e, ERR_INVALID, pointer, "must be a finite number of 32 bits");
        }
    if (!(normalise_f32(f->vector, dims) > 1e-12f))
        return err_set(e, ERR_INVALID, "/vector", "must not be all zeros");
    return 0;
}

enum err find_vector(struct find *f, struct err_info *e)
{
    f->vector = arena_array(f->a, f->v->dims, sizeof *f->vector);
    if (f->r->id_count)
        return vector_of_ids(f, e);
    return f->r->vector ? vector_given(f, e) : vector_of_text(f, e);
}

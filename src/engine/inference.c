/* The models as such: their descriptions, embeddings of texts that are not stored. */
#include "engine/internal.h"
#include "math/dot.h"
#include "text/passage.h"
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
        .vocabulary =
            model_is_remote(x->model) ? 0 : tokenizer_vocab_size(model_tokenizer(x->model)),
    };
}

enum err model_served(struct engine *x, struct str name, struct model **out, struct err_info *e)
{
    if (name.n && !str_eq_c(name, x->model_info->name))
        return err_set(e, ERR_NOT_FOUND, "model", "the model \"%.*s\" is not served",
                       (int)(name.n < 80 ? name.n : 80), name.s);
    *out = x->model;
    return 0;
}

enum embed_role role_of(enum embed_as as)
{
    static const enum embed_role roles[] = {[EMBED_AS_IS] = ROLE_NONE,
                                            [EMBED_AS_QUERY] = ROLE_QUERY,
                                            [EMBED_AS_PASSAGE] = ROLE_PASSAGE};
    return roles[as];
}

struct str text_prefixed(const struct model *m, enum embed_role role, struct str text,
                         struct arena *a)
{
    struct str prefix = str_c(model_info(m)->prefix[role]);
    if (prefix.n == 0)
        return text;
    char *whole = arena_alloc(a, prefix.n + text.n);
    memcpy(whole, prefix.s, prefix.n);
    memcpy(whole + prefix.n, text.s, text.n);
    return (struct str){whole, prefix.n + text.n};
}

/* ---- embeddings ---- */

/* The pieces of all inputs, each small enough for the model. */
struct pieces {
    struct embed_text *list;
    size_t *owner; /* the input that each is of */
    size_t count, cap;
    unsigned dims;
};

static struct embed_text *piece_add(struct pieces *p, size_t owner)
{
    if (p->count == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 64;
        p->list = xrealloc(p->list, p->cap * sizeof *p->list);
        p->owner = xrealloc(p->owner, p->cap * sizeof *p->owner);
    }
    p->owner[p->count] = owner;
    p->list[p->count] = (struct embed_text){0};
    return &p->list[p->count++];
}

static enum err too_long(size_t i, size_t tokens, unsigned max, struct err_info *e)
{
    char field[32];
    snprintf(field, sizeof field, "/%zu", i);
    return err_set(e, ERR_TOO_LARGE, field, "the text has %zu tokens; the model reads at most %u",
                   tokens, max);
}

/* The ids of a text behind its prefix, without special tokens, in the arena. */
static struct embed_input ids_of(const struct model *m, enum embed_role role, struct str text,
                                 struct arena *a)
{
    struct tokens tokens;
    tokens_init(&tokens);
    tokenizer_encode(model_tokenizer(m), text_prefixed(m, role, text, a), false, &tokens);
    uint32_t *ids = arena_array(a, tokens.n + 1, sizeof *ids);
    memcpy(ids, tokens.ids, tokens.n * sizeof *ids);
    size_t n = tokens.n;
    tokens_release(&tokens);
    return (struct embed_input){.ids = ids, .id_count = n};
}

static enum err pieces_split(struct pieces *p, const struct model *m, enum embed_role role,
                             size_t i, struct str text, struct embedded_input *out, struct arena *a,
                             struct err_info *e)
{
    const struct tokenizer *t = model_tokenizer(m);
    const struct model_info *info = model_info(m);
    struct passage_options o = {.tokens_max = info->tokens_max - tokenizer_specials(t) -
                                              info->prefix_tokens[role]};
    struct passage *list;
    size_t count;
    enum err err = passages_split(t, text, &o, a, &list, &count, e);
    for (size_t k = 0; k < count && !err; k++)
        piece_add(p, i)->text = (struct str){text.s + list[k].start, list[k].end - list[k].start};
    out->passages = (unsigned)count;
    return err;
}

/* A provider wants the text itself: of one that is too long, its passages or the first of them. */
static enum err provider_input_add(struct pieces *p, const struct model *m,
                                   const struct embed_request *r, enum embed_role role, size_t i,
                                   struct embedded_input *out, struct arena *a, struct err_info *e)
{
    const struct model_info *info = model_info(m);
    unsigned specials = tokenizer_specials(model_tokenizer(m));
    struct str text = r->inputs[i].text;
    size_t before = p->count, tokens = ids_of(m, role, text, a).id_count + specials;
    if (tokens <= info->tokens_max) {
        piece_add(p, i)->text = text;
        return 0;
    }
    if (r->overflow == OVERFLOW_ERROR)
        return too_long(i, tokens, info->tokens_max, e);
    enum err err = pieces_split(p, m, role, i, text, out, a, e);
    if (!err && r->overflow == OVERFLOW_TRUNCATE && out->passages > 1) {
        p->count = before + 1;
        out->passages = 1;
        out->truncated = true;
    }
    return err;
}

/* An input that may be too long becomes what fits. */
static enum err input_add(struct pieces *p, const struct model *m, const struct embed_request *r,
                          enum embed_role role, size_t i, struct embedded_input *out,
                          struct arena *a, struct err_info *e)
{
    const struct model_info *info = model_info(m);
    struct embed_input in = r->inputs[i];
    size_t room = info->tokens_max - tokenizer_specials(model_tokenizer(m));
    out->passages = 1;
    if (!in.ids && in.text.n + info->prefix_tokens[role] <= room) { /* a token is a byte at least */
        piece_add(p, i)->text = in.text;
        return 0;
    }
    if (!in.ids && model_is_remote(m))
        return provider_input_add(p, m, r, role, i, out, a, e);
    struct embed_input whole = in.ids ? in : ids_of(m, role, in.text, a);
    if (whole.id_count > room && r->overflow == OVERFLOW_ERROR)
        return too_long(i, whole.id_count + tokenizer_specials(model_tokenizer(m)),
                        info->tokens_max, e);
    if (whole.id_count > room && r->overflow == OVERFLOW_SPLIT && !in.ids)
        return pieces_split(p, m, role, i, in.text, out, a, e);
    out->truncated = whole.id_count > room && r->overflow == OVERFLOW_TRUNCATE;
    out->passages = 0;
    do { /* ids that are to be split are cut where they are full */
        struct embed_text *piece = piece_add(p, i);
        piece->ids = whole.ids;
        piece->id_count = whole.id_count < room ? whole.id_count : room;
        whole.ids += piece->id_count;
        whole.id_count -= piece->id_count;
        out->passages++;
    } while (whole.id_count > 0 && !out->truncated);
    return 0;
}

/* The vectors of the pieces into those of the inputs, cut to `dims`, of length 1. */
static void pieces_join(const struct pieces *p, unsigned dims, size_t count,
                        struct embed_answer *out)
{
    memset(out->vectors, 0, count * dims * sizeof *out->vectors);
    for (size_t k = 0; k < p->count; k++) {
        float *row = out->vectors + p->owner[k] * dims, weight = (float)p->list[k].tokens;
        for (unsigned d = 0; d < dims; d++)
            row[d] += weight * p->list[k].out[d];
        out->inputs[p->owner[k]].tokens += p->list[k].tokens;
        out->tokens += p->list[k].tokens;
    }
    for (size_t i = 0; i < count; i++) {
        normalise_f32(out->vectors + i * dims, dims);
        out->truncated += out->inputs[i].truncated;
    }
}

static enum err pieces_embed(struct engine *x, struct model *m, const struct embed_request *r,
                             enum embed_role role, struct pieces *p, struct arena *a,
                             struct err_info *e)
{
    unsigned full = model_info(m)->dims;
    float *rows = arena_array(a, p->count * full + 1, sizeof *rows);
    for (size_t k = 0; k < p->count; k++)
        p->list[k].out = rows + k * full;
    struct err_info info = {0};
    enum err err =
        embedder_embed(x->embedder, m, role, r->lane, p->list, p->count, r->deadline_ns, &info);
    if (!err)
        return 0;
    metric_error(x, err);
    char field[32] = "";
    size_t k = info.field[0] == '/' ? strtoul(info.field + 1, NULL, 10) : p->count;
    if (k < p->count)
        snprintf(field, sizeof field, "/%zu", p->owner[k]);
    return err_set(e, err, field, "%s", info.message);
}

/* The pooled vector as it is: the embedder gives only those of length 1, so each text's tokens are
 * pooled here. */
static enum err raw_vectors(struct engine *x, const struct model_info *m,
                            const struct embed_request *r, struct embed_answer *out,
                            struct err_info *e)
{
    enum err err = 0;
    for (size_t i = 0; i < r->count && !err; i++) {
        struct embed_request one = *r;
        struct embedded_tokens t;
        struct err_info info = {0};
        struct arena *a = arena_new(0);
        char field[32];
        snprintf(field, sizeof field, "/%zu", i);
        one.inputs = r->inputs + i;
        err = engine_embed_tokens(x, &one, a, &t, &info);
        if (err) {
            err_set(e, err, info.field[0] == '/' ? field : info.field, "%s", info.message);
        } else {
            bool mean = strcmp(m->pooling, "mean") == 0, last = strcmp(m->pooling, "last") == 0;
            unsigned first = last ? t.tokens - 1 : 0, end = mean || last ? t.tokens : 1;
            for (unsigned d = 0; d < out->dims; d++) {
                double sum = 0;
                for (unsigned k = first; k < end; k++)
                    sum += (double)t.rows[(size_t)k * t.dims + d];
                out->vectors[i * out->dims + d] = (float)(sum / (end - first));
            }
            out->inputs[i] = (struct embedded_input){t.tokens, 1, t.truncated};
            out->tokens += t.tokens;
            out->truncated += t.truncated;
        }
        arena_free(a);
    }
    return err;
}

enum err engine_embed(struct engine *x, const struct embed_request *r, struct arena *a,
                      struct embed_answer *out, struct err_info *e)
{
    enum embed_role role = role_of(r->as);
    struct model *m = NULL;
    struct pieces p = {0};
    enum err err = model_served(x, r->model, &m, e);
    if (!err && r->dimensions > model_info(m)->dims)
        err = err_set(e, ERR_INVALID, "dimensions", "must be at most %u, what the model has",
                      model_info(m)->dims);
    if (err)
        return err;
    *out = (struct embed_answer){.dims = r->dimensions ? r->dimensions : model_info(m)->dims};
    out->inputs = arena_array(a, r->count + 1, sizeof *out->inputs);
    out->vectors = arena_array(a, r->count * out->dims + 1, sizeof *out->vectors);
    if (r->raw) {
        err = raw_vectors(x, model_info(m), r, out, e);
        metric_truncated(x, err ? 0 : out->truncated);
        return err;
    }
    for (size_t i = 0; i < r->count && !err; i++)
        err = input_add(&p, m, r, role, i, &out->inputs[i], a, e);
    if (!err)
        err = pieces_embed(x, m, r, role, &p, a, e);
    if (!err) {
        pieces_join(&p, out->dims, r->count, out);
        metric_truncated(x, out->truncated);
    }
    free(p.list);
    free(p.owner);
    return err;
}

unsigned engine_retry_after_s(struct engine *x)
{
    struct embed_load load;
    unsigned away_s = model_retry_after_s(x->model);
    if (away_s)
        return away_s;
    embedder_load(x->embedder, &load);
    return load.retry_after_s ? load.retry_after_s : 1;
}

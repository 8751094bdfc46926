/* What a model reads of a text: its tokens, their texts, the vector of each. */
#include "engine/internal.h"
#include <string.h>

static enum err tokens_served(struct engine *x, struct str name, struct model **out,
                              struct err_info *e)
{
    enum err err = model_served(x, name, out, e);
    if (!err && model_is_remote(*out))
        return err_set(e, ERR_INVALID, "model",
                       "a provider embeds: its model's tokenizer is not known here");
    return err;
}

enum err engine_tokenize(struct engine *x, struct str model, enum embed_as as, struct str text,
                         bool specials, struct arena *a, struct token_out **out, size_t *count,
                         struct err_info *e)
{
    struct model *m = NULL;
    struct tokens t;
    enum err err = tokens_served(x, model, &m, e);
    if (err)
        return err;
    tokens_init(&t);
    text = text_prefixed(m, role_of(as), text, a);
    tokenizer_encode(model_tokenizer(m), text, specials, &t);
    *count = t.n;
    *out = arena_array(a, t.n + 1, sizeof **out);
    for (size_t i = 0; i < t.n; i++) {
        struct str token = tokenizer_token(model_tokenizer(m), t.ids[i]);
        bool special = t.starts[i] == t.ends[i];
        struct str piece = {text.s + t.starts[i], t.ends[i] - t.starts[i]};
        (*out)[i] = (struct token_out){t.ids[i], arena_str(a, special ? token : piece), special,
                                       t.starts[i], t.ends[i]};
    }
    tokens_release(&t);
    return 0;
}

enum err engine_decode(struct engine *x, struct str model, const uint32_t *ids, size_t count,
                       bool skip_specials, struct arena *a, struct str *out, struct err_info *e)
{
    struct model *m = NULL;
    struct strbuf text;
    enum err err = tokens_served(x, model, &m, e);
    if (err)
        return err;
    unsigned vocabulary = tokenizer_vocab_size(model_tokenizer(m));
    for (size_t i = 0; i < count; i++) {
        char field[32];
        snprintf(field, sizeof field, "/%zu", i);
        if (ids[i] >= vocabulary)
            return err_set(e, ERR_INVALID, field,
                           "%u is no id of this model's vocabulary of %u tokens", ids[i],
                           vocabulary);
    }
    strbuf_init(&text, 0);
    tokenizer_decode(model_tokenizer(m), ids, count, skip_specials, &text);
    *out = arena_str(a, strbuf_str(&text));
    strbuf_release(&text);
    return 0;
}

enum err engine_embed_tokens(struct engine *x, const struct embed_request *r, struct arena *a,
                             struct embedded_tokens *out, struct err_info *e)
{
    enum embed_role role = role_of(r->as);
    struct model *m = NULL;
    struct tokens t;
    enum err err = tokens_served(x, r->model, &m, e);
    if (err)
        return err;
    const struct model_info *info = model_info(m);
    struct str text = text_prefixed(m, role, r->inputs[0].text, a);
    unsigned specials = tokenizer_specials(model_tokenizer(m)), room = info->tokens_max - specials;
    tokens_init(&t);
    tokenizer_encode(model_tokenizer(m), text, false, &t);
    *out = (struct embedded_tokens){.dims = info->dims_full, .truncated = t.n > room};
    if (t.n > room && r->overflow != OVERFLOW_TRUNCATE) {
        err = err_set(e, ERR_TOO_LARGE, "/0", "the text has %zu tokens; the model reads at most %u",
                      t.n + specials, info->tokens_max);
    } else {
        size_t n = t.n < room ? t.n : room;
        float *vector = arena_array(a, info->dims, sizeof *vector);
        /* without special tokens "" is one token */
        out->rows = arena_array(a, (n + specials + 1) * info->dims_full, sizeof *out->rows);
        struct embed_text one = {.ids = t.ids, .id_count = n, .out = vector, .rows = out->rows};
        err = embedder_embed(x->embedder, m, ROLE_NONE, r->lane, &one, 1, r->deadline_ns, e);
        out->tokens = one.tokens;
    }
    tokens_release(&t);
    return err;
}

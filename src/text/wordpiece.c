/* WordPiece: a word -> the longest token at its start, then the longest that continues it, and so
 * on; if any step finds none, the whole word is unknown. Schuster and Nakajima 2012; Wu et al.
 * 2016. */
#include "text/tokenizer_impl.h"

/* The longest token of v from `at` on; its end in *end. */
static inline uint32_t longest(const struct tokenizer *t, struct view w, size_t at, size_t *end)
{
    const struct vocab *v = &t->vocab;
    uint32_t found = VOCAB_NONE, node = 0;
    if (at > 0) {
        if (!t->continued)
            return VOCAB_NONE;
        node = t->continued_root;
    }
    for (size_t i = at; i < w.n; i++) {
        node = vocab_step(v, node, w.bytes[i]);
        if (!node)
            break;
        if (v->ids[node] != VOCAB_NONE) {
            found = v->ids[node];
            *end = i + 1;
        }
    }
    return found;
}

uint32_t stub_id(struct str word)
{
    return 1000 + (uint32_t)(str_hash(word) % (30522 - 1000));
}

void wordpiece_encode(struct encoder *x, struct view w, uint32_t chars, struct span all)
{
    if (x->t->model == MODEL_STUB) {
        encoder_token(x, stub_id(view_str(w)), all.from, all.to, true);
        return;
    }
    size_t first = x->out->n, end = 0;
    bool good = chars <= x->t->chars_max;
    for (size_t at = 0; good && at < w.n; at = end) {
        uint32_t id = longest(x->t, w, at, &end);
        good = id != VOCAB_NONE;
        if (good)
            encoder_token(x, id, w.spans[at].from, w.spans[end - 1].to, at == 0);
    }
    if (good)
        return;
    x->out->n = first;
    encoder_token(x, x->t->unk, all.from, all.to, true);
}

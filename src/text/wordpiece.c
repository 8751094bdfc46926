/* WordPiece: a word -> the longest token at its start, then the longest that continues it, and so
 * on; if any step finds none, the whole word is unknown. Schuster and Nakajima 2012; Wu et al.
 * 2016. */
#include "text/tokenizer_impl.h"

/* The longest token of w->bytes from `at` on; its end in *end. */
static inline uint32_t longest(const struct tokenizer *t, const struct word *w, size_t at,
                               size_t *end)
{
    const struct vocab *v = &t->vocab;
    uint32_t found = VOCAB_NONE, node = 0;
    if (at > 0) {
        if (!t->continued)
            return VOCAB_NONE;
        node = t->continued_root;
    }
    for (size_t i = at; i < w->n; i++) {
        node = vocab_step(v, node, w->bytes[i]);
        if (!node)
            break;
        if (v->ids[node] != VOCAB_NONE) {
            found = v->ids[node];
            *end = i + 1;
        }
    }
    return found;
}

static void wordpiece_encode(struct encoder *x, const struct word *w)
{
    size_t first = x->out->n, end = 0;
    bool good = w->chars <= x->t->chars_max;
    for (size_t at = 0; good && at < w->n; at = end) {
        uint32_t id = longest(x->t, w, at, &end);
        good = id != VOCAB_NONE;
        if (good)
            encoder_token(x, id, w->from[at], w->to[end - 1], at == 0);
    }
    if (good)
        return;
    x->out->n = first;
    encoder_token(x, x->t->unk, w->first, w->last, true);
}

uint32_t stub_id(struct str word)
{
    return 1000 + (uint32_t)(str_hash(word) % (30522 - 1000));
}

void word_encode(struct encoder *x, const struct word *w)
{
    switch (x->t->model) {
    case MODEL_WORDPIECE:
        wordpiece_encode(x, w);
        break;
    case MODEL_STUB:
        encoder_token(x, stub_id((struct str){(const char *)w->bytes, w->n}), w->first, w->last,
                      true);
        break;
    case MODEL_ESTIMATE: /* its texts do not come here */
        break;
    }
}

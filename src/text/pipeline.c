/* A piece of text through normaliser, pre-tokeniser and model, one after the other, for all that
 * bert_text.c does not do in one pass. */
#include "text/tokenizer_impl.h"
#include "base/arena.h"
#include "text/text.h"
#include <stdlib.h>

struct pipeline {
    struct encoder *x;
    struct normal text, spare;
    struct splitter splitter;
    struct lattice lattice;
    struct bpe_symbols symbols;
    bool head; /* the next token is the first one of its piece */
};

static void token_put(void *ctx, uint32_t id, struct span from)
{
    struct pipeline *p = ctx;
    encoder_token(p->x, id, from.from, from.to, p->head);
    p->head = false;
}

/* The model. */
static void piece_put(void *ctx, struct view v)
{
    struct pipeline *p = ctx;
    const struct tokenizer *t = p->x->t;
    p->head = true;
    switch (t->model) {
    case MODEL_UNIGRAM:
        unigram_encode(&t->unigram, &t->vocab, &p->lattice, v, token_put, p);
        break;
    case MODEL_BPE:
        bpe_encode(&t->bpe, &t->vocab, &p->symbols, v, token_put, p);
        break;
    case MODEL_WORDPIECE:
    case MODEL_STUB:
        wordpiece_encode(p->x, v, (uint32_t)utf8_count(view_str(v)),
                         (struct span){v.spans[0].from, v.spans[v.n - 1].to});
        break;
    case MODEL_ESTIMATE: /* its texts do not come here */
        break;
    }
}

struct pipeline *pipeline_new(struct encoder *x)
{
    struct pipeline *p = xcalloc(1, sizeof *p);
    p->x = x;
    splitter_init(&p->splitter, &x->t->splits, piece_put, p);
    return p;
}

void pipeline_free(struct pipeline *p)
{
    if (!p)
        return;
    normal_release(&p->text);
    normal_release(&p->spare);
    splitter_release(&p->splitter);
    lattice_release(&p->lattice);
    bpe_symbols_release(&p->symbols);
    free(p);
}

void pipeline_piece_encode(struct encoder *x, struct str text, size_t start, size_t end)
{
    struct pipeline *p = x->pipeline;
    struct added_match m;
    size_t at = 0, floor = 0;
    if (start == end)
        return;
    normal_load(&p->text, text, start, end);
    normalizer_apply(&x->t->normalizer, x->heads == NULL, &p->text, &p->spare);
    struct view v = normal_view(&p->text);
    while (added_set_next(&x->t->added_normal, view_str(v), &at, floor, &m)) {
        splitter_run(&p->splitter, view_part(v, floor, m.start));
        encoder_added(x, m.id, v.spans[m.start].from, v.spans[m.end - 1].to);
        floor = m.end;
    }
    splitter_run(&p->splitter, view_part(v, floor, v.n));
}

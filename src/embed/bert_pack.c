/* The encoder's weights as blocks: into a pack, and out of one. */
#include "embed/bert_impl.h"
#include "base/arena.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct bert *bert_new(const struct bert_shape *shape, const struct bert_form *form)
{
    struct bert *b = xcalloc(1, sizeof *b);
    size_t hidden = shape->hidden, wide = shape->intermediate;
    b->shape = *shape;
    b->form = *form;
    b->type = form->type;
    b->layers = xcalloc(shape->layers, sizeof *b->layers);
    for (unsigned i = 0; i < shape->layers; i++) {
        struct layer *y = &b->layers[i];
        y->qkv = (struct linear){form->type, hidden, 3 * hidden, NULL};
        y->attention_out = (struct linear){form->type, hidden, hidden, NULL};
        y->up = (struct linear){form->type, hidden, wide, NULL};
        y->down = (struct linear){form->type, wide, hidden, NULL};
    }
    return b;
}

void *bert_own(struct bert *b, void *p)
{
    b->owned = xrealloc(b->owned, (b->owned_count + 1) * sizeof *b->owned);
    return b->owned[b->owned_count++] = p;
}

void bert_settle(struct bert *b)
{
    size_t hidden = b->shape.hidden;
    b->norm = (struct norm){b->norms, b->norms + hidden};
    for (unsigned i = 0; i < b->shape.layers; i++) {
        struct layer *y = &b->layers[i];
        y->attention_norm = (struct norm){y->norms, y->norms + hidden};
        y->feed_norm = (struct norm){y->norms + 2 * hidden, y->norms + 3 * hidden};
    }
}

__attribute__((format(printf, 4, 5))) static void block(struct bert_block **to, const void **at,
                                                        size_t bytes, const char *name, ...)
{
    struct bert_block *x = (*to)++;
    va_list ap;
    va_start(ap, name);
    vsnprintf(x->name, sizeof x->name, name, ap);
    va_end(ap);
    x->at = at;
    x->bytes = bytes;
    x->lazy = false;
}

static void linear_block(struct bert_block **to, struct linear *l, unsigned layer, const char *name)
{
    block(to, &l->packed, linear_packed_bytes(l->in, l->out, l->type), "%u.%s", layer, name);
}

size_t bert_blocks(struct bert *b, struct bert_block *out)
{
    const struct bert_shape *s = &b->shape;
    struct bert_block *to = out;
    size_t words = (size_t)s->vocab * s->hidden;
    block(&to, &b->words, words * (b->form.words_half ? sizeof(uint16_t) : sizeof(float)), "words");
    out->lazy = true;
    block(&to, (const void **)&b->positions, (size_t)s->positions * s->hidden * sizeof(float),
          "positions");
    block(&to, (const void **)&b->norms, 2 * s->hidden * sizeof(float), "norms");
    if (s->buckets)
        block(&to, (const void **)&b->relative, s->heads * (2 * s->positions - 1) * sizeof(float),
              "relative");
    for (unsigned i = 0; i < s->layers; i++) {
        struct layer *y = &b->layers[i];
        linear_block(&to, &y->qkv, i, "qkv");
        linear_block(&to, &y->attention_out, i, "attention_out");
        linear_block(&to, &y->up, i, "up");
        linear_block(&to, &y->down, i, "down");
        block(&to, (const void **)&y->norms, 4 * s->hidden * sizeof(float), "%u.norms", i);
    }
    return (size_t)(to - out);
}

enum err bert_map(struct pack *p, const struct bert_shape *shape, const struct bert_form *form,
                  struct bert **out, struct err_info *e)
{
    struct bert *b = bert_new(shape, form);
    struct bert_block *blocks = xcalloc(BERT_BLOCKS_MAX(shape->layers), sizeof *blocks);
    size_t count = bert_blocks(b, blocks);
    enum err err = ERR_OK;
    for (size_t i = 0; i < count && !err; i++)
        err = pack_take(p, blocks[i].name, blocks[i].bytes, !blocks[i].lazy, blocks[i].at, e);
    free(blocks);
    if (err) {
        bert_free(b);
        return err;
    }
    b->pack = p;
    bert_settle(b);
    *out = b;
    return ERR_OK;
}

enum err bert_write(const struct bert *b, const char *path, const uint8_t key[PACK_KEY_BYTES],
                    struct err_info *e)
{
    unsigned max = BERT_BLOCKS_MAX(b->shape.layers);
    struct bert_block *blocks = xcalloc(max, sizeof *blocks);
    struct pack_section *sections = xcalloc(max, sizeof *sections);
    size_t count = bert_blocks((struct bert *)b, blocks);
    for (size_t i = 0; i < count; i++) {
        sections[i].p = *blocks[i].at;
        sections[i].bytes = blocks[i].bytes;
        snprintf(sections[i].name, sizeof sections[i].name, "%s", blocks[i].name);
    }
    enum err err = pack_write(path, key, sections, count, e);
    free(blocks);
    free(sections);
    return err;
}

void bert_free(struct bert *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->owned_count; i++)
        free(b->owned[i]);
    pack_close(b->pack);
    free(b->owned);
    free(b->layers);
    free(b);
}

uint64_t bert_bytes(const struct bert *b)
{
    struct bert_block *blocks = xcalloc(BERT_BLOCKS_MAX(b->shape.layers), sizeof *blocks);
    size_t count = bert_blocks((struct bert *)b, blocks);
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += blocks[i].bytes;
    free(blocks);
    return bytes;
}

const struct bert_form *bert_form(const struct bert *b)
{
    return &b->form;
}

const struct pack *bert_pack(const struct bert *b)
{
    return b->pack;
}

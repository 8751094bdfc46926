#include "embed/batch.h"
#include "base/arena.h"
#include "base/hash.h"
#include "text/text.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void batch_init(struct batch *b, size_t count_max)
{
    *b = (struct batch){.count_max = count_max};
    tokens_init(&b->found);
    strbuf_init(&b->prefixed, 0);
}

void batch_release(struct batch *b)
{
    free(b->items);
    free(b->ids);
    tokens_release(&b->found);
    strbuf_release(&b->prefixed);
}

void batch_clear(struct batch *b)
{
    b->count = b->tokens = 0;
}

/* --- the text as it is read --- */

static struct str prefix_of(const struct model *m, enum embed_role role)
{
    return str_c(model_info(m)->prefix[role]);
}

/* In NFC: the text itself, or a copy in *a, which is made when it is needed. Bad UTF-8 is left to
 * the tokenizer, which reads it as U+FFFD. */
static struct str text_read(struct str text, struct arena **a)
{
    struct str out;
    size_t ascii = 0;
    while (ascii < text.n && (unsigned char)text.s[ascii] < 0x80)
        ascii++;
    if (ascii == text.n)
        return text;
    *a = arena_new(0);
    return text_nfc(*a, text, &out, NULL) ? text : out;
}

void embed_key(const struct model *m, enum embed_role role, const struct embed_text *text,
               uint8_t key[EMBED_KEY])
{
    const struct model_info *info = model_info(m);
    struct str prefix = text->ids ? (struct str){"", 0} : prefix_of(m, role);
    struct arena *a = NULL;
    struct sha256 s;
    char head[160];
    int n = snprintf(head, sizeof head, "akin vector 1\n%s\n%u\n%s %zu\n", info->digest, info->dims,
                     text->ids ? "ids" : "text", prefix.n);
    assert(n > 0 && n < (int)sizeof head);
    sha256_init(&s);
    sha256_add(&s, head, (size_t)n);
    sha256_add(&s, prefix.s, prefix.n);
    if (text->ids) {
        sha256_add(&s, text->ids, text->id_count * sizeof *text->ids);
    } else {
        struct str read = text_read(text->text, &a);
        sha256_add(&s, read.s, read.n);
    }
    sha256_end(&s, key);
    arena_free(a);
}

/* --- ids --- */

static enum err ids_check(const struct model *m, const struct embed_text *text, const char *field,
                          struct err_info *e)
{
    uint32_t vocab = tokenizer_vocab_size(model_tokenizer(m));
    for (size_t i = 0; i < text->id_count; i++)
        if (text->ids[i] >= vocab)
            return err_set(e, ERR_INVALID, field,
                           "token id %u is not of this model's vocabulary of %u tokens; send the "
                           "text instead, or ids of the model's own tokenizer",
                           text->ids[i], vocab);
    return ERR_OK;
}

static void text_encode(struct batch *b, const struct model *m, enum embed_role role,
                        struct str text)
{
    struct str prefix = prefix_of(m, role);
    struct arena *a = NULL;
    struct str read = text_read(text, &a);
    if (prefix.n > 0) {
        strbuf_clear(&b->prefixed);
        strbuf_add_str(&b->prefixed, prefix);
        strbuf_add_str(&b->prefixed, read);
        read = strbuf_str(&b->prefixed);
    }
    tokenizer_encode(model_tokenizer(m), read, true, &b->found);
    arena_free(a);
}

static enum err too_large(const struct model *m, size_t tokens, const char *field,
                          struct err_info *e)
{
    return err_set(e, ERR_TOO_LARGE, field, "the text has %zu tokens; the model reads at most %u",
                   tokens, model_info(m)->tokens_max);
}

static void batch_keep(struct batch *b, struct item item)
{
    if (b->tokens + item.length > b->ids_cap) {
        b->ids_cap = 2 * b->ids_cap + item.length + 64;
        b->ids = xrealloc(b->ids, b->ids_cap * sizeof *b->ids);
    }
    if (!b->items)
        b->items = xcalloc(b->count_max, sizeof *b->items);
    item.at = b->tokens;
    b->ids[b->tokens] = 0; /* without special tokens "" is token 0 */
    if (b->found.n)
        memcpy(b->ids + b->tokens, b->found.ids, b->found.n * sizeof *b->ids);
    b->tokens += item.length;
    b->items[b->count++] = item;
}

enum err batch_add(struct batch *b, const struct model *m, enum embed_role role,
                   struct embed_text *text, size_t number, struct claim *claim, struct err_info *e)
{
    char field[32];
    enum err err = ERR_OK;
    snprintf(field, sizeof field, "/%zu", number);
    if (!text->ids) {
        text_encode(b, m, role, text->text);
    } else if (text->id_count > model_info(m)->tokens_max) {
        return too_large(m, text->id_count, field, e);
    } else if ((err = ids_check(m, text, field, e))) {
        return err;
    } else {
        tokenizer_frame(model_tokenizer(m), text->ids, text->id_count, &b->found);
    }
    text->tokens = (unsigned)b->found.n;
    if (b->found.n > model_info(m)->tokens_max)
        return too_large(m, b->found.n, field, e);
    batch_keep(b, (struct item){.text = text,
                                .claim = claim,
                                .length = b->found.n ? (uint32_t)b->found.n : 1});
    return ERR_OK;
}

#include "text/tokenizer_impl.h"
#include "base/arena.h"
#include "base/file.h"
#include "text/bert_chars.h"
#include "text/text.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES_MAX = 64 << 20 };
#define TEXT_BYTES_MAX ((size_t)1 << 31)

void tokens_init(struct tokens *t)
{
    *t = (struct tokens){0};
}

void tokens_release(struct tokens *t)
{
    free(t->ids);
    free(t->starts);
    free(t->ends);
    *t = (struct tokens){0};
}

static void tokens_grow(struct tokens *t)
{
    t->cap = t->cap ? t->cap * 2 : 256;
    t->ids = xrealloc(t->ids, t->cap * sizeof *t->ids);
    t->starts = xrealloc(t->starts, t->cap * sizeof *t->starts);
    t->ends = xrealloc(t->ends, t->cap * sizeof *t->ends);
}

static void token_push(struct encoder *x, uint32_t id, struct span from, bool head)
{
    struct tokens *out = x->out;
    if (out->n == out->cap)
        tokens_grow(out);
    out->ids[out->n] = id;
    out->starts[out->n] = from.from;
    out->ends[out->n] = from.to;
    if (x->heads) {
        if (x->heads_cap < out->cap)
            *x->heads = xrealloc(*x->heads, x->heads_cap = out->cap);
        (*x->heads)[out->n] = head;
    }
    out->n++;
}

/* The peer's trim_offsets: `lead` and `trail` white characters do not count, but one in front of
 * the first token does where it may have been put there. */
static struct span trim(const struct encoder *x, struct span s, unsigned lead, unsigned trail)
{
    bool first = x->out->n == x->first || s.from == 0;
    size_t at = s.from;
    if (first && x->t->trim_keeps_prefix && lead == 1)
        lead = 0;
    for (; lead && at < s.to; lead--)
        utf8_next(x->text, &at);
    s.from = (uint32_t)at;
    for (; trail && s.to > s.from; trail--)
        s.to = (uint32_t)utf8_floor(x->text, s.to - 1);
    return s;
}

void encoder_token(struct encoder *x, uint32_t id, uint32_t from, uint32_t to, bool head)
{
    struct span s = {from, to};
    if (x->t->trim && !x->heads) {
        const struct token_text *text = token_texts_find(&x->t->texts, id);
        if (text && (text->spaces || text->spaces_end))
            s = trim(x, s, text->spaces, text->spaces_end);
    }
    token_push(x, id, s, head);
}

void encoder_added(struct encoder *x, uint32_t id, uint32_t from, uint32_t to)
{
    struct span s = {from, to};
    unsigned lead = 0, trail = 0;
    for (size_t at = from; x->t->trim && at < to; lead++)
        if (!bert_is_space(utf8_next(x->text, &at)))
            break;
    for (size_t end = to, at; x->t->trim && end > from; trail++, end = at) {
        size_t next = at = utf8_floor(x->text, end - 1);
        if (!bert_is_space(utf8_next(x->text, &next)))
            break;
    }
    if ((lead || trail) && !x->heads)
        s = trim(x, s, lead, trail);
    token_push(x, id, s, true);
}

static void piece_encode(struct encoder *x, size_t start, size_t end)
{
    if (x->t->bert)
        bert_piece_encode(x, x->text, start, end);
    else
        pipeline_piece_encode(x, x->text, start, end);
}

static void encode_pieces(struct encoder *x)
{
    struct added_match m;
    size_t at = 0, floor = 0;
    if (x->t->model == MODEL_ESTIMATE) {
        estimate_encode(x, x->text);
        return;
    }
    while (added_set_next(&x->t->added_raw, x->text, &at, floor, &m)) {
        piece_encode(x, floor, m.start);
        encoder_added(x, m.id, (uint32_t)m.start, (uint32_t)m.end);
        floor = m.end;
    }
    piece_encode(x, floor, x->text.n);
}

static void specials_put(struct encoder *x, const uint32_t *ids, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        token_push(x, ids[i], (struct span){0, 0}, true);
}

void tokenizer_encode_heads(const struct tokenizer *t, struct str text, bool specials,
                            struct tokens *out, uint8_t **heads)
{
    assert(text.n <= TEXT_BYTES_MAX);
    struct encoder x; /* 12 KB: not zeroed */
    x.t = t;
    x.text = text;
    x.out = out;
    x.heads = heads;
    x.heads_cap = 0;
    run_init(&x.run);
    x.pipeline = t->bert ? NULL : pipeline_new(&x);
    word_init(&x.word, t->chars_max);
    word_init(&x.normal, UINT32_MAX - 1);
    out->n = 0;
    specials_put(&x, t->before, specials ? t->before_n : 0);
    x.first = out->n;
    encode_pieces(&x);
    specials_put(&x, t->after, specials ? t->after_n : 0);
    word_release(&x.word);
    word_release(&x.normal);
    run_release(&x.run);
    pipeline_free(x.pipeline);
}

void tokenizer_encode(const struct tokenizer *t, struct str text, bool specials, struct tokens *out)
{
    tokenizer_encode_heads(t, text, specials, out, NULL);
}

uint32_t tokenizer_vocab_size(const struct tokenizer *t)
{
    return t->id_end;
}

unsigned tokenizer_specials(const struct tokenizer *t)
{
    return t->before_n + t->after_n;
}

int64_t tokenizer_id(const struct tokenizer *t, struct str token)
{
    if (t->model == MODEL_STUB)
        return token.n ? (int64_t)stub_id(token) : -1;
    uint32_t id = vocab_find(&t->added, token);
    if (id == VOCAB_NONE)
        id = vocab_find(&t->vocab, token);
    return id == VOCAB_NONE ? -1 : (int64_t)id;
}

struct str tokenizer_token(const struct tokenizer *t, uint32_t id)
{
    const struct token_text *x = token_texts_find(&t->texts, id);
    return x ? token_texts_str(&t->texts, x) : (struct str){0};
}

bool tokenizer_is_special(const struct tokenizer *t, uint32_t id)
{
    const struct token_text *x = token_texts_find(&t->texts, id);
    return x && x->special;
}

void tokenizer_decode(const struct tokenizer *t, const uint32_t *ids, size_t n, bool skip_specials,
                      struct strbuf *out)
{
    struct token_list list;
    token_list_init(&list);
    for (size_t i = 0; i < n; i++) {
        const struct token_text *x = token_texts_find(&t->texts, ids[i]);
        if (x && !(skip_specials && x->special))
            token_list_add(&list, token_texts_str(&t->texts, x));
    }
    if (list.n)
        decoder_run(&t->decoder, &list, out);
    token_list_release(&list);
}

struct tokenizer *tokenizer_new(void)
{
    struct tokenizer *t = xcalloc(1, sizeof *t);
    vocab_init(&t->vocab);
    vocab_init(&t->added);
    bpe_init(&t->bpe);
    token_texts_init(&t->texts);
    added_set_init(&t->added_raw);
    added_set_init(&t->added_normal);
    return t;
}

void tokenizer_free(struct tokenizer *t)
{
    if (!t)
        return;
    free((char *)t->settings.s);
    vocab_release(&t->vocab);
    vocab_release(&t->added);
    normalizer_release(&t->normalizer);
    splits_release(&t->splits);
    unigram_release(&t->unigram);
    bpe_release(&t->bpe);
    token_texts_release(&t->texts);
    added_set_release(&t->added_raw);
    added_set_release(&t->added_normal);
    free(t);
}

struct tokenizer *tokenizer_stub(void)
{
    struct tokenizer *t = tokenizer_new();
    t->model = MODEL_STUB;
    t->bert = true;
    t->id_end = 30522;
    t->chars_max = WORD_CHARS_MAX_MAX;
    t->rules = (struct text_rules){.clean = true,
                                   .chinese = true,
                                   .strip = true,
                                   .lower = true,
                                   .split_space = true,
                                   .split_punctuation = true};
    text_rules_finish(&t->rules);
    t->before[t->before_n++] = 101;
    t->after[t->after_n++] = 102;
    return t;
}

enum err tokenizer_parse(struct str json, struct tokenizer **out, struct err_info *e)
{
    struct tokenizer *t = tokenizer_new();
    enum err err = tokenizer_read_json(t, json, e);
    if (err)
        tokenizer_free(t);
    else
        *out = t;
    return err;
}

/* A file of a model directory, to be freed; absent is NULL. *path becomes its name. */
static enum err read_part(const char *dir, const char *name, char **path, struct str *out,
                          struct err_info *e)
{
    struct strbuf b;
    size_t n;
    strbuf_init(&b, 0);
    strbuf_printf(&b, "%s/%s", dir, name);
    free(*path);
    *path = strbuf_detach(&b, &n);
    *out = (struct str){0};
    if (!file_exists(*path))
        return ERR_OK;
    char *bytes;
    enum err err = file_regular(*path, e);
    if (!err)
        err = file_read_all(*path, FILE_BYTES_MAX, &bytes, &n, e);
    if (!err)
        *out = (struct str){bytes, n};
    return err;
}

static enum err open_vocab(const char *dir, struct tokenizer *t, char **path, struct err_info *e)
{
    struct str vocab = {0}, config = {0};
    enum err err = read_part(dir, "tokenizer_config.json", path, &config, e);
    if (err)
        return err;
    err = read_part(dir, "vocab.txt", path, &vocab, e);
    if (!err && !vocab.s)
        err = err_set(e, ERR_NOT_FOUND, NULL, "there is neither tokenizer.json nor vocab.txt");
    if (!err)
        err = tokenizer_read_vocab(t, vocab, config, e);
    free((char *)vocab.s);
    free((char *)config.s);
    return err;
}

static enum err open_any(const char *dir, struct tokenizer *t, char **path, struct err_info *e)
{
    struct str json;
    enum err err = read_part(dir, "tokenizer.json", path, &json, e);
    if (err)
        return err;
    if (!json.s)
        return open_vocab(dir, t, path, e);
    err = tokenizer_read_json(t, json, e);
    free((char *)json.s);
    return err;
}

enum err tokenizer_open(const char *dir, struct tokenizer **out, struct err_info *e)
{
    struct tokenizer *t = tokenizer_new();
    struct err_info inner = {0};
    char *path = NULL;
    enum err err = open_any(dir, t, &path, &inner);
    if (err) {
        /* A JSON path, not the name of the file itself. */
        bool in_file = inner.field[0] && strncmp(inner.field, path, sizeof inner.field - 1) != 0;
        tokenizer_free(t);
        err_set(e, err, path, "%s%s%s", in_file ? inner.field : "", in_file ? ": " : "",
                inner.message);
    } else {
        *out = t;
    }
    free(path);
    return err;
}

void tokenizer_frame(const struct tokenizer *t, const uint32_t *ids, size_t n, struct tokens *out)
{
    struct encoder x = {.t = t, .out = out};
    out->n = 0;
    for (unsigned i = 0; i < t->before_n; i++)
        encoder_token(&x, t->before[i], 0, 0, true);
    for (size_t i = 0; i < n; i++)
        encoder_token(&x, ids[i], 0, 0, true);
    for (unsigned i = 0; i < t->after_n; i++)
        encoder_token(&x, t->after[i], 0, 0, true);
}

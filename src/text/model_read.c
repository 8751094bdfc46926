#include "text/model_read.h"
#include "base/arena.h"
#include "text/byte_level.h"
#include "text/text.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MERGES_MAX = 2000000, WORD_BYTES_MAX = 64 };
#define SCORE_MAX 1e12

void id_seen(struct tokenizer *t, uint32_t id)
{
    t->id_end = id >= t->id_end ? id + 1 : t->id_end;
}

static enum err token_put(struct tokenizer *t, struct str token, uint32_t id, const char *path,
                          struct err_info *e)
{
    struct err_info inner = {0};
    enum err err = vocab_add(&t->vocab, token, id, &inner);
    if (err)
        return err_set(e, err, path, "%s", inner.message);
    id_seen(t, id);
    token_texts_add(&t->texts, id, token, false);
    return ERR_OK;
}

/* --- WordPiece, and the vocabulary that BPE has too --- */

static enum err read_vocab_entry(struct tokenizer *t, const struct node *vocab, const char *key,
                                 size_t n, const json_t *value, struct err_info *e)
{
    uint32_t id = 0;
    struct node v = {.v = value};
    if (!json_is_integer(value)) /* the path is made for those who will read it */
        snprintf(v.path, sizeof v.path, "%.40s/%.64s", vocab->path, key);
    else
        snprintf(v.path, sizeof v.path, "%.40s", vocab->path);
    enum err err = node_u32(&v, VOCAB_ID_MAX, &id, e);
    return err ? err : token_put(t, (struct str){key, n}, id, vocab->path, e);
}

static enum err read_vocab(struct tokenizer *t, const struct node *model, struct err_info *e)
{
    struct node vocab = node_get(model, "vocab");
    const char *key;
    size_t key_n;
    json_t *value;
    if (t->mapped)
        return ERR_OK;
    if (!json_is_object(vocab.v))
        return node_wrong(&vocab, "has to be an object of tokens and ids", e);
    json_object_keylen_foreach((json_t *)vocab.v, key, key_n, value)
    {
        enum err err = read_vocab_entry(t, &vocab, key, key_n, value, e);
        if (err)
            return err;
    }
    return ERR_OK;
}

enum err wordpiece_finish(struct tokenizer *t, struct str unk, struct str prefix, const char *path,
                          struct err_info *e)
{
    t->model = MODEL_WORDPIECE;
    t->unk = vocab_find(&t->vocab, unk);
    t->continued = vocab_walk(&t->vocab, prefix, &t->continued_root);
    if (t->unk == VOCAB_NONE)
        return err_set(e, ERR_INVALID, path, "the vocabulary does not have the unk_token \"%.*s\"",
                       (int)str_utf8_cut(unk, 60), unk.s);
    return ERR_OK;
}

static enum err read_wordpiece(struct tokenizer *t, const struct node *model, struct err_info *e)
{
    struct str unk, prefix;
    struct node chars_max = node_get(model, "max_input_chars_per_word");
    enum err err = node_str(model, "unk_token", &unk, e);
    if (!err)
        err = node_str(model, "continuing_subword_prefix", &prefix, e);
    if (!err)
        err = node_u32(&chars_max, WORD_CHARS_MAX_MAX, &t->chars_max, e);
    if (!err)
        err = read_vocab(t, model, e);
    return err ? err : wordpiece_finish(t, unk, prefix, "/model/unk_token", e);
}

/* --- Unigram --- */

/* "<0x00>" to "<0xFF>"; false if one is missing. */
static bool byte_tokens(const struct vocab *v, uint32_t out[256])
{
    bool all = true;
    for (unsigned i = 0; i < 256; i++) {
        char name[8];
        snprintf(name, sizeof name, "<0x%02X>", i);
        out[i] = vocab_find(v, str_c(name));
        all &= out[i] != VOCAB_NONE;
    }
    return all;
}

/* ["▁the", -3.5]: its place in the list is its id. */
static enum err read_scored(struct tokenizer *t, const struct node *list, uint32_t id,
                            struct err_info *e)
{
    const json_t *pair = json_array_get(list->v, id), *score = json_array_get(pair, 1);
    struct str token = json_str(json_array_get(pair, 0));
    struct node n = {.v = pair};
    snprintf(n.path, sizeof n.path, "%.80s/%u", list->path, id);
    if (json_array_size(pair) != 2 || !json_is_string(json_array_get(pair, 0)) ||
        !json_is_number(score))
        return node_wrong(&n, "has to be an array of a token and its score", e);
    double value = json_number_value(score);
    if (!(fabs(value) <= SCORE_MAX))
        return node_wrong(&n, "has a score beyond 1e12", e);
    t->unigram.scores[id] = value;
    return token_put(t, token, id, n.path, e);
}

static enum err read_scores(struct tokenizer *t, const struct node *model, struct err_info *e)
{
    struct unigram *u = &t->unigram;
    struct node list = node_get(model, "vocab");
    enum err err = node_array(&list, VOCAB_TOKENS_MAX, e);
    if (err)
        return err;
    u->n = (uint32_t)json_array_size(list.v);
    u->scores = xcalloc(u->n + 1u, sizeof *u->scores);
    for (uint32_t i = 0; !err && i < u->n; i++)
        err = read_scored(t, &list, i, e);
    return err;
}

static double unk_score(const struct unigram *u)
{
    double least = INFINITY;
    for (uint32_t i = 0; i < u->n; i++)
        least = u->scores[i] < least ? u->scores[i] : least;
    return least - 10;
}

static enum err read_unigram(struct tokenizer *t, const struct node *model, struct err_info *e)
{
    struct unigram *u = &t->unigram;
    struct node unk = node_get(model, "unk_id");
    bool fallback = false;
    t->model = MODEL_UNIGRAM;
    enum err err = t->mapped ? ERR_OK : read_scores(t, model, e);
    u->unk_score = unk_score(u);
    if (!err)
        err = node_u32(&unk, VOCAB_ID_MAX, &u->unk, e);
    if (!err && u->unk >= u->n)
        err = err_set(e, ERR_INVALID, unk.path, "is %u, but the vocabulary has %u tokens", u->unk,
                      u->n);
    if (!err)
        err = node_bool(model, "byte_fallback", &fallback, e);
    u->byte_fallback = fallback && byte_tokens(&t->vocab, u->bytes);
    return err;
}

/* --- BPE --- */

static enum err affix_take(const struct node *model, const char *key, char *out, unsigned *n,
                           struct err_info *e)
{
    struct str s;
    enum err err = node_str_optional(model, key, BPE_AFFIX_MAX, &s, e);
    if (err)
        return err;
    memcpy(out, s.s, s.n);
    *n = (unsigned)s.n;
    return ERR_OK;
}

/* "a b" or ["a", "b"]. */
static bool merge_parts(const json_t *v, struct str *a, struct str *b)
{
    if (json_is_array(v)) {
        *a = json_str(json_array_get(v, 0));
        *b = json_str(json_array_get(v, 1));
        return json_array_size(v) == 2 && json_is_string(json_array_get(v, 0)) &&
               json_is_string(json_array_get(v, 1));
    }
    struct str s = json_str(v);
    const char *space = s.n ? memchr(s.s, ' ', s.n) : NULL;
    if (!space)
        return false;
    size_t at = (size_t)(space - s.s);
    *a = (struct str){s.s, at};
    *b = (struct str){space + 1, s.n - at - 1};
    return !memchr(b->s, ' ', b->n);
}

static enum err merge_unknown(const char *path, struct str token, struct err_info *e)
{
    return err_set(e, ERR_INVALID, path, "merges \"%.*s\", which is not in the vocabulary",
                   (int)str_utf8_cut(token, 60), token.s);
}

static enum err read_merge(struct tokenizer *t, const struct node *n, uint32_t rank,
                           struct err_info *e)
{
    struct bpe *b = &t->bpe;
    struct str left, right;
    char both[2 * VOCAB_TOKEN_BYTES_MAX];
    if (!merge_parts(n->v, &left, &right))
        return node_wrong(n, "has to be \"a b\" or [\"a\", \"b\"]", e);
    uint32_t left_id = vocab_find(&t->vocab, left), right_id = vocab_find(&t->vocab, right);
    if (left_id == VOCAB_NONE || right_id == VOCAB_NONE)
        return merge_unknown(n->path, left_id == VOCAB_NONE ? left : right, e);
    if (right.n < b->prefix_n)
        return node_wrong(n, "has a second part without the continuing_subword_prefix", e);
    memcpy(both, left.s, left.n);
    memcpy(both + left.n, right.s + b->prefix_n, right.n - b->prefix_n);
    struct str merged = {both, left.n + right.n - b->prefix_n};
    uint32_t id = vocab_find(&t->vocab, merged);
    if (id == VOCAB_NONE)
        return merge_unknown(n->path, merged, e);
    bpe_merge_add(b, left_id, right_id, rank, id);
    return ERR_OK;
}

static enum err read_merges(struct tokenizer *t, const struct node *model, struct err_info *e)
{
    struct node list = node_get(model, "merges");
    if (t->mapped)
        return ERR_OK;
    enum err err = node_array(&list, MERGES_MAX, e);
    for (size_t i = 0; !err && i < json_array_size(list.v); i++) {
        struct node n = {.v = json_array_get(list.v, i)};
        if (str_starts(json_str(n.v), STR("#version")))
            continue;
        snprintf(n.path, sizeof n.path, "%.80s/%zu", list.path, i);
        err = read_merge(t, &n, (uint32_t)i, e);
    }
    return err;
}

static enum err read_unk(struct tokenizer *t, const struct node *model, struct err_info *e)
{
    struct str unk;
    struct node n = node_get(model, "unk_token");
    enum err err = node_str_optional(model, "unk_token", VOCAB_TOKEN_BYTES_MAX, &unk, e);
    if (err || node_absent(&n))
        return err;
    t->bpe.unk = vocab_find(&t->vocab, unk);
    if (t->bpe.unk == VOCAB_NONE)
        err = err_set(e, ERR_INVALID, n.path, "the vocabulary does not have \"%.*s\"",
                      (int)str_utf8_cut(unk, 60), unk.s);
    return err;
}

static enum err read_bpe_flags(struct bpe *b, const struct node *model, struct err_info *e)
{
    struct node dropout = node_get(model, "dropout");
    if (!node_absent(&dropout) && !(json_number_value(dropout.v) == 0))
        return err_set(e, ERR_UNSUPPORTED, dropout.path, "is not supported but as null or 0");
    enum err err = node_bool(model, "fuse_unk", &b->fuse_unk, e);
    if (!err)
        err = node_bool(model, "byte_fallback", &b->byte_fallback, e);
    if (!err)
        err = node_bool(model, "ignore_merges", &b->ignore_merges, e);
    if (!err)
        err = affix_take(model, "continuing_subword_prefix", b->prefix, &b->prefix_n, e);
    return err ? err : affix_take(model, "end_of_word_suffix", b->suffix, &b->suffix_n, e);
}

static enum err read_bpe(struct tokenizer *t, const struct node *model, struct err_info *e)
{
    struct bpe *b = &t->bpe;
    t->model = MODEL_BPE;
    enum err err = read_bpe_flags(b, model, e);
    if (!err)
        err = read_vocab(t, model, e);
    if (!err)
        err = read_unk(t, model, e);
    if (!err)
        err = read_merges(t, model, e);
    b->byte_fallback = b->byte_fallback && byte_tokens(&t->vocab, b->bytes);
    return err;
}

/* A character of the alphabet of bytes is a token each. */
static bool raw_tokens(const struct vocab *v, uint32_t out[256])
{
    for (unsigned i = 0; i < 256; i++) {
        unsigned char c[4];
        unsigned n = utf8_put(c, byte_level_char((unsigned char)i));
        out[i] = vocab_find(v, (struct str){(char *)c, n});
        if (out[i] == VOCAB_NONE)
            return false;
    }
    return true;
}

/* The bytes that a token stands for; false if it is not of the alphabet. */
static bool raw_text(struct str token, char *out, size_t *n)
{
    *n = 0;
    for (size_t at = 0; at < token.n;) {
        int byte = byte_level_byte(utf8_next(token, &at));
        if (byte < 0)
            return false;
        out[(*n)++] = (char)byte;
    }
    return true;
}

static void words_fill(struct tokenizer *t)
{
    struct bpe *b = &t->bpe;
    struct bpe_symbols s = {0};
    char raw[VOCAB_TOKEN_BYTES_MAX];
    for (uint32_t i = 0; i < t->texts.n; i++) {
        struct str piece = token_texts_str(&t->texts, &t->texts.list[i]);
        uint32_t id = t->texts.list[i].id;
        if (vocab_find(&t->vocab, piece) != id)
            continue;
        if (b->raw) {
            if (!raw_text(piece, raw, &piece.n))
                continue;
            piece.s = raw;
        }
        if (!b->ignore_merges &&
            (piece.n > WORD_BYTES_MAX || !bpe_is_word(b, &t->vocab, &s, piece, id)))
            continue;
        /* Cannot fail: the bounds were those of the vocabulary. */
        if (vocab_add(&b->words, piece, id, NULL))
            break;
    }
    bpe_symbols_release(&s);
}

void model_finish(struct tokenizer *t)
{
    struct bpe *b = &t->bpe;
    if (t->model != MODEL_BPE)
        return;
    struct split_step *last = t->splits.n ? &t->splits.steps[t->splits.n - 1] : NULL;
    b->raw = last && last->kind == SPLIT_BYTE_LEVEL && !b->prefix_n && !b->suffix_n &&
             raw_tokens(&t->vocab, b->raw_ids);
    if (b->raw)
        last->map = false;
    if (t->mapped)
        return;
    if (b->ignore_merges || (!b->prefix_n && !b->suffix_n))
        words_fill(t);
}

enum err model_read(struct tokenizer *t, const struct node *root, struct err_info *e)
{
    struct node model = node_get(root, "model");
    struct str type = STR("WordPiece"); /* old files do not name it */
    if (!json_is_object(model.v))
        return node_wrong(&model, "has to be an object", e);
    if (json_object_get(model.v, "type")) {
        enum err err = node_str(&model, "type", &type, e);
        if (err)
            return err;
    } else if (json_object_get(model.v, "merges")) {
        type = STR("BPE");
    }
    if (str_eq_c(type, "WordPiece"))
        return read_wordpiece(t, &model, e);
    if (str_eq_c(type, "Unigram"))
        return read_unigram(t, &model, e);
    if (str_eq_c(type, "BPE"))
        return read_bpe(t, &model, e);
    return node_unsupported(&model, "tokenizer model", type, "WordPiece, Unigram, BPE", e);
}

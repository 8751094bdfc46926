/* A tokenizer taken apart for a file, and put together again from one.
 *
 *   settings      {"from": "tokenizer.json", "ids": 250002, "settings": {...}}: the file without
 *                 vocabulary and merges; or from "vocab.txt" and tokenizer_config.json or null
 *   vocab.edges, vocab.ids     the trie (vocab.h)
 *   texts, texts.bytes         of all tokens (token_texts.h)
 *   scores                     Unigram: a double for each id
 *   merges                     BPE: the hash table (bpe.h)
 *   words.edges, words.ids     BPE: a trie of the pieces that are one token */
#include "text/tokenizer_impl.h"
#include "base/json.h"
#include <assert.h>
#include <string.h>

enum part {
    SETTINGS,
    VOCAB_EDGES,
    VOCAB_IDS,
    TEXTS,
    TEXTS_BYTES,
    SCORES,
    MERGES,
    WORDS_EDGES,
    WORDS_IDS,
};

static const char *const names[TOKENIZER_PARTS] = {
    [SETTINGS] = "settings", [VOCAB_EDGES] = "vocab.edges", [VOCAB_IDS] = "vocab.ids",
    [TEXTS] = "texts",       [TEXTS_BYTES] = "texts.bytes", [SCORES] = "scores",
    [MERGES] = "merges",     [WORDS_EDGES] = "words.edges", [WORDS_IDS] = "words.ids",
};

const char *tokenizer_part_name(unsigned i)
{
    assert(i < TOKENIZER_PARTS);
    return names[i];
}

/* --- taking apart --- */

/* The keys stay: by "merges" old files are known to be BPE. */
static void lists_drop(json_t *json)
{
    json_t *model = json_object_get(json, "model");
    if (json_object_get(model, "vocab"))
        json_object_set_new(model, "vocab", json_null());
    if (json_object_get(model, "merges"))
        json_object_set_new(model, "merges", json_null());
}

void tokenizer_keep_settings(struct tokenizer *t, const char *from, json_t *json)
{
    lists_drop(json);
    json_t *all =
        json_pack("{s:s,s:I,s:O?}", "from", from, "ids", (json_int_t)t->id_end, "settings", json);
    char *text = json_dumps(all, JSON_COMPACT);
    assert(text); /* parsed from valid UTF-8 */
    t->settings = (struct str){text, strlen(text)};
    json_decref(all);
}

void tokenizer_parts(const struct tokenizer *t, struct tokenizer_part out[TOKENIZER_PARTS])
{
    const struct token_texts *x = &t->texts;
    const struct unigram *u = &t->unigram;
    assert(t->settings.s);
    const struct str parts[TOKENIZER_PARTS] = {
        [SETTINGS] = t->settings,
        [VOCAB_EDGES] = vocab_edges(&t->vocab),
        [VOCAB_IDS] = vocab_ids(&t->vocab),
        [TEXTS] = {(const char *)x->list, x->n * sizeof *x->list},
        [TEXTS_BYTES] = {x->bytes.buf, x->bytes.n},
        [SCORES] = {(const char *)u->scores, u->n * sizeof *u->scores},
        [MERGES] = bpe_merges(&t->bpe),
        [WORDS_EDGES] = vocab_edges(&t->bpe.words),
        [WORDS_IDS] = vocab_ids(&t->bpe.words),
    };
    for (unsigned i = 0; i < TOKENIZER_PARTS; i++)
        out[i] = (struct tokenizer_part){names[i], parts[i]};
}

/* --- putting together --- */

static enum err map_tables(struct tokenizer *t, const struct str *parts, struct err_info *e)
{
    struct unigram *u = &t->unigram;
    t->mapped = true;
    vocab_release(&t->vocab);
    enum err err = vocab_map(&t->vocab, parts[VOCAB_EDGES], parts[VOCAB_IDS], t->id_end, e);
    if (!err)
        err = token_texts_map(&t->texts, parts[TEXTS], parts[TEXTS_BYTES], e);
    if (!err)
        err = bpe_merges_map(&t->bpe, parts[MERGES], t->id_end, e);
    if (err)
        return err;
    vocab_release(&t->bpe.words);
    err = vocab_map(&t->bpe.words, parts[WORDS_EDGES], parts[WORDS_IDS], t->id_end, e);
    *u = (struct unigram){.scores = (double *)parts[SCORES].s,
                          .n = (uint32_t)(parts[SCORES].n / sizeof *u->scores),
                          .borrowed = true};
    return err;
}

static enum err read_settings(struct tokenizer *t, const struct node *root, struct err_info *e)
{
    struct str from;
    const json_t *settings = json_object_get(root->v, "settings");
    enum err err = node_str(root, "from", &from, e);
    if (err)
        return err;
    if (str_eq_c(from, "tokenizer.json"))
        err = tokenizer_read_settings(t, settings, e);
    else if (str_eq_c(from, "vocab.txt"))
        err = tokenizer_read_vocab_settings(t, settings, e);
    else
        err = node_wrong(root, "has settings of an unknown file", e);
    if (!err && t->model == MODEL_UNIGRAM && t->unigram.n < t->vocab.id_end)
        err = err_set(e, ERR_CORRUPT, NULL, "there are fewer scores than tokens");
    return err;
}

enum err tokenizer_map(const struct str parts[TOKENIZER_PARTS], struct tokenizer **out,
                       struct err_info *e)
{
    json_t *v = NULL;
    struct tokenizer *t = tokenizer_new();
    for (unsigned i = 0; i < TOKENIZER_PARTS; i++)
        assert((uintptr_t)parts[i].s % 8 == 0);
    enum err err = json_parse_within(parts[SETTINGS], (1 << 20) + 24 * parts[SETTINGS].n, &v, e);
    struct node root = {.v = v}, ids = node_get(&root, "ids");
    if (!err)
        err = node_u32(&ids, VOCAB_ID_MAX + 1, &t->id_end, e);
    if (!err)
        err = map_tables(t, parts, e);
    if (!err)
        err = read_settings(t, &root, e);
    json_decref(v);
    if (err)
        tokenizer_free(t);
    else
        *out = t;
    return err;
}

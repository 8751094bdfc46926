/* Reads tokenizer.json (Hugging Face `tokenizers`, version 1.0), or vocab.txt with
 * tokenizer_config.json. What is not known is refused by name: a part that is skipped in silence
 * would give other tokens than the model was trained on. */
#include "text/tokenizer_impl.h"
#include "base/json.h"
#include "text/model_read.h"
#include "text/node.h"
#include "text/text.h"
#include <string.h>
#include <unicode/uchar.h>

enum { ADDED_MAX = 65536, POST_PROCESSORS_MAX = 8 };

/* A vocabulary is many small values: about 120 bytes of memory for one of 10 bytes in the file. */
static size_t json_budget(size_t file_bytes)
{
    return ((size_t)1 << 20) + 24 * file_bytes;
}

/* --- post-processor --- */

static enum err template_id(struct tokenizer *t, uint32_t id, bool behind, const struct node *n,
                            struct err_info *e)
{
    unsigned *count = behind ? &t->after_n : &t->before_n;
    if (*count == TEMPLATE_IDS_MAX)
        return err_set(e, ERR_TOO_LARGE, n->path, "more than %d special tokens", TEMPLATE_IDS_MAX);
    (behind ? t->after : t->before)[(*count)++] = id;
    id_seen(t, id);
    return ERR_OK;
}

static enum err template_special(struct tokenizer *t, const struct node *post,
                                 const struct node *special, bool behind, struct err_info *e)
{
    struct str name;
    enum err err = node_str(special, "id", &name, e);
    if (err)
        return err;
    struct node table = node_get(post, "special_tokens");
    struct node entry = node_get(&table, name.s);
    struct node ids = node_get(&entry, "ids");
    err = node_array(&ids, TEMPLATE_IDS_MAX, e);
    for (size_t i = 0; !err && i < json_array_size(ids.v); i++) {
        uint32_t id = 0;
        struct node n = node_at(&ids, i);
        err = node_u32(&n, VOCAB_ID_MAX, &id, e);
        if (!err)
            err = template_id(t, id, behind, special, e);
    }
    return err;
}

static enum err read_template(struct tokenizer *t, const struct node *post, struct err_info *e)
{
    struct node single = node_get(post, "single");
    bool behind = false;
    enum err err = node_array(&single, 2 * TEMPLATE_IDS_MAX + 1, e);
    for (size_t i = 0; !err && i < json_array_size(single.v); i++) {
        struct node piece = node_at(&single, i);
        struct node special = node_get(&piece, "SpecialToken");
        struct node sequence = node_get(&piece, "Sequence");
        if (special.v)
            err = template_special(t, post, &special, behind, e);
        else if (!sequence.v || behind ||
                 !str_eq_c(json_str(json_object_get(sequence.v, "id")), "A"))
            err = node_wrong(&piece, "has to be a SpecialToken or, once, the Sequence A", e);
        else
            behind = true;
    }
    if (!err && !behind)
        err = node_wrong(&single, "has to have the Sequence A", e);
    return err;
}

/* ["[SEP]", 102] */
static enum err read_pair(struct tokenizer *t, const struct node *post, const char *key,
                          bool behind, struct err_info *e)
{
    uint32_t id = 0;
    struct node pair = node_get(post, key);
    struct node n = node_at(&pair, 1);
    enum err err = node_u32(&n, VOCAB_ID_MAX, &id, e);
    return err ? err : template_id(t, id, behind, &n, e);
}

static enum err read_trim(struct tokenizer *t, const struct node *n, struct err_info *e)
{
    bool trim = true, keeps = true;
    enum err err = node_bool(n, "trim_offsets", &trim, e);
    if (!err)
        err = node_bool(n, "add_prefix_space", &keeps, e);
    t->trim |= trim;
    t->trim_keeps_prefix = keeps;
    return err;
}

static enum err read_post_processor(void *ctx, const struct node *n, struct err_info *e)
{
    struct tokenizer *t = ctx;
    struct str type;
    if (node_absent(n))
        return ERR_OK;
    enum err err = node_type(n, &type, e);
    if (err)
        return err;
    if (str_eq_c(type, "Sequence"))
        return node_each(n, "processors", POST_PROCESSORS_MAX, read_post_processor, t, e);
    if (str_eq_c(type, "ByteLevel"))
        return read_trim(t, n, e);
    if (str_eq_c(type, "TemplateProcessing"))
        return read_template(t, n, e);
    bool roberta = str_eq_c(type, "RobertaProcessing");
    if (!roberta && !str_eq_c(type, "BertProcessing"))
        return node_unsupported(n, "post_processor", type,
                                "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, "
                                "Sequence",
                                e);
    err = roberta ? read_trim(t, n, e) : ERR_OK;
    if (!err)
        err = read_pair(t, n, "cls", false, e);
    return err ? err : read_pair(t, n, "sep", true, e);
}

/* --- added tokens --- */

struct added_kind {
    bool special, normalized; /* searched for in the normalised text */
};

static void normalized_text(const struct tokenizer *t, struct str s, struct strbuf *out)
{
    struct normal text, spare;
    normal_init(&text);
    normal_init(&spare);
    normal_load(&text, s, 0, s.n);
    normalizer_apply(&t->normalizer, true, &text, &spare);
    strbuf_add(out, text.bytes, text.n);
    normal_release(&text);
    normal_release(&spare);
}

/* As the peer has it, a token that is found in the normalised text is that text from then on, also
 * when it is decoded, and no special one unless the text is its own. */
static enum err added_put(struct tokenizer *t, struct str content, const struct added *a,
                          const struct added_kind *kind, const struct node *n, struct err_info *e)
{
    struct err_info inner = {0};
    struct strbuf b;
    enum err err = ERR_OK;
    strbuf_init(&b, 0);
    if (kind->normalized)
        normalized_text(t, content, &b);
    else
        strbuf_add_str(&b, content);
    struct str text = strbuf_str(&b);
    struct added_set *set = kind->normalized ? &t->added_normal : &t->added_raw;
    if (b.n) /* normalised to nothing: it cannot be found in any text */
        err = added_set_add(set, text, a, &inner);
    if (!t->mapped)
        token_texts_add(&t->texts, a->id, text, kind->special && str_eq(text, content));
    strbuf_release(&b);
    id_seen(t, a->id);
    return err ? err_set(e, err, n->path, "%s", inner.message) : ERR_OK;
}

/* A token that the model knows has the model's id; the file may not say otherwise. */
static enum err added_id(struct tokenizer *t, const struct node *n, struct str content,
                         uint32_t *out, struct err_info *e)
{
    struct node id = node_get(n, "id");
    struct err_info inner = {0};
    enum err err = node_u32(&id, VOCAB_ID_MAX, out, e);
    if (err)
        return err;
    uint32_t known = vocab_find(&t->vocab, content);
    if (known != VOCAB_NONE && known != *out)
        return err_set(e, ERR_INVALID, id.path, "is %u, but the vocabulary says %u", *out, known);
    err = vocab_add(&t->added, content, *out, &inner);
    return err ? err_set(e, err, n->path, "%s", inner.message) : ERR_OK;
}

static enum err read_added(void *ctx, const struct node *n, struct err_info *e)
{
    struct tokenizer *t = ctx;
    struct added a = {0};
    struct str content;
    struct added_kind kind = {0};
    enum err err = node_str(n, "content", &content, e);
    if (!err && content.n == 0)
        return ERR_OK;
    if (!err)
        err = added_id(t, n, content, &a.id, e);
    if (!err)
        err = node_bool(n, "single_word", &a.single_word, e);
    if (!err)
        err = node_bool(n, "lstrip", &a.lstrip, e);
    if (!err)
        err = node_bool(n, "rstrip", &a.rstrip, e);
    if (!err)
        err = node_bool(n, "special", &kind.special, e);
    kind.normalized = !kind.special;
    if (!err)
        err = node_bool(n, "normalized", &kind.normalized, e);
    return err ? err : added_put(t, content, &a, &kind, n, e);
}

static enum err read_added_list(struct tokenizer *t, const struct node *root, struct err_info *e)
{
    struct node list = node_get(root, "added_tokens");
    return node_absent(&list) ? ERR_OK
                              : node_each(root, "added_tokens", ADDED_MAX, read_added, t, e);
}

/* Whether the steps are BertNormalizer's (or some of them, in its order) and BertPreTokenizer's:
 * then bert_text.c does them in one pass. */
static bool bert_rules(const struct tokenizer *t, struct text_rules *r)
{
    bool *const flags[] = {&r->clean, &r->chinese, &r->strip, &r->lower};
    unsigned next = NORMALIZER_CLEAN;
    if (t->model != MODEL_WORDPIECE)
        return false;
    for (unsigned i = 0; i < t->normalizer.n; i++) {
        enum normalizer_kind kind = t->normalizer.steps[i].kind;
        if (kind < next || kind > NORMALIZER_LOWERCASE)
            return false;
        *flags[kind] = true;
        next = kind + 1;
    }
    for (unsigned i = 0; i < t->splits.n; i++) {
        const struct split_step *x = &t->splits.steps[i];
        if (x->kind == SPLIT_SPACE)
            r->split_space = true;
        else if (x->kind == SPLIT_PUNCTUATION && x->behavior == BEHAVIOR_ISOLATED)
            r->split_punctuation = true;
        else
            return false;
    }
    return true;
}

static enum err read_parts(struct tokenizer *t, const struct node *root, struct err_info *e)
{
    struct node normalizer = node_get(root, "normalizer");
    struct node pre_tokenizer = node_get(root, "pre_tokenizer");
    struct node post_processor = node_get(root, "post_processor");
    struct node decoder = node_get(root, "decoder");
    enum err err = model_read(t, root, e);
    if (!err)
        err = normalizer_read(&t->normalizer, &normalizer, e);
    if (!err)
        err = normalizer_check(&t->normalizer, &normalizer, e);
    if (!err)
        err = splits_read(&t->splits, &pre_tokenizer, e);
    if (!err)
        err = read_post_processor(t, &post_processor, e);
    return err ? err : decoder_read(&t->decoder, &decoder, e);
}

static enum err read_root(struct tokenizer *t, const struct node *root, struct err_info *e)
{
    enum err err = read_parts(t, root, e);
    if (err)
        return err;
    t->bert = bert_rules(t, &t->rules);
    text_rules_finish(&t->rules);
    model_finish(t);
    return read_added_list(t, root, e);
}

enum err tokenizer_read_settings(struct tokenizer *t, const json_t *json, struct err_info *e)
{
    return json_is_object(json) ? read_root(t, &(struct node){.v = json}, e)
                                : err_set(e, ERR_INVALID, "/", "has to be an object");
}

enum err tokenizer_read_json(struct tokenizer *t, struct str json, struct err_info *e)
{
    json_t *v;
    enum err err = json_parse_within(json, json_budget(json.n), &v, e);
    if (err)
        return err;
    err = tokenizer_read_settings(t, v, e);
    token_texts_finish(&t->texts);
    if (!err)
        tokenizer_keep_settings(t, "tokenizer.json", v);
    json_decref(v);
    return err;
}

/* --- vocab.txt --- */

static struct str trim_end(struct str s)
{
    while (s.n) {
        size_t at = utf8_floor(s, s.n - 1), next = at;
        if (!u_isUWhiteSpace((UChar32)utf8_next(s, &next)))
            break;
        s.n = at;
    }
    return s;
}

static enum err read_vocab_lines(struct tokenizer *t, struct str s, struct err_info *e)
{
    uint32_t id = 0;
    for (size_t at = 0; at < s.n; id++) {
        const char *end = memchr(s.s + at, '\n', s.n - at);
        size_t n = end ? (size_t)(end - s.s) - at : s.n - at;
        struct str line = trim_end((struct str){s.s + at, n});
        at += n + 1;
        if (line.n) {
            enum err err = vocab_add(&t->vocab, line, id, e);
            if (err)
                return err;
            token_texts_add(&t->texts, id, line, false);
        }
        id_seen(t, id);
    }
    return ERR_OK;
}

/* "[CLS]" or {"content": "[CLS]"} */
static struct str config_token(const json_t *config, const char *key, const char *usual)
{
    const json_t *v = json_object_get(config, key);
    if (json_is_object(v))
        v = json_object_get(v, "content");
    return json_is_string(v) ? json_str(v) : str_c(usual);
}

static enum err read_config_rules(struct tokenizer *t, const json_t *config, struct err_info *e)
{
    struct node root = {.v = config};
    struct text_rules *r = &t->rules;
    t->bert = true;
    r->clean = r->chinese = r->lower = r->split_space = r->split_punctuation = true;
    enum err err = node_bool(&root, "tokenize_chinese_chars", &r->chinese, e);
    if (!err)
        err = node_bool(&root, "do_lower_case", &r->lower, e);
    r->strip = r->lower;
    if (!err)
        err = node_bool(&root, "strip_accents", &r->strip, e);
    text_rules_finish(r);
    return err;
}

enum err tokenizer_read_vocab_settings(struct tokenizer *t, const json_t *config,
                                       struct err_info *e)
{
    static const char *const names[][2] = {{"unk_token", "[UNK]"},
                                           {"cls_token", "[CLS]"},
                                           {"sep_token", "[SEP]"},
                                           {"pad_token", "[PAD]"},
                                           {"mask_token", "[MASK]"}};
    uint32_t ids[5];
    struct node root = {.v = config};
    t->chars_max = 100;
    decoder_wordpiece(&t->decoder);
    enum err err = read_config_rules(t, config, e);
    for (size_t i = 0; !err && i < 5; i++) {
        struct str token = config_token(config, names[i][0], names[i][1]);
        ids[i] = vocab_find(&t->vocab, token);
        if (ids[i] != VOCAB_NONE)
            err = added_put(t, token, &(struct added){.id = ids[i]},
                            &(struct added_kind){.special = true}, &root, e);
        else if (i < 3)
            err = err_set(e, ERR_INVALID, names[i][0], "\"%.*s\" is not in vocab.txt",
                          (int)str_utf8_cut(token, 60), token.s);
    }
    if (!err)
        err = template_id(t, ids[1], false, &root, e);
    if (!err)
        err = template_id(t, ids[2], true, &root, e);
    struct str unk = config_token(config, "unk_token", "[UNK]");
    return err ? err : wordpiece_finish(t, unk, STR("##"), "/unk_token", e);
}

enum err tokenizer_read_vocab(struct tokenizer *t, struct str vocab, struct str config,
                              struct err_info *e)
{
    json_t *v = NULL;
    size_t good = utf8_valid(vocab);
    if (good < vocab.n)
        return err_set(e, ERR_SYNTAX, NULL, "the byte at offset %zu is not valid UTF-8", good);
    enum err err = config.n ? json_parse(config, &v, e) : ERR_OK;
    if (!err)
        err = read_vocab_lines(t, vocab, e);
    if (!err)
        err = tokenizer_read_vocab_settings(t, v, e);
    token_texts_finish(&t->texts);
    if (!err)
        tokenizer_keep_settings(t, "vocab.txt", v);
    json_decref(v);
    return err;
}

/* The "pre_tokenizer" of tokenizer.json. */
#include "text/split.h"
#include "text/text.h"
#include <string.h>

/* The pattern of ByteLevel, as files write it out in a Split. */
#define GPT2_PATTERN                                                                               \
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

static enum err step_new(struct splits *s, enum split_kind kind, const struct node *n,
                         struct split_step **out, struct err_info *e)
{
    if (s->n == SPLITS_MAX)
        return err_set(e, ERR_TOO_LARGE, n->path, "more than %d pre-tokenizers", SPLITS_MAX);
    *out = &s->steps[s->n++];
    **out = (struct split_step){.kind = kind};
    return ERR_OK;
}

static enum err string_take(const struct node *n, const char *key, bool character,
                            struct split_step *x, struct err_info *e)
{
    struct str s;
    struct node v = node_get(n, key);
    enum err err = node_str_optional(n, key, SPLIT_STRING_MAX, &s, e);
    if (err)
        return err;
    if (s.n == 0 || (character && utf8_count(s) != 1))
        return node_wrong(&v, character ? "has to be one character" : "has to be a string", e);
    memcpy(x->string, s.s, s.n);
    x->string_n = (unsigned)s.n;
    return ERR_OK;
}

static enum err read_behavior(const struct node *n, struct split_step *x, struct err_info *e)
{
    static const char *const names[] = {"Removed", "Isolated", "Contiguous", "MergedWithPrevious",
                                        "MergedWithNext"};
    struct node v = node_get(n, "behavior");
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eq_c(json_str(v.v), names[i])) {
            x->behavior = i;
            return ERR_OK;
        }
    return node_unsupported(&v, "behavior", json_str(v.v),
                            "Removed, Isolated, Contiguous, MergedWithPrevious, MergedWithNext", e);
}

static enum err read_bert(struct splits *s, const struct node *n, struct err_info *e)
{
    struct split_step *x = NULL;
    enum err err = step_new(s, SPLIT_SPACE, n, &x, e);
    if (!err)
        err = step_new(s, SPLIT_PUNCTUATION, n, &x, e);
    if (!err)
        x->behavior = BEHAVIOR_ISOLATED;
    return err;
}

static enum err read_space(struct splits *s, const struct node *n, struct err_info *e)
{
    struct split_step *x;
    return step_new(s, SPLIT_SPACE, n, &x, e);
}

static enum err read_words(struct splits *s, const struct node *n, struct err_info *e)
{
    struct split_step *x;
    return step_new(s, SPLIT_WORDS, n, &x, e);
}

static enum err read_punctuation(struct splits *s, const struct node *n, struct err_info *e)
{
    struct split_step *x = NULL;
    enum err err = step_new(s, SPLIT_PUNCTUATION, n, &x, e);
    if (err)
        return err;
    x->behavior = BEHAVIOR_ISOLATED;
    return json_object_get(n->v, "behavior") ? read_behavior(n, x, e) : ERR_OK;
}

static enum err read_digits(struct splits *s, const struct node *n, struct err_info *e)
{
    struct split_step *x = NULL;
    bool alone = false;
    enum err err = step_new(s, SPLIT_DIGITS, n, &x, e);
    if (!err)
        err = node_bool(n, "individual_digits", &alone, e);
    if (!err)
        x->behavior = alone ? BEHAVIOR_ISOLATED : BEHAVIOR_CONTIGUOUS;
    return err;
}

static enum err read_character(struct splits *s, const struct node *n, struct err_info *e)
{
    struct split_step *x = NULL;
    enum err err = step_new(s, SPLIT_CHARACTER, n, &x, e);
    return err ? err : string_take(n, "delimiter", true, x, e);
}

static enum err read_scheme(const struct node *n, struct split_step *x, struct err_info *e)
{
    static const char *const names[] = {"always", "first", "never"};
    struct node v = node_get(n, "prepend_scheme");
    bool prefix = true;
    unsigned i = 0;
    while (v.v && i < 3 && !str_eq_c(json_str(v.v), names[i]))
        i++;
    if (i == 3)
        return node_unsupported(&v, "prepend_scheme", json_str(v.v), "always, first, never", e);
    enum err err = node_bool(n, "add_prefix_space", &prefix, e);
    if (err)
        return err;
    x->prepend = prefix ? i : PREPEND_NEVER;
    if (!prefix && v.v && i != PREPEND_NEVER)
        return node_wrong(&v, "has to be \"never\" where add_prefix_space is false", e);
    return ERR_OK;
}

static enum err read_metaspace(struct splits *s, const struct node *n, struct err_info *e)
{
    struct split_step *x = NULL;
    enum err err = step_new(s, SPLIT_METASPACE, n, &x, e);
    if (err)
        return err;
    x->cut = true;
    err = string_take(n, "replacement", true, x, e);
    if (!err)
        err = read_scheme(n, x, e);
    return err ? err : node_bool(n, "split", &x->cut, e);
}

static enum err read_byte_level(struct splits *s, const struct node *n, struct err_info *e)
{
    struct split_step *x = NULL;
    for (unsigned i = 0; i < s->n; i++)
        if (s->steps[i].kind == SPLIT_BYTE_LEVEL)
            return err_set(e, ERR_UNSUPPORTED, n->path, "a second ByteLevel is not supported");
    enum err err = step_new(s, SPLIT_BYTE_LEVEL, n, &x, e);
    if (err)
        return err;
    x->prefix_space = x->cut = x->map = true;
    err = node_bool(n, "add_prefix_space", &x->prefix_space, e);
    return err ? err : node_bool(n, "use_regex", &x->cut, e);
}

static enum err read_regex(const struct node *regex, struct split_step *x, struct err_info *e)
{
    struct err_info inner = {0};
    if (!json_is_string(regex->v))
        return node_wrong(regex, "has to be a string", e);
    if (str_eq_c(json_str(regex->v), GPT2_PATTERN) && x->behavior != BEHAVIOR_REMOVED &&
        x->behavior != BEHAVIOR_CONTIGUOUS && !x->invert) {
        x->kind = SPLIT_GPT2;
        return ERR_OK;
    }
    x->kind = SPLIT_REGEX;
    enum err err = regex_open(json_str(regex->v), &x->regex, &inner);
    return err ? err_set(e, err, regex->path, "%s", inner.message) : ERR_OK;
}

static enum err read_split(struct splits *s, const struct node *n, struct err_info *e)
{
    struct split_step *x = NULL;
    struct node pattern = node_get(n, "pattern");
    struct node regex = node_get(&pattern, "Regex");
    enum err err = step_new(s, SPLIT_STRING, n, &x, e);
    if (!err)
        err = read_behavior(n, x, e);
    if (!err)
        err = node_bool(n, "invert", &x->invert, e);
    if (err)
        return err;
    return regex.v ? read_regex(&regex, x, e) : string_take(&pattern, "String", false, x, e);
}

static enum err read_part(void *s, const struct node *n, struct err_info *e)
{
    return splits_read(s, n, e);
}

static enum err read_list(struct splits *s, const struct node *n, struct err_info *e)
{
    return node_each(n, "pretokenizers", SPLITS_MAX, read_part, s, e);
}

static const struct {
    const char *type;
    enum err (*read)(struct splits *s, const struct node *n, struct err_info *e);
} kinds[] = {
    {"BertPreTokenizer", read_bert}, {"Metaspace", read_metaspace},
    {"ByteLevel", read_byte_level},  {"WhitespaceSplit", read_space},
    {"Whitespace", read_words},      {"Punctuation", read_punctuation},
    {"Digits", read_digits},         {"CharDelimiterSplit", read_character},
    {"Split", read_split},           {"Sequence", read_list},
};

enum err splits_read(struct splits *s, const struct node *n, struct err_info *e)
{
    struct str type;
    if (node_absent(n))
        return ERR_OK;
    enum err err = node_type(n, &type, e);
    if (err)
        return err;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (str_eq_c(type, kinds[i].type))
            return kinds[i].read(s, n, e);
    return node_unsupported(n, "pre_tokenizer", type,
                            "BertPreTokenizer, Metaspace, ByteLevel, WhitespaceSplit, Whitespace, "
                            "Punctuation, Digits, CharDelimiterSplit, Split, Sequence",
                            e);
}

void splits_release(struct splits *s)
{
    for (unsigned i = 0; i < s->n; i++)
        regex_free(s->steps[i].regex);
    s->n = 0;
}

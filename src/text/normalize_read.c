/* The "normalizer" of tokenizer.json. */
#include "text/normalize.h"
#include <string.h>

static enum err step_new(struct normalizer *z, enum normalizer_kind kind, const struct node *n,
                         struct normalizer_step **out, struct err_info *e)
{
    if (z->n == NORMALIZERS_MAX)
        return err_set(e, ERR_TOO_LARGE, n->path, "more than %d normalizers", NORMALIZERS_MAX);
    *out = &z->steps[z->n++];
    **out = (struct normalizer_step){.kind = kind};
    return ERR_OK;
}

static enum err step_put(struct normalizer *z, enum normalizer_kind kind, bool wanted,
                         const struct node *n, struct err_info *e)
{
    struct normalizer_step *x = NULL;
    return wanted ? step_new(z, kind, n, &x, e) : ERR_OK;
}

static enum err read_bert(struct normalizer *z, const struct node *n, struct err_info *e)
{
    bool clean = true, chinese = true, lower = true;
    enum err err = node_bool(n, "clean_text", &clean, e);
    if (!err)
        err = node_bool(n, "handle_chinese_chars", &chinese, e);
    if (!err)
        err = node_bool(n, "lowercase", &lower, e);
    bool strip = lower; /* null: as lowercase */
    if (!err)
        err = node_bool(n, "strip_accents", &strip, e);
    if (!err)
        err = step_put(z, NORMALIZER_CLEAN, clean, n, e);
    if (!err)
        err = step_put(z, NORMALIZER_CHINESE, chinese, n, e);
    if (!err)
        err = step_put(z, NORMALIZER_STRIP_MARKS, strip, n, e);
    return err ? err : step_put(z, NORMALIZER_LOWERCASE, lower, n, e);
}

static enum err read_strip(struct normalizer *z, const struct node *n, struct err_info *e)
{
    struct normalizer_step *x = NULL;
    enum err err = step_new(z, NORMALIZER_STRIP, n, &x, e);
    if (err)
        return err;
    x->left = x->right = true;
    err = node_bool(n, "strip_left", &x->left, e);
    return err ? err : node_bool(n, "strip_right", &x->right, e);
}

static enum err string_take(const struct node *n, const char *key, char **out, size_t *out_n,
                            struct err_info *e)
{
    struct str s;
    enum err err = node_str_optional(n, key, NORMALIZER_STRING_MAX, &s, e);
    if (err)
        return err;
    *out = (char *)str_dup(s).s;
    *out_n = s.n;
    return ERR_OK;
}

static enum err read_prepend(struct normalizer *z, const struct node *n, struct err_info *e)
{
    struct normalizer_step *x = NULL;
    enum err err = step_new(z, NORMALIZER_PREPEND, n, &x, e);
    return err ? err : string_take(n, "prepend", &x->content, &x->content_n, e);
}

static bool is_plain(char c)
{
    return (unsigned char)c < 0x80 && !strchr("\\^$.|?*+()[]{}", c);
}

/* "x+", "x{2,}": of one ASCII character, without the engine. */
static bool read_repeat(struct str pattern, struct normalizer_step *x)
{
    static const struct {
        const char *tail;
        unsigned least;
    } tails[] = {{"+", 1}, {"{1,}", 1}, {"{2,}", 2}, {"{3,}", 3}};
    if (pattern.n < 2 || !is_plain(pattern.s[0]))
        return false;
    struct str tail = {pattern.s + 1, pattern.n - 1};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        if (!str_eq_c(tail, tails[i].tail))
            continue;
        x->least = tails[i].least;
        x->pattern = (char *)str_dup((struct str){pattern.s, 1}).s;
        x->pattern_n = 1;
        return true;
    }
    return false;
}

static enum err read_regex(struct normalizer_step *x, const struct node *n, struct err_info *e)
{
    struct err_info inner = {0};
    if (!json_is_string(n->v))
        return node_wrong(n, "has to be a string", e);
    if (read_repeat(json_str(n->v), x))
        return ERR_OK;
    enum err err = regex_open(json_str(n->v), &x->regex, &inner);
    return err ? err_set(e, err, n->path, "%s", inner.message) : ERR_OK;
}

static enum err read_replace(struct normalizer *z, const struct node *n, struct err_info *e)
{
    struct normalizer_step *x = NULL;
    struct node pattern = node_get(n, "pattern");
    struct node regex = node_get(&pattern, "Regex");
    enum err err = step_new(z, NORMALIZER_REPLACE, n, &x, e);
    if (!err)
        err = string_take(n, "content", &x->content, &x->content_n, e);
    if (err)
        return err;
    if (regex.v)
        return read_regex(x, &regex, e);
    err = string_take(&pattern, "String", &x->pattern, &x->pattern_n, e);
    if (!err && x->pattern_n == 0)
        err = node_wrong(&pattern, "has to have a String or a Regex that is not empty", e);
    return err;
}

static enum err read_precompiled(struct normalizer *z, const struct node *n, struct err_info *e)
{
    struct normalizer_step *x = NULL;
    struct str map;
    struct err_info inner = {0};
    struct node at = node_get(n, "precompiled_charsmap");
    enum err err = node_str(n, "precompiled_charsmap", &map, e);
    if (!err)
        err = step_new(z, NORMALIZER_PRECOMPILED, n, &x, e);
    if (err)
        return err;
    err = charsmap_open(map, &x->charsmap, &inner);
    return err ? err_set(e, err, at.path, "%s", inner.message) : ERR_OK;
}

static enum err read_part(void *z, const struct node *n, struct err_info *e)
{
    return normalizer_read(z, n, e);
}

static enum err read_list(struct normalizer *z, const struct node *n, struct err_info *e)
{
    return node_each(n, "normalizers", NORMALIZERS_MAX, read_part, z, e);
}

static const struct {
    const char *type;
    enum normalizer_kind kind;
} simple[] = {
    {"Lowercase", NORMALIZER_LOWERCASE},
    {"NFC", NORMALIZER_NFC},
    {"NFD", NORMALIZER_NFD},
    {"NFKC", NORMALIZER_NFKC},
    {"NFKD", NORMALIZER_NFKD},
    {"StripAccents", NORMALIZER_STRIP_ACCENTS},
    {"Nmt", NORMALIZER_NMT},
    {"ByteLevel", NORMALIZER_BYTE_LEVEL},
};

static const struct {
    const char *type;
    enum err (*read)(struct normalizer *z, const struct node *n, struct err_info *e);
} others[] = {
    {"BertNormalizer", read_bert}, {"Strip", read_strip},   {"Prepend", read_prepend},
    {"Replace", read_replace},     {"Sequence", read_list}, {"Precompiled", read_precompiled},
};

/* At worst; of compatible decompositions the longest is 33 bytes for 3. */
static double growth(const struct normalizer_step *x)
{
    switch (x->kind) {
    case NORMALIZER_PRECOMPILED:
        return CHARSMAP_TEXT_MAX;
    case NORMALIZER_NFKC:
    case NORMALIZER_NFKD:
        return 12;
    case NORMALIZER_NFC:
    case NORMALIZER_NFD:
    case NORMALIZER_STRIP_MARKS:
        return 4;
    case NORMALIZER_BYTE_LEVEL:
    case NORMALIZER_CHINESE:
    case NORMALIZER_LOWERCASE:
        return 2;
    case NORMALIZER_REPLACE:
        if (x->regex)
            return (double)x->content_n * 2 + 1; /* it may match the empty string */
        return x->content_n > x->pattern_n ? (double)x->content_n / (double)x->pattern_n : 1;
    default:
        return 1;
    }
}

enum err normalizer_check(const struct normalizer *z, const struct node *n, struct err_info *e)
{
    double all = 1;
    for (unsigned i = 0; i < z->n; i++)
        all *= growth(&z->steps[i]);
    if (all > GROWTH_MAX)
        return err_set(e, ERR_UNSUPPORTED, n->path,
                       "could make a text %.0f times as long, at most %d times is supported", all,
                       GROWTH_MAX);
    return ERR_OK;
}

enum err normalizer_read(struct normalizer *z, const struct node *n, struct err_info *e)
{
    struct str type;
    if (node_absent(n))
        return ERR_OK;
    enum err err = node_type(n, &type, e);
    if (err)
        return err;
    for (size_t i = 0; i < sizeof simple / sizeof *simple; i++)
        if (str_eq_c(type, simple[i].type))
            return step_put(z, simple[i].kind, true, n, e);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (str_eq_c(type, others[i].type))
            return others[i].read(z, n, e);
    return node_unsupported(n, "normalizer", type,
                            "BertNormalizer, Precompiled, NFC, NFD, NFKC, NFKD, Nmt, Lowercase, "
                            "Strip, StripAccents, Replace, Prepend, ByteLevel, Sequence",
                            e);
}

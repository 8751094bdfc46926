/* The "decoder" of tokenizer.json. */
#include "text/decoder.h"
#include "text/text.h"
#include <string.h>

static enum err string_take(const struct node *parent, const char *key, struct decoder_string *out,
                            struct err_info *e)
{
    struct str s;
    enum err err = node_str_optional(parent, key, DECODER_STRING_MAX, &s, e);
    if (err)
        return err;
    memcpy(out->s, s.s, s.n);
    out->n = (uint8_t)s.n;
    return ERR_OK;
}

static enum err read_character(const struct node *n, const char *key, struct decoder_string *out,
                               struct err_info *e)
{
    struct node v = node_get(n, key);
    enum err err = string_take(n, key, out, e);
    if (!err && (out->n == 0 || utf8_count((struct str){out->s, out->n}) != 1))
        err = node_wrong(&v, "has to be one character", e);
    return err;
}

static enum err read_wordpiece(struct decoder_step *x, const struct node *n, struct err_info *e)
{
    x->cleanup = true;
    enum err err = string_take(n, "prefix", &x->pattern, e);
    return err ? err : node_bool(n, "cleanup", &x->cleanup, e);
}

static enum err read_metaspace(struct decoder_step *x, const struct node *n, struct err_info *e)
{
    bool prefix = true;
    enum err err = read_character(n, "replacement", &x->pattern, e);
    if (!err)
        err = node_bool(n, "add_prefix_space", &prefix, e);
    struct node scheme = node_get(n, "prepend_scheme");
    x->keep_first = !prefix || (scheme.v && str_eq_c(json_str(scheme.v), "never"));
    return err;
}

static enum err read_replace(struct decoder_step *x, const struct node *n, struct err_info *e)
{
    struct node pattern = node_get(n, "pattern");
    struct node regex = node_get(&pattern, "Regex");
    if (regex.v)
        return node_unsupported(&regex, "pattern", json_str(regex.v), "a String", e);
    enum err err = string_take(&pattern, "String", &x->pattern, e);
    if (!err && x->pattern.n == 0)
        err = node_wrong(&pattern, "has to have a String that is not empty", e);
    return err ? err : string_take(n, "content", &x->content, e);
}

static enum err read_strip(struct decoder_step *x, const struct node *n, struct err_info *e)
{
    struct node start = node_get(n, "start"), stop = node_get(n, "stop");
    enum err err = read_character(n, "content", &x->pattern, e);
    if (!err)
        err = node_u32(&start, 1000, &x->start, e);
    return err ? err : node_u32(&stop, 1000, &x->stop, e);
}

static enum err read_bpe(struct decoder_step *x, const struct node *n, struct err_info *e)
{
    struct node suffix = node_get(n, "suffix");
    enum err err = string_take(n, "suffix", &x->pattern, e);
    if (!err && x->pattern.n == 0)
        err = node_wrong(&suffix, "has to be a string that is not empty", e);
    return err;
}

static const struct {
    const char *type;
    enum decoder_kind kind;
    enum err (*read)(struct decoder_step *x, const struct node *n, struct err_info *e);
} kinds[] = {
    {"WordPiece", DECODER_WORDPIECE, read_wordpiece},
    {"Metaspace", DECODER_METASPACE, read_metaspace},
    {"ByteLevel", DECODER_BYTE_LEVEL, NULL},
    {"ByteFallback", DECODER_BYTE_FALLBACK, NULL},
    {"BPEDecoder", DECODER_BPE, read_bpe},
    {"Replace", DECODER_REPLACE, read_replace},
    {"Strip", DECODER_STRIP, read_strip},
    {"Fuse", DECODER_FUSE, NULL},
};

static enum err read_step(struct decoder *d, const struct node *n, struct str type,
                          struct err_info *e)
{
    if (d->n == DECODERS_MAX)
        return err_set(e, ERR_TOO_LARGE, n->path, "more than %d decoders", DECODERS_MAX);
    struct decoder_step *x = &d->steps[d->n];
    *x = (struct decoder_step){0};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!str_eq_c(type, kinds[i].type))
            continue;
        d->n++;
        x->kind = kinds[i].kind;
        return kinds[i].read ? kinds[i].read(x, n, e) : ERR_OK;
    }
    return node_unsupported(n, "decoder", type,
                            "WordPiece, Metaspace, ByteLevel, ByteFallback, BPEDecoder, Replace, "
                            "Strip, Fuse, Sequence",
                            e);
}

/* An element of a Sequence has to be there. */
static enum err read_part(void *d, const struct node *n, struct err_info *e)
{
    struct str type;
    enum err err = node_type(n, &type, e);
    if (err)
        return err;
    return str_eq_c(type, "Sequence") ? node_each(n, "decoders", DECODERS_MAX, read_part, d, e)
                                      : read_step(d, n, type, e);
}

enum err decoder_read(struct decoder *d, const struct node *n, struct err_info *e)
{
    return node_absent(n) ? ERR_OK : read_part(d, n, e);
}

void decoder_wordpiece(struct decoder *d)
{
    d->n = 1;
    d->steps[0] =
        (struct decoder_step){.kind = DECODER_WORDPIECE, .pattern = {"##", 2}, .cleanup = true};
}

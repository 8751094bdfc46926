#include "text/decoder.h"
#include "base/arena.h"
#include "text/byte_level.h"
#include "text/text.h"
#include <stdlib.h>
#include <string.h>

void token_list_init(struct token_list *l)
{
    *l = (struct token_list){0};
    strbuf_init(&l->bytes, 0);
}

void token_list_release(struct token_list *l)
{
    strbuf_release(&l->bytes);
    free(l->ends);
}

static void list_end(struct token_list *l)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 64;
        l->ends = xrealloc(l->ends, l->cap * sizeof *l->ends);
    }
    l->ends[l->n++] = l->bytes.n;
}

void token_list_add(struct token_list *l, struct str text)
{
    strbuf_add_str(&l->bytes, text);
    list_end(l);
}

struct str token_list_at(const struct token_list *l, size_t i)
{
    size_t start = i ? l->ends[i - 1] : 0;
    return (struct str){l->bytes.buf + start, l->ends[i] - start};
}

static struct str string_view(const struct decoder_string *s)
{
    return (struct str){s->s, s->n};
}

/* Appends `s` with every `what` replaced. */
static void replace(struct strbuf *out, struct str s, struct str what, struct str with)
{
    size_t from = 0;
    for (size_t at = 0; at + what.n <= s.n;) {
        if (memcmp(s.s + at, what.s, what.n) != 0) {
            at++;
            continue;
        }
        strbuf_add(out, s.s + from, at - from);
        strbuf_add_str(out, with);
        from = at += what.n;
    }
    strbuf_add(out, s.s + from, s.n - from);
}

/* The peer's clean-up, in its order. */
static void cleanup(struct strbuf *token, struct strbuf *spare)
{
    static const char *const pairs[][2] = {
        {" .", "."},   {" ?", "?"},     {" !", "!"},     {" ,", ","},
        {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},   {" do not", " don't"},
        {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        strbuf_clear(spare);
        replace(spare, strbuf_str(token), str_c(pairs[i][0]), str_c(pairs[i][1]));
        struct strbuf swap = *token;
        *token = *spare;
        *spare = swap;
    }
}

static void run_wordpiece(const struct decoder_step *x, const struct token_list *in,
                          struct token_list *out)
{
    struct strbuf token, spare;
    struct str prefix = string_view(&x->pattern);
    strbuf_init(&token, 0);
    strbuf_init(&spare, 0);
    for (size_t i = 0; i < in->n; i++) {
        struct str s = token_list_at(in, i);
        strbuf_clear(&token);
        if (i && str_starts(s, prefix))
            s = (struct str){s.s + prefix.n, s.n - prefix.n};
        else if (i)
            strbuf_add_char(&token, ' ');
        strbuf_add_str(&token, s);
        if (x->cleanup && token.n)
            cleanup(&token, &spare);
        token_list_add(out, strbuf_str(&token));
    }
    strbuf_release(&token);
    strbuf_release(&spare);
}

static void run_metaspace(const struct decoder_step *x, const struct token_list *in,
                          struct token_list *out)
{
    for (size_t i = 0; i < in->n; i++) {
        bool dropped = i == 0 && !x->keep_first;
        replace(&out->bytes, token_list_at(in, i), string_view(&x->pattern),
                dropped ? STR("") : STR(" "));
        list_end(out);
    }
}

/* A token of other characters stands for its own bytes. */
static void bytes_of(struct strbuf *out, struct str token)
{
    size_t before = out->n;
    for (size_t at = 0; at < token.n;) {
        int byte = byte_level_byte(utf8_next(token, &at));
        if (byte < 0) {
            out->n = before;
            strbuf_add_str(out, token);
            return;
        }
        strbuf_add_char(out, (char)byte);
    }
}

/* Bytes of the broken sequence at the start of s: the longest start of a well-formed one, at least
 * one (Unicode 3.9, "maximal subpart", as Rust's from_utf8_lossy). */
static size_t broken_size(struct str s)
{
    unsigned char first = (unsigned char)s.s[0], low = 0x80, high = 0xbf;
    size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2, n = 1;
    if (first < 0xc2 || first > 0xf4)
        return 1;
    if (first == 0xe0)
        low = 0xa0;
    if (first == 0xf0)
        low = 0x90;
    if (first == 0xed)
        high = 0x9f;
    if (first == 0xf4)
        high = 0x8f;
    for (; n < size && n < s.n; n++, low = 0x80, high = 0xbf)
        if ((unsigned char)s.s[n] < low || (unsigned char)s.s[n] > high)
            break;
    return n;
}

static void add_lossy(struct strbuf *out, struct str s)
{
    while (s.n) {
        size_t good = utf8_valid(s);
        strbuf_add(out, s.s, good);
        s = (struct str){s.s + good, s.n - good};
        if (s.n == 0)
            return;
        size_t broken = broken_size(s);
        strbuf_add_c(out, "\xef\xbf\xbd");
        s = (struct str){s.s + broken, s.n - broken};
    }
}

static void run_byte_level(const struct token_list *in, struct token_list *out)
{
    struct strbuf bytes;
    strbuf_init(&bytes, 0);
    for (size_t i = 0; i < in->n; i++)
        bytes_of(&bytes, token_list_at(in, i));
    add_lossy(&out->bytes, strbuf_str(&bytes));
    list_end(out);
    strbuf_release(&bytes);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "<0x41>" (and "<0x+1>", which the peer reads too), else -1. */
static int fallback_byte(struct str s)
{
    if (s.n != 6 || memcmp(s.s, "<0x", 3) != 0 || s.s[5] != '>')
        return -1;
    int high = s.s[3] == '+' ? 0 : hex_digit(s.s[3]), low = hex_digit(s.s[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static void fallback_flush(struct strbuf *bytes, struct token_list *out)
{
    struct str s = strbuf_str(bytes);
    if (s.n && utf8_valid(s) == s.n)
        token_list_add(out, s);
    else
        for (size_t i = 0; i < s.n; i++)
            token_list_add(out, STR("\xef\xbf\xbd"));
    strbuf_clear(bytes);
}

static void run_byte_fallback(const struct token_list *in, struct token_list *out)
{
    struct strbuf bytes;
    strbuf_init(&bytes, 0);
    for (size_t i = 0; i < in->n; i++) {
        struct str s = token_list_at(in, i);
        int byte = fallback_byte(s);
        if (byte >= 0) {
            strbuf_add_char(&bytes, (char)byte);
            continue;
        }
        fallback_flush(&bytes, out);
        token_list_add(out, s);
    }
    fallback_flush(&bytes, out);
    strbuf_release(&bytes);
}

static void run_bpe(const struct decoder_step *x, const struct token_list *in,
                    struct token_list *out)
{
    for (size_t i = 0; i < in->n; i++) {
        replace(&out->bytes, token_list_at(in, i), string_view(&x->pattern),
                i + 1 == in->n ? STR("") : STR(" "));
        list_end(out);
    }
}

static void run_replace(const struct decoder_step *x, const struct token_list *in,
                        struct token_list *out)
{
    for (size_t i = 0; i < in->n; i++) {
        replace(&out->bytes, token_list_at(in, i), string_view(&x->pattern),
                string_view(&x->content));
        list_end(out);
    }
}

static void run_strip(const struct decoder_step *x, const struct token_list *in,
                      struct token_list *out)
{
    struct str c = string_view(&x->pattern);
    for (size_t i = 0; i < in->n; i++) {
        struct str s = token_list_at(in, i);
        for (uint32_t k = 0; k < x->start && str_starts(s, c); k++)
            s = (struct str){s.s + c.n, s.n - c.n};
        for (uint32_t k = 0; k < x->stop && s.n >= c.n; k++) {
            if (memcmp(s.s + s.n - c.n, c.s, c.n) != 0)
                break;
            s.n -= c.n;
        }
        token_list_add(out, s);
    }
}

static void step_run(const struct decoder_step *x, const struct token_list *in,
                     struct token_list *out)
{
    switch (x->kind) {
    case DECODER_WORDPIECE:
        run_wordpiece(x, in, out);
        break;
    case DECODER_METASPACE:
        run_metaspace(x, in, out);
        break;
    case DECODER_BYTE_LEVEL:
        run_byte_level(in, out);
        break;
    case DECODER_BYTE_FALLBACK:
        run_byte_fallback(in, out);
        break;
    case DECODER_BPE:
        run_bpe(x, in, out);
        break;
    case DECODER_REPLACE:
        run_replace(x, in, out);
        break;
    case DECODER_STRIP:
        run_strip(x, in, out);
        break;
    case DECODER_FUSE:
        token_list_add(out, strbuf_str(&in->bytes));
        break;
    }
}

void decoder_run(const struct decoder *d, struct token_list *l, struct strbuf *out)
{
    for (size_t i = 0; d->n == 0 && i < l->n; i++) {
        if (i)
            strbuf_add_char(out, ' ');
        strbuf_add_str(out, token_list_at(l, i));
    }
    for (unsigned i = 0; i < d->n; i++) {
        struct token_list next;
        token_list_init(&next);
        step_run(&d->steps[i], l, &next);
        token_list_release(l);
        *l = next;
    }
    if (d->n)
        strbuf_add_str(out, strbuf_str(&l->bytes));
}

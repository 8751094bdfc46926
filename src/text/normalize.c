#include "text/normalize.h"
#include "text/bert_chars.h"
#include "text/byte_level.h"
#include "text/forms.h"
#include "text/text.h"
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>

/* Keeps the characters that `keep` allows. What is removed in front of the first one is forgotten,
 * as is what stands behind another one. */
static void filter(struct view from, bool (*drop)(uint32_t c), struct normal *to)
{
    for (size_t at = 0; at < from.n;) {
        size_t first = at;
        if (!drop(utf8_get(from.bytes, &at)))
            normal_put_view(to, view_part(from, first, at));
    }
}

static void map(struct view from, uint32_t (*change)(uint32_t c), struct normal *to)
{
    for (size_t at = 0; at < from.n;) {
        size_t first = at;
        uint32_t c = utf8_get(from.bytes, &at);
        normal_put(to, change(c), from.spans[first]);
    }
}

static bool is_accent(uint32_t c) /* Mn, Mc and Me of Unicode 9.0 */
{
    UVersionInfo age;
    if (c == 0x1cf2 || c == 0x1cf3) /* letters since 12.0 */
        return true;
    if (c < 0x300 || !(U_MASK(u_charType((UChar32)c)) & U_GC_M_MASK))
        return false;
    u_charAge((UChar32)c, age);
    return age[0] <= 9;
}

static bool nmt_drops(uint32_t c)
{
    return (c >= 1 && c <= 8) || c == 0xb || (c >= 0xe && c <= 0x1f) || c == 0x7f || c == 0x8f ||
           c == 0x9f;
}

static uint32_t nmt_maps(uint32_t c)
{
    bool space = c == 9 || c == 0xa || c == 0xc || c == 0xd || c == 0x1680 ||
                 (c >= 0x200b && c <= 0x200f) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
                 c == 0xfeff || c == 0xfffd;
    return space ? ' ' : c;
}

static uint32_t space_maps(uint32_t c)
{
    return bert_is_space(c) ? ' ' : c;
}

static void run_twice(struct view from, bool (*drop)(uint32_t c), uint32_t (*change)(uint32_t c),
                      struct normal *to)
{
    struct normal kept;
    normal_init(&kept);
    filter(from, drop, &kept);
    map(normal_view(&kept), change, to);
    normal_release(&kept);
}

static void run_chinese(struct view from, struct normal *to)
{
    for (size_t at = 0; at < from.n;) {
        size_t first = at;
        bool alone = bert_is_chinese(utf8_get(from.bytes, &at));
        if (alone)
            normal_put(to, ' ', from.spans[first]);
        normal_put_view(to, view_part(from, first, at));
        if (alone)
            normal_put(to, ' ', from.spans[first]);
    }
}

static void run_strip_marks(struct view from, struct normal *to)
{
    struct normal forms;
    normal_init(&forms);
    form_nfd(from, false, &forms);
    filter(normal_view(&forms), bert_is_mark, to);
    normal_release(&forms);
}

static void run_lowercase(struct view from, struct normal *to)
{
    for (size_t at = 0; at < from.n;) {
        uint32_t low[BERT_LOWER_MAX];
        size_t first = at;
        uint32_t c = utf8_get(from.bytes, &at);
        unsigned n = 1;
        if (c < 0x80)
            low[0] = c >= 'A' && c <= 'Z' ? c + 32 : c;
        else
            n = bert_lower(c, low);
        for (unsigned i = 0; i < n; i++)
            normal_put(to, low[i], from.spans[first]);
    }
}

static void run_strip(const struct normalizer_step *x, struct view from, struct normal *to)
{
    size_t start = 0, end = from.n;
    for (size_t next = 0; x->left && start < end; start = next)
        if (!u_isUWhiteSpace((UChar32)utf8_get(from.bytes, &next)))
            break;
    while (x->right && end > start) {
        size_t at = utf8_floor((struct str){(const char *)from.bytes, end}, end - 1), next = at;
        if (!u_isUWhiteSpace((UChar32)utf8_get(from.bytes, &next)))
            break;
        end = at;
    }
    normal_put_view(to, view_part(from, start, end));
}

static void run_byte_level(struct view from, struct normal *to)
{
    for (size_t i = 0; i < from.n; i++)
        normal_put(to, byte_level_char(from.bytes[i]), from.spans[i]);
}

static void run_prepend(const struct normalizer_step *x, struct view from, struct normal *to)
{
    if (from.n == 0)
        return;
    normal_put_bytes(to, (struct str){x->content, x->content_n}, from.spans[0]);
    normal_put_view(to, from);
}

/* --- Replace --- */

/* The new text has the range of the last byte that it stands for, or of the one before it. */
static void replace_match(const struct normalizer_step *x, struct view from, size_t *done,
                          size_t start, size_t end, struct normal *to)
{
    normal_put_view(to, view_part(from, *done, start));
    struct span span = {from.spans[0].from, from.spans[0].from};
    if (end)
        span = from.spans[end - 1];
    normal_put_bytes(to, (struct str){x->content, x->content_n}, span);
    *done = end;
}

static size_t repeats(const struct normalizer_step *x, struct view from, size_t at)
{
    size_t n = 0;
    while (at + x->pattern_n <= from.n && memcmp(from.bytes + at, x->pattern, x->pattern_n) == 0) {
        n++;
        at += x->pattern_n;
        if (x->least == 0)
            break;
    }
    return n;
}

static void replace_simple(const struct normalizer_step *x, struct view from, struct normal *to)
{
    size_t done = 0, least = x->least ? x->least : 1;
    for (size_t at = 0; at < from.n;) {
        const unsigned char *p = memchr(from.bytes + at, x->pattern[0], from.n - at);
        if (!p)
            break;
        at = (size_t)(p - from.bytes);
        size_t n = repeats(x, from, at), end = at + n * x->pattern_n;
        if (n >= least)
            replace_match(x, from, &done, at, end, to);
        at = n ? end : at + 1;
    }
    normal_put_view(to, view_part(from, done, from.n));
}

static void replace_regex(const struct normalizer_step *x, struct view from, struct normal *to)
{
    struct regex_search *s = regex_search_new(x->regex);
    size_t done = 0, start, end;
    regex_search_start(s, view_str(from));
    while (regex_search_next(s, &start, &end))
        replace_match(x, from, &done, start, end, to);
    normal_put_view(to, view_part(from, done, from.n));
    regex_search_free(s);
}

static void step_run(const struct normalizer_step *x, bool exact, struct view from,
                     struct normal *to)
{
    switch (x->kind) {
    case NORMALIZER_CLEAN:
        run_twice(from, bert_is_removed, space_maps, to);
        break;
    case NORMALIZER_CHINESE:
        run_chinese(from, to);
        break;
    case NORMALIZER_STRIP_MARKS:
        run_strip_marks(from, to);
        break;
    case NORMALIZER_LOWERCASE:
        run_lowercase(from, to);
        break;
    case NORMALIZER_NFC:
    case NORMALIZER_NFKC:
        form_nfc(from, x->kind == NORMALIZER_NFKC, to);
        break;
    case NORMALIZER_NFD:
    case NORMALIZER_NFKD:
        form_nfd(from, x->kind == NORMALIZER_NFKD, to);
        break;
    case NORMALIZER_STRIP:
        run_strip(x, from, to);
        break;
    case NORMALIZER_STRIP_ACCENTS:
        filter(from, is_accent, to);
        break;
    case NORMALIZER_REPLACE:
        if (x->regex)
            replace_regex(x, from, to);
        else
            replace_simple(x, from, to);
        break;
    case NORMALIZER_PREPEND:
        run_prepend(x, from, to);
        break;
    case NORMALIZER_NMT:
        run_twice(from, nmt_drops, nmt_maps, to);
        break;
    case NORMALIZER_BYTE_LEVEL:
        run_byte_level(from, to);
        break;
    case NORMALIZER_PRECOMPILED:
        charsmap_apply(x->charsmap, from, exact, to);
        break;
    }
}

/* Whether there is nothing to replace: most texts have no two spaces in a row. */
static bool step_is_idle(const struct normalizer_step *x, struct view v)
{
    if (x->kind != NORMALIZER_REPLACE || x->regex)
        return false;
    size_t n = x->pattern_n * (x->least > 1 ? 2 : 1);
    char twice[2 * NORMALIZER_STRING_MAX];
    memcpy(twice, x->pattern, x->pattern_n);
    memcpy(twice + x->pattern_n, x->pattern, x->pattern_n);
    return !v.n || !memmem(v.bytes, v.n, twice, n);
}

void normalizer_apply(const struct normalizer *z, bool exact, struct normal *text,
                      struct normal *spare)
{
    for (unsigned i = 0; i < z->n; i++) {
        if (step_is_idle(&z->steps[i], normal_view(text)))
            continue;
        spare->n = 0;
        step_run(&z->steps[i], exact, normal_view(text), spare);
        struct normal swap = *text;
        *text = *spare;
        *spare = swap;
    }
}

void normalizer_release(struct normalizer *z)
{
    for (unsigned i = 0; i < z->n; i++) {
        free(z->steps[i].pattern);
        free(z->steps[i].content);
        regex_free(z->steps[i].regex);
        charsmap_free(z->steps[i].charsmap);
    }
    z->n = 0;
}

#include "text/regex.h"
#include "base/arena.h"
#include "text/newer.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uregex.h>
#include <unicode/utext.h>

/* Steps of the matcher a search may take, about a millisecond each; and its memory. */
enum { TIME_LIMIT = 1000, STACK_BYTES_MAX = 8 << 20 };

struct regex {
    URegularExpression *compiled; /* never run itself: each search has a clone */
};
struct regex_search {
    URegularExpression *run;
    UText *text;
    bool ended;
    size_t last_end;
};

/* Escapes that are wider or narrower in ICU. */
static const char *rewritten(char escape)
{
    switch (escape) {
    case 's':
        return "\\p{White_Space}";
    case 'S':
        return "\\P{White_Space}";
    case 'h':
        return "[0-9a-fA-F]";
    default:
        return NULL;
    }
}

/* The characters of these categories that ICU does not know. */
static void add_newer(struct strbuf *out, const char *categories)
{
    for (size_t i = 0; i < newer_ranges_n; i++)
        if (strchr(categories, newer_ranges[i].category))
            strbuf_printf(out, "\\x{%x}-\\x{%x}", newer_ranges[i].first, newer_ranges[i].last);
}

static void add_word(struct strbuf *out, bool other)
{
    strbuf_printf(out, "[%s\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\xb2\\xb3\\xb9\\xbc-\\xbe",
                  other ? "^" : "");
    add_newer(out, "LMN");
    strbuf_add_char(out, ']');
}

/* \p{L} and its like at `at` (behind the p): its end, or `at` if it is something else. */
static size_t add_category(struct strbuf *out, struct str s, size_t at, bool other)
{
    if (s.n - at < 3 || s.s[at] != '{' || s.s[at + 2] != '}' || !strchr("LNMP", s.s[at + 1]))
        return at;
    char name[2] = {s.s[at + 1], 0};
    strbuf_printf(out, "[%s\\p{%s}", other ? "^" : "", name);
    add_newer(out, name);
    strbuf_add_char(out, ']');
    return at + 3;
}

static enum err refuse(struct str pattern, const char *why, struct err_info *e)
{
    return err_set(e, ERR_UNSUPPORTED, NULL, "the pattern \"%.*s\" is not supported: %s",
                   (int)str_utf8_cut(pattern, 100), pattern.s, why);
}

/* Escapes of Oniguruma that ICU does not know, or reads otherwise. */
static bool is_foreign(char escape)
{
    return strchr("HRXKgkGyYO", escape) != NULL;
}

/* What stands behind a backslash at `at`; *end becomes its end. */
static enum err rewrite_escape(struct str pattern, size_t at, size_t *end, struct strbuf *out,
                               struct err_info *e)
{
    char escape = pattern.s[at];
    *end = at + 1;
    if (is_foreign(escape))
        return refuse(pattern, "it has an escape that is not known here", e);
    if (escape == 'w' || escape == 'W') {
        add_word(out, escape == 'W');
        return ERR_OK;
    }
    if (escape == 'p' || escape == 'P') {
        *end = add_category(out, pattern, at + 1, escape == 'P');
        if (*end > at + 1)
            return ERR_OK;
        const char *close = memchr(pattern.s + at, '}', pattern.n - at);
        *end = close ? (size_t)(close - pattern.s) + 1 : pattern.n;
    }
    const char *to = rewritten(escape);
    if (to) {
        strbuf_add_c(out, to);
        return ERR_OK;
    }
    strbuf_add_char(out, '\\');
    strbuf_add(out, pattern.s + at, *end - at);
    return ERR_OK;
}

static enum err rewrite(struct str pattern, struct strbuf *out, struct err_info *e)
{
    enum err err = ERR_OK;
    for (size_t i = 0; !err && i < pattern.n;) {
        if (pattern.s[i] == '\\' && i + 1 < pattern.n) {
            err = rewrite_escape(pattern, i + 1, &i, out, e);
            continue;
        }
        if (pattern.s[i] == '}' && i + 1 < pattern.n && pattern.s[i + 1] == '+')
            return refuse(pattern, "\"}+\" means another thing there", e);
        strbuf_add_char(out, pattern.s[i++]);
    }
    return err;
}

static enum err compile(struct str rewritten_pattern, URegularExpression **out)
{
    UErrorCode code = U_ZERO_ERROR;
    UParseError where;
    UText *text = utext_openUTF8(NULL, rewritten_pattern.s, (int64_t)rewritten_pattern.n, &code);
    *out = uregex_openUText(text, UREGEX_MULTILINE, &where, &code);
    utext_close(text);
    if (U_SUCCESS(code)) {
        uregex_setTimeLimit(*out, TIME_LIMIT, &code);
        uregex_setStackLimit(*out, STACK_BYTES_MAX, &code);
    }
    return U_SUCCESS(code) ? ERR_OK : ERR_UNSUPPORTED;
}

enum err regex_open(struct str pattern, struct regex **out, struct err_info *e)
{
    struct regex r = {0};
    struct strbuf b;
    if (pattern.n > REGEX_BYTES_MAX)
        return err_set(e, ERR_TOO_LARGE, NULL, "has %zu bytes, at most %d are allowed", pattern.n,
                       REGEX_BYTES_MAX);
    strbuf_init(&b, 0);
    enum err err = rewrite(pattern, &b, e);
    if (!err) {
        err = compile(strbuf_str(&b), &r.compiled);
        if (err) {
            uregex_close(r.compiled);
            err = refuse(pattern, "ICU cannot read it", e);
        }
    }
    strbuf_release(&b);
    if (err)
        return err;
    *out = xmalloc(sizeof **out);
    **out = r;
    return ERR_OK;
}

void regex_free(struct regex *r)
{
    if (!r)
        return;
    uregex_close(r->compiled);
    free(r);
}

struct regex_search *regex_search_new(const struct regex *r)
{
    UErrorCode code = U_ZERO_ERROR;
    struct regex_search *s = xcalloc(1, sizeof *s);
    s->run = uregex_clone(r->compiled, &code);
    assert(U_SUCCESS(code));
    return s;
}

void regex_search_free(struct regex_search *s)
{
    if (!s)
        return;
    uregex_close(s->run);
    utext_close(s->text);
    free(s);
}

void regex_search_start(struct regex_search *s, struct str text)
{
    UErrorCode code = U_ZERO_ERROR;
    s->text = utext_openUTF8(s->text, text.s, (int64_t)text.n, &code);
    uregex_setUText(s->run, s->text, &code);
    assert(U_SUCCESS(code));
    s->ended = false;
    s->last_end = SIZE_MAX;
}

bool regex_search_next(struct regex_search *s, size_t *start, size_t *end)
{
    UErrorCode code = U_ZERO_ERROR;
    while (!s->ended) {
        s->ended = !uregex_findNext(s->run, &code) || U_FAILURE(code);
        if (s->ended)
            break;
        *start = (size_t)uregex_start64(s->run, 0, &code);
        *end = (size_t)uregex_end64(s->run, 0, &code);
        if (U_SUCCESS(code) && (*end > *start || *start != s->last_end)) {
            s->last_end = *end;
            return true;
        }
    }
    return false;
}

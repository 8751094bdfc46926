/* The syntax of a query: quotes and minus signs; everything else is text.
 *
 * A quote opens a phrase at the start of a word, so that 27" is none, and only if another one
 * closes it: while a phrase is being typed it is text. A minus sign counts at the start of a word
 * too, and only in front of one. */
#include "index/words_impl.h"

#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The bytes of the quote at `at`, 0 if there is none: " and the typographic ones. */
static size_t quote_at(struct str s, size_t at)
{
    static const char *const typographic[] = {"\xe2\x80\x9c", "\xe2\x80\x9d", "\xe2\x80\x9e"};
    if (at < s.n && s.s[at] == '"')
        return 1;
    for (size_t i = 0; i < sizeof typographic / sizeof *typographic; i++)
        if (s.n - at >= 3 && memcmp(s.s + at, typographic[i], 3) == 0)
            return 3;
    return 0;
}

static size_t word_end(struct str s, size_t at)
{
    while (at < s.n && !is_space(s.s[at]))
        at++;
    return at;
}

/* Of a phrase whose first byte is at `from`: where its closing quote is, s.n if nowhere. */
static size_t phrase_end(struct str s, size_t from)
{
    for (size_t at = from; at < s.n; at++)
        if (quote_at(s, at))
            return at;
    return s.n;
}

struct parsing {
    struct str text;
    struct clause *out;
    size_t count;
    size_t plain;  /* where the text begins that is in no clause yet */
    bool unclosed; /* no quote closes any more */
};

static void clause_add(struct parsing *p, size_t from, size_t to, bool phrase, bool minus)
{
    if (to > from)
        p->out[p->count++] = (struct clause){{p->text.s + from, to - from}, phrase, minus};
}

/* A clause other than text at `at`, the start of a word -> its end; `at` if there is none. */
static size_t clause_special(struct parsing *p, size_t at)
{
    struct str s = p->text;
    bool minus = s.s[at] == '-';
    size_t from = at + minus, quote = from < s.n && !p->unclosed ? quote_at(s, from) : 0, end;
    if (quote) {
        end = phrase_end(s, from + quote);
        p->unclosed = end == s.n;
        if (p->unclosed)
            quote = 0;
    }
    if (quote) {
        clause_add(p, p->plain, at, false, false);
        clause_add(p, from + quote, end, true, minus);
        return end + quote_at(s, end);
    }
    end = word_end(s, from);
    if (!minus || end == from || s.s[from] == '-')
        return at;
    clause_add(p, p->plain, at, false, false);
    clause_add(p, from, end, false, true);
    return end;
}

size_t clauses_parse(struct str text, struct clause out[CLAUSES_MAX])
{
    struct parsing p = {.text = text, .out = out};
    for (size_t at = 0; at < text.n && p.count + 3 <= CLAUSES_MAX;) {
        size_t end = is_space(text.s[at]) ? at : clause_special(&p, at);
        if (end > at) {
            p.plain = at = end;
            continue;
        }
        at = is_space(text.s[at]) ? at + 1 : word_end(text, at);
    }
    clause_add(&p, p.plain, text.n, false, false);
    return p.count;
}

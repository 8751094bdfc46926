/* The syntax of a query: quotes and minus signs; everything else is text.
 *
 * A quote opens a phrase at the start of a word, so that 27" is none, and only if another one
 * closes it: while a phrase is being typed it is text. Typographic quotes are text: they stand in
 * sentences, where they do not mean that only documents with just these words are wanted (of 1,190
 * German questions 19 have them, and most of those found nothing). A minus sign counts at the start
 * of a word too, and only in front of one. */
#include "index/words_impl.h"

#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
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
    const char *quote = from < s.n ? memchr(s.s + from, '"', s.n - from) : NULL;
    return quote ? (size_t)(quote - s.s) : s.n;
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
    size_t from = at + minus, end;
    if (from < s.n && s.s[from] == '"' && !p->unclosed) {
        end = phrase_end(s, from + 1);
        p->unclosed = end == s.n;
        if (!p->unclosed) {
            clause_add(p, p->plain, at, false, false);
            clause_add(p, from + 1, end, true, minus);
            return end + 1;
        }
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

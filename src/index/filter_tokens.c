/* A filter's text -> tokens, one at a time, and what to say when the present one is wrong. Words
 * are fields, values and keywords alike; strings have JSON's escapes. */
#include "index/filter_tokens.h"
#include "index/filter_tree.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool filter_is_bare(unsigned char c)
{
    return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z') || (c && strchr("_-+.:/@#%&*~$", c));
}

bool filter_word_is(struct str word, const char *keyword)
{
    return word.n == strlen(keyword) && !strncasecmp(word.s, keyword, word.n);
}

bool filter_is_keyword(struct str word)
{
    static const char *const words[] = {"and", "or", "not", "in", "to", "exists", "null"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (filter_word_is(word, words[i]))
            return true;
    return false;
}

static unsigned long position(const struct tokens *t, size_t byte)
{
    unsigned long n = 1;
    for (size_t i = 0; i < byte && i < t->text.n; i++)
        n += ((unsigned char)t->text.s[i] & 0xC0) != 0x80;
    return n;
}

void tokens_fail(struct tokens *t, size_t byte, enum err code, const char *what)
{
    if (t->err)
        return;
    t->err = err_set(t->e, code, NULL, "filter, character %lu: %s", position(t, byte), what);
    t->token = T_END;
    t->next = t->text.n;
}

/* The present token is not what it should be: say what should stand there and what does. */
void tokens_expected(struct tokens *t, const char *what)
{
    char message[200];
    struct str found = {t->text.s + t->at, t->next - t->at};
    if (found.n > 40)
        found.n = 40;
    while (found.n && t->at + found.n < t->text.n &&
           ((unsigned char)found.s[found.n] & 0xC0) == 0x80)
        found.n--;
    if (t->token == T_END)
        snprintf(message, sizeof message, "expected %s, found the end", what);
    else
        snprintf(message, sizeof message, "expected %s, found %.*s", what, STR_ARG(found));
    tokens_fail(t, t->at, ERR_INVALID, message);
}

static int hex4(struct tokens *t, size_t at, unsigned *out)
{
    *out = 0;
    for (size_t i = at; i < at + 4; i++) {
        unsigned char c = i < t->text.n ? (unsigned char)t->text.s[i] : 0;
        unsigned digit = c >= '0' && c <= '9'   ? c - '0'
                         : c >= 'a' && c <= 'f' ? c - 'a' + 10
                         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                : 16;
        if (digit == 16)
            return -1;
        *out = *out * 16 + digit;
    }
    return 0;
}

static void add_utf8(struct strbuf *b, unsigned c)
{
    if (c < 0x80) {
        strbuf_add_char(b, (char)c);
        return;
    }
    if (c < 0x800) {
        strbuf_add_char(b, (char)(0xC0 | c >> 6));
    } else {
        if (c < 0x10000) {
            strbuf_add_char(b, (char)(0xE0 | c >> 12));
        } else {
            strbuf_add_char(b, (char)(0xF0 | c >> 18));
            strbuf_add_char(b, (char)(0x80 | (c >> 12 & 0x3F)));
        }
        strbuf_add_char(b, (char)(0x80 | (c >> 6 & 0x3F)));
    }
    strbuf_add_char(b, (char)(0x80 | (c & 0x3F)));
}

/* \uXXXX, or a pair of them; `at` is behind the u. Returns the bytes used, 0 if wrong. */
static size_t unicode_escape(struct tokens *t, size_t at, struct strbuf *b)
{
    unsigned c = 0, low = 0;
    size_t used = 4;
    if (hex4(t, at, &c))
        return 0;
    if (c >= 0xD800 && c < 0xE000) {
        if (c >= 0xDC00 || at + 6 > t->text.n || memcmp(t->text.s + at + 4, "\\u", 2) ||
            hex4(t, at + 6, &low) || low < 0xDC00 || low >= 0xE000)
            return 0;
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        used = 10;
    }
    if (!c)
        return 0;
    add_utf8(b, c);
    return used;
}

/* The escape behind the backslash at t->next; moves past it. */
static bool lex_escape(struct tokens *t, struct strbuf *b)
{
    size_t at = t->next + 1;
    char c = at < t->text.n ? t->text.s[at] : 0;
    static const char names[] = "\"'\\/nrtbf", bytes[] = "\"'\\/\n\r\t\b\f";
    const char *found = c ? strchr(names, c) : NULL;
    if (found) {
        strbuf_add_char(b, bytes[found - names]);
        t->next += 2;
        return true;
    }
    size_t used = c == 'u' ? unicode_escape(t, at + 1, b) : 0;
    if (!used)
        tokens_fail(t, t->next, ERR_INVALID,
                    "expected one of \\\" \\' \\\\ \\/ \\n \\r \\t \\b \\f \\uXXXX (not \\u0000)");
    t->next += 2 + used;
    return used;
}

static void lex_string(struct tokens *t)
{
    char quote = t->text.s[t->next++];
    struct strbuf b;
    strbuf_init(&b, FILTER_BYTES_MAX);
    for (;;) {
        if (t->next >= t->text.n) {
            tokens_fail(t, t->at, ERR_INVALID, "a string begins here and has no closing quote");
            break;
        }
        char c = t->text.s[t->next];
        if (c == quote)
            break;
        if (c == '\\') {
            if (!lex_escape(t, &b))
                break;
            continue;
        }
        strbuf_add_char(&b, c);
        t->next++;
    }
    if (!t->err) {
        t->next++;
        t->token = T_STRING;
        t->value = arena_str(t->arena, strbuf_str(&b));
    }
    strbuf_release(&b);
}

static void lex_operator(struct tokens *t, char c)
{
    bool pair = t->next + 1 < t->text.n && t->text.s[t->next + 1] == '=';
    if (c == '!' && !pair) {
        tokens_fail(t, t->next, ERR_INVALID, "expected = after !");
        return;
    }
    t->next += pair && c != '=' ? 2 : 1;
    t->token = T_OP;
}

void tokens_advance(struct tokens *t)
{
    if (t->err)
        return;
    t->last_end = t->next;
    while (t->next < t->text.n && memchr(" \t\r\n", t->text.s[t->next], 4))
        t->next++;
    t->at = t->next;
    t->token = T_END;
    t->value = (struct str){t->text.s + t->at, 0};
    if (t->at == t->text.n)
        return;
    char c = t->text.s[t->at];
    if (c == '"' || c == '\'') {
        lex_string(t);
        return;
    }
    if (memchr("()[],", c, 5)) {
        t->token = T_PUNCT;
        t->next++;
    } else if (memchr("=!<>", c, 4)) {
        lex_operator(t, c);
    } else if (filter_is_bare((unsigned char)c)) {
        t->token = T_WORD;
        while (t->next < t->text.n && filter_is_bare((unsigned char)t->text.s[t->next]))
            t->next++;
    } else {
        t->next++;
        t->token = T_PUNCT;
        tokens_expected(t, "a field, a value or an operator");
        return;
    }
    t->value.n = t->next - t->at;
}

bool tokens_word_is(const struct tokens *t, const char *keyword)
{
    return t->token == T_WORD && filter_word_is(t->value, keyword);
}

bool tokens_take_word(struct tokens *t, const char *keyword)
{
    bool found = tokens_word_is(t, keyword);
    if (found)
        tokens_advance(t);
    return found;
}

bool tokens_take_punct(struct tokens *t, char c)
{
    bool found = t->token == T_PUNCT && t->value.s[0] == c;
    if (found)
        tokens_advance(t);
    return found;
}

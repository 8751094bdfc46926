/* Text -> tree, by recursive descent:
 *
 *     or    = and { OR and }           and  = not { AND not }          not = NOT not | "(" or ")" |
 * test test  = field ( op value | value TO value | [NOT] IN "[" value { "," value } "]" | [NOT]
 * EXISTS )
 */
#include "index/filter_tree.h"

#include <string.h>
#include <strings.h>

enum token { T_END, T_WORD, T_STRING, T_OP, T_PUNCT };

struct parser {
    struct arena *arena;
    struct str text;
    size_t next;     /* byte behind the present token */
    size_t at;       /* its first byte */
    size_t last_end; /* end of the token before it */
    enum token token;
    struct str value; /* its text, unescaped */
    unsigned depth;
    unsigned values;
    enum err err;
    struct err_info *e;
};

bool filter_is_bare(unsigned char c)
{
    return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z') || (c && strchr("_-+.:/@#%&*~$", c));
}

static bool word_is(struct str word, const char *keyword)
{
    return word.n == strlen(keyword) && !strncasecmp(word.s, keyword, word.n);
}

bool filter_is_keyword(struct str word)
{
    static const char *const words[] = {"and", "or", "not", "in", "to", "exists", "null"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (word_is(word, words[i]))
            return true;
    return false;
}

static unsigned long position(const struct parser *p, size_t byte)
{
    unsigned long n = 1;
    for (size_t i = 0; i < byte && i < p->text.n; i++)
        n += ((unsigned char)p->text.s[i] & 0xC0) != 0x80;
    return n;
}

static void fail_at(struct parser *p, size_t byte, enum err code, const char *what)
{
    if (p->err)
        return;
    p->err = err_set(p->e, code, NULL, "filter, character %lu: %s", position(p, byte), what);
    p->token = T_END;
    p->next = p->text.n;
}

/* The present token is not what it should be: say what should stand there and what does. */
static void fail_expected(struct parser *p, const char *what)
{
    char message[200];
    struct str found = {p->text.s + p->at, p->next - p->at};
    if (found.n > 40)
        found.n = 40;
    while (found.n && p->at + found.n < p->text.n &&
           ((unsigned char)found.s[found.n] & 0xC0) == 0x80)
        found.n--;
    if (p->token == T_END)
        snprintf(message, sizeof message, "expected %s, found the end", what);
    else
        snprintf(message, sizeof message, "expected %s, found %.*s", what, STR_ARG(found));
    fail_at(p, p->at, ERR_INVALID, message);
}

static int hex4(struct parser *p, size_t at, unsigned *out)
{
    *out = 0;
    for (size_t i = at; i < at + 4; i++) {
        unsigned char c = i < p->text.n ? (unsigned char)p->text.s[i] : 0;
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
static size_t unicode_escape(struct parser *p, size_t at, struct strbuf *b)
{
    unsigned c = 0, low = 0;
    size_t used = 4;
    if (hex4(p, at, &c))
        return 0;
    if (c >= 0xD800 && c < 0xE000) {
        if (c >= 0xDC00 || at + 6 > p->text.n || memcmp(p->text.s + at + 4, "\\u", 2) ||
            hex4(p, at + 6, &low) || low < 0xDC00 || low >= 0xE000)
            return 0;
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        used = 10;
    }
    if (!c)
        return 0;
    add_utf8(b, c);
    return used;
}

/* The escape behind the backslash at p->next; moves past it. */
static bool lex_escape(struct parser *p, struct strbuf *b)
{
    size_t at = p->next + 1;
    char c = at < p->text.n ? p->text.s[at] : 0;
    static const char names[] = "\"'\\/nrtbf", bytes[] = "\"'\\/\n\r\t\b\f";
    const char *found = c ? strchr(names, c) : NULL;
    if (found) {
        strbuf_add_char(b, bytes[found - names]);
        p->next += 2;
        return true;
    }
    size_t used = c == 'u' ? unicode_escape(p, at + 1, b) : 0;
    if (!used)
        fail_at(p, p->next, ERR_INVALID,
                "expected one of \\\" \\' \\\\ \\/ \\n \\r \\t \\b \\f \\uXXXX (not \\u0000)");
    p->next += 2 + used;
    return used;
}

static void lex_string(struct parser *p)
{
    char quote = p->text.s[p->next++];
    struct strbuf b;
    strbuf_init(&b, FILTER_BYTES_MAX);
    for (;;) {
        if (p->next >= p->text.n) {
            fail_at(p, p->at, ERR_INVALID, "a string begins here and has no closing quote");
            break;
        }
        char c = p->text.s[p->next];
        if (c == quote)
            break;
        if (c == '\\') {
            if (!lex_escape(p, &b))
                break;
            continue;
        }
        strbuf_add_char(&b, c);
        p->next++;
    }
    if (!p->err) {
        p->next++;
        p->token = T_STRING;
        p->value = arena_str(p->arena, strbuf_str(&b));
    }
    strbuf_release(&b);
}

static void lex_operator(struct parser *p, char c)
{
    bool pair = p->next + 1 < p->text.n && p->text.s[p->next + 1] == '=';
    if (c == '!' && !pair) {
        fail_at(p, p->next, ERR_INVALID, "expected = after !");
        return;
    }
    p->next += pair && c != '=' ? 2 : 1;
    p->token = T_OP;
}

static void advance(struct parser *p)
{
    if (p->err)
        return;
    p->last_end = p->next;
    while (p->next < p->text.n && memchr(" \t\r\n", p->text.s[p->next], 4))
        p->next++;
    p->at = p->next;
    p->token = T_END;
    p->value = (struct str){p->text.s + p->at, 0};
    if (p->at == p->text.n)
        return;
    char c = p->text.s[p->at];
    if (c == '"' || c == '\'') {
        lex_string(p);
        return;
    }
    if (memchr("()[],", c, 5)) {
        p->token = T_PUNCT;
        p->next++;
    } else if (memchr("=!<>", c, 4)) {
        lex_operator(p, c);
    } else if (filter_is_bare((unsigned char)c)) {
        p->token = T_WORD;
        while (p->next < p->text.n && filter_is_bare((unsigned char)p->text.s[p->next]))
            p->next++;
    } else {
        p->next++;
        p->token = T_PUNCT;
        fail_expected(p, "a field, a value or an operator");
        return;
    }
    p->value.n = p->next - p->at;
}

static bool is_word(const struct parser *p, const char *keyword)
{
    return p->token == T_WORD && word_is(p->value, keyword);
}

static bool accept_word(struct parser *p, const char *keyword)
{
    bool found = is_word(p, keyword);
    if (found)
        advance(p);
    return found;
}

static bool accept_punct(struct parser *p, char c)
{
    bool found = p->token == T_PUNCT && p->value.s[0] == c;
    if (found)
        advance(p);
    return found;
}

static struct filter *node_new(struct parser *p, enum filter_op op)
{
    struct filter *f = arena_zalloc(p->arena, sizeof *f);
    f->op = op;
    return f;
}

struct str filter_field(struct str field)
{
    if (!str_starts(field, STR("attributes.")))
        return field;
    struct str own = {field.s + 11, field.n - 11};
    return field_is_reserved(own) || !own.n ? field : own;
}

static struct str parse_field(struct parser *p)
{
    struct str field = {"", 0};
    bool named = p->token == T_STRING || (p->token == T_WORD && !filter_is_keyword(p->value));
    if (!named) {
        fail_expected(p, "a field, NOT or (");
        return field;
    }
    if (p->value.n > DOCUMENT_PATH_MAX + 11) {
        fail_at(p, p->at, ERR_INVALID, "a field's path has at most 255 bytes");
        return field;
    }
    field = filter_field(p->value);
    advance(p);
    return field;
}

static struct scalar word_scalar(struct str word)
{
    int64_t i = 0;
    double d = 0;
    if (word_is(word, "true") || word_is(word, "false"))
        return scalar_of_bool(word_is(word, "true"));
    if (str_to_i64(word, INT64_MIN, INT64_MAX, &i) == ERR_OK)
        return scalar_of_number(number_of_int(i));
    if (str_to_f64(word, &d) == ERR_OK)
        return scalar_of_number(number_of_double(d));
    return scalar_of_text(word);
}

/* `after`: what stands before it, for the message. */
static struct scalar parse_value(struct parser *p, const char *after)
{
    struct scalar s = {.kind = SCALAR_BOOL};
    char what[80];
    if (p->token == T_STRING) {
        s = scalar_of_text(p->value);
    } else if (p->token == T_WORD && !filter_is_keyword(p->value)) {
        s = word_scalar(p->value);
    } else {
        snprintf(what, sizeof what, "a value after %s%s", after,
                 is_word(p, "null")   ? " (what is absent: NOT field EXISTS)"
                 : p->token == T_WORD ? " (a keyword needs quotes)"
                                      : "");
        fail_expected(p, what);
        return s;
    }
    if (++p->values > FILTER_VALUES_MAX)
        fail_at(p, p->at, ERR_TOO_LARGE, "more than 1000 values");
    advance(p);
    return s;
}

static struct scalar parse_ordered(struct parser *p, const char *after)
{
    size_t at = p->at;
    struct scalar s = parse_value(p, after);
    if (!p->err && s.kind == SCALAR_BOOL)
        fail_at(p, at, ERR_INVALID,
                "expected a number, a date or a text to compare with, found a boolean");
    return s;
}

static struct filter *test_new(struct parser *p, enum filter_op op, struct str field,
                               unsigned count)
{
    struct filter *f = node_new(p, op);
    f->field = field;
    f->count = count;
    f->values = arena_array(p->arena, count ? count : 1, sizeof *f->values);
    return f;
}

static struct filter *parse_in(struct parser *p, struct str field)
{
    struct filter *f = test_new(p, FILTER_IN, field, 0);
    unsigned cap = 0;
    if (!accept_punct(p, '[')) {
        fail_expected(p, "[ after IN");
        return f;
    }
    do {
        if (f->count == cap) {
            cap = cap ? 2 * cap : 8;
            struct scalar *more = arena_array(p->arena, cap, sizeof *more);
            if (f->count)
                memcpy(more, f->values, f->count * sizeof *more);
            f->values = more;
        }
        f->values[f->count] = parse_value(p, f->count ? "," : "[");
        f->count++;
    } while (!p->err && accept_punct(p, ','));
    if (!p->err && !accept_punct(p, ']'))
        fail_expected(p, ", or ]");
    return f;
}

static struct filter *parse_comparison(struct parser *p, struct str field)
{
    static const struct {
        const char *text;
        enum filter_op op;
    } ops[] = {{"=", FILTER_EQ},  {"!=", FILTER_NE}, {"<", FILTER_LT},
               {"<=", FILTER_LE}, {">", FILTER_GT},  {">=", FILTER_GE}};
    size_t i = 0;
    while (!str_eq_c(p->value, ops[i].text))
        i++;
    struct filter *f = test_new(p, ops[i].op, field, 1);
    advance(p);
    f->values[0] = f->op == FILTER_EQ || f->op == FILTER_NE ? parse_value(p, ops[i].text)
                                                            : parse_ordered(p, ops[i].text);
    return f;
}

static struct filter *parse_between(struct parser *p, struct str field)
{
    struct filter *f = test_new(p, FILTER_BETWEEN, field, 2);
    f->values[0] = parse_ordered(p, "the field");
    if (!p->err && !accept_word(p, "to"))
        fail_expected(p, "TO and the upper end of the range");
    f->values[1] = parse_ordered(p, "TO");
    return f;
}

static struct filter *negated(struct parser *p, const struct filter *f)
{
    struct filter *not = node_new(p, FILTER_NOT);
    not ->children = arena_array(p->arena, 1, sizeof *not ->children);
    not ->children[0] = f;
    not ->count = 1;
    return not ;
}

static const struct filter *parse_test(struct parser *p)
{
    struct str field = parse_field(p);
    if (p->err)
        return NULL;
    if (p->token == T_OP)
        return parse_comparison(p, field);
    bool not = accept_word(p, "not");
    struct filter *f = NULL;
    if (accept_word(p, "in"))
        f = parse_in(p, field);
    else if (accept_word(p, "exists")) {
        f = test_new(p, FILTER_EXISTS, field, 0);
        if (++p->values > FILTER_VALUES_MAX)
            fail_at(p, p->last_end, ERR_TOO_LARGE, "more than 1000 values");
    } else if (not )
        fail_expected(p, "IN or EXISTS after NOT");
    else if (p->token == T_STRING || (p->token == T_WORD && !filter_is_keyword(p->value)))
        f = parse_between(p, field);
    else
        fail_expected(p, "= != < <= > >= IN EXISTS or a range after the field");
    return not &&f ? negated(p, f) : f;
}

static const struct filter *parse_or(struct parser *p);

static const struct filter *parse_not(struct parser *p)
{
    const struct filter *f = NULL;
    if (++p->depth > FILTER_DEPTH_MAX) {
        fail_at(p, p->at, ERR_TOO_LARGE, "more than 32 levels of NOT and parentheses");
    } else if (accept_word(p, "not")) {
        f = parse_not(p);
        f = p->err ? NULL : negated(p, f);
    } else if (accept_punct(p, '(')) {
        f = parse_or(p);
        if (!p->err && !accept_punct(p, ')'))
            fail_expected(p, "AND, OR or )");
    } else {
        f = parse_test(p);
    }
    p->depth--;
    return f;
}

/* A chain of one operator as one node; a child that is a chain of the same is taken apart. */
static const struct filter *parse_chain(struct parser *p, enum filter_op op, const char *keyword,
                                        const struct filter *(*operand)(struct parser *))
{
    const struct filter *first = operand(p);
    if (p->err || !is_word(p, keyword))
        return first;
    struct filter *f = node_new(p, op);
    unsigned cap = 0;
    for (const struct filter *child = first;;) {
        unsigned more = child->op == op ? child->count : 1;
        if (f->count + more > cap) {
            cap = 2 * (f->count + more);
            const struct filter **grown = arena_array(p->arena, cap, sizeof *grown);
            if (f->count)
                memcpy(grown, f->children, f->count * sizeof *grown);
            f->children = grown;
        }
        memcpy(f->children + f->count, child->op == op ? child->children : &child,
               more * sizeof child);
        f->count += more;
        if (!accept_word(p, keyword))
            return f;
        child = operand(p);
        if (p->err)
            return NULL;
    }
}

static const struct filter *parse_and(struct parser *p)
{
    return parse_chain(p, FILTER_AND, "and", parse_not);
}

static const struct filter *parse_or(struct parser *p)
{
    return parse_chain(p, FILTER_OR, "or", parse_and);
}

enum err filter_parse(struct arena *a, struct str text, const struct filter **out,
                      struct err_info *e)
{
    struct parser p = {.arena = a, .text = text, .e = e};
    if (text.n > FILTER_BYTES_MAX)
        return err_set(e, ERR_TOO_LARGE, NULL, "a filter has at most %d bytes, this one %zu",
                       FILTER_BYTES_MAX, text.n);
    p.text = arena_str(a, text); /* the tree outlives the caller's text */
    advance(&p);
    const struct filter *f = parse_or(&p);
    if (!p.err && p.token != T_END)
        fail_expected(&p, "AND, OR or the end");
    if (p.err)
        return p.err;
    *out = f;
    return ERR_OK;
}

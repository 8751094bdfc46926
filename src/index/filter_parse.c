/* Tokens -> tree, by recursive descent:
 *
 *     or    = and { OR and }
 *     and   = not { AND not }
 *     not   = NOT not | "(" or ")" | test
 *     test  = field ( op value | value TO value | [NOT] IN "[" value { "," value } "]"
 *                   | [NOT] EXISTS ) | geo (filter_geo.c) */
#include "index/filter_parse.h"
#include "index/filter_tree.h"
#include <stdio.h>
#include <string.h>

struct parser {
    struct arena *arena;
    struct tokens t;
    unsigned depth;
    unsigned values;
};

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

struct str filter_field_parse(struct tokens *t, const char *expected)
{
    struct str field = {"", 0};
    bool named = t->token == T_STRING || (t->token == T_WORD && !filter_is_keyword(t->value));
    if (!named) {
        tokens_expected(t, expected);
        return field;
    }
    if (t->value.n > DOCUMENT_PATH_MAX + 11) {
        tokens_fail(t, t->at, ERR_INVALID, "a field's path has at most 255 bytes");
        return field;
    }
    field = filter_field(t->value);
    tokens_advance(t);
    return field;
}

static struct scalar word_scalar(struct str word)
{
    int64_t i = 0;
    double d = 0;
    if (filter_word_is(word, "true") || filter_word_is(word, "false"))
        return scalar_of_bool(filter_word_is(word, "true"));
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
    if (p->t.token == T_STRING) {
        s = scalar_of_text(p->t.value);
    } else if (p->t.token == T_WORD && !filter_is_keyword(p->t.value)) {
        s = word_scalar(p->t.value);
    } else {
        snprintf(what, sizeof what, "a value after %s%s", after,
                 tokens_word_is(&p->t, "null") ? " (what is absent: NOT field EXISTS)"
                 : p->t.token == T_WORD        ? " (a keyword needs quotes)"
                                               : "");
        tokens_expected(&p->t, what);
        return s;
    }
    if (++p->values > FILTER_VALUES_MAX)
        tokens_fail(&p->t, p->t.at, ERR_TOO_LARGE, "more than 1000 values");
    tokens_advance(&p->t);
    return s;
}

static struct scalar parse_ordered(struct parser *p, const char *after)
{
    size_t at = p->t.at;
    struct scalar s = parse_value(p, after);
    if (!p->t.err && s.kind == SCALAR_BOOL)
        tokens_fail(&p->t, at, ERR_INVALID,
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
    if (!tokens_take_punct(&p->t, '[')) {
        tokens_expected(&p->t, "[ after IN");
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
    } while (!p->t.err && tokens_take_punct(&p->t, ','));
    if (!p->t.err && !tokens_take_punct(&p->t, ']'))
        tokens_expected(&p->t, ", or ]");
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
    while (!str_eq_c(p->t.value, ops[i].text))
        i++;
    struct filter *f = test_new(p, ops[i].op, field, 1);
    tokens_advance(&p->t);
    f->values[0] = f->op == FILTER_EQ || f->op == FILTER_NE ? parse_value(p, ops[i].text)
                                                            : parse_ordered(p, ops[i].text);
    return f;
}

static struct filter *parse_between(struct parser *p, struct str field)
{
    struct filter *f = test_new(p, FILTER_BETWEEN, field, 2);
    f->values[0] = parse_ordered(p, "the field");
    if (!p->t.err && !tokens_take_word(&p->t, "to"))
        tokens_expected(&p->t, "TO and the upper end of the range");
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
    size_t at = p->t.at;
    if (filter_geo_begins(&p->t)) {
        struct filter *geo = filter_geo_parse(p->arena, &p->t);
        if (geo)
            geo->at = at;
        p->values += FILTER_GEO_VALUES;
        if (p->values > FILTER_VALUES_MAX)
            tokens_fail(&p->t, at, ERR_TOO_LARGE,
                        "more than 1000 values (a geo test counts as 50)");
        return p->t.err ? NULL : geo;
    }
    struct str field = filter_field_parse(&p->t, "a field, NOT or (");
    if (p->t.err)
        return NULL;
    if (p->t.token == T_OP) {
        struct filter *comparison = parse_comparison(p, field);
        comparison->at = at;
        return comparison;
    }
    bool not = tokens_take_word(&p->t, "not");
    struct filter *f = NULL;
    if (tokens_take_word(&p->t, "in"))
        f = parse_in(p, field);
    else if (tokens_take_word(&p->t, "exists")) {
        f = test_new(p, FILTER_EXISTS, field, 0);
        if (++p->values > FILTER_VALUES_MAX)
            tokens_fail(&p->t, p->t.last_end, ERR_TOO_LARGE, "more than 1000 values");
    } else if (not )
        tokens_expected(&p->t, "IN or EXISTS after NOT");
    else if (p->t.token == T_STRING || (p->t.token == T_WORD && !filter_is_keyword(p->t.value)))
        f = parse_between(p, field);
    else
        tokens_expected(&p->t, "= != < <= > >= IN EXISTS or a range after the field");
    if (f)
        f->at = at;
    return not &&f ? negated(p, f) : f;
}

static const struct filter *parse_or(struct parser *p);

static const struct filter *parse_not(struct parser *p)
{
    const struct filter *f = NULL;
    if (++p->depth > FILTER_DEPTH_MAX) {
        tokens_fail(&p->t, p->t.at, ERR_TOO_LARGE, "more than 32 levels of NOT and parentheses");
    } else if (tokens_take_word(&p->t, "not")) {
        f = parse_not(p);
        f = p->t.err ? NULL : negated(p, f);
    } else if (tokens_take_punct(&p->t, '(')) {
        f = parse_or(p);
        if (!p->t.err && !tokens_take_punct(&p->t, ')'))
            tokens_expected(&p->t, "AND, OR or )");
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
    if (p->t.err || !tokens_word_is(&p->t, keyword))
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
        if (!tokens_take_word(&p->t, keyword))
            return f;
        child = operand(p);
        if (p->t.err)
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
    struct parser p = {.arena = a, .t = {.arena = a, .e = e}};
    if (text.n > FILTER_BYTES_MAX)
        return err_set(e, ERR_TOO_LARGE, NULL, "a filter has at most %d bytes, this one %zu",
                       FILTER_BYTES_MAX, text.n);
    p.t.text = arena_str(a, text); /* the tree outlives the caller's text */
    tokens_advance(&p.t);
    const struct filter *f = parse_or(&p);
    if (!p.t.err && p.t.token != T_END)
        tokens_expected(&p.t, "AND, OR or the end");
    if (p.t.err)
        return p.t.err;
    *out = f;
    return ERR_OK;
}

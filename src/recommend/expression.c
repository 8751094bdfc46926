/* A score expression's text -> a small program of a stack machine, by recursive descent that emits
 * each step behind its operands; and its run. */
#include "recommend/expression.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define LOG_FLOOR 1e-9

const char *const recommend_feature_names[FEATURE_COUNT] = {
    [FEATURE_MODEL] = "model",     [FEATURE_PROFILE] = "profile",     [FEATURE_SESSION] = "session",
    [FEATURE_POPULAR] = "popular", [FEATURE_TRENDING] = "trending",   [FEATURE_BROUGHT] = "brought",
    [FEATURE_AGE] = "age",         [FEATURE_SHOWN] = "shown",         [FEATURE_KNOWN] = "known",
    [FEATURE_ACTS] = "acts",       [FEATURE_RELEVANCE] = "relevance", [FEATURE_RANK] = "rank",
    [FEATURE_KIND] = "kind",       [FEATURE_RANKED] = "ranked",
};

enum step {
    STEP_NUMBER,
    STEP_FEATURE,
    STEP_BROUGHT,
    STEP_NEGATE,
    STEP_ADD,
    STEP_SUBTRACT,
    STEP_MULTIPLY,
    STEP_DIVIDE,
    STEP_MIN,
    STEP_MAX,
    STEP_CLIP,
    STEP_EXP,
    STEP_LOG,
    STEP_POW,
    STEP_ABS,
    STEP_SQRT,
};
struct expression_step {
    enum step step;
    unsigned place; /* of a feature or a source */
    double number;
};

static const struct function {
    const char *name;
    enum step step;
    unsigned arguments;
    bool more; /* takes more: each joins by the same step */
} functions[] = {
    {"min", STEP_MIN, 2, true},  {"max", STEP_MAX, 2, true},    {"clip", STEP_CLIP, 3, false},
    {"exp", STEP_EXP, 1, false}, {"log", STEP_LOG, 1, false},   {"pow", STEP_POW, 2, false},
    {"abs", STEP_ABS, 1, false}, {"sqrt", STEP_SQRT, 1, false},
};
#define FUNCTIONS (sizeof functions / sizeof *functions)

struct parser {
    struct str text;
    size_t at, next; /* the present token: text[at, next); empty at the end */
    unsigned depth;
    struct expression *x;
    struct expression_step steps[EXPRESSION_STEPS_MAX];
    enum err err;
    struct err_info *e;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Only the first mistake counts; what follows it is the end. */
static void fail(struct parser *p, enum err code, size_t byte, const char *what)
{
    unsigned long place = 1;
    if (p->err)
        return;
    for (size_t i = 0; i < byte && i < p->text.n; i++)
        place += ((unsigned char)p->text.s[i] & 0xC0) != 0x80;
    p->err = err_set(p->e, code, NULL, "score expression, character %lu: %s", place, what);
    p->at = p->next = p->text.n;
}

static struct str token(const struct parser *p)
{
    return (struct str){p->text.s + p->at, p->next - p->at};
}

static void expected(struct parser *p, const char *what)
{
    char message[240];
    struct str found = token(p);
    if (found.n > 40)
        found.n = str_utf8_cut(found, 40);
    if (found.n)
        snprintf(message, sizeof message, "expected %s, found %.*s", what, STR_ARG(found));
    else
        snprintf(message, sizeof message, "expected %s, found the end", what);
    fail(p, ERR_INVALID, p->at, message);
}

static size_t number_end(struct str t, size_t at)
{
    size_t i = at;
    while (i < t.n && (is_digit(t.s[i]) || t.s[i] == '.'))
        i++;
    if (i < t.n && (t.s[i] == 'e' || t.s[i] == 'E')) {
        size_t k = i + 1;
        if (k < t.n && (t.s[k] == '+' || t.s[k] == '-'))
            k++;
        while (k < t.n && is_digit(t.s[k]))
            i = ++k;
    }
    while (i < t.n && is_name(t.s[i])) /* 3x is one wrong number, not a number and a name */
        i++;
    return i;
}

static void advance(struct parser *p)
{
    struct str t = p->text;
    if (p->err)
        return;
    p->at = p->next;
    while (p->at < t.n && memchr(" \t\r\n", t.s[p->at], 4))
        p->at++;
    p->next = p->at;
    if (p->at == t.n)
        return;
    char c = t.s[p->at];
    if (is_digit(c) || c == '.') {
        p->next = number_end(t, p->at);
    } else if (is_name(c)) {
        while (p->next < t.n &&
               (is_name(t.s[p->next]) || is_digit(t.s[p->next]) || t.s[p->next] == '.'))
            p->next++;
    } else {
        size_t size = str_utf8_size((struct str){t.s + p->at, t.n - p->at});
        p->next += size ? size : 1;
    }
}

static bool take(struct parser *p, char c)
{
    bool found = p->next == p->at + 1 && p->text.s[p->at] == c && !p->err;
    if (found)
        advance(p);
    return found;
}

static void emit(struct parser *p, enum step step, unsigned place, double number)
{
    if (p->err)
        return;
    if (p->x->step_count == EXPRESSION_STEPS_MAX) {
        fail(p, ERR_TOO_LARGE, p->at, "more than 128 names, numbers and operators");
        return;
    }
    p->steps[p->x->step_count++] = (struct expression_step){step, place, number};
}

static void parse_sum(struct parser *p);

static void parse_number(struct parser *p)
{
    char padded[64];
    struct str t = token(p);
    double number = 0;
    if (t.n < sizeof padded - 2) { /* .5 and 5. are numbers here */
        int n = snprintf(padded, sizeof padded, "%s%.*s%s", t.s[0] == '.' ? "0" : "", STR_ARG(t),
                         t.s[t.n - 1] == '.' ? "0" : "");
        if (!str_to_f64((struct str){padded, (size_t)n}, &number) &&
            number <= EXPRESSION_VALUE_MAX) {
            emit(p, STEP_NUMBER, 0, number);
            advance(p);
            return;
        }
    }
    expected(p, "a number up to 1e15");
}

bool expression_source_is_valid(struct str name)
{
    if (!name.n || name.n > EXPRESSION_SOURCE_BYTES_MAX || is_digit(name.s[0]))
        return false;
    for (size_t i = 0; i < name.n; i++)
        if (!is_digit(name.s[i]) && name.s[i] != '_' && !(name.s[i] >= 'a' && name.s[i] <= 'z'))
            return false;
    return true;
}

static void emit_source(struct parser *p, struct str name)
{
    struct expression *x = p->x;
    unsigned k = 0;
    if (!expression_source_is_valid(name)) {
        expected(p, "brought.NAME, the name of 1 to 64 of a-z, 0-9 and _, not beginning with a "
                    "digit");
        return;
    }
    while (k < x->source_count && !str_eq(x->sources[k], name))
        k++;
    if (k == EXPRESSION_SOURCES_MAX) {
        fail(p, ERR_TOO_LARGE, p->at, "more than 8 brought sources");
        return;
    }
    if (k == x->source_count)
        x->sources[x->source_count++] = name;
    x->features |= 1u << FEATURE_BROUGHT;
    emit(p, STEP_BROUGHT, k, 0);
}

static void parse_name(struct parser *p)
{
    struct str name = token(p);
    unsigned k = 0;
    if (str_starts(name, STR("brought."))) {
        emit_source(p, (struct str){name.s + 8, name.n - 8});
        advance(p);
        return;
    }
    while (k < FEATURE_NAMED && !str_eq_c(name, recommend_feature_names[k]))
        k++;
    if (k == FEATURE_NAMED) {
        expected(p, "model, profile, session, popular, trending, brought.NAME, age, shown or a "
                    "function (min, max, clip, exp, log, pow, abs, sqrt)");
        return;
    }
    if (k == FEATURE_BROUGHT) {
        emit_source(p, STR("default"));
    } else {
        p->x->features |= 1u << k;
        emit(p, STEP_FEATURE, k, 0);
    }
    advance(p);
}

static void parse_function(struct parser *p, const struct function *f)
{
    char what[80];
    unsigned count = 0;
    advance(p); /* its name */
    advance(p); /* ( */
    do {
        parse_sum(p);
        count++;
        if (f->more && count > 1)
            emit(p, f->step, 0, 0);
    } while ((count < f->arguments || f->more) && take(p, ','));
    if (count < f->arguments) {
        snprintf(what, sizeof what, "a comma: %s takes %u arguments%s", f->name, f->arguments,
                 f->more ? " or more" : "");
        expected(p, what);
    } else if (!take(p, ')')) {
        snprintf(what, sizeof what, "an operator or ) behind argument %u of %s", count, f->name);
        expected(p, what);
    }
    if (!f->more)
        emit(p, f->step, 0, 0);
}

static const struct function *function_find(const struct parser *p)
{
    size_t i = p->next;
    while (i < p->text.n && memchr(" \t\r\n", p->text.s[i], 4))
        i++;
    if (i == p->text.n || p->text.s[i] != '(')
        return NULL;
    for (size_t k = 0; k < FUNCTIONS; k++)
        if (str_eq_c(token(p), functions[k].name))
            return &functions[k];
    return NULL;
}

static void parse_operand(struct parser *p)
{
    char c = p->next > p->at ? p->text.s[p->at] : 0;
    const struct function *f = is_name(c) ? function_find(p) : NULL;
    if (take(p, '(')) {
        parse_sum(p);
        if (!p->err && !take(p, ')'))
            expected(p, "an operator or )");
    } else if (f) {
        parse_function(p, f);
    } else if (is_digit(c) || c == '.') {
        parse_number(p);
    } else if (is_name(c)) {
        parse_name(p);
    } else {
        expected(p, "a name, a number, - or (");
    }
}

static void parse_factor(struct parser *p)
{
    unsigned negated = 0;
    if (++p->depth > EXPRESSION_DEPTH_MAX)
        fail(p, ERR_TOO_LARGE, p->at, "more than 32 levels of parentheses");
    while (take(p, '-'))
        negated++;
    parse_operand(p);
    if (negated % 2)
        emit(p, STEP_NEGATE, 0, 0);
    p->depth--;
}

static void parse_term(struct parser *p)
{
    parse_factor(p);
    while (!p->err) {
        enum step step = take(p, '*') ? STEP_MULTIPLY : take(p, '/') ? STEP_DIVIDE : STEP_NUMBER;
        if (step == STEP_NUMBER)
            return;
        parse_factor(p);
        emit(p, step, 0, 0);
    }
}

static void parse_sum(struct parser *p)
{
    parse_term(p);
    while (!p->err) {
        enum step step = take(p, '+') ? STEP_ADD : take(p, '-') ? STEP_SUBTRACT : STEP_NUMBER;
        if (step == STEP_NUMBER)
            return;
        parse_term(p);
        emit(p, step, 0, 0);
    }
}

enum err expression_parse(struct arena *a, struct str text, const struct expression **out,
                          struct err_info *e)
{
    struct expression *x = arena_zalloc(a, sizeof *x);
    struct parser p = {.e = e, .x = x};
    if (text.n > EXPRESSION_BYTES_MAX)
        return err_set(e, ERR_TOO_LARGE, NULL, "a score expression has at most %d bytes, not %zu",
                       EXPRESSION_BYTES_MAX, text.n);
    p.text = arena_str(a, text); /* the names of sources stay */
    advance(&p);
    parse_sum(&p);
    if (!p.err && p.at < p.text.n)
        expected(&p, "an operator or the end");
    if (p.err)
        return p.err;
    struct expression_step *steps = arena_array(a, x->step_count, sizeof *steps);
    memcpy(steps, p.steps, x->step_count * sizeof *steps);
    x->steps = steps;
    *out = x;
    return ERR_OK;
}

static double held(double v)
{
    return isnan(v) ? 0 : fmax(-EXPRESSION_VALUE_MAX, fmin(EXPRESSION_VALUE_MAX, v));
}

static double operator_value(enum step step, const double *v)
{
    switch (step) {
    case STEP_NEGATE:
        return -v[0];
    case STEP_ADD:
        return v[0] + v[1];
    case STEP_SUBTRACT:
        return v[0] - v[1];
    case STEP_MULTIPLY:
        return v[0] * v[1];
    case STEP_DIVIDE:
        return v[1] == 0 ? 0 : v[0] / v[1];
    case STEP_MIN:
        return fmin(v[0], v[1]);
    case STEP_MAX:
        return fmax(v[0], v[1]);
    case STEP_CLIP:
        return fmax(v[1], fmin(v[2], v[0]));
    case STEP_EXP:
        return exp(v[0]);
    case STEP_LOG:
        return log(fmax(v[0], LOG_FLOOR));
    case STEP_POW:
        return v[0] == 0 && v[1] < 0 ? 0 : pow(v[0], v[1]);
    case STEP_ABS:
        return fabs(v[0]);
    case STEP_SQRT:
        return sqrt(v[0]);
    default:
        assert(!"a step");
        return 0;
    }
}

static unsigned operands(enum step step)
{
    switch (step) {
    case STEP_NUMBER:
    case STEP_FEATURE:
    case STEP_BROUGHT:
        return 0;
    case STEP_NEGATE:
    case STEP_EXP:
    case STEP_LOG:
    case STEP_ABS:
    case STEP_SQRT:
        return 1;
    case STEP_CLIP:
        return 3;
    default:
        return 2;
    }
}

double expression_value(const struct expression *x, const float *features, const float *brought)
{
    double stack[EXPRESSION_STEPS_MAX];
    unsigned n = 0;
    for (unsigned i = 0; i < x->step_count; i++) {
        const struct expression_step *s = &x->steps[i];
        double v = 0;
        if (s->step == STEP_NUMBER) {
            v = s->number;
        } else if (s->step == STEP_FEATURE) {
            v = held(features[s->place]);
        } else if (s->step == STEP_BROUGHT) {
            v = held(brought[s->place]);
        } else {
            assert(n >= operands(s->step));
            n -= operands(s->step);
            v = held(operator_value(s->step, stack + n));
        }
        stack[n++] = v;
    }
    assert(n == 1);
    return stack[0];
}

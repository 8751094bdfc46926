/* What a tree means (filter_matches) and how it looks as text. */
#include "index/filter_tree.h"

#include "base/json.h"

#include <string.h>

bool filter_value_matches(const struct filter *f, const struct scalar *value)
{
    int c = 0, high = 0;
    if (f->op == FILTER_EXISTS)
        return true;
    if (!value)
        return false;
    if (f->op == FILTER_GEO)
        return value->kind == SCALAR_POINT && geo_test_passes(f->geo, value->point);
    if (f->op == FILTER_IN) {
        for (unsigned i = 0; i < f->count; i++)
            if (scalar_compare(value, &f->values[i], &c) && c == 0)
                return true;
        return false;
    }
    if (!scalar_compare(value, &f->values[0], &c))
        return false;
    switch (f->op) {
    case FILTER_EQ:
    case FILTER_NE:
        return c == 0;
    case FILTER_LT:
        return c < 0;
    case FILTER_LE:
        return c <= 0;
    case FILTER_GT:
        return c > 0;
    case FILTER_GE:
        return c >= 0;
    default:
        return c >= 0 && scalar_compare(value, &f->values[1], &high) && high <= 0;
    }
}

struct match {
    const struct filter *f;
    bool found;
};

static void match_field(void *ctx, struct str field, const struct scalar *value)
{
    struct match *m = ctx;
    if (!m->found && str_eq(field, m->f->field))
        m->found = filter_value_matches(m->f, value);
}

bool filter_matches(const struct filter *f, const json_t *document)
{
    if (f->op == FILTER_NOT)
        return !filter_matches(f->children[0], document);
    if (f->op == FILTER_AND || f->op == FILTER_OR) {
        for (unsigned i = 0; i < f->count; i++)
            if (filter_matches(f->children[i], document) == (f->op == FILTER_OR))
                return f->op == FILTER_OR;
        return f->op == FILTER_AND;
    }
    struct match m = {.f = f};
    document_fields(document, match_field, &m);
    return m.found != (f->op == FILTER_NE);
}

static bool points_equal(struct geo_point a, struct geo_point b)
{
    return a.lat == b.lat && a.lon == b.lon;
}

static bool geo_equal(const struct geo_test *a, const struct geo_test *b)
{
    return a->shape == b->shape && points_equal(a->a, b->a) &&
           (a->shape == GEO_BOX ? points_equal(a->b, b->b) : a->metres == b->metres);
}

bool filter_equal(const struct filter *a, const struct filter *b)
{
    if (a->op != b->op || a->count != b->count || !str_eq(a->field, b->field))
        return false;
    if (a->op == FILTER_GEO && !geo_equal(a->geo, b->geo))
        return false;
    bool inner = a->op == FILTER_AND || a->op == FILTER_OR || a->op == FILTER_NOT;
    for (unsigned i = 0; i < a->count; i++)
        if (inner ? !filter_equal(a->children[i], b->children[i])
                  : !scalar_same(&a->values[i], &b->values[i]))
            return false;
    return true;
}

static void print_string(struct str s, struct strbuf *out)
{
    strbuf_add_char(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.s[i];
        if (c == '"' || c == '\\')
            strbuf_printf(out, "\\%c", c);
        else if (c && c < 0x20)
            strbuf_printf(out, "\\u%04x", c);
        else
            strbuf_add_char(out, (char)c);
    }
    strbuf_add_char(out, '"');
}

static void print_field(struct str field, struct strbuf *out)
{
    bool bare = field.n && !filter_is_keyword(field);
    for (size_t i = 0; bare && i < field.n; i++)
        bare = filter_is_bare((unsigned char)field.s[i]);
    struct strbuf full;
    strbuf_init(&full, 0);
    /* An attribute "attributes.x" that is not the written form of a reserved one. */
    if (str_starts(field, STR("attributes.")) && field.n > 11 &&
        !field_is_reserved((struct str){field.s + 11, field.n - 11}))
        strbuf_add_c(&full, "attributes.");
    strbuf_add_str(&full, field);
    if (bare)
        strbuf_add_str(out, strbuf_str(&full));
    else
        print_string(strbuf_str(&full), out);
    strbuf_release(&full);
}

void filter_print_equals(struct str field, struct str value, struct strbuf *out)
{
    print_field(field, out);
    strbuf_add_c(out, " = ");
    print_string(value, out);
}

bool filter_fixes(const struct filter *f, struct str field, struct str *value)
{
    struct str other;
    if (f->op == FILTER_EQ || (f->op == FILTER_IN && f->count == 1)) {
        if (!str_eq(f->field, field) || f->values[0].kind != SCALAR_STRING)
            return false;
        *value = f->values[0].text;
        return true;
    }
    if (f->op == FILTER_AND) {
        for (unsigned i = 0; i < f->count; i++)
            if (filter_fixes(f->children[i], field, value))
                return true;
        return false;
    }
    bool same = f->op == FILTER_OR && filter_fixes(f->children[0], field, value);
    for (unsigned i = 1; i < f->count && same; i++)
        same = filter_fixes(f->children[i], field, &other) && str_eq(other, *value);
    return same;
}

static void print_value(const struct scalar *s, struct strbuf *out)
{
    if (s->kind == SCALAR_STRING)
        print_string(s->text, out);
    else
        scalar_print(s, out);
}

static void print_double(double v, struct strbuf *out)
{
    char text[JSON_NUMBER_TEXT];
    strbuf_add(out, text, json_double(v, text));
}

static void print_point(struct geo_point p, struct strbuf *out)
{
    print_double(p.lat, out);
    strbuf_add_c(out, ", ");
    print_double(p.lon, out);
    strbuf_add_char(out, ')');
}

static void print_geo(const struct filter *f, struct strbuf *out)
{
    static const char *const signs[] = {
        [GEO_WITHIN] = " <= ", [GEO_BELOW] = " < ", [GEO_BEYOND] = " > ", [GEO_FROM] = " >= "};
    const struct geo_test *t = f->geo;
    strbuf_add_c(out, "geo(");
    print_field(f->field, out);
    strbuf_add_c(out, t->shape == GEO_BOX ? ") (" : ", ");
    print_point(t->a, out);
    strbuf_add_c(out, t->shape == GEO_BOX ? " TO (" : signs[t->shape]);
    if (t->shape == GEO_BOX) {
        print_point(t->b, out);
        return;
    }
    print_double(t->metres, out);
    strbuf_add_char(out, 'm');
}

static void print_test(const struct filter *f, struct strbuf *out)
{
    static const char *const signs[] = {
        [FILTER_EQ] = " = ",  [FILTER_NE] = " != ", [FILTER_LT] = " < ",
        [FILTER_LE] = " <= ", [FILTER_GT] = " > ",  [FILTER_GE] = " >= "};
    if (f->op == FILTER_GEO) {
        print_geo(f, out);
        return;
    }
    print_field(f->field, out);
    if (f->op == FILTER_EXISTS) {
        strbuf_add_c(out, " EXISTS");
        return;
    }
    strbuf_add_c(out, f->op == FILTER_IN ? " IN [" : f->op == FILTER_BETWEEN ? " " : signs[f->op]);
    for (unsigned i = 0; i < f->count; i++) {
        if (i)
            strbuf_add_c(out, f->op == FILTER_IN ? ", " : " TO ");
        print_value(&f->values[i], out);
    }
    if (f->op == FILTER_IN)
        strbuf_add_char(out, ']');
}

static void print_child(const struct filter *f, bool parens, struct strbuf *out)
{
    if (parens)
        strbuf_add_char(out, '(');
    filter_print(f, out);
    if (parens)
        strbuf_add_char(out, ')');
}

void filter_print(const struct filter *f, struct strbuf *out)
{
    switch (f->op) {
    case FILTER_NOT:
        strbuf_add_c(out, "NOT ");
        print_child(f->children[0], f->children[0]->op <= FILTER_OR, out);
        return;
    case FILTER_AND:
    case FILTER_OR:
        for (unsigned i = 0; i < f->count; i++) {
            if (i)
                strbuf_add_c(out, f->op == FILTER_AND ? " AND " : " OR ");
            print_child(f->children[i], f->op == FILTER_AND && f->children[i]->op == FILTER_OR,
                        out);
        }
        return;
    default:
        print_test(f, out);
    }
}

/* What filters mean, from their text to the answer, against a second definition that shares no code
 * with the first: documents and filters are written as text from the same random values, numbers
 * are compared as long doubles, dates are made from instants by the C library. */
#include "base/json.h"
#include "base/rng.h"
#include "index/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define DOCUMENTS 200
#define FIELDS_EACH 64

static struct rng rng;
static struct arena *arena;

static unsigned below(unsigned n)
{
    return (unsigned)rng_below(&rng, n);
}
#define PICK(list) (list)[below(sizeof(list) / sizeof *(list))]

/* --- values --- */

enum kind { NUMBER, TEXT, BOOLEAN, PRESENT };
struct value {
    enum kind kind;
    const char *text;   /* of a number: as written */
    long double number; /* of a date: seconds since 1970 */
    bool is_date, boolean;
};

static const char *const numbers[] = {"0",
                                      "-0.0",
                                      "1",
                                      "-1",
                                      "0.5",
                                      "2.50",
                                      "1e3",
                                      "1000",
                                      "9007199254740991",
                                      "9007199254740992",
                                      "9007199254740993",
                                      "9007199254740992.0",
                                      "9007199254740994.0",
                                      "-9007199254740993",
                                      "-9007199254740992.0",
                                      "9223372036854775807",
                                      "-9223372036854775808",
                                      "9223372036854775808.0",
                                      "1e300",
                                      "-1e-300",
                                      "1577836800",
                                      "1577836800.5",
                                      "1577836800.000001"};

static char longest[513], too_long[514];
static const char *const texts[] = {"",
                                    "a",
                                    "b",
                                    "B",
                                    "ab",
                                    "\xC3\xA9",
                                    "e\xCC\x81",
                                    "\xE6\x97\xA5\xE6\x9C\xAC",
                                    "\xF0\x9F\x8E\x83",
                                    "say \"x\" or 'y'",
                                    "back\\slash/",
                                    "tab\tline\nend\r\b\f",
                                    "\x01",
                                    "and",
                                    "Not",
                                    "true",
                                    "null",
                                    "7",
                                    "1577836800",
                                    " a",
                                    "a-b_c.d:e/f@g",
                                    "2020-13-01",
                                    "2020-02-30",
                                    "2020-1-1",
                                    "2020-01-01T00:00:00",
                                    "2020-01-01T25:00:00Z",
                                    "20200101",
                                    longest,
                                    too_long};

/* Microseconds: around one second, a day, 2^31, before 1970. */
static const int64_t instants[] = {1577836800000000, 1577836800500000, 1577836800000001,
                                   1577836801000000, 1577923200000000, 1577833200000000,
                                   2147483648000000, -86400000000,     951782400000000};
static const int zones[] = {0, 0, 60, -60, 330, -480, 765};

/* RFC 3339 in some zone, as exact as need be or more. */
static struct value date_value(void)
{
    int64_t us = PICK(instants);
    int zone = PICK(zones);
    time_t local = (time_t)((us - (us % 1000000 + 1000000) % 1000000) / 1000000 + 60 * zone);
    unsigned fraction = (unsigned)((us % 1000000 + 1000000) % 1000000);
    struct tm tm;
    char day[32], clock[32], parts[16] = "", offset[16], all[96];
    gmtime_r(&local, &tm);
    strftime(day, sizeof day, "%Y-%m-%d", &tm);
    strftime(clock, sizeof clock, "%H:%M:%S", &tm);
    if (fraction || below(3) == 0)
        snprintf(parts, sizeof parts, ".%06u", fraction);
    if (fraction == 500000 && below(2))
        snprintf(parts, sizeof parts, ".5");
    snprintf(offset, sizeof offset, "%c%02d:%02d", zone < 0 ? '-' : '+', abs(zone) / 60,
             abs(zone) % 60);
    if (local % 86400 == 0 && !fraction && !zone && below(2))
        snprintf(all, sizeof all, "%s", day);
    else
        snprintf(all, sizeof all, "%s%c%s%s%s", day, below(4) ? 'T' : 't', clock, parts,
                 zone || below(3) == 0 ? offset : "Z");
    return (struct value){.kind = TEXT,
                          .text = arena_str(arena, str_c(all)).s,
                          .number = (long double)((double)us / 1e6),
                          .is_date = true};
}

static struct value number_value(void)
{
    struct value v = {.kind = NUMBER, .text = PICK(numbers)};
    v.number = strpbrk(v.text, ".e") ? (long double)strtod(v.text, NULL) : strtold(v.text, NULL);
    return v;
}

static struct value random_value(void)
{
    switch (below(6)) {
    case 0:
    case 1:
        return number_value();
    case 2:
    case 3:
        return date_value();
    case 4:
        return (struct value){.kind = TEXT, .text = PICK(texts)};
    default:
        return (struct value){.kind = BOOLEAN, .boolean = below(2)};
    }
}

static bool compare(const struct value *a, const struct value *b, int *c)
{
    if ((a->kind == NUMBER || a->is_date) && (b->kind == NUMBER || b->is_date))
        *c = (a->number > b->number) - (a->number < b->number);
    else if (a->kind == BOOLEAN && b->kind == BOOLEAN)
        *c = a->boolean - b->boolean;
    else if (a->kind == TEXT && b->kind == TEXT && !a->is_date && !b->is_date)
        *c = strcmp(a->text, b->text);
    else
        return false;
    return true;
}

/* --- documents: what each field holds, and the same as JSON --- */

struct document {
    struct held {
        const char *field;
        struct value value;
    } held[FIELDS_EACH];
    unsigned count;
    json_t *json;
};

static void hold(struct document *d, const char *field, struct value v)
{
    if (v.kind == TEXT && strlen(v.text) > 512)
        v.kind = PRESENT;
    assert_true(d->count < FIELDS_EACH);
    d->held[d->count++] = (struct held){field, v};
}

static void json_text(struct strbuf *b, const char *text)
{
    json_t *s = json_string(text);
    char *quoted = json_dumps(s, JSON_ENCODE_ANY);
    strbuf_add_c(b, quoted);
    free(quoted);
    json_decref(s);
}

static void json_scalar(struct strbuf *b, const struct value *v)
{
    if (v->kind == TEXT)
        json_text(b, v->text);
    else
        strbuf_add_c(b, v->kind == NUMBER ? v->text : v->boolean ? "true" : "false");
}

static const char *path(const char *above, const char *name)
{
    struct strbuf b;
    strbuf_init(&b, 0);
    strbuf_printf(&b, "%s%s%s", above, *above ? "." : "", name);
    const char *p = arena_str(arena, strbuf_str(&b)).s;
    strbuf_release(&b);
    return p;
}

static void write_value(struct document *d, struct strbuf *b, const char *field, unsigned depth);

/* Empty ones, and what is null, are not there. */
static void write_object(struct document *d, struct strbuf *b, const char *field, unsigned depth)
{
    static const char *const names[] = {"x", "y.z", "odd name", "NOT"};
    unsigned first = below(4), count = below(3);
    if (count)
        hold(d, field, (struct value){.kind = PRESENT});
    strbuf_add_char(b, '{');
    for (unsigned i = 0; i < count; i++) {
        const char *name = names[(first + i) % 4];
        strbuf_add_c(b, i ? "," : "");
        json_text(b, name);
        strbuf_add_char(b, ':');
        write_value(d, b, path(field, name), depth - 1);
    }
    strbuf_add_char(b, '}');
}

static void write_value(struct document *d, struct strbuf *b, const char *field, unsigned depth)
{
    unsigned what = depth ? below(8) : below(6);
    if (what == 0) {
        strbuf_add_c(b, "null");
    } else if (what < 6) {
        struct value v = random_value();
        hold(d, field, v);
        json_scalar(b, &v);
    } else if (what == 6) {
        strbuf_add_char(b, '[');
        for (unsigned i = 0, n = below(4); i < n; i++) {
            strbuf_add_c(b, i ? "," : "");
            write_value(d, b, field, depth - 1);
        }
        strbuf_add_char(b, ']');
    } else {
        write_object(d, b, field, depth);
    }
}

/* Attributes called as a document's own fields are fields of their own. */
static const char *const attributes[] = {"n", "s", "when", "deep", "odd name", "lang", "\xC3\xA9"};
#define ATTRIBUTES (sizeof attributes / sizeof *attributes)

static void document_make(struct document *d, unsigned number)
{
    struct strbuf b;
    char id[16];
    struct err_info e = {0};
    *d = (struct document){0};
    strbuf_init(&b, 0);
    snprintf(id, sizeof id, "d%u", number);
    const char *own = arena_str(arena, str_c(id)).s;
    hold(d, "id", (struct value){.kind = TEXT, .text = own});
    strbuf_printf(&b, "{\"id\":\"%s\",\"created\":", own);
    struct value created = date_value(), lang = {.kind = TEXT, .text = PICK(texts)};
    hold(d, "created", created);
    json_text(&b, created.text);
    if (below(2)) {
        hold(d, "lang", lang);
        strbuf_add_c(&b, ",\"lang\":");
        json_text(&b, lang.text);
    }
    strbuf_add_c(&b, ",\"tags\":[");
    for (unsigned i = 0, n = below(4); i < n; i++) {
        struct value tag = {.kind = TEXT, .text = PICK(texts)};
        hold(d, "tags", tag);
        strbuf_add_c(&b, i ? "," : "");
        json_text(&b, tag.text);
    }
    strbuf_add_c(&b, "],\"attributes\":{");
    for (unsigned i = 0, first = below(ATTRIBUTES), n = below(4); i < n; i++) {
        const char *name = attributes[(first + i) % ATTRIBUTES];
        strbuf_add_c(&b, i ? "," : "");
        json_text(&b, name);
        strbuf_add_char(&b, ':');
        write_value(d, &b, strcmp(name, "lang") ? name : "attributes.lang", 2);
    }
    strbuf_add_c(&b, "}}");
    if (json_parse(strbuf_str(&b), &d->json, &e))
        fail_msg("%s: %s", b.buf, e.message);
    strbuf_release(&b);
}

/* --- filters: a tree and its text --- */

enum op { AND, OR, NOT, EQ, NE, LT, LE, GT, GE, TO, IN, EXISTS, OPS };
struct tree {
    enum op op;
    const char *field;
    struct value values[4];
    const struct tree *children[3];
    unsigned count;
};

static const char *const fields[] = {
    "id",         "lang",     "tags",     "created",  "n",
    "s",          "when",     "deep",     "deep.x",   "deep.y.z",
    "n.odd name", "s.NOT",    "odd name", "\xC3\xA9", "attributes.lang",
    "updated",    "when.x.x", "deep.y"};

static const struct tree *tree_make(unsigned depth)
{
    struct tree *t = arena_zalloc(arena, sizeof *t);
    t->op = depth ? (enum op)below(OPS) : (enum op)(EQ + below(OPS - EQ));
    if (t->op <= NOT) {
        t->count = t->op == NOT ? 1 : 2 + below(2);
        for (unsigned i = 0; i < t->count; i++)
            t->children[i] = tree_make(depth - 1);
        return t;
    }
    t->field = PICK(fields);
    t->count = t->op == EXISTS ? 0 : t->op == TO ? 2 : t->op == IN ? 1 + below(4) : 1;
    for (unsigned i = 0; i < t->count; i++)
        do
            t->values[i] = random_value();
        while (t->values[i].kind == BOOLEAN && t->op >= LT && t->op <= TO);
    return t;
}

static bool value_passes(const struct tree *t, const struct value *v)
{
    int c[4] = {0};
    bool has[4] = {0}, in = false;
    for (unsigned i = 0; i < t->count && v->kind != PRESENT; i++) {
        has[i] = compare(v, &t->values[i], &c[i]);
        in = in || (has[i] && c[i] == 0);
    }
    switch (t->op) {
    case EXISTS:
        return true;
    case LT:
        return has[0] && c[0] < 0;
    case LE:
        return has[0] && c[0] <= 0;
    case GT:
        return has[0] && c[0] > 0;
    case GE:
        return has[0] && c[0] >= 0;
    case TO:
        return has[0] && has[1] && c[0] >= 0 && c[1] <= 0;
    default:
        return in;
    }
}

static bool passes(const struct tree *t, const struct document *d)
{
    if (t->op == NOT)
        return !passes(t->children[0], d);
    if (t->op <= OR) {
        for (unsigned i = 0; i < t->count; i++)
            if (passes(t->children[i], d) == (t->op == OR))
                return t->op == OR;
        return t->op == AND;
    }
    bool any = false;
    for (unsigned i = 0; i < d->count && !any; i++)
        any = !strcmp(d->held[i].field, t->field) && value_passes(t, &d->held[i].value);
    return any != (t->op == NE);
}

/* Keywords in any case, blanks where they may be. */
static void word(struct strbuf *b, const char *keyword)
{
    bool upper = below(2);
    strbuf_add_c(b, below(5) ? " " : "\n\t ");
    for (; *keyword; keyword++)
        strbuf_add_char(b, upper ? *keyword : (char)(*keyword | 32));
    strbuf_add_char(b, ' ');
}

static void quoted(struct strbuf *b, const char *text)
{
    char quote = below(2) ? '"' : '\'';
    strbuf_add_char(b, quote);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        const char *named = strchr("\nn\tt\rr\bb\ff", *p);
        if (*p == (unsigned char)quote || *p == '\\')
            strbuf_printf(b, "\\%c", *p);
        else if (*p < 0x80 && below(12) == 0)
            strbuf_printf(b, "\\u%04x", *p);
        else if (*p < 0x20 && named && below(2))
            strbuf_printf(b, "\\%c", named[1]);
        else if (!memcmp(p, "\xF0\x9F\x8E\x83", strnlen((const char *)p, 4) < 4 ? 1 : 4) &&
                 below(2)) {
            strbuf_add_c(b, "\\uD83C\\udf83");
            p += 3;
        } else
            strbuf_add_char(b, (char)*p);
    }
    strbuf_add_char(b, quote);
}

static bool needs_quotes(const char *text)
{
    static const char *const plain[] = {"a", "b", "B", "ab", "a-b_c.d:e/f@g", "2020-13-01"};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (!strcmp(text, plain[i]))
            return false;
    return (unsigned char)*text < 0x80; /* words of other scripts need none */
}

static void value_write(struct strbuf *b, const struct value *v)
{
    if (v->kind == NUMBER)
        strbuf_add_c(b, v->text);
    else if (v->kind == BOOLEAN)
        strbuf_add_c(b, v->boolean ? "true" : "FALSE");
    else if (below(2) && (v->is_date || !needs_quotes(v->text)))
        strbuf_add_c(b, v->text);
    else
        quoted(b, v->text);
}

static void field_write(struct strbuf *b, const char *field)
{
    static const char *const own[] = {"id", "lang", "tags", "created", "updated"};
    bool reserved = !strncmp(field, "attributes.", 11);
    char name[64];
    for (size_t i = 0; i < 5; i++)
        reserved = reserved || !strcmp(field, own[i]);
    snprintf(name, sizeof name, "%s%s", reserved || below(2) ? "" : "attributes.", field);
    if (strchr(name, ' ') || below(4) == 0)
        quoted(b, name);
    else
        strbuf_add_c(b, name);
}

static void tree_write(struct strbuf *b, const struct tree *t);

static void child_write(struct strbuf *b, const struct tree *t, bool parens)
{
    strbuf_add_c(b, parens ? "(" : "");
    tree_write(b, t);
    strbuf_add_c(b, parens ? ")" : "");
}

static void test_write(struct strbuf *b, const struct tree *t)
{
    static const char *const signs[] = {
        [EQ] = "=", [NE] = "!=", [LT] = "<", [LE] = "<=", [GT] = ">", [GE] = ">="};
    const char *blank = below(2) ? " " : "";
    field_write(b, t->field);
    if (t->op == EXISTS) {
        word(b, "EXISTS");
    } else if (t->op == TO) {
        strbuf_add_char(b, ' ');
        value_write(b, &t->values[0]);
        word(b, "TO");
        value_write(b, &t->values[1]);
    } else if (t->op == IN) {
        word(b, "IN");
        strbuf_add_char(b, '[');
        for (unsigned i = 0; i < t->count; i++) {
            strbuf_printf(b, "%s%s", i ? "," : "", blank);
            value_write(b, &t->values[i]);
        }
        strbuf_printf(b, "%s]", blank);
    } else {
        strbuf_printf(b, "%s%s%s", blank, signs[t->op], blank);
        value_write(b, &t->values[0]);
    }
}

static void tree_write(struct strbuf *b, const struct tree *t)
{
    if (t->op > NOT) {
        test_write(b, t);
        return;
    }
    if (t->op == NOT)
        word(b, "NOT");
    for (unsigned i = 0; i < t->count; i++) {
        if (i)
            word(b, t->op == AND ? "AND" : "OR");
        enum op op = t->children[i]->op;
        bool must = op <= OR && (t->op == NOT || (t->op == AND && op == OR));
        child_write(b, t->children[i], must || below(4) == 0);
    }
}

/* --- */

static void filter_check(struct attributes *x, const struct document *documents)
{
    const struct tree *t = tree_make(below(4));
    const struct filter *f = NULL;
    struct strbuf b;
    struct docset out;
    struct err_info e = {0};
    size_t count = 0;
    docset_init(&out);
    strbuf_init(&b, 0);
    tree_write(&b, t);
    if (filter_parse(arena, strbuf_str(&b), &f, &e) || attributes_select(x, f, &out, &e))
        fail_msg("%s: %s", b.buf, e.message);
    for (unsigned n = 0; n < DOCUMENTS; n++) {
        bool pass = passes(t, &documents[n]);
        count += pass;
        if (docset_has(&out, n) != pass || filter_matches(f, documents[n].json) != pass)
            fail_msg("%s\n should%s match, index %d, definition %d: %s", b.buf, pass ? "" : " not",
                     docset_has(&out, n), filter_matches(f, documents[n].json),
                     json_dumps(documents[n].json, 0));
    }
    assert_int_equal(out.count, count);
    docset_release(&out);
    strbuf_release(&b);
}

static void test_random(void **state)
{
    static struct document documents[DOCUMENTS];
    for (unsigned round = 0; round < 10; round++) {
        struct attributes *x = attributes_new();
        rng_init(&rng, round);
        for (unsigned n = 0; n < DOCUMENTS; n++) {
            document_make(&documents[n], n);
            attributes_put(x, n, documents[n].json);
        }
        for (unsigned i = 0; i < 500; i++)
            filter_check(x, documents);
        for (unsigned n = 0; n < DOCUMENTS; n++)
            json_decref(documents[n].json);
        attributes_free(x);
        arena_reset(arena);
    }
}

static void test_fixes(void **state)
{
    static const struct {
        const char *text, *value; /* NULL: none */
    } cases[] = {
        {"t = a", "a"},
        {"attributes.t = \"a b\"", "a b"},
        {"t IN [a]", "a"},
        {"n > 1 AND (t = a AND NOT t = b)", "a"},
        {"t = a OR (n = 1 AND t = a)", "a"},
        {"t = a OR t = b", NULL},
        {"t = a OR n = 1", NULL},
        {"t IN [a, b]", NULL},
        {"NOT t = a", NULL},
        {"t != a", NULL},
        {"t >= a", NULL},
        {"t EXISTS", NULL},
        {"t = 1", NULL},
        {"n = a", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct filter *f;
        struct str value = STR("");
        struct err_info e = {0};
        if (filter_parse(arena, str_c(cases[i].text), &f, &e))
            fail_msg("%s", e.message);
        bool fixes = filter_fixes(f, STR("t"), &value);
        if (fixes != (cases[i].value != NULL) || (fixes && !str_eq_c(value, cases[i].value)))
            fail_msg("%s: %.*s", cases[i].text, STR_ARG(value));
    }
    struct strbuf b;
    strbuf_init(&b, 0);
    filter_print_equals(STR("to"), STR("a\"b\\"), &b);
    assert_string_equal(b.buf, "\"to\" = \"a\\\"b\\\\\"");
    strbuf_release(&b);
}

static int setup(void **state)
{
    json_setup();
    memset(longest, 'x', sizeof longest - 1);
    memset(too_long, 'x', sizeof too_long - 1);
    arena = arena_new(0);
    return 0;
}

static int teardown(void **state)
{
    arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_fixes)};
    return cmocka_run_group_tests(tests, setup, teardown);
}

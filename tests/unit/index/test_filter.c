#include "base/file.h"
#include "base/json.h"
#include "base/rng.h"
#include "base/thread.h"
#include "index/duplicates.h"
#include "index/filter.h"
#include "index/filter_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static struct arena *arena;

static const struct filter *parsed(const char *text)
{
    const struct filter *f = NULL;
    struct err_info e = {0};
    if (filter_parse(arena, str_c(text), &f, &e))
        fail_msg("%s: %s", text, e.message);
    return f;
}

static json_t *json(const char *text)
{
    json_t *v = NULL;
    struct err_info e = {0};
    if (json_parse(str_c(text), &v, &e))
        fail_msg("%s: %s", text, e.message);
    return v;
}

static bool matches(const char *filter, const char *document)
{
    json_t *d = json(document);
    bool found = filter_matches(parsed(filter), d);
    struct attributes *x = attributes_new();
    struct docset out;
    struct err_info e = {0};
    docset_init(&out);
    attributes_put(x, 3, d);
    assert_int_equal(attributes_select(x, parsed(filter), &out, &e), 0);
    assert_int_equal(docset_has(&out, 3), found);
    docset_release(&out);
    attributes_free(x);
    json_decref(d);
    return found;
}

#define DOC                                                                                        \
    "{\"id\":\"a1\",\"lang\":\"en\",\"tags\":[\"a\",\"b "                                          \
    "c\"],\"created\":\"2024-03-01T10:00:00Z\","                                                   \
    "\"attributes\":{\"year\":2021,\"price\":9.5,\"big\":9007199254740993,\"hidden\":false,"       \
    "\"none\":null,"                                                                               \
    "\"who\":{\"name\":\"Ann\",\"born\":\"1990-05-05\"},\"lang\":\"x\",\"list\":[{\"k\":1},{"      \
    "\"k\":2}],"                                                                                   \
    "\"author name\":\"Bo\",\"in\":1,\"empty\":[]}}"

static void test_meaning(void **state)
{
    static const char *const yes[] = {
        "lang = en",
        "lang = 'en'",
        "attributes.lang = x",
        "id = a1",
        "tags = a",
        "tags = \"b c\"",
        "tags IN [z, 'a']",
        "NOT tags IN [z]",
        "tags NOT IN [z]",
        "year = 2021",
        "year = 2021.0",
        "year >= 2021 AND year <= 2021",
        "year 2020 TO 2021",
        "attributes.year > 2020",
        "price < 10",
        "price > 9",
        "big = 9007199254740993",
        "hidden = false",
        "NOT hidden = true",
        "hidden != true",
        "who.name = Ann",
        "who EXISTS",
        "who.name EXISTS",
        "list.k = 2",
        "none NOT EXISTS",
        "empty NOT EXISTS",
        "NOT nothing = 3",
        "nothing != 3",
        "created = '2024-03-01T11:00:00+01:00'",
        "created > 2024-02-28",
        "created < '2024-03-02'",
        "created >= 1709287200",
        "created = 1709287200",
        "who.born = '1990-05-05T00:00:00Z'",
        "who.born < 1990-05-06",
        "'author name' = Bo",
        "'in' = 1",
        "lang = en AND (year >= 2020 OR tags IN [\"a\",\"b\"]) AND NOT hidden = true",
        "lang=de OR lang=en AND year=2021",
        "not lang = de and year exists",
        "who.name > Amy",
        "lang = \"\\u0065n\"",
    };
    static const char *const no[] = {
        "lang = EN",
        "lang = x",
        "tags = c",
        "year = '2021'",
        "year < 2021",
        "year 2022 TO 2030",
        "big = 9007199254740992",
        "hidden = 'false'",
        "nothing EXISTS",
        "nothing < 3",
        "NOT lang EXISTS",
        "empty EXISTS",
        "(lang=de OR lang=en) AND year=2020",
        "created > 2024-03-02",
        "created = 2024-03-01",
        "who = Ann",
        "created > abc",
        "year 2020 TO abc",
        "year != 2021",
        "lang = en AND year = 1",
    };
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (!matches(yes[i], DOC))
            fail_msg("should match: %s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (matches(no[i], DOC))
            fail_msg("should not match: %s", no[i]);
}

static void test_errors(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "character 1: expected a field"},
        {"year >=", "character 8: expected a value after >=, found the end"},
        {"lang = \"é\" AND year >= )", "character 24: expected a value after >=, found )"},
        {"lang", "character 5: expected = !="},
        {"lang = en year = 3", "character 11: expected AND, OR or the end, found year"},
        {"(lang = en", "character 11: expected AND, OR or )"},
        {"lang = en)", "character 10: expected AND, OR or the end"},
        {"lang IN []", "character 10: expected a value after ["},
        {"lang IN [a b]", "character 12: expected , or ]"},
        {"lang IN a", "character 9: expected [ after IN"},
        {"lang = 'en", "character 8: a string begins here"},
        {"lang = 'e\\qn'", "character 10: expected one of"},
        {"lang = '\\ud800'", "character 9: expected one of"},
        {"year ! 3", "character 6: expected = after !"},
        {"year > true", "character 8: expected a number"},
        {"year 3 4", "character 8: expected TO"},
        {"x = null",
         "character 5: expected a value after = (what is absent: NOT field EXISTS), found null"},
        {"x = and", "character 5: expected a value after = (a keyword needs quotes), found and"},
        {"AND x = 1", "character 1: expected a field"},
        {"x NOT = 1", "character 7: expected IN or EXISTS after NOT"},
        {"x == 1", "character 4: expected a value after ="},
        {"a = 1 ; b = 2", "character 7: expected a field, a value or an operator, found ;"},
        {"\xF0\x9F\x8E\x83 = '\xF0\x9F\x8E\x83' und",
         "character 9: expected AND, OR or the end, found und"},
        {" \n", "character 3: expected a field, NOT or (, found the end"},
        {"NOT", "character 4: expected a field, NOT or (, found the end"},
        {"()", "character 2: expected a field, NOT or (, found )"},
        {"(a = 1", "character 7: expected AND, OR or ), found the end"},
        {"a = 1 OR OR b = 2", "character 10: expected a field, NOT or (, found OR"},
        {"a = 1 AND", "character 10: expected a field, NOT or (, found the end"},
        {"a NOT", "character 6: expected IN or EXISTS after NOT, found the end"},
        {"a EXISTS b", "character 10: expected AND, OR or the end, found b"},
        {"a TO 5", "character 3: expected = != < <= > >= IN EXISTS or a range after the field"},
        {"a 1 TO", "character 7: expected a value after TO, found the end"},
        {"a 1 TO true", "character 8: expected a number, a date or a text"},
        {"a true TO 2", "character 3: expected a number, a date or a text"},
        {"a IN [1,]", "character 9: expected a value after ,, found ]"},
        {"a IN [1", "character 8: expected , or ], found the end"},
        {"a IN [null]", "character 7: expected a value after ["},
        {"a >< 1", "character 4: expected a value after >, found <"},
        {"a = 'x' 'y'", "character 9: expected AND, OR or the end, found 'y'"},
        {"a = \"x\\u12\"", "character 7: expected one of"},
        {"a = 'x\\u0000'", "character 7: expected one of"},
        {"a = '\\", "character 6: expected one of"},
        {"a = \"it's", "character 5: a string begins here"},
        {"= 1", "character 1: expected a field, NOT or (, found ="},
        {"[a] = 1", "character 1: expected a field, NOT or (, found ["},
        {"a = 1, b = 2", "character 6: expected AND, OR or the end, found ,"},
        {"a && b = 1", "character 6: expected TO and the upper end of the range, found b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct filter *f = NULL;
        struct err_info e = {0};
        assert_int_equal(filter_parse(arena, str_c(cases[i].text), &f, &e), ERR_INVALID);
        if (!strstr(e.message, cases[i].says))
            fail_msg("%s -> %s", cases[i].text, e.message);
        assert_null(f);
    }
}

static void know(struct attributes *x, const char *text, const char *says)
{
    struct err_info e = {0};
    enum err err = attributes_know(x, parsed(text), str_c(text), &e);
    if (!says && err)
        fail_msg("%s: %s", text, e.message);
    if (says && (err != ERR_INVALID || !strstr(e.message, says)))
        fail_msg("%s: %s", text, err ? e.message : "not refused");
}

static void test_unknown_fields(void **state)
{
    static const char *const fine[] = {"year = 1 AND who.name = x OR hidden EXISTS",
                                       "duplicate_of EXISTS AND expires > 2020-01-01",
                                       "NOT updated = 3 AND tags = a",
                                       "who EXISTS AND attributes.year < 3", "'two words' = 1"};
    static const char *const wrong[][2] = {
        {"yaer = 3", "character 1: no document has the field yaer; the nearest known is year"},
        {"NOT (hiden = true)",
         "character 6: no document has the field hiden; the nearest known is hidden"},
        {"lang = 'é' AND yeer EXISTS",
         "character 16: no document has the field yeer; the nearest known is year"},
        {"year > 1 OR NOT lnag = en",
         "character 17: no document has the field lnag; the nearest known is lang"},
        {"who.nam NOT EXISTS",
         "character 1: no document has the field who.nam; the nearest known is who.name"},
        {"id = a AND attributes.yeer IN [1]", "character 12: no document has the field yeer"},
        {"'two word' = 1",
         "character 1: no document has the field two word; the nearest known is two words"},
        {"duplicateof EXISTS", "the nearest known is duplicate_of"},
        {"attributes.lang = en",
         "no document has the field attributes.lang; the nearest known is "},
        {"year = 1 AND title = x",
         "character 14: the title of a document cannot be filtered by; what can: id, lang"},
        {"text EXISTS", "character 1: the text of a document"},
    };
    struct attributes *x = attributes_new();
    json_t *d = json(DOC), *other = json("{\"attributes\":{\"title\":1}}"),
           *own = json("{\"id\":\"a\",\"attributes\":{\"year\":1,\"hidden\":true,\"two "
                       "words\":1,\"who\":{\"name\":\"x\"}}}");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        know(x, wrong[i][0], NULL); /* no documents: nothing is known of fields */
    attributes_put(x, 1, own);
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
        know(x, fine[i], NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        know(x, wrong[i][0], wrong[i][1]);
    attributes_put(x, 2, other); /* an attribute of that name */
    know(x, "title = 1", NULL);
    attributes_put(x, 1, d); /* has been is as good as is */
    know(x, "NOT 'two words' = 1 AND attributes.lang = en", NULL);
    json_decref(d);
    json_decref(own);
    json_decref(other);
    attributes_free(x);
}

static bool same_words(void *ctx, uint32_t number, const uint64_t **words, size_t *count)
{
    static uint64_t some[50];
    for (uint64_t i = 0; i < 50; i++)
        some[i] = (number == 8 ? 1000 + i : i) * UINT64_C(0x9E3779B97F4A7C15);
    *words = some;
    *count = 50;
    return true;
}

static void copies_are(struct attributes *x, const char *filter, uint32_t numbers)
{
    struct docset out;
    docset_init(&out);
    assert_int_equal(attributes_select(x, parsed(filter), &out, NULL), 0);
    for (uint32_t n = 0; n < 20; n++)
        if (docset_has(&out, n) != (numbers >> n & 1))
            fail_msg("%s: document %u", filter, n);
    assert_int_equal(out.count, __builtin_popcount(numbers));
    docset_release(&out);
}

/* 6 and 7 are copies of 5; of 9, a copy too, the attributes are not there yet. */
static void test_duplicate_of(void **state)
{
    struct attributes *x = attributes_new();
    struct duplicates *copies = duplicates_new();
    attributes_duplicates_set(x, copies);
    for (uint32_t n = 5; n < 10; n++) {
        const uint64_t *words = NULL;
        size_t count = 0;
        char text[32];
        same_words(NULL, n, &words, &count);
        duplicates_put(copies, n, 0, words, count, same_words, NULL);
        snprintf(text, sizeof text, "{\"id\":\"d%u\"}", n);
        json_t *d = json(text);
        if (n < 9)
            attributes_put(x, n, d);
        json_decref(d);
    }
    copies_are(x, "duplicate_of EXISTS", 3 << 6);
    copies_are(x, "NOT duplicate_of EXISTS", 1 << 5 | 1 << 8);
    copies_are(x, "duplicate_of = d5", 3 << 6);
    copies_are(x, "duplicate_of = d6 OR duplicate_of = 5", 0);
    copies_are(x, "duplicate_of != d5", 1 << 5 | 1 << 8);
    copies_are(x, "duplicate_of IN [d8, d5] AND id = d7", 1 << 7);
    copies_are(x, "duplicate_of > d4 AND NOT id = d6", 1 << 7);
    duplicates_delete(copies, 5, same_words, NULL);
    attributes_delete(x, 5);
    copies_are(x, "duplicate_of EXISTS", 1 << 7);
    copies_are(x, "duplicate_of = d6", 1 << 7);
    attributes_free(x);
    duplicates_free(copies);
}

static enum err parse_repeated(const char *begin, const char *middle, unsigned n, const char *end)
{
    struct strbuf b;
    const struct filter *f = NULL;
    struct err_info e = {0};
    strbuf_init(&b, 0);
    strbuf_add_c(&b, begin);
    while (n--)
        strbuf_add_c(&b, middle);
    strbuf_add_c(&b, end);
    enum err err = filter_parse(arena, strbuf_str(&b), &f, &e);
    strbuf_release(&b);
    return err;
}

static void test_bounds(void **state)
{
    assert_int_equal(parse_repeated("", "NOT ", 31, "x = 1"), 0);
    assert_int_equal(parse_repeated("", "NOT ", 32, "x = 1"), ERR_TOO_LARGE);
    assert_int_equal(parse_repeated("", "(", 60000, ""), ERR_TOO_LARGE);
    assert_int_equal(parse_repeated("x IN [1", ",1", 999, "]"), 0);
    assert_int_equal(parse_repeated("x IN [1", ",1", 1000, "]"), ERR_TOO_LARGE);
    assert_int_equal(parse_repeated("x EXISTS", " OR x EXISTS", 1000, ""), ERR_TOO_LARGE);
    assert_int_equal(parse_repeated("x = '", "aaaaaaaa", 8192, "'"), ERR_TOO_LARGE);
    assert_int_equal(parse_repeated("", "a", 300, " = 1"), ERR_INVALID);
}

/* --- random trees and documents --- */

static struct rng rng;
#define PICK(list) (list)[rng_below(&rng, sizeof(list) / sizeof *(list))]

static const char *const texts[] = {"a",
                                    "b",
                                    "zz",
                                    "",
                                    "é\n\"'\\",
                                    "2020-01-01",
                                    "2020-01-01T00:00:00Z",
                                    "2020-01-01T01:00:00+01:00",
                                    "2021-06-01T12:00:00.25Z",
                                    "true",
                                    "7"};
static const double doubles[] = {
    0, 1, -1, 2.5, 1e30, -1e300, 0.1, 9007199254740992.0, 1577836800, 1577836800.5};
static const int64_t ints[] = {0, 1, 2, 3, -5, 9007199254740993, INT64_MAX, INT64_MIN, 1577836800};

static struct scalar random_scalar(bool ordered)
{
    switch (rng_below(&rng, ordered ? 3 : 4)) {
    case 0:
        return scalar_of_number(number_of_int(PICK(ints)));
    case 1:
        return scalar_of_number(number_of_double(PICK(doubles)));
    case 2:
        return scalar_of_text(str_c(PICK(texts)));
    default:
        return scalar_of_bool(rng_below(&rng, 2));
    }
}

static const char *const fields[] = {
    "id",           "lang",     "tags", "created", "n",   "s", "deep.x", "deep", "attributes.lang",
    "attributes.n", "odd name", "not",  "unknown", "only"};

static const struct filter *random_tree(unsigned depth)
{
    struct filter *f = arena_zalloc(arena, sizeof *f);
    f->op = depth ? (enum filter_op)rng_below(&rng, 12) : (enum filter_op)(3 + rng_below(&rng, 9));
    if (f->op <= FILTER_NOT) {
        f->count = f->op == FILTER_NOT ? 1 : 2 + (unsigned)rng_below(&rng, 3);
        f->children = arena_array(arena, f->count, sizeof *f->children);
        for (unsigned i = 0; i < f->count; i++)
            do
                f->children[i] = random_tree(depth - 1);
            while (f->op != FILTER_NOT && f->children[i]->op == f->op);
        return f;
    }
    f->field = str_c(PICK(fields));
    f->count = f->op == FILTER_EXISTS    ? 0
               : f->op == FILTER_BETWEEN ? 2
               : f->op == FILTER_IN      ? 1 + (unsigned)rng_below(&rng, 4)
                                         : 1;
    f->values = arena_array(arena, f->count + 1, sizeof *f->values);
    for (unsigned i = 0; i < f->count; i++)
        f->values[i] =
            random_scalar(f->op != FILTER_EQ && f->op != FILTER_NE && f->op != FILTER_IN);
    return f;
}

static json_t *random_value(unsigned depth)
{
    switch (rng_below(&rng, depth ? 8 : 5)) {
    case 0:
        return json_integer(PICK(ints));
    case 1:
        return json_real(PICK(doubles));
    case 2:
        return json_boolean(rng_below(&rng, 2));
    case 3:
    case 4:
        return json_string(PICK(texts));
    case 5:
        return json_null();
    case 6: {
        json_t *a = json_array();
        for (uint64_t n = rng_below(&rng, 4); n-- > 0;)
            json_array_append_new(a, random_value(depth - 1));
        return a;
    }
    default: {
        json_t *o = json_object();
        for (uint64_t n = rng_below(&rng, 3); n-- > 0;)
            json_object_set_new(o, PICK(((const char *const[]){"x", "n", "y.z"})),
                                random_value(depth - 1));
        return o;
    }
    }
}

static json_t *random_document(uint32_t number)
{
    static const char *const names[] = {"n",        "s",   "deep", "lang",
                                        "odd name", "not", "only", "attributes"};
    json_t *d = json_object(), *a = json_object();
    char id[16];
    snprintf(id, sizeof id, "d%u", number);
    json_object_set_new(d, "id", json_string(id));
    if (rng_below(&rng, 2))
        json_object_set_new(d, "lang", json_string(PICK(texts)));
    json_object_set_new(d, "created",
                        rng_below(&rng, 2) ? json_string(PICK(texts)) : json_integer(PICK(ints)));
    json_t *tags = json_array();
    for (uint64_t n = rng_below(&rng, 4); n-- > 0;)
        json_array_append_new(tags, json_string(PICK(texts)));
    json_object_set_new(d, "tags", tags);
    for (uint64_t n = rng_below(&rng, 6); n-- > 0;)
        json_object_set_new(a, PICK(names), random_value(3));
    json_object_set_new(d, "attributes", a);
    return d;
}

static void test_print(void **state)
{
    rng_init(&rng, 3);
    for (int i = 0; i < 20000; i++) {
        const struct filter *f = random_tree((unsigned)rng_below(&rng, 5)), *g = NULL;
        struct strbuf b, again;
        struct err_info e = {0};
        strbuf_init(&b, 0);
        strbuf_init(&again, 0);
        filter_print(f, &b);
        if (filter_parse(arena, strbuf_str(&b), &g, &e))
            fail_msg("%s: %s", b.buf, e.message);
        filter_print(g, &again);
        if (!filter_equal(f, g) || !str_eq(strbuf_str(&b), strbuf_str(&again)))
            fail_msg("%s\n%s", b.buf, again.buf);
        strbuf_release(&b);
        strbuf_release(&again);
        if (i % 100 == 0)
            arena_reset(arena);
    }
}

#define DOCUMENTS 300

static void check_tree(struct attributes *x, json_t **documents, const struct filter *f)
{
    struct docset out;
    struct err_info e = {0};
    size_t count = 0;
    docset_init(&out);
    docset_add(&out, 5000); /* is overwritten */
    assert_int_equal(attributes_select(x, f, &out, &e), 0);
    for (uint32_t n = 0; n < DOCUMENTS; n++) {
        bool match = documents[n] && filter_matches(f, documents[n]);
        count += match;
        if (docset_has(&out, n) != match) {
            struct strbuf b;
            strbuf_init(&b, 0);
            filter_print(f, &b);
            fail_msg("%s: index %d, document %s", b.buf, !match, json_dumps(documents[n], 0));
        }
    }
    assert_int_equal(out.count, count);
    docset_release(&out);
}

static void check_facet(struct attributes *x, json_t **documents, const char *field)
{
    struct facet_value *values = NULL;
    size_t count = 0;
    struct docset within;
    docset_init(&within);
    for (uint32_t n = 0; n < DOCUMENTS; n++)
        if (documents[n] && rng_below(&rng, 2))
            docset_add(&within, n);
    assert_int_equal(
        attributes_facet(x, arena, str_c(field), &within, 100000, &values, &count, NULL), 0);
    for (size_t i = 0; i < count; i++) {
        size_t found = 0;
        assert_true(!i || values[i].count <= values[i - 1].count);
        json_t *text = json_loadb(values[i].value.s, values[i].value.n, JSON_DECODE_ANY, NULL);
        struct scalar s =
            json_is_string(text)    ? scalar_of_text(json_str(text))
            : json_is_integer(text) ? scalar_of_number(number_of_int(json_integer_value(text)))
            : json_is_real(text)    ? scalar_of_number(number_of_double(json_real_value(text)))
                                    : scalar_of_bool(json_is_true(text));
        struct filter f = {
            .op = FILTER_EQ, .field = filter_field(str_c(field)), .values = &s, .count = 1};
        for (uint32_t n = 0; n < DOCUMENTS; n++)
            found += docset_has(&within, n) && filter_matches(&f, documents[n]);
        /* dates of one instant are different values, but equal */
        if (scalar_ordered_by_number(&s))
            assert_true(values[i].count <= found);
        else
            assert_int_equal(values[i].count, found);
        json_decref(text);
    }
    docset_release(&within);
}

static void reload(struct attributes **x)
{
    char path[] = "/tmp/akin-attributes-XXXXXX";
    close(mkstemp(path));
    struct file *f = NULL;
    struct attributes *y = NULL;
    uint64_t offset = 3, size = 0;
    assert_int_equal(file_open(path, FILE_CREATE, &f, NULL), 0);
    assert_int_equal(file_write(f, "abc", 3, NULL), 0);
    assert_int_equal(attributes_save(*x, f, NULL), 0);
    assert_int_equal(attributes_load(f, &offset, &y, NULL), 0);
    assert_int_equal(file_size(f, &size, NULL), 0);
    assert_int_equal(offset, size);
    assert_true(attributes_equal(*x, y));
    assert_true(attributes_equal(y, *x));
    /* any byte that changes is noticed */
    for (int i = 0; i < 50; i++) {
        struct attributes *z = NULL;
        uint64_t at = 3 + rng_below(&rng, size - 3), from = 3;
        uint8_t byte = 0, wrong = 0;
        assert_int_equal(file_pread(f, at, &byte, 1, NULL), 0);
        wrong = byte ^ (uint8_t)(1 + rng_below(&rng, 255));
        assert_int_equal(file_pwrite(f, at, &wrong, 1, NULL), 0);
        assert_int_equal(attributes_load(f, &from, &z, NULL), ERR_CORRUPT);
        assert_int_equal(file_pwrite(f, at, &byte, 1, NULL), 0);
    }
    file_close(f);
    unlink(path);
    attributes_free(*x);
    *x = y;
}

static void test_index(void **state)
{
    rng_init(&rng, 4);
    struct attributes *x = attributes_new();
    json_t *documents[DOCUMENTS] = {0};
    for (int i = 0; i < 12000; i++) {
        uint32_t n = (uint32_t)rng_below(&rng, DOCUMENTS);
        json_decref(documents[n]);
        documents[n] = NULL;
        if (rng_below(&rng, 4)) {
            documents[n] = random_document(n);
            attributes_put(x, n, documents[n]);
        } else {
            attributes_delete(x, n);
        }
        if (i % 8 == 0)
            check_tree(x, documents, random_tree((unsigned)rng_below(&rng, 4)));
        if (i % 100 == 0) {
            check_facet(x, documents, PICK(fields));
            arena_reset(arena);
        }
        if (i % 3000 == 2999)
            reload(&x);
    }
    for (uint32_t n = 0; n < DOCUMENTS; n++) {
        attributes_delete(x, n);
        json_decref(documents[n]);
        documents[n] = NULL;
    }
    struct docset all;
    docset_init(&all);
    attributes_all(x, &all);
    assert_int_equal(all.count, 0);
    check_tree(x, documents, random_tree(3));
    docset_release(&all);
    attributes_free(x);
}

/* Many distinct values: the ordered lists split, and memory stays in bounds. */
static void test_unique(void **state)
{
    struct attributes *x = attributes_new();
    struct docset out;
    docset_init(&out);
    for (uint32_t n = 0; n < 20000; n++) {
        uint32_t value = n * 7919 % 20000;
        json_t *d = json_pack("{s:{s:i,s:f}}", "attributes", "n", (int)value, "d", value / 8.0);
        attributes_put(x, n, d);
        json_decref(d);
    }
    assert_true(attributes_bytes(x) < 20000 * 400);
    assert_int_equal(attributes_select(x, parsed("n 100 TO 15099"), &out, NULL), 0);
    assert_int_equal(out.count, 15000);
    for (uint32_t n = 0; n < 20000; n += 2)
        attributes_delete(x, n);
    assert_int_equal(attributes_select(x, parsed("n >= 0"), &out, NULL), 0);
    assert_int_equal(out.count, 10000);
    assert_int_equal(attributes_select(x, parsed("d < 1250 AND d >= 0"), &out, NULL), 0);
    assert_in_range(out.count, 4900, 5100);
    docset_release(&out);
    attributes_free(x);
}

static void test_many_fields(void **state)
{
    struct attributes *x = attributes_new();
    struct docset out;
    struct err_info e = {0};
    docset_init(&out);
    for (int i = 0; i < 1001; i++) {
        char name[16];
        snprintf(name, sizeof name, "f%d", i);
        json_t *d = json_pack("{s:{s:i}}", "attributes", name, i);
        attributes_put(x, (uint32_t)i, d);
        json_decref(d);
    }
    assert_int_equal(attributes_select(x, parsed("f999 = 999"), &out, &e), 0);
    assert_int_equal(out.count, 1);
    assert_int_equal(attributes_select(x, parsed("NOT (f1 = 1 OR f1000 = 1000)"), &out, &e),
                     ERR_INVALID);
    assert_non_null(strstr(e.message, "f1000 is not indexed"));
    docset_release(&out);
    attributes_free(x);
}

/* --- readers beside the writer --- */

struct shared {
    struct attributes *x;
    const struct filter *f;
    atomic_bool stop;
};

static void read_loop(void *arg)
{
    struct shared *s = arg;
    struct docset out, all;
    docset_init(&out);
    docset_init(&all);
    while (!atomic_load(&s->stop)) {
        assert_int_equal(attributes_select(s->x, s->f, &out, NULL), 0);
        attributes_all(s->x, &all);
        assert_true(out.count <= 200);
    }
    docset_release(&out);
    docset_release(&all);
}

/* Saved while documents and fields come and go: with the changes from the start of the save done
 * again, as after a crash, it is what the index is. */
struct saving {
    struct attributes *x;
    char path[64];
    atomic_bool ended;
};

static void save_once(void *arg)
{
    struct saving *s = arg;
    struct file *f = NULL;
    assert_int_equal(file_open(s->path, FILE_CREATE, &f, NULL), 0);
    assert_int_equal(attributes_save(s->x, f, NULL), 0);
    file_close(f);
    atomic_store(&s->ended, true);
}

#define SAVED_DOCUMENTS 4000u

static void document_put(struct attributes *x, uint32_t number, int field)
{
    char text[64];
    snprintf(text, sizeof text, "{\"n\":%u,\"attributes\":{\"f%d\":\"v%u\"}}", number, field,
             number);
    json_t *d = json_loads(text, 0, NULL);
    attributes_put(x, number, d);
    json_decref(d);
}

static void test_save_beside(void **state)
{
    struct saving s = {.x = attributes_new(), .path = "/tmp/akin-attributes-XXXXXX"};
    static int changed[SAVED_DOCUMENTS]; /* 0: as it was, -1: deleted */
    close(mkstemp(s.path));
    rng_init(&rng, 6);
    for (int round = 0; round < 20; round++) {
        struct attributes *y = NULL;
        struct file *f = NULL;
        uint64_t offset = 0;
        memset(changed, 0, sizeof changed);
        for (uint32_t n = 0; n < SAVED_DOCUMENTS; n++)
            document_put(s.x, n, round);
        atomic_store(&s.ended, false);
        struct thread *saver = thread_start("saver", save_once, &s);
        for (int i = 0; i < 300 || !atomic_load(&s.ended); i++) {
            uint32_t n = (uint32_t)rng_below(&rng, SAVED_DOCUMENTS);
            changed[n] = rng_below(&rng, 4) ? 1 + (int)rng_below(&rng, 900) : -1;
            if (changed[n] > 0)
                document_put(s.x, n, changed[n]);
            else
                attributes_delete(s.x, n);
        }
        thread_join(saver);
        assert_int_equal(file_open(s.path, FILE_READ_ONLY, &f, NULL), 0);
        assert_int_equal(attributes_load(f, &offset, &y, NULL), 0);
        file_close(f);
        for (uint32_t n = 0; n < SAVED_DOCUMENTS; n++)
            if (changed[n] > 0)
                document_put(y, n, changed[n]);
            else if (changed[n] < 0)
                attributes_delete(y, n);
        assert_true(attributes_equal(s.x, y));
        assert_true(attributes_equal(y, s.x));
        attributes_free(y);
    }
    unlink(s.path);
    attributes_free(s.x);
}

static void test_threads(void **state)
{
    struct shared s = {.x = attributes_new(), .f = parsed("n >= 3 AND NOT s = a OR deep EXISTS")};
    struct thread *readers[3];
    rng_init(&rng, 5);
    for (int i = 0; i < 3; i++)
        readers[i] = thread_start("reader", read_loop, &s);
    for (int i = 0; i < 3000; i++) {
        uint32_t n = (uint32_t)rng_below(&rng, 200);
        json_t *d = random_document(n);
        attributes_put(s.x, n, d);
        json_decref(d);
        if (i % 3 == 0)
            attributes_delete(s.x, (uint32_t)rng_below(&rng, 200));
    }
    atomic_store(&s.stop, true);
    for (int i = 0; i < 3; i++)
        thread_join(readers[i]);
    attributes_free(s.x);
}

static int setup(void **state)
{
    json_setup();
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meaning),        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_unknown_fields), cmocka_unit_test(test_duplicate_of),
        cmocka_unit_test(test_bounds),         cmocka_unit_test(test_print),
        cmocka_unit_test(test_index),          cmocka_unit_test(test_unique),
        cmocka_unit_test(test_many_fields),    cmocka_unit_test(test_threads),
        cmocka_unit_test(test_save_beside),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

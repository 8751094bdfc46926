#include "base/json.h"
#include "base/rng.h"
#include <assert.h>
#include <inttypes.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What json_parse on this thread may still allocate; elsewhere jansson allocates freely. */
static _Thread_local struct {
    bool active, refused;
    size_t left;
} budget;

static void *budget_malloc(size_t n)
{
    if (!budget.active)
        return malloc(n);
    void *p = n <= budget.left ? malloc(n) : NULL;
    size_t size = p ? malloc_usable_size(p) : 0;
    if (!p)
        budget.refused = true;
    budget.left -= size < budget.left ? size : budget.left;
    return p;
}

static void budget_free(void *p)
{
    if (budget.active && p)
        budget.left += malloc_usable_size(p);
    free(p);
}

void json_setup(void)
{
    size_t seed;
    json_set_alloc_funcs(budget_malloc, budget_free);
    rng_bytes(&seed, sizeof seed);
    json_object_seed(seed | 1); /* 0 would let jansson choose */
}

/* jansson recurses; this does not. Counts brackets outside strings, valid text or not. */
static bool depth_ok(struct str text)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.s[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '[' || c == '{') && ++depth > JSON_DEPTH_MAX)
            return false;
        else if (!quoted && (c == ']' || c == '}'))
            depth--;
    }
    return true;
}

/* A short document of some 30 bytes takes 500 when parsed, so a batch of them needs far more than
 * its own size. */
static size_t budget_of(size_t text_bytes)
{
    const size_t least = 1 << 20, most = 64 << 20;
    size_t wanted = text_bytes < most / 32 ? text_bytes * 32 : most;
    return wanted < least ? least : wanted;
}

/* jansson quotes the text near the fault; raw control characters do not belong in a message. */
static void message_clean(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = ' ';
}

enum err json_parse(struct str text, json_t **out, struct err_info *e)
{
    return json_parse_within(text, budget_of(text.n), out, e);
}

/* Columns are characters, as jansson counts them. */
static enum err nul_refuse(struct str text, const char *at, const char *what, struct err_info *e)
{
    size_t line = 1, column = 1;
    for (const char *p = text.s; p < at; p++) {
        line += *p == '\n';
        column = *p == '\n' ? 1 : column + ((*p & 0xc0) != 0x80);
    }
    return err_set(e, ERR_SYNTAX, NULL,
                   "broken JSON at line %zu, column %zu: %s, which no name and no text may hold: "
                   "leave it out",
                   line, column, what);
}

/* jansson 2.14 skips a NUL behind a number. */
static enum err nul_check(struct str text, struct err_info *e)
{
    const char *nul = text.n ? memchr(text.s, 0, text.n) : NULL;
    return nul ? nul_refuse(text, nul, "the byte 0 (NUL)", e) : ERR_OK;
}

/* The first escaped one of a text that is read up to there; NULL: none. */
static const char *nul_escaped(struct str text)
{
    for (size_t i = 0; i + 6 <= text.n; i++)
        if (text.s[i] == '\\' && memcmp(text.s + i++, "\\u0000", 6) == 0)
            return text.s + i - 1;
    return NULL;
}

enum err json_parse_within(struct str text, size_t bytes_max, json_t **out, struct err_info *e)
{
    json_error_t fault;
    if (!depth_ok(text))
        return err_set(e, ERR_TOO_LARGE, NULL, "JSON is nested deeper than %d levels",
                       JSON_DEPTH_MAX);
    enum err rc = nul_check(text, e);
    if (rc)
        return rc;
    assert(!budget.active);
    budget.active = true;
    budget.refused = false;
    budget.left = bytes_max;
    json_t *v =
        json_loadb(text.n ? text.s : "", text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &fault);
    budget.active = false;
    if (v) {
        *out = v;
        return ERR_OK;
    }
    if (budget.refused)
        return err_set(e, ERR_TOO_LARGE, NULL,
                       "JSON needs more memory than %zu bytes, the bound for a text of its size",
                       bytes_max);
    /* jansson names a flag of its own, and no place inside of the string */
    bool is_nul = strstr(fault.text, "JSON_ALLOW_NUL") || strstr(fault.text, "NUL byte in object");
    const char *nul = is_nul ? nul_escaped(text) : NULL;
    if (nul)
        return nul_refuse(text, nul, "\\u0000 (NUL)", e);
    message_clean(fault.text);
    return err_set(e, ERR_SYNTAX, NULL, "broken JSON at line %d, column %d: %s",
                   fault.line > 0 ? fault.line : 1, fault.column > 0 ? fault.column : 0,
                   fault.text);
}

/* An empty object in an array is 3 bytes of text, and some 230 bytes of memory. */
#define STORED_FACTOR 128

enum err json_parse_stored(struct str text, json_t **out, struct err_info *e)
{
    return json_parse_within(text, text.n * STORED_FACTOR + (64 << 10), out, e);
}

struct str json_str(const json_t *v)
{
    if (!json_is_string(v))
        return STR("");
    return (struct str){json_string_value(v), json_string_length(v)};
}

bool json_whole(const json_t *v, int64_t *out)
{
    double x = json_real_value(v);
    if (json_is_integer(v))
        *out = json_integer_value(v);
    else if (json_is_real(v) && fabs(x) < 0x1p53 && x == floor(x))
        *out = (int64_t)x;
    else
        return false;
    return true;
}

static size_t escape_ascii(unsigned char c, char out[8])
{
    static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (const char *p = named; *p; p += 2) {
        if (c == (unsigned char)*p) {
            out[0] = '\\';
            out[1] = p[1];
            return 2;
        }
    }
    if (c < 0x20 || c == 0x7f)
        return (size_t)snprintf(out, 8, "\\u%04x", c);
    out[0] = (char)c;
    return 1;
}

size_t json_escape(struct str s, char out[8], size_t *used)
{
    size_t n = str_utf8_size(s);
    assert(s.n);
    *used = n ? n : 1;
    if (n == 1)
        return escape_ascii((unsigned char)s.s[0], out);
    if (n == 0) {
        memcpy(out, "\xef\xbf\xbd", 3);
        return 3;
    }
    memcpy(out, s.s, n);
    return n;
}

/* %g leaves a sign on zero that readers of integers drop. */
static size_t number_fix(char out[JSON_NUMBER_TEXT], int n)
{
    if (n == 2 && memcmp(out, "-0", 2) == 0)
        n = snprintf(out, JSON_NUMBER_TEXT, "-0.0");
    return (size_t)n;
}

size_t json_double(double v, char out[JSON_NUMBER_TEXT])
{
    int n = 0;
    if (!isfinite(v))
        return (size_t)snprintf(out, JSON_NUMBER_TEXT, "null");
    for (int digits = 15; digits <= 17; digits++) {
        n = snprintf(out, JSON_NUMBER_TEXT, "%.*g", digits, v);
        if (strtod(out, NULL) == v)
            break;
    }
    return number_fix(out, n);
}

/* Do all reals within a rounding error of d round to v? */
static bool rounds_to(double d, float v)
{
    return (float)(d * (1 - 0x1p-52)) == v && (float)(d * (1 + 0x1p-52)) == v;
}

/* "0.00" and so on, then the digits of m, of which `places` stand behind the point; zeros at the
 * end are dropped, as %g does. */
static size_t decimal_put(char *out, uint64_t m, unsigned places)
{
    size_t n = 1;
    for (; places && m % 10 == 0; places--)
        m /= 10;
    for (uint64_t rest = m / 10; rest; rest /= 10)
        n++;
    n = n > places ? n : places + 1; /* with zeros in front */
    size_t total = n + (places > 0);
    out[total] = 0;
    for (size_t i = total; i-- > 0; m /= 10) {
        if (places && total - 1 - i == places)
            out[i--] = '.';
        out[i] = (char)('0' + m % 10);
    }
    return total;
}

/* Vectors are long lists of floats, and printf with strtof takes a microsecond for each. Between
 * 1e-4 and 1e6 as %g would write it, by whole numbers: v is taken for m / 10^places, the first m
 * of 6 to 9 digits that reads back as v. 0 if there is none (or it is too close to call). */
static size_t float_fast(float v, char out[JSON_NUMBER_TEXT])
{
    static const double powers[] = {1,   1e1, 1e2, 1e3,  1e4,  1e5,  1e6,
                                    1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13};
    double size = fabs((double)v);
    if (!(size >= 1e-4 && size < 1e6))
        return 0;
    int before = -3; /* digits in front of the point; 0.05 has -1 */
    while (size >= (before < 0 ? 1 / powers[-before] : powers[before]))
        before++;
    for (int digits = 6; digits <= 9; digits++) {
        int places = digits - before;
        double m = nearbyint(size * powers[places]);
        if (rounds_to(m / powers[places], fabsf(v))) {
            out[0] = '-';
            return (v < 0) + decimal_put(out + (v < 0), (uint64_t)m, (unsigned)places);
        }
    }
    return 0;
}

size_t json_float(float v, char out[JSON_NUMBER_TEXT])
{
    int n = (int)float_fast(v, out);
    if (n)
        return (size_t)n;
    if (!isfinite(v))
        return (size_t)snprintf(out, JSON_NUMBER_TEXT, "null");
    for (int digits = 6; digits <= 9; digits++) {
        n = snprintf(out, JSON_NUMBER_TEXT, "%.*g", digits, (double)v);
        if (strtof(out, NULL) == v)
            break;
    }
    return number_fix(out, n);
}

void json_writer_init(struct json_writer *w, struct strbuf *out)
{
    *w = (struct json_writer){.out = out};
}

static void value_begin(struct json_writer *w)
{
    if (w->comma)
        strbuf_add_char(w->out, ',');
    w->comma = true;
}

static void bracket_open(struct json_writer *w, char bracket)
{
    value_begin(w);
    strbuf_add_char(w->out, bracket);
    w->comma = false;
}

static void bracket_close(struct json_writer *w, char bracket)
{
    strbuf_add_char(w->out, bracket);
    w->comma = true;
}

void json_object_begin(struct json_writer *w)
{
    bracket_open(w, '{');
}

void json_object_end(struct json_writer *w)
{
    bracket_close(w, '}');
}

void json_array_begin(struct json_writer *w)
{
    bracket_open(w, '[');
}

void json_array_end(struct json_writer *w)
{
    bracket_close(w, ']');
}

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x7f && c != '"' && c != '\\';
}

static void string_put(struct strbuf *out, struct str s)
{
    strbuf_add_char(out, '"');
    for (size_t i = 0; i < s.n;) {
        size_t plain = i, used;
        while (plain < s.n && is_plain(s.s[plain]))
            plain++;
        if (plain > i) {
            strbuf_add(out, s.s + i, plain - i);
            i = plain;
            continue;
        }
        char text[8];
        size_t n = json_escape((struct str){s.s + i, s.n - i}, text, &used);
        strbuf_add(out, text, n);
        i += used;
    }
    strbuf_add_char(out, '"');
}

static void key_put(struct json_writer *w, struct str key)
{
    value_begin(w);
    string_put(w->out, key);
    strbuf_add_char(w->out, ':');
    w->comma = false;
}

void json_key(struct json_writer *w, const char *key)
{
    key_put(w, str_c(key));
}

void json_put_str(struct json_writer *w, struct str s)
{
    value_begin(w);
    string_put(w->out, s);
}

void json_put_c(struct json_writer *w, const char *s)
{
    if (s)
        json_put_str(w, str_c(s));
    else
        json_put_null(w);
}

void json_put_int(struct json_writer *w, int64_t v)
{
    value_begin(w);
    strbuf_printf(w->out, "%" PRId64, v);
}

void json_put_double(struct json_writer *w, double v)
{
    char text[JSON_NUMBER_TEXT];
    size_t n = json_double(v, text);
    json_put_raw(w, (struct str){text, n});
}

void json_put_float(struct json_writer *w, float v)
{
    char text[JSON_NUMBER_TEXT];
    size_t n = json_float(v, text);
    json_put_raw(w, (struct str){text, n});
}

void json_put_bool(struct json_writer *w, bool v)
{
    json_put_raw(w, v ? STR("true") : STR("false"));
}

void json_put_null(struct json_writer *w)
{
    json_put_raw(w, STR("null"));
}

void json_put_raw(struct json_writer *w, struct str json)
{
    value_begin(w);
    strbuf_add_str(w->out, json);
}

/* A real stays one when it is read again: 1.0, not 1. */
static void put_real(struct json_writer *w, double v)
{
    char text[JSON_NUMBER_TEXT];
    size_t n = json_double(v, text);
    json_put_raw(w, (struct str){text, n});
    if (!strpbrk(text, ".eul"))
        strbuf_add_c(w->out, ".0");
}

static void put_object(struct json_writer *w, const json_t *v)
{
    json_t *object = (json_t *)v; /* jansson's iterators are not const */
    json_object_begin(w);
    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        key_put(w, (struct str){json_object_iter_key(i), json_object_iter_key_len(i)});
        json_put_value(w, json_object_iter_value(i));
    }
    json_object_end(w);
}

static void put_array(struct json_writer *w, const json_t *v)
{
    json_array_begin(w);
    for (size_t i = 0; i < json_array_size(v); i++)
        json_put_value(w, json_array_get(v, i));
    json_array_end(w);
}

void json_put_value(struct json_writer *w, const json_t *v)
{
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_OBJECT:
        put_object(w, v);
        break;
    case JSON_ARRAY:
        put_array(w, v);
        break;
    case JSON_STRING:
        json_put_str(w, json_str(v));
        break;
    case JSON_INTEGER:
        json_put_int(w, json_integer_value(v));
        break;
    case JSON_REAL:
        put_real(w, json_real_value(v));
        break;
    case JSON_TRUE:
        json_put_bool(w, true);
        break;
    case JSON_FALSE:
        json_put_bool(w, false);
        break;
    case JSON_NULL:
        json_put_null(w);
        break;
    }
}

void json_key_str(struct json_writer *w, const char *key, struct str s)
{
    json_key(w, key);
    json_put_str(w, s);
}

void json_key_c(struct json_writer *w, const char *key, const char *s)
{
    json_key(w, key);
    json_put_c(w, s);
}

void json_key_int(struct json_writer *w, const char *key, int64_t v)
{
    json_key(w, key);
    json_put_int(w, v);
}

void json_key_double(struct json_writer *w, const char *key, double v)
{
    json_key(w, key);
    json_put_double(w, v);
}

void json_key_bool(struct json_writer *w, const char *key, bool v)
{
    json_key(w, key);
    json_put_bool(w, v);
}

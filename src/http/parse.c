#include "http/parse.h"
#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The length of the UTF-8 sequence at s (Unicode 15, table 3-7), 0 if it is not one. */
static size_t utf8_sequence(const unsigned char *s, size_t n)
{
    unsigned char c = s[0], low = 0x80, high = 0xBF;
    size_t length;
    if (c < 0x80)
        return 1;
    if (c < 0xC2 || c > 0xF4)
        return 0;
    length = c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    if (c == 0xE0)
        low = 0xA0;
    if (c == 0xED)
        high = 0x9F;
    if (c == 0xF0)
        low = 0x90;
    if (c == 0xF4)
        high = 0x8F;
    if (n < length || s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

static bool utf8_valid(const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t step = utf8_sequence((const unsigned char *)s + i, n - i);
        if (!step)
            return false;
        i += step;
    }
    return true;
}

static enum err decode(struct arena *a, struct str in, bool plus, struct str *out)
{
    char *text = arena_try(a, in.n + 1);
    size_t n = 0;
    if (!text)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < in.n; i++) {
        char c = in.s[i];
        if (c == '%') {
            int high = i + 2 < in.n ? hex_digit(in.s[i + 1]) : -1;
            int low = i + 2 < in.n ? hex_digit(in.s[i + 2]) : -1;
            if (high < 0 || low < 0)
                return ERR_SYNTAX;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (c == '\0')
            return ERR_SYNTAX;
        text[n++] = c;
    }
    text[n] = '\0';
    if (!utf8_valid(text, n))
        return ERR_SYNTAX;
    *out = (struct str){text, n};
    return ERR_OK;
}

enum err http_decode(struct arena *a, struct str segment, struct str *out)
{
    return decode(a, segment, false, out);
}

static struct str piece_take(struct str *rest, char end)
{
    const char *at = rest->n ? memchr(rest->s, end, rest->n) : NULL;
    struct str piece = {rest->s, at ? (size_t)(at - rest->s) : rest->n};
    size_t used = piece.n + (at ? 1 : 0);
    *rest = (struct str){rest->s + used, rest->n - used};
    return piece;
}

enum err query_parse(struct arena *a, struct str raw, struct http_param **out, unsigned *count,
                     struct err_info *e)
{
    struct http_param *params = arena_array(a, PARAMS_MAX, sizeof *params);
    unsigned n = 0;
    while (raw.n) {
        struct str value = piece_take(&raw, '&');
        struct str name = piece_take(&value, '=');
        enum err err;
        if (!name.n && !value.n)
            continue;
        if (n == PARAMS_MAX)
            return err_set(e, ERR_TOO_LARGE, NULL, "the query has more than %d parameters",
                           PARAMS_MAX);
        if ((err = decode(a, name, true, &params[n].name)) ||
            (err = decode(a, value, true, &params[n].value)))
            return err_set(e, err, NULL,
                           "the query parameter at position %u is not percent-encoded UTF-8 "
                           "without NUL",
                           n + 1);
        n++;
    }
    *out = params;
    *count = n;
    return ERR_OK;
}

bool target_valid(struct str target)
{
    if (!target.n || target.s[0] != '/')
        return false;
    for (size_t i = 0; i < target.n; i++) {
        unsigned char c = (unsigned char)target.s[i];
        if (c <= ' ' || c == 0x7F || c == '#')
            return false;
    }
    return true;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool text_same_ci(struct str a, struct str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.s[i]) != lower(b.s[i]))
            return false;
    return true;
}

static bool name_char(char c)
{
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
}

/* Where the name of an authority ends; 0 if it has none. */
static size_t name_length(struct str text)
{
    size_t n = 0;
    if (text.n && text.s[0] == '[') {
        for (n = 1; n < text.n && (hex_digit(text.s[n]) >= 0 || strchr(":.", text.s[n]));)
            if (text.s[n++] == '\0')
                return 0;
        return n > 1 && n < text.n && text.s[n] == ']' ? n + 1 : 0;
    }
    while (n < text.n && name_char(text.s[n]))
        n++;
    return n;
}

enum err authority_parse(struct str text, struct str *name, unsigned *port)
{
    size_t n = name_length(text);
    int64_t number = 0;
    if (!n)
        return ERR_SYNTAX;
    if (n < text.n) {
        if (text.s[n] != ':' || text.n - n < 2 || text.n - n > 6)
            return ERR_SYNTAX;
        for (size_t i = n + 1; i < text.n; i++) {
            if (text.s[i] < '0' || text.s[i] > '9')
                return ERR_SYNTAX;
            number = number * 10 + (text.s[i] - '0');
        }
        if (number < 1 || number > 65535)
            return ERR_SYNTAX;
    }
    *name = (struct str){text.s, n};
    *port = (unsigned)number;
    return ERR_OK;
}

/* An IPv6 address stands in brackets in a name and without them in options. */
static bool name_is(struct str name, const char *option)
{
    struct str plain = str_c(option);
    if (!plain.n)
        return false;
    if (name.s[0] == '[' && plain.s[0] != '[')
        name = (struct str){name.s + 1, name.n - 2};
    return text_same_ci(name, plain);
}

static bool name_listed(const struct host_rules *rules, struct str name)
{
    for (unsigned i = 0; i < rules->host_count; i++)
        if (name_is(name, rules->hosts[i]))
            return true;
    return false;
}

bool host_allowed(const struct host_rules *rules, struct str host)
{
    struct str name;
    unsigned port;
    if (authority_parse(host, &name, &port))
        return false;
    return text_same_ci(name, STR("localhost")) || text_same_ci(name, STR("127.0.0.1")) ||
           text_same_ci(name, STR("[::1]")) || name_is(name, rules->address) ||
           name_is(name, rules->local) || name_listed(rules, name);
}

static bool origin_same(const struct host_rules *rules, struct str origin, struct str host)
{
    struct str name, host_name;
    unsigned port, host_port, scheme_port;
    if (str_starts(origin, STR("http://"))) {
        origin = (struct str){origin.s + 7, origin.n - 7};
        scheme_port = 80;
    } else if (str_starts(origin, STR("https://"))) {
        origin = (struct str){origin.s + 8, origin.n - 8};
        scheme_port = 443;
    } else {
        return false;
    }
    if (authority_parse(origin, &name, &port) || authority_parse(host, &host_name, &host_port))
        return false;
    if (name_listed(rules, name))
        return true;
    return text_same_ci(name, host_name) &&
           (port ? port : scheme_port) == (host_port ? host_port : scheme_port);
}

bool origin_allowed(const struct host_rules *rules, const struct fetch_headers *h)
{
    bool reads = str_eq_c(h->method, "GET") || str_eq_c(h->method, "HEAD");
    if (h->has_origin && !origin_same(rules, h->origin, h->host))
        return false;
    if (!text_same_ci(h->site, STR("cross-site")))
        return true;
    return reads && text_same_ci(h->mode, STR("navigate"));
}

static bool length_read(struct str text, uint64_t *out)
{
    uint64_t n = 0;
    if (!text.n || text.n > 18)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.s[i] < '0' || text.s[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(text.s[i] - '0');
    }
    *out = n;
    return true;
}

static const char *length_add(struct framing *f, struct str value)
{
    uint64_t length;
    if (!length_read(value, &length))
        return "Content-Length is not a decimal number";
    if (f->has_length && f->length != length)
        return "there are two different Content-Length headers";
    f->has_length = true;
    f->length = length;
    return NULL;
}

static bool name_valid(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.s[i];
        if (c == '\0' || (!name_char(c) && !strchr("!#$%&'*+^`|~", c)))
            return false;
    }
    return name.n > 0;
}

static bool value_valid(struct str value)
{
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.s[i];
        if ((c < ' ' && c != '\t') || c == 0x7F)
            return false;
    }
    return true;
}

static const char *header_add(struct framing *f, const struct header *h)
{
    if (!name_valid(h->name))
        return "a header name holds a character that is not allowed there";
    if (!value_valid(h->value))
        return "a header value holds a control character";
    if (text_same_ci(h->name, STR("Content-Length")))
        return length_add(f, h->value);
    if (text_same_ci(h->name, STR("Transfer-Encoding"))) {
        if (f->chunked)
            return "there are two Transfer-Encoding headers";
        if (!text_same_ci(h->value, STR("chunked")))
            return "Transfer-Encoding is not \"chunked\"";
        f->chunked = true;
    } else if (text_same_ci(h->name, STR("Expect"))) {
        f->expect_continue = text_same_ci(h->value, STR("100-continue"));
        f->expect_unknown = !f->expect_continue;
    }
    return NULL;
}

const char *framing_parse(const struct header *headers, unsigned count, bool http_1_0,
                          struct framing *out)
{
    struct framing f = {0};
    for (unsigned i = 0; i < count; i++) {
        const char *why = header_add(&f, &headers[i]);
        if (why)
            return why;
    }
    if (f.chunked && f.has_length)
        return "there are both Content-Length and Transfer-Encoding";
    if (f.chunked && http_1_0)
        return "HTTP/1.0 has no Transfer-Encoding";
    *out = f;
    return NULL;
}

bool traceparent_parse(struct str value, char out[33])
{
    /* version "-" trace-id "-" parent-id "-" flags: 2 + 32 + 16 + 2 digits, lower case; of version
     * 00 nothing follows. W3C Trace Context, section 3.2. */
    bool any = false;
    if (value.n != 55 || !str_starts(value, STR("00-")) || value.s[35] != '-' || value.s[52] != '-')
        return false;
    for (size_t i = 0; i < value.n; i++) {
        char c = value.s[i];
        if (i == 2 || i == 35 || i == 52)
            continue;
        if (hex_digit(c) < 0 || (c >= 'A' && c <= 'F'))
            return false;
        if (i >= 3 && i < 35)
            any |= c != '0';
    }
    if (!any)
        return false;
    memcpy(out, value.s + 3, 32);
    out[32] = '\0';
    return true;
}

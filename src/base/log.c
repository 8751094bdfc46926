/* A line is put together in a buffer on the stack that leaves room for its own end, so that it can
 * be cut anywhere and still be whole JSON: what does not fit is left out and "cut":true added. */
#include "base/log.h"
#include "base/clock.h"
#include "base/json.h"
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 8192, END_BYTES = 32, MESSAGE_BYTES_MAX = 4096 };

struct line {
    char buf[LINE_BYTES];
    size_t n, max;
    bool cut;
};

static atomic_int log_fd = 2;
static atomic_int log_least = LOG_INFO;
static atomic_int log_style = LOG_AUTO;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_open(int fd, enum log_level level, enum log_format format)
{
    atomic_store(&log_fd, fd);
    atomic_store(&log_least, level);
    atomic_store(&log_style, format);
}

void log_set_level(enum log_level level)
{
    atomic_store(&log_least, level);
}

enum err log_level_parse(struct str s, enum log_level *out)
{
    for (unsigned i = 0; i < 4; i++) {
        if (str_eq_c(s, level_names[i])) {
            *out = (enum log_level)i;
            return ERR_OK;
        }
    }
    return ERR_INVALID;
}

/* All or nothing; `line->max` leaves room for what must follow. */
static bool line_add(struct line *l, const char *s, size_t n)
{
    if (l->cut || n > l->max - l->n) {
        l->cut = true;
        return false;
    }
    memcpy(l->buf + l->n, s, n);
    l->n += n;
    return true;
}

/* The end of the line, for which room was left. */
static void line_close(struct line *l, const char *s)
{
    size_t n = strlen(s);
    memcpy(l->buf + l->n, s, n);
    l->n += n;
}

/* U+0080-U+009F are control characters to a terminal. */
static bool is_c1(struct str s)
{
    return s.n >= 2 && (uint8_t)s.s[0] == 0xc2 && (uint8_t)s.s[1] < 0xa0;
}

static void line_escaped(struct line *l, struct str s, size_t max)
{
    size_t start = l->n;
    while (s.n) {
        char text[8];
        size_t used, n = json_escape(s, text, &used);
        if (is_c1(s))
            n = (size_t)snprintf(text, sizeof text, "\\u%04x", (uint8_t)s.s[1]);
        if (l->n - start + n > max)
            l->cut = true;
        if (!line_add(l, text, n))
            return;
        s.s += used;
        s.n -= used;
    }
}

static void line_number(struct line *l, const struct log_field *f)
{
    char text[JSON_NUMBER_TEXT];
    size_t n = f->kind == LOG_FIELD_INT ? (size_t)snprintf(text, sizeof text, "%" PRId64, f->i)
                                        : json_double(f->f, text);
    line_add(l, text, n);
}

/* Key and value together, or nothing: numbers are not cut in half. */
static void json_field(struct line *l, const struct log_field *f)
{
    size_t start = l->n;
    line_add(l, ",\"", 2);
    line_escaped(l, str_c(f->key), 64);
    bool key =
        line_add(l, f->kind == LOG_FIELD_STR ? "\":\"" : "\":", f->kind == LOG_FIELD_STR ? 3 : 2);
    if (key && f->kind == LOG_FIELD_STR) {
        line_escaped(l, f->s, LINE_BYTES);
        line_close(l, "\"");
    } else if (key) {
        line_number(l, f);
    }
    if (!key || (l->cut && f->kind != LOG_FIELD_STR))
        l->n = start;
}

static void json_line(struct line *l, enum log_level level, const char *time, const char *message,
                      const struct log_field *fields, unsigned count)
{
    l->n = (size_t)snprintf(l->buf, l->max, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":\"",
                            time, level_names[level]);
    line_escaped(l, str_c(message), MESSAGE_BYTES_MAX);
    bool message_cut = l->cut;
    l->cut = false;
    line_close(l, "\"");
    for (unsigned i = 0; i < count && !l->cut; i++)
        json_field(l, &fields[i]);
    line_close(l, l->cut || message_cut ? ",\"cut\":true}\n" : "}\n");
}

static bool needs_quotes(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.s[i] <= ' ' || s.s[i] == '"' || s.s[i] == '=' || s.s[i] == '\\')
            return true; /* bytes over 0x7f are negative: quoted too */
    return s.n == 0;
}

static void text_field(struct line *l, const struct log_field *f)
{
    line_add(l, " ", 1);
    line_escaped(l, str_c(f->key), 64);
    line_add(l, "=", 1);
    if (f->kind != LOG_FIELD_STR) {
        line_number(l, f);
        return;
    }
    bool quotes = needs_quotes(f->s);
    if (quotes)
        line_add(l, "\"", 1);
    line_escaped(l, f->s, LINE_BYTES);
    if (quotes)
        line_add(l, "\"", 1);
}

static void text_line(struct line *l, enum log_level level, const char *time, const char *message,
                      const struct log_field *fields, unsigned count, bool colour)
{
    static const char *const colours[] = {"\033[2m", "\033[32m", "\033[33m", "\033[31m"};
    l->n =
        (size_t)snprintf(l->buf, l->max, "%.12s %s%-5s%s ", time + 11, colour ? colours[level] : "",
                         level_names[level], colour ? "\033[0m" : "");
    line_escaped(l, str_c(message), MESSAGE_BYTES_MAX);
    bool message_cut = l->cut;
    l->cut = false;
    for (unsigned i = 0; i < count && !l->cut; i++)
        text_field(l, &fields[i]);
    line_close(l, l->cut || message_cut ? " [cut]\n" : "\n");
}

void log_write(enum log_level level, const char *message, const struct log_field *fields,
               unsigned count)
{
    if ((int)level < atomic_load_explicit(&log_least, memory_order_relaxed))
        return;
    int was = errno;
    char time[CLOCK_TEXT];
    struct line l;
    int fd = atomic_load(&log_fd), style = atomic_load(&log_style);
    bool terminal = style != LOG_JSON && isatty(fd) == 1;
    l.n = 0;
    l.max = LINE_BYTES - END_BYTES;
    l.cut = false;
    clock_format(clock_wall_us(), time);
    if (style == LOG_TEXT || terminal)
        text_line(&l, level, time, message, fields, count, terminal);
    else
        json_line(&l, level, time, message, fields, count);
    while (write(fd, l.buf, l.n) < 0 && errno == EINTR)
        ; /* a log that cannot be written has nobody to tell */
    errno = was;
}

/* The log: one event a line, JSON lines, or text for people when it goes to a terminal.
 * Any thread; a line is written with one write(2). Secrets are never passed to it. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/str.h"
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_AUTO, LOG_JSON, LOG_TEXT };

void log_open(int fd, enum log_level level,
              enum log_format format); /* default: stderr, info, auto */
void log_set_level(enum log_level level);
enum err log_level_parse(struct str s, enum log_level *out);

/* Fields are given as LOG_S("route", x), LOG_I("documents", n), LOG_F("seconds", x). */
struct log_field {
    const char *key;
    enum { LOG_FIELD_STR, LOG_FIELD_INT, LOG_FIELD_DOUBLE } kind;
    struct str s;
    int64_t i;
    double f;
};
#define LOG_S(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_STR, .s = str_c(v)})
#define LOG_STR(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_STR, .s = (v)})
#define LOG_I(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_INT, .i = (int64_t)(v)})
#define LOG_F(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_DOUBLE, .f = (v)})

void log_write(enum log_level level, const char *message, const struct log_field *fields,
               unsigned count);
#define log_event(level, message, ...)                                                             \
    log_write(level, message, (struct log_field[]){__VA_ARGS__},                                   \
              sizeof((struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

#endif

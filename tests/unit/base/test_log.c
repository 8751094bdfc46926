/* The log, read back from a pipe or a pseudo-terminal. */
#include "test.h"
#include "base/json.h"
#include "base/log.h"
#include "base/thread.h"
#include <fcntl.h>
#include <math.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fds[2];
static char text[1 << 20];

static void open_pipe(enum log_format format)
{
    assert_int_equal(pipe(fds), 0);
    fcntl(fds[1], F_SETPIPE_SZ, 1 << 20);
    log_open(fds[1], LOG_INFO, format);
}

static const char *read_back(void)
{
    size_t n = 0;
    close(fds[1]);
    for (ssize_t r; n < sizeof text - 1 && (r = read(fds[0], text + n, sizeof text - 1 - n)) > 0;)
        n += (size_t)r;
    text[n] = 0;
    close(fds[0]);
    log_open(2, LOG_INFO, LOG_AUTO);
    return text;
}

static json_t *parsed(const char *line, size_t n)
{
    json_t *v = NULL;
    struct err_info e = {0};
    if (json_parse((struct str){line, n}, &v, &e))
        fail_msg("%s: %.*s", e.message, (int)n, line);
    return v;
}

static void lines_are_json(void **state)
{
    open_pipe(LOG_AUTO); /* no terminal: JSON */
    log_event(LOG_WARN, "a \"message\"\n", LOG_S("s", "x\x1b[31m\xff"), LOG_I("i", -5),
              LOG_F("f", 1.5), LOG_F("nan", NAN), LOG_STR("view", STR("ab")), LOG_S("null", NULL));
    log_event(LOG_DEBUG, "below the level", LOG_I("i", 1));
    const char *line = read_back();
    assert_int_equal(line[strlen(line) - 1], '\n');
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    json_t *v = parsed(line, strlen(line));
    assert_string_equal(json_string_value(json_object_get(v, "level")), "warn");
    assert_string_equal(json_string_value(json_object_get(v, "message")), "a \"message\"\n");
    assert_int_equal(strlen(json_string_value(json_object_get(v, "time"))), 27);
    assert_string_equal(json_string_value(json_object_get(v, "s")), "x\x1b[31m\xef\xbf\xbd");
    assert_int_equal(json_integer_value(json_object_get(v, "i")), -5);
    assert_true(json_real_value(json_object_get(v, "f")) == 1.5);
    assert_true(json_is_null(json_object_get(v, "nan")));
    assert_string_equal(json_string_value(json_object_get(v, "view")), "ab");
    assert_null(json_object_get(v, "cut"));
    json_decref(v);
}

/* Wherever a long value makes the cut fall, the line is whole JSON of at most 8 KiB. */
static void long_lines_are_cut(void **state)
{
    static const char *const characters[] = {"x", "\xe2\x82\xac", "\"", "\x01"};
    static char big[20000];
    for (int c = 0; c < 4; c++) {
        for (size_t n = 0; n + 4 < sizeof big; n += strlen(characters[c]))
            memcpy(big + n, characters[c], strlen(characters[c]));
        for (size_t shift = 0; shift < 20; shift++) {
            open_pipe(LOG_JSON);
            log_event(LOG_ERROR, &"big"[shift % 3],
                      LOG_STR("pad", ((struct str){"aaaaaaaaaaaaaaaaaaaa", shift})),
                      LOG_S("value", big), LOG_I("lost", 1));
            log_event(LOG_ERROR, big, LOG_I("kept", 1));
            const char *line = read_back(), *second = strchr(line, '\n') + 1;
            assert_true((size_t)(second - line) <= 8192 && strlen(second) <= 8192);
            json_t *v = parsed(line, (size_t)(second - line)), *w = parsed(second, strlen(second));
            assert_true(json_is_true(json_object_get(v, "cut")));
            assert_true(json_string_length(json_object_get(v, "value")) > 1000);
            assert_null(json_object_get(v, "lost"));
            assert_true(json_is_true(json_object_get(w, "cut")));
            assert_int_equal(json_integer_value(json_object_get(w, "kept")), 1);
            json_decref(v);
            json_decref(w);
        }
    }
}

/* Many fields: the last that fits is followed by a proper end. */
static void many_fields_are_cut(void **state)
{
    static struct log_field fields[1500];
    for (size_t i = 0; i < 1500; i++)
        fields[i] = LOG_I("key", 100 * i);
    open_pipe(LOG_JSON);
    log_write(LOG_INFO, "many", fields, 1500);
    const char *line = read_back();
    assert_true(strlen(line) <= 8192 && strlen(line) > 8000);
    assert_string_equal(line + strlen(line) - 13, ",\"cut\":true}\n");
    open_pipe(LOG_TEXT);
    log_write(LOG_INFO, "many", fields, 1500);
    line = read_back();
    assert_true(strlen(line) <= 8192);
    assert_string_equal(line + strlen(line) - 7, " [cut]\n");
}

static void text_is_for_people(void **state)
{
    open_pipe(LOG_TEXT);
    log_event(LOG_INFO, "hello\x1b[2J\xc2\x9b", LOG_S("route", "/x"), LOG_S("q", "a b"),
              LOG_S("e", ""), LOG_F("s", .25));
    const char *line = read_back();
    assert_string_equal(line + 12,
                        " info  hello\\u001b[2J\\u009b route=/x q=\"a b\" e=\"\" s=0.25\n");
}

static void terminal_has_colours(void **state)
{
    int terminal, slave;
    char line[512];
    if (openpty(&terminal, &slave, NULL, NULL, NULL) < 0)
        skip();
    log_open(slave, LOG_INFO, LOG_AUTO);
    log_event(LOG_ERROR, "red", LOG_I("i", 1));
    log_open(2, LOG_INFO, LOG_AUTO);
    ssize_t n = read(terminal, line, sizeof line - 1);
    assert_true(n > 0);
    line[n] = 0;
    assert_non_null(strstr(line, "\033[31merror\033[0m red i=1"));
    close(terminal);
    close(slave);
}

static void levels(void **state)
{
    enum log_level level = LOG_INFO;
    assert_int_equal(log_level_parse(STR("error"), &level), ERR_OK);
    assert_int_equal(level, LOG_ERROR);
    assert_int_equal(log_level_parse(STR("loud"), &level), ERR_INVALID);
    open_pipe(LOG_JSON);
    log_set_level(LOG_DEBUG);
    log_event(LOG_DEBUG, "seen", LOG_I("i", 1));
    log_set_level(LOG_ERROR);
    log_event(LOG_WARN, "not seen", LOG_I("i", 1));
    const char *line = read_back();
    assert_non_null(strstr(line, "\"seen\""));
    assert_null(strstr(line, "not seen"));
}

static void log_many(void *arg)
{
    for (int i = 0; i < 200; i++)
        log_event(LOG_INFO, "line", LOG_S("filler", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"));
}

static void lines_do_not_mix(void **state)
{
    struct thread *t[4];
    int lines = 0;
    open_pipe(LOG_JSON);
    for (int i = 0; i < 4; i++)
        t[i] = thread_start("log", log_many, NULL);
    for (int i = 0; i < 4; i++)
        thread_join(t[i]);
    for (const char *p = read_back(), *end; (end = strchr(p, '\n')); p = end + 1, lines++)
        json_decref(parsed(p, (size_t)(end - p)));
    assert_int_equal(lines, 800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_json),       cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(many_fields_are_cut),  cmocka_unit_test(text_is_for_people),
        cmocka_unit_test(terminal_has_colours), cmocka_unit_test(levels),
        cmocka_unit_test(lines_do_not_mix),
    };
    json_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "test.h"
#include "base/metrics.h"
#include "base/thread.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *rendered;

static const char *render(void)
{
    struct strbuf b;
    strbuf_init(&b, 0);
    metrics_render(&b);
    free(rendered);
    rendered = strbuf_detach(&b, NULL);
    return rendered;
}

/* `line` stands in the text as a line of its own. */
static void assert_line(const char *text, const char *line)
{
    const char *p = text;
    size_t n = strlen(line);
    while ((p = strstr(p, line)) && !((p == text || p[-1] == '\n') && p[n] == '\n'))
        p++;
    if (!p)
        fail_msg("no line %s in:\n%s", line, text);
}

static void counter_stands_at_0(void **state)
{
    struct counter_family *f = counter_family("things_total", "Things.\nAnd \\ more.", NULL);
    const char *text = render();
    assert_line(text, "# HELP akin_things_total Things.\\nAnd \\\\ more.");
    assert_line(text, "# TYPE akin_things_total counter");
    assert_line(text, "akin_things_total 0");
    counter_add(counter_of(f, NULL), 1);
    counter_add(counter_of(f, NULL), .5);
    assert_true(counter_value(counter_of(f, NULL)) == 1.5);
    assert_line(render(), "akin_things_total 1.5");
    assert_ptr_equal(f, counter_family("things_total", "again", NULL));
}

static void labels_are_escaped(void **state)
{
    struct counter_family *f = counter_family("http_total", "Requests.", "method,route");
    const char *a[] = {"GET", "a\\b\"c\nd\xff"}, *b[] = {"POST", "/x"};
    assert_null(strstr(render(), "akin_http_total{"));
    counter_add(counter_of(f, a), 2);
    counter_of(f, b);
    assert_ptr_equal(counter_of(f, b), counter_of(f, b));
    assert_ptr_not_equal(counter_of(f, a), counter_of(f, b));
    const char *text = render();
    assert_line(text, "akin_http_total{method=\"GET\",route=\"a\\\\b\\\"c\\nd\xef\xbf\xbd\"} 2");
    assert_line(text, "akin_http_total{method=\"POST\",route=\"/x\"} 0");
}

static void gauge_sets_and_drops(void **state)
{
    struct gauge_family *f = gauge_family("documents", "Documents.", "collection");
    const char *a[] = {"a"}, *b[] = {"b"}, *c[] = {"c"};
    gauge_set(gauge_of(f, a), -3);
    gauge_set(gauge_of(f, b), INFINITY);
    gauge_add(gauge_of(f, a), 1);
    assert_true(gauge_value(gauge_of(f, a)) == -2);
    gauge_drop(f, b);
    gauge_drop(f, b); /* unknown: nothing happens */
    gauge_set(gauge_of(f, c), NAN);
    const char *text = render();
    assert_line(text, "akin_documents{collection=\"a\"} -2");
    assert_line(text, "akin_documents{collection=\"c\"} NaN");
    assert_null(strstr(text, "collection=\"b\""));
    assert_true(gauge_value(gauge_of(f, b)) == 0);
}

static void histogram_is_cumulative(void **state)
{
    static const double bounds[] = {.1, 1, 2.5};
    static const char *const values[] = {"x"};
    struct histogram_family *f = histogram_family("took_seconds", "Time.", "stage", bounds, 3);
    struct histogram *h = histogram_of(f, values);
    assert_line(render(), "akin_took_seconds_bucket{stage=\"x\",le=\"+Inf\"} 0");
    histogram_add(h, .1); /* a bound belongs to its bucket */
    histogram_add(h, .5);
    histogram_add(h, 2);
    histogram_add(h, 100);
    const char *text = render();
    assert_line(text, "# TYPE akin_took_seconds histogram");
    assert_line(text, "akin_took_seconds_bucket{stage=\"x\",le=\"0.1\"} 1");
    assert_line(text, "akin_took_seconds_bucket{stage=\"x\",le=\"1\"} 2");
    assert_line(text, "akin_took_seconds_bucket{stage=\"x\",le=\"2.5\"} 3");
    assert_line(text, "akin_took_seconds_bucket{stage=\"x\",le=\"+Inf\"} 4");
    assert_line(text, "akin_took_seconds_sum{stage=\"x\"} 102.6");
    assert_line(text, "akin_took_seconds_count{stage=\"x\"} 4");
    histogram_family("plain_seconds", "Time.", NULL, NULL, 0);
    assert_line(render(), "akin_plain_seconds_bucket{le=\"0.0005\"} 0");
    assert_line(render(), "akin_plain_seconds_bucket{le=\"60\"} 0");
    assert_line(render(), "akin_plain_seconds_count 0");
}

static void series_are_bounded(void **state)
{
    struct gauge_family *f = gauge_family("many", "Many.", "a,b");
    char text[16];
    const char *values[] = {text, "x"};
    for (int i = 0; i < 2100; i++) {
        snprintf(text, sizeof text, "%d", i);
        gauge_add(gauge_of(f, values), 1);
    }
    const char *page = render();
    assert_line(page, "akin_many{a=\"1999\",b=\"x\"} 1");
    assert_line(page, "akin_many{a=\"other\",b=\"other\"} 100");
    assert_null(strstr(page, "a=\"2000\""));
}

static void prefix_can_be_empty(void **state)
{
    metrics_prefix("");
    assert_line(render(), "# TYPE things_total counter");
    metrics_prefix("akin_");
}

static void process_metrics(void **state)
{
    static const char *const names[] = {"process_cpu_seconds_total",
                                        "process_resident_memory_bytes",
                                        "process_virtual_memory_bytes",
                                        "process_open_fds",
                                        "process_max_fds",
                                        "process_start_time_seconds"};
    const char *text = render();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char line[128];
        snprintf(line, sizeof line, "\n%s ", names[i]);
        const char *p = strstr(text, line);
        assert_non_null(p);
        double v = strtod(p + strlen(line), NULL);
        assert_true(v > 0 || i == 0);
        if (i == 1)
            assert_true(v > 100e3 && v < 100e9);
        if (i == 5)
            assert_true(v > 1.6e9 && v < 1e10);
    }
}

static void collect(void *ctx)
{
    const char *values[] = {"collected"};
    gauge_set(gauge_of(gauge_family("documents", "Documents.", "collection"), values),
              ++*(int *)ctx);
}

static void collectors_run_before(void **state)
{
    int calls = 6;
    metrics_collector(collect, &calls);
    assert_line(render(), "akin_documents{collection=\"collected\"} 7");
    metrics_collector_remove(collect, &calls);
    render();
    assert_int_equal(calls, 7);
}

enum { ADDS = 250000 };
static struct counter *shared_counter;
static struct histogram *shared_histogram;

static void add_many(void *arg)
{
    const char *values[] = {"GET", arg};
    struct counter_family *f = counter_family("http_total", "Requests.", "method,route");
    for (int i = 0; i < ADDS; i++) {
        counter_add(shared_counter, 1);
        histogram_add(shared_histogram, 1);
        if (i % (ADDS / 50) == 0)
            counter_add(counter_of(f, values), 1);
    }
}

static void adding_loses_nothing(void **state)
{
    static char routes[4][4] = {"/0", "/1", "/2", "/2"};
    struct thread *t[4];
    shared_counter = counter_of(counter_family("shared_total", "Shared.", NULL), NULL);
    shared_histogram =
        histogram_of(histogram_family("shared_seconds", "Shared.", NULL, NULL, 0), NULL);
    for (int i = 0; i < 4; i++)
        t[i] = thread_start("add", add_many, routes[i]);
    for (int i = 0; i < 10; i++)
        render();
    for (int i = 0; i < 4; i++)
        thread_join(t[i]);
    const char *text = render();
    assert_line(text, "akin_shared_total 1000000");
    assert_line(text, "akin_shared_seconds_count 1000000");
    assert_line(text, "akin_shared_seconds_sum 1000000");
    assert_line(text, "akin_http_total{method=\"GET\",route=\"/0\"} 50");
    assert_line(text, "akin_http_total{method=\"GET\",route=\"/2\"} 100");
}

static int release(void **state)
{
    free(rendered);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counter_stands_at_0),  cmocka_unit_test(labels_are_escaped),
        cmocka_unit_test(gauge_sets_and_drops), cmocka_unit_test(histogram_is_cumulative),
        cmocka_unit_test(series_are_bounded),   cmocka_unit_test(prefix_can_be_empty),
        cmocka_unit_test(process_metrics),      cmocka_unit_test(collectors_run_before),
        cmocka_unit_test(adding_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}

/* What `akin add` reads, file by file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/file.h"
#include "base/json.h"
#include "main/html.h"
#include "main/records.h"

static char dir[] = "/tmp/akin-records-XXXXXX";
static char path[256];

static const char *put(const char *name, const char *content, size_t n)
{
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(file_write_atomic(path, content, n, 0600, NULL), ERR_OK);
    return path;
}

/* All records of a source, a line each. */
static char *read_all(const char *source, const char *format, const char *map, enum err *last,
                      struct err_info *e)
{
    struct records *r;
    struct strbuf line, all;
    strbuf_init(&line, 0);
    strbuf_init(&all, 0);
    strbuf_add(&all, "", 0);
    *last = records_open(source, format, map, &r, e);
    if (*last == ERR_OK) {
        while ((*last = records_next(r, &line, e)) == ERR_OK)
            strbuf_printf(&all, "%.*s\n", (int)line.n, line.buf);
        records_close(r);
    }
    strbuf_release(&line);
    if (all.n)
        return strbuf_detach(&all, NULL);
    strbuf_release(&all);
    return strdup("");
}

static void expect(const char *source, const char *format, const char *map, const char *wanted)
{
    enum err last;
    struct err_info e = {0};
    char *got = read_all(source, format, map, &last, &e);
    assert_string_equal(got, wanted);
    assert_int_equal(last, ERR_NOT_FOUND);
    free(got);
}

static void test_json_lines(void **state)
{
    static const char text[] = "{\"id\":\"a\",\"text\":\"x\"}\r\n\n  \nnot json\n{\"id\":\"b\"}";
    put("a.jsonl", text, sizeof(text) - 1);
    expect(path, NULL, NULL, "{\"id\":\"a\",\"text\":\"x\"}\r\nnot json\n{\"id\":\"b\"}\n");
}

static void test_mapping_renames_and_replaces(void **state)
{
    static const char text[] = "{\"sku\":\"1\",\"id\":\"old\",\"body\":\"b\",\"price\":2}\n";
    put("m.jsonl", text, sizeof(text) - 1);
    expect(path, NULL, "id=sku,text=body", "{\"id\":\"1\",\"price\":2,\"text\":\"b\"}\n");
}

static void test_bad_mapping(void **state)
{
    enum err last;
    struct err_info e = {0};
    put("m.jsonl", "{}\n", 3);
    free(read_all(path, NULL, "text", &last, &e));
    assert_int_equal(last, ERR_INVALID);
    assert_non_null(strstr(e.message, "text=body"));
}

static void test_csv_quotes_and_empty_cells(void **state)
{
    static const char text[] = "id,name,text\n1,\"a \"\"b\"\", c\",\"two\nlines\"\n2,,x\n";
    put("c.csv", text, sizeof(text) - 1);
    expect(path, NULL, "title=name",
           "{\"id\":\"1\",\"text\":\"two\\nlines\",\"title\":\"a \\\"b\\\", "
           "c\"}\n{\"id\":\"2\",\"text\":\"x\"}\n");
}

static void test_broken_csv_names_the_row(void **state)
{
    enum err last;
    struct err_info e = {0};
    static const char text[] = "id,text\n1,a\n2,\"never closed\n3,b\n";
    put("b.csv", text, sizeof(text) - 1);
    free(read_all(path, NULL, NULL, &last, &e));
    assert_int_equal(last, ERR_SYNTAX);
    assert_non_null(strstr(e.message, "b.csv"));
}

static void test_lines_over_many_buffers(void **state)
{
    size_t n = 3 << 20;
    char *big = malloc(n + 16);
    int head = snprintf(big, 16, "{\"text\":\"");
    memset(big + head, 'x', n);
    memcpy(big + head + n, "\"}\n", 4);
    put("big.jsonl", big, strlen(big));
    expect(path, NULL, NULL, big);
    free(big);
}

static void test_json_array(void **state)
{
    static const char text[] = "[{\"id\":1},\n{\"id\":2}]";
    put("a.json", text, sizeof(text) - 1);
    expect(path, NULL, NULL, "{\"id\":1}\n{\"id\":2}\n");
}

static void test_folder_of_files(void **state)
{
    char tree[128];
    snprintf(tree, sizeof(tree), "%s/tree", dir);
    assert_int_equal(file_mkdirs(tree, 0700, NULL), ERR_OK);
    put("tree/a.md", "# Head line\n\nbody", 17);
    put("tree/skip.bin", "x", 1);
    static const char html[] = "<html><head><title> T "
                               "</title><style>p{}</style></head><body><p>one</p><script>no()</"
                               "script><p>two</p></body></html>";
    put("tree/b.html", html, sizeof(html) - 1);
    enum err last;
    struct err_info e = {0};
    char *got = read_all(tree, NULL, NULL, &last, &e);
    assert_non_null(strstr(
        got, "{\"id\":\"a.md\",\"title\":\"Head line\",\"text\":\"# Head line\\n\\nbody\"}"));
    assert_non_null(strstr(got, "\"id\":\"b.html\",\"title\":\"T\""));
    assert_non_null(strstr(got, "one\\ntwo"));
    assert_null(strstr(got, "no()"));
    assert_null(strstr(got, "skip"));
    free(got);
}

static void test_missing_file(void **state)
{
    enum err last;
    struct err_info e = {0};
    free(read_all("/nonexistent/x.jsonl", NULL, NULL, &last, &e));
    assert_int_equal(last, ERR_NOT_FOUND);
    assert_non_null(strstr(e.message, "/nonexistent/x.jsonl"));
}

static int setup(void **state)
{
    json_setup();
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    return file_remove_tree(dir, NULL) == ERR_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_lines),
        cmocka_unit_test(test_mapping_renames_and_replaces),
        cmocka_unit_test(test_bad_mapping),
        cmocka_unit_test(test_csv_quotes_and_empty_cells),
        cmocka_unit_test(test_broken_csv_names_the_row),
        cmocka_unit_test(test_lines_over_many_buffers),
        cmocka_unit_test(test_json_array),
        cmocka_unit_test(test_folder_of_files),
        cmocka_unit_test(test_missing_file),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

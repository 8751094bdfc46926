/* The spool of import results and its quota, over the real engine (stub model) and a real socket.
 */
#include "api/api.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "engine/engine.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SPOOL_MAX 200000

static char dir[64], tmp_dir[96];
static struct engine *engine;
static struct api *api;
static struct http_server *server;

static int begin(void **state)
{
    struct err_info e = {0};
    struct http_handler handler;
    snprintf(dir, sizeof dir, "/tmp/akin-import-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(tmp_dir, sizeof tmp_dir, "%s/tmp", dir);
    if (engine_open(
            &(struct engine_options){.data_dir = dir, .model_dir = "stub", .precision = "auto"},
            &engine, &e))
        fail_msg("%s", e.message);
    api = api_new(engine, &(struct api_options){.tmp_dir = tmp_dir, .spool_bytes_max = SPOOL_MAX});
    api_handler(api, &handler);
    assert_int_equal(
        http_open(&(struct http_options){.address = "127.0.0.1"}, &handler, &server, &e), ERR_OK);
    return 0;
}

static int end(void **state)
{
    struct err_info e = {0};
    int64_t deadline = clock_mono_ns() + 5000000000;
    http_stop(server, deadline);
    api_free(api);
    http_free(server);
    engine_close(engine, deadline);
    assert_int_equal(file_remove_tree(dir, &e), ERR_OK);
    return 0;
}

/* Sends one request and reads the answer to its end; free() it. */
static char *ask(const char *path, const char *type, struct str body)
{
    struct strbuf in, out;
    char piece[65536];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(http_port(server))};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    strbuf_init(&out, 0);
    strbuf_init(&in, 0);
    strbuf_printf(&out,
                  "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: %s\r\n"
                  "Content-Length: %zu\r\n\r\n",
                  path, type, body.n);
    strbuf_add_str(&out, body);
    assert_int_equal(send(fd, out.buf, out.n, MSG_NOSIGNAL), out.n);
    for (ssize_t n; (n = recv(fd, piece, sizeof piece, 0)) > 0;)
        strbuf_add(&in, piece, (size_t)n);
    close(fd);
    strbuf_release(&out);
    strbuf_add_char(&in, '\0');
    return strbuf_detach(&in, NULL);
}

static char *import(unsigned lines)
{
    struct strbuf body;
    strbuf_init(&body, 0);
    for (unsigned i = 0; i < lines; i++)
        strbuf_printf(&body, "{\"id\":\"%u-%u\",\"text\":\"a line\"}\n", lines, i);
    char *answer = ask("/v1/collections/c/documents", "application/x-ndjson", strbuf_str(&body));
    strbuf_release(&body);
    return answer;
}

static size_t spools(void)
{
    char **names;
    size_t count, found = 0;
    struct err_info e = {0};
    assert_int_equal(file_list(tmp_dir, &names, &count, &e), ERR_OK);
    for (size_t i = 0; i < count; i++) {
        found += !strncmp(names[i], "import-", 7);
        free(names[i]);
    }
    free(names);
    return found;
}

static void results_beyond_the_quota_are_refused_and_leave_nothing(void **state)
{
    free(ask("/v1/collections", "application/json", STR("{\"name\":\"c\"}")));
    char *small = import(20);
    assert_non_null(strstr(small, "HTTP/1.1 200"));
    assert_non_null(strstr(small, "{\"done\":20,\"failed\":0,"));
    free(small);
    char *large = import(20000);
    assert_non_null(strstr(large, "HTTP/1.1 507"));
    assert_non_null(strstr(large, "quota of 200000 bytes"));
    free(large);
    assert_int_equal(spools(), 0);
    for (int i = 0; i < 20; i++) { /* what an import held of the quota is given back, each time */
        char *again = import(500 + (unsigned)i);
        assert_non_null(strstr(again, "HTTP/1.1 200"));
        free(again);
    }
    assert_int_equal(spools(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_beyond_the_quota_are_refused_and_leave_nothing),
    };
    json_setup();
    return cmocka_run_group_tests(tests, begin, end);
}

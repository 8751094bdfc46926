/* Processes of akin's own; this program is its own child. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/process.h"

#define SECOND 1000000000LL

static struct process *start(const char *role, const char *argument)
{
    const char *argv[] = {"test_base_process", role, argument, NULL};
    struct process *p;
    struct err_info e = {0};
    assert_int_equal(process_start("/proc/self/exe", argv, &p, &e), ERR_OK);
    return p;
}

/* All that it says, until it closes its output. */
static char *output(struct process *p)
{
    static char text[4096];
    size_t n = 0, got = 1;
    while (got > 0) {
        assert_int_equal(process_read(p, text + n, sizeof text - 1 - n,
                                      clock_mono_ns() + 20 * SECOND, &got, NULL),
                         ERR_OK);
        n += got;
    }
    text[n] = 0;
    return text;
}

static struct process_end end(struct process *p)
{
    struct process_end out;
    assert_int_equal(process_wait(p, clock_mono_ns() + 20 * SECOND, &out, NULL), ERR_OK);
    process_free(p);
    return out;
}

static void test_says(void **state)
{
    struct process *p = start("say", "hello");
    assert_string_equal(output(p), "say hello\n");
    struct process_end out = end(p);
    assert_int_equal(out.code, 7);
    assert_int_equal(out.signal, 0);
}

static void test_nothing_open(void **state)
{
    struct process *p = start("open", "");
    assert_string_equal(output(p), "0\n");
    assert_int_equal(end(p).code, 0);
}

static void test_killed(void **state)
{
    struct process *p = start("stay", "");
    struct process_end out;
    char c;
    size_t got;
    assert_int_equal(process_read(p, &c, 1, clock_mono_ns() + 20 * SECOND, &got, NULL), ERR_OK);
    assert_int_equal(process_read(p, &c, 1, clock_mono_ns() + SECOND / 100, &got, NULL),
                     ERR_TIMEOUT);
    assert_int_equal(process_wait(p, clock_mono_ns(), &out, NULL), ERR_TIMEOUT);
    process_kill(p);
    out = end(p);
    assert_int_equal(out.code, -1);
    assert_int_equal(out.signal, SIGKILL);
    process_free(start("stay", "")); /* kills it too */
}

/* A child of a child ends when its parent is killed. */
static void test_follows(void **state)
{
    struct process *p = start("parent", "");
    char text[32];
    size_t n = 0, got = 1;
    while (!n || text[n - 1] != '\n') {
        assert_int_equal(process_read(p, text + n, sizeof text - 1 - n,
                                      clock_mono_ns() + 20 * SECOND, &got, NULL),
                         ERR_OK);
        assert_true(got > 0);
        n += got;
    }
    text[n] = 0;
    pid_t child = (pid_t)atol(text);
    assert_int_equal(kill(child, 0), 0);
    process_kill(p);
    end(p);
    for (int i = 0; i < 2000; i++) {
        char stat[256] = "", path[64];
        snprintf(path, sizeof path, "/proc/%d/stat", (int)child);
        FILE *f = fopen(path, "r");
        bool gone = !f || !fgets(stat, sizeof stat, f) || strstr(stat, ") Z ");
        if (f)
            fclose(f);
        if (gone)
            return;
        clock_sleep_ns(SECOND / 100);
    }
    fail_msg("the child outlives its parent");
}

static void test_absent(void **state)
{
    const char *argv[] = {"nothing", NULL};
    struct process *p;
    assert_int_equal(process_start("/nowhere/at/all", argv, &p, NULL), ERR_NOT_FOUND);
}

static void test_restrained(void **state)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    struct process *p = start("limit", "");
    assert_string_equal(output(p), "nice 10, no memory\n");
    assert_int_equal(end(p).code, 0);
#endif
}

static int open_files(void)
{
    int n = 0;
    for (int fd = 3; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static int child(int argc, char **argv)
{
    const char *role = argv[1];
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (strcmp(role, "say") == 0) {
        printf("say %s\n", argv[2]);
        return 7;
    }
    if (strcmp(role, "open") == 0) {
        printf("%d\n", open_files());
        return 0;
    }
    if (strcmp(role, "limit") == 0) {
        process_restrain(10, 256u << 20);
        void *p = malloc(300u << 20);
        printf("nice %d, %s\n", getpriority(PRIO_PROCESS, 0), p ? "memory" : "no memory");
        free(p);
        return 0;
    }
    process_follow();
    if (strcmp(role, "parent") == 0)
        printf("%d\n", (int)process_pid(start("stay", "")));
    else
        printf(".");
    fflush(stdout);
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_says),   cmocka_unit_test(test_nothing_open),
        cmocka_unit_test(test_killed), cmocka_unit_test(test_follows),
        cmocka_unit_test(test_absent), cmocka_unit_test(test_restrained),
    };
    if (argc > 1)
        return child(argc, argv);
    return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}

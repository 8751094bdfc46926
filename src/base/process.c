#include "base/process.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/thread.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_NS 5000000 /* between two looks whether it has ended */

extern char **environ;

struct process {
    pid_t pid;
    int input, output; /* our ends */
    bool ended;
    struct process_end end;
};

/* ---- starting ---- */

struct pipes {
    int in[2], out[2];
};

static void pipes_close(struct pipes *p)
{
    for (int i = 0; i < 2; i++) {
        if (p->in[i] >= 0)
            close(p->in[i]);
        if (p->out[i] >= 0)
            close(p->out[i]);
    }
}

static void attributes_make(posix_spawnattr_t *a)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(a);
    posix_spawnattr_setsigmask(a, &none);
    posix_spawnattr_setsigdefault(a, &all);
    posix_spawnattr_setpgroup(a, 0);
    posix_spawnattr_setflags(a, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                    POSIX_SPAWN_SETPGROUP);
}

static int spawn(const char *path, const char *const *argv, const struct pipes *p, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    attributes_make(&attributes);
    int rc = posix_spawn_file_actions_adddup2(&actions, p->in[0], STDIN_FILENO);
    if (!rc)
        rc = posix_spawn_file_actions_adddup2(&actions, p->out[1], STDOUT_FILENO);
    if (!rc)
        rc = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    if (!rc)
        rc = posix_spawn(pid, path, &actions, &attributes, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return rc;
}

enum err process_start(const char *path, const char *const *argv, struct process **out,
                       struct err_info *e)
{
    struct pipes p = {{-1, -1}, {-1, -1}};
    pid_t pid = 0;
    assert(argv[0]);
    int rc = pipe2(p.in, O_CLOEXEC) || pipe2(p.out, O_CLOEXEC) ? errno : 0;
    if (!rc)
        rc = spawn(path, argv, &p, &pid);
    if (rc) {
        pipes_close(&p);
        return err_errno(e, rc, "start", path);
    }
    struct process *made = xcalloc(1, sizeof *made);
    made->pid = pid;
    made->input = p.in[1];
    made->output = p.out[0];
    p.in[1] = p.out[0] = -1;
    pipes_close(&p);
    *out = made;
    return ERR_OK;
}

long process_pid(const struct process *p)
{
    return p->pid;
}

/* ---- reading ---- */

static int timeout_ms(int64_t deadline_ns)
{
    int64_t left = (deadline_ns - clock_mono_ns() + 999999) / 1000000;
    return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

enum err process_read(struct process *p, char *buf, size_t n, int64_t deadline_ns, size_t *got,
                      struct err_info *e)
{
    for (;;) {
        struct pollfd f = {.fd = p->output, .events = POLLIN};
        int ready = poll(&f, 1, timeout_ms(deadline_ns));
        if (ready > 0) {
            ssize_t r = read(p->output, buf, n);
            if (r >= 0) {
                *got = (size_t)r;
                return ERR_OK;
            }
        }
        if (ready < 0 || ready > 0) {
            if (errno != EINTR && errno != EAGAIN)
                return err_errno(e, errno, "read from", "a process");
        }
        if (clock_mono_ns() >= deadline_ns)
            return err_set(e, ERR_TIMEOUT, NULL, "the process has said nothing");
    }
}

/* ---- the end ---- */

static bool reaped(struct process *p, int flags)
{
    int status;
    if (p->ended)
        return true;
    pid_t r = waitpid(p->pid, &status, flags);
    if (r != p->pid)
        return false;
    p->ended = true;
    p->end.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    p->end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return true;
}

enum err process_wait(struct process *p, int64_t deadline_ns, struct process_end *out,
                      struct err_info *e)
{
    while (!reaped(p, WNOHANG)) {
        if (clock_mono_ns() >= deadline_ns)
            return err_set(e, ERR_TIMEOUT, NULL, "the process has not ended");
        clock_sleep_ns(LOOK_NS);
    }
    *out = p->end;
    return ERR_OK;
}

void process_kill(struct process *p)
{
    if (!p->ended) /* else the number may be another's by now */
        kill(p->pid, SIGKILL);
}

void process_free(struct process *p)
{
    if (!p)
        return;
    process_kill(p);
    while (!reaped(p, 0) && errno == EINTR)
        ;
    close(p->input);
    close(p->output);
    free(p);
}

/* ---- in the child ---- */

static void follow_run(void *arg)
{
    char c;
    ssize_t n;
    do
        n = read(STDIN_FILENO, &c, 1);
    while (n > 0 || (n < 0 && errno == EINTR));
    _exit(1); /* nobody is left to hear why */
}

void process_follow(void)
{
    thread_start("follow", follow_run, NULL);
}

void process_restrain(int nice, uint64_t address_bytes)
{
    struct rlimit limit = {address_bytes, address_bytes}, none = {0, 0};
    (void)setpriority(PRIO_PROCESS, 0, nice);
    (void)setrlimit(RLIMIT_CORE, &none);                            /* readers' data */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they map terabytes */
    if (address_bytes)
        (void)setrlimit(RLIMIT_AS, &limit);
#else
    (void)limit;
#endif
}

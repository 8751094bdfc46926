/* Processes of akin's own: the only place where akin starts one.
 *
 * A child has the parent's standard error, its standard output is a pipe that the parent reads, and
 * its standard input a pipe on which the parent says nothing: it ends when the parent ends, however
 * that came, so that a child which calls process_follow never outlives it. Nothing else is open in
 * it. It is in a process group of its own: Ctrl-C in a terminal is the parent's alone.
 *
 * One thread a child. */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct process;
struct process_end {
    int code;   /* exit status; -1: ended by a signal */
    int signal; /* 0: by itself */
};

/* `path` is run with `argv` (argv[0] too, NULL ends them) and this process's environment.
 * ERR_NOT_FOUND, ERR_DENIED, ERR_IO. */
enum err process_start(const char *path, const char *const *argv, struct process **out,
                       struct err_info *e) MUST_CHECK;
long process_pid(const struct process *p);
/* At most n bytes of its output; *got 0: it has closed it. ERR_TIMEOUT: nothing came until
 * deadline_ns (clock_mono_ns). */
enum err process_read(struct process *p, char *buf, size_t n, int64_t deadline_ns, size_t *got,
                      struct err_info *e) MUST_CHECK;
/* Waits for its end. ERR_TIMEOUT: it has not ended by deadline_ns. */
enum err process_wait(struct process *p, int64_t deadline_ns, struct process_end *out,
                      struct err_info *e) MUST_CHECK;
void process_kill(struct process *p); /* -9: it cannot refuse */
/* Kills it if it runs still, and waits for that. NULL is allowed. */
void process_free(struct process *p);

/* ---- in the child, at its start ---- */
/* Ends this process, from a thread of its own, as soon as standard input ends. */
void process_follow(void);
/* Less of the processor than others (nice), and at most so many bytes of address space (0: no
 * bound), so that an allocation fails before the machine does. */
void process_restrain(int nice, uint64_t address_bytes);

#endif

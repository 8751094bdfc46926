/* Arena: the memory of one request or one job, thrown away as a whole at its end.
 * One thread at a time. Small allocations do not fail: out of memory ends the process.
 * A size that a client can choose is taken with arena_try, which may say no. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"
#include <stdarg.h>
#include <stddef.h>

struct arena;

/* `bytes_max`: bound of all allocations together for arena_try (0: none). */
struct arena *arena_new(size_t bytes_max);
void arena_free(struct arena *a);  /* NULL is allowed */
void arena_reset(struct arena *a); /* forget everything, keep one block for reuse */
size_t arena_bytes(const struct arena *a);

/* Aligned to 16 bytes, not zeroed. */
void *arena_alloc(struct arena *a, size_t bytes);
void *arena_zalloc(struct arena *a, size_t bytes);
void *arena_try(struct arena *a, size_t bytes);                /* NULL: over bytes_max */
void *arena_array(struct arena *a, size_t count, size_t size); /* zeroed; overflow asserts */
char *arena_strdup(struct arena *a, const char *s);
struct str arena_str(struct arena *a, struct str s); /* a copy, with a NUL behind it */
char *arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), nonnull(2)));

/* malloc that ends the process instead of failing; for sizes no client chooses. */
void *xmalloc(size_t bytes) __attribute__((malloc));
void *xcalloc(size_t count, size_t size) __attribute__((malloc));
void *xrealloc(void *p, size_t bytes);
char *xstrdup(const char *s);
/* 64-byte aligned, for kernels; released with free(). */
void *xaligned(size_t bytes);
/* The same in pages of HUGE_PAGE where the system has some: for what is read all over. */
#define HUGE_PAGE ((size_t)2 << 20)
void *xhuge(size_t bytes);

#endif

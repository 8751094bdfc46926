/* A list of blocks; allocation moves a mark in the newest. Blocks double from 4 KiB to 1 MiB, and
 * what does not fit a block gets one of its own size. */
#include "base/arena.h"
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGN = 16, BLOCK_MIN = 4096, BLOCK_MAX = 1 << 20 };

struct block {
    struct block *older;
    size_t size, used; /* of data */
    _Alignas(ALIGN) char data[];
};

struct arena {
    struct block *newest;
    size_t bytes, bytes_max;
    size_t block_next; /* size of the next block */
};

static void no_memory(size_t bytes)
{
    fprintf(stderr, "akin: out of memory (%zu bytes wanted)\n", bytes);
    abort();
}

void *xmalloc(size_t bytes)
{
    void *p = malloc(bytes ? bytes : 1);
    if (!p)
        no_memory(bytes);
    return p;
}

void *xcalloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size ? size : 1);
    if (!p)
        no_memory(count * size);
    return p;
}

void *xrealloc(void *p, size_t bytes)
{
    void *q = realloc(p, bytes ? bytes : 1);
    if (!q)
        no_memory(bytes);
    return q;
}

char *xstrdup(const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(xmalloc(n), s, n);
}

void *xaligned(size_t bytes)
{
    if (bytes > SIZE_MAX - 64)
        no_memory(bytes);
    size_t rounded = (bytes + 63) / 64 * 64;
    void *p = aligned_alloc(64, rounded ? rounded : 64);
    if (!p)
        no_memory(bytes);
    return p;
}

void *xhuge(size_t bytes)
{
    if (bytes < HUGE_PAGE)
        return xaligned(bytes);
    if (bytes > SIZE_MAX - HUGE_PAGE)
        no_memory(bytes);
    size_t rounded = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void *p = aligned_alloc(HUGE_PAGE, rounded);
    if (!p)
        no_memory(bytes);
    (void)madvise(p, rounded, MADV_HUGEPAGE); /* a wish: refused, it is only slower */
    return p;
}

struct arena *arena_new(size_t bytes_max)
{
    struct arena *a = xcalloc(1, sizeof *a);
    a->bytes_max = bytes_max ? bytes_max : SIZE_MAX;
    a->block_next = BLOCK_MIN;
    return a;
}

static void blocks_free(struct block *b)
{
    while (b) {
        struct block *older = b->older;
        free(b);
        b = older;
    }
}

void arena_free(struct arena *a)
{
    if (a) {
        blocks_free(a->newest);
        free(a);
    }
}

void arena_reset(struct arena *a)
{
    a->bytes = 0;
    if (!a->newest)
        return;
    blocks_free(a->newest->older);
    a->newest->older = NULL;
    a->newest->used = 0;
    if (a->newest->size > BLOCK_MAX) { /* a giant's block is not worth keeping */
        blocks_free(a->newest);
        a->newest = NULL;
    }
}

size_t arena_bytes(const struct arena *a)
{
    return a->bytes;
}

static void block_add(struct arena *a, size_t bytes)
{
    size_t size = bytes > a->block_next ? bytes : a->block_next;
    if (a->block_next < BLOCK_MAX)
        a->block_next *= 2;
    struct block *b = xmalloc(sizeof *b + size);
    b->older = a->newest;
    b->size = size;
    b->used = 0;
    a->newest = b;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    assert(bytes <= SIZE_MAX / 2);
    size_t rounded = bytes ? (bytes + ALIGN - 1) / ALIGN * ALIGN : ALIGN;
    struct block *b = a->newest;
    if (!b || rounded > b->size - b->used)
        block_add(a, rounded);
    b = a->newest;
    void *p = b->data + b->used;
    b->used += rounded;
    a->bytes += rounded;
    return p;
}

void *arena_zalloc(struct arena *a, size_t bytes)
{
    return memset(arena_alloc(a, bytes), 0, bytes);
}

void *arena_try(struct arena *a, size_t bytes)
{
    if (a->bytes >= a->bytes_max || bytes > a->bytes_max - a->bytes || bytes > SIZE_MAX / 2)
        return NULL;
    return arena_alloc(a, bytes);
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    size_t bytes = 0;
    bool overflow = __builtin_mul_overflow(count, size, &bytes);
    assert(!overflow);
    return arena_zalloc(a, bytes);
}

char *arena_strdup(struct arena *a, const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(arena_alloc(a, n), s, n);
}

struct str arena_str(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n + 1);
    if (s.n)
        memcpy(p, s.s, s.n);
    p[s.n] = 0;
    return (struct str){p, s.n};
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    assert(n >= 0);
    char *p = arena_alloc(a, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    va_end(ap);
    return p;
}

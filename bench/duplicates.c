/* bench_duplicates FILE [--pairs N]: near-duplicates over a text a line. Puts all, the words read
 * from memory, and prints the cost of reading the words and of a put, its slowest, what was marked
 * and memory a document; then deletes all originals that have copies, so that those are judged
 * again. --pairs: first prints about N of the marked pairs, for reading. */
#include "lines.h"
#include "base/arena.h"
#include "base/clock.h"
#include "index/duplicates.h"
#include "text/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t reads;

/* Line i is document i + 1. */
static bool line_words(void *ctx, uint32_t number, const uint64_t **words, size_t *count)
{
    struct arena *a = ctx;
    uint64_t *marks;
    reads++;
    arena_reset(a);
    *count = text_word_marks(a, lines[number - 1], DUPLICATES_WORDS_MAX, &marks);
    *words = marks;
    return true;
}

static void put_all(struct duplicates *d)
{
    struct arena *a = arena_new(0), *other = arena_new(0);
    int64_t reading = 0, putting = 0, slowest = 0;
    size_t words = 0;
    for (uint32_t i = 0; i < line_count; i++) {
        uint64_t *marks;
        int64_t from = clock_mono_ns();
        size_t n = text_word_marks(a, lines[i], DUPLICATES_WORDS_MAX, &marks);
        int64_t read = clock_mono_ns();
        duplicates_put(d, i + 1, 0, marks, n, line_words, other);
        int64_t put = clock_mono_ns() - read;
        words += n;
        reading += read - from;
        putting += put;
        slowest = put > slowest ? put : slowest;
        arena_reset(a);
    }
    double n = (double)line_count;
    printf("%zu texts of %.1f words: reading %.2f us, put %.2f us (slowest %.0f us), %.3f texts "
           "read for it, %.1f bytes a document\n",
           line_count, (double)words / n, (double)reading / n / 1e3, (double)putting / n / 1e3,
           (double)slowest / 1e3, (double)reads / n, (double)duplicates_bytes(d) / n);
    arena_free(a);
    arena_free(other);
}

static void pairs_print(struct duplicates *d, size_t step)
{
    size_t copies = 0;
    for (uint32_t i = 1; i <= line_count; i++) {
        uint32_t of = duplicates_original(d, i);
        if (of && copies++ % step == 0)
            printf("  %.*s\n= %.*s\n\n", STR_ARG(lines[of - 1]), STR_ARG(lines[i - 1]));
    }
}

static size_t copies_count(struct duplicates *d)
{
    struct docset copies;
    docset_init(&copies);
    duplicates_copies(d, &copies);
    size_t n = copies.count;
    docset_release(&copies);
    return n;
}

static void originals_delete(struct duplicates *d)
{
    struct arena *a = arena_new(0);
    uint8_t *has = xcalloc(line_count + 1, 1);
    size_t n = 0, before = copies_count(d);
    for (uint32_t i = 1; i <= line_count; i++)
        has[duplicates_original(d, i)] = 1;
    has[0] = 0;
    reads = 0;
    int64_t from = clock_mono_ns();
    for (uint32_t i = 1; i <= line_count; i++)
        if (has[i]) {
            duplicates_delete(d, i, line_words, a);
            n++;
        }
    double ns = (double)(clock_mono_ns() - from);
    printf(
        "%zu originals with %zu copies deleted: %.2f us each, %.2f texts read for it; %zu copies "
        "left\n",
        n, before, n ? ns / (double)n / 1e3 : 0, n ? (double)reads / (double)n : 0,
        copies_count(d));
    free(has);
    arena_free(a);
}

int main(int argc, char **argv)
{
    size_t pairs = argc == 4 && strcmp(argv[2], "--pairs") == 0 ? strtoul(argv[3], NULL, 10) : 0;
    if (argc != 2 && !pairs) {
        fprintf(stderr, "usage: bench_duplicates FILE [--pairs N]\n");
        return 2;
    }
    struct duplicates *d = duplicates_new();
    struct err_info e = {0};
    lines_read(argv[1]);
    put_all(d);
    size_t copies = copies_count(d);
    printf("%zu are copies\n", copies);
    if (pairs)
        pairs_print(d, copies > pairs ? copies / pairs : 1);
    originals_delete(d);
    must(duplicates_check(d, &e), &e);
    duplicates_free(d);
    return 0;
}

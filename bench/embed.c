/* The encoder alone, for bench/embed.py: token ids are read beforehand, and each line on stdin is a
 * wish, so that peers can be measured in between (bench/peers/worker.py speaks the same).
 *
 *     bench_embed MODEL_DIR IDS_FILE fp32|bf16|int8 THREADS BLOCK_TOKENS
 *     IDS_FILE: a text a line, its ids separated by spaces
 *     (at start)    -> "ready precision P resident_mb N"
 *     all           -> "tokens N wall S cpu S": all texts in blocks
 *     one           -> the milliseconds of each text alone
 *     vectors PATH  -> "done"; PATH is then count x dims floats, nothing else */
#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/thread.h"
#include "embed/embed.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct texts {
    uint32_t *ids, *lengths;
    size_t tokens, count;
};
struct block {
    size_t text, count, token;
};
struct job {
    struct model *model;
    const struct texts *texts;
    const struct block *blocks;
    size_t block_count, next; /* atomic */
    unsigned block_tokens;
    float *out;
};

static bool texts_read(const char *path, struct texts *t)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0, ids_cap = 0, lengths_cap = 0;
    if (!f)
        return false;
    while (getline(&line, &cap, f) > 0) {
        size_t before = t->tokens;
        char *at = line, *end;
        for (;;) {
            unsigned long id = strtoul(at, &end, 10);
            if (end == at)
                break;
            if (t->tokens == ids_cap)
                t->ids =
                    xrealloc(t->ids, (ids_cap = ids_cap ? 2 * ids_cap : 4096) * sizeof *t->ids);
            t->ids[t->tokens++] = (uint32_t)id;
            at = end;
        }
        if (t->count == lengths_cap)
            t->lengths = xrealloc(t->lengths, (lengths_cap = lengths_cap ? 2 * lengths_cap : 1024) *
                                                  sizeof *t->lengths);
        if (t->tokens > before)
            t->lengths[t->count++] = (uint32_t)(t->tokens - before);
    }
    free(line);
    fclose(f);
    return true;
}

static struct block *blocks_cut(const struct texts *t, unsigned tokens_max, size_t *count)
{
    struct block *blocks = xcalloc(t->count + 1, sizeof *blocks);
    size_t token = 0, n = 0;
    for (size_t i = 0; i < t->count; n++) {
        size_t tokens = 0;
        blocks[n] = (struct block){.text = i, .token = token};
        do
            tokens += t->lengths[i++];
        while (i < t->count && tokens + t->lengths[i] <= tokens_max);
        blocks[n].count = i - blocks[n].text;
        token += tokens;
    }
    *count = n;
    return blocks;
}

static void work(void *arg)
{
    struct job *j = arg;
    struct model_run *r = model_run_new(j->model, j->block_tokens);
    unsigned dims = model_info(j->model)->dims;
    for (;;) {
        size_t i = __atomic_fetch_add(&j->next, 1, __ATOMIC_RELAXED);
        if (i >= j->block_count)
            break;
        const struct block *b = &j->blocks[i];
        struct err_info e = {0};
        if (model_embed(r, j->texts->ids + b->token, j->texts->lengths + b->text, b->count,
                        j->out + b->text * dims, &e)) {
            fprintf(stderr, "bench_embed: %s\n", e.message);
            exit(1);
        }
    }
    model_run_free(r);
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void run(struct job *j, unsigned threads)
{
    struct thread *t[64];
    j->next = 0;
    for (unsigned i = 1; i < threads; i++)
        t[i] = thread_start("bench", work, j);
    work(j);
    for (unsigned i = 1; i < threads; i++)
        thread_join(t[i]);
}

static void answer_all(struct job *j, unsigned threads)
{
    int64_t start = clock_mono_ns();
    double cpu = cpu_seconds();
    run(j, threads);
    printf("tokens %zu wall %.6f cpu %.6f\n", j->texts->tokens,
           (double)(clock_mono_ns() - start) * 1e-9, cpu_seconds() - cpu);
}

static void answer_one(struct job *j)
{
    const struct texts *t = j->texts;
    struct model_run *r = model_run_new(j->model, j->block_tokens);
    size_t token = 0;
    for (size_t i = 0; i < t->count; token += t->lengths[i++]) {
        struct err_info e = {0};
        int64_t start = clock_mono_ns();
        if (model_embed(r, t->ids + token, t->lengths + i, 1, j->out, &e))
            exit(1);
        printf("%.4f%c", (double)(clock_mono_ns() - start) * 1e-6, i + 1 < t->count ? ' ' : '\n');
    }
    model_run_free(r);
}

static void answer_vectors(struct job *j, unsigned threads, const char *path)
{
    size_t count = j->texts->count * model_info(j->model)->dims;
    run(j, threads);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(j->out, sizeof *j->out, count, f) != count || fclose(f)) {
        fprintf(stderr, "bench_embed: %s cannot be written\n", path);
        exit(1);
    }
    printf("done\n");
}

static void answer(struct job *j, unsigned threads, const char *wish)
{
    if (strncmp(wish, "vectors ", 8) == 0)
        answer_vectors(j, threads, wish + 8);
    else if (strcmp(wish, "one") == 0)
        answer_one(j);
    else
        answer_all(j, threads);
    fflush(stdout);
}

static void print_ready(const struct model_info *m)
{
    char line[256];
    long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "VmRSS:", 6) == 0)
            kb = atol(line + 6);
    if (f)
        fclose(f);
    printf("ready precision %s resident_mb %ld\n", precision_name(m->precision), kb / 1024);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct texts texts = {0};
    struct err_info e = {0};
    struct model_options o = {0};
    struct job j = {.texts = &texts};
    char *line = NULL;
    size_t cap = 0;
    json_setup();
    if (argc != 6 || precision_parse(str_c(argv[3]), &o.precision, &e) ||
        !texts_read(argv[2], &texts)) {
        fprintf(stderr, "usage: bench_embed MODEL_DIR IDS_FILE PRECISION THREADS BLOCK_TOKENS\n");
        return 2;
    }
    if (model_open(argv[1], &o, &j.model, &e)) {
        fprintf(stderr, "bench_embed: %s\n", e.message);
        return 1;
    }
    unsigned threads = (unsigned)atoi(argv[4]);
    threads = threads < 1 ? 1 : threads > 64 ? 64 : threads;
    j.block_tokens = (unsigned)atoi(argv[5]);
    size_t block_count;
    struct block *blocks = blocks_cut(&texts, j.block_tokens, &block_count);
    j.blocks = blocks;
    j.out = xcalloc(texts.count, model_info(j.model)->dims * sizeof *j.out);
    j.block_count = block_count > 0;
    run(&j, 1); /* what is mapped counts when it was read */
    print_ready(model_info(j.model));
    j.block_count = block_count;
    for (ssize_t n; (n = getline(&line, &cap, stdin)) > 0;) {
        line[n - (line[n - 1] == '\n')] = '\0';
        answer(&j, threads, line);
    }
    free(line);
    free(j.out);
    free(blocks);
    free(texts.ids);
    free(texts.lengths);
    model_unref(j.model);
    return 0;
}

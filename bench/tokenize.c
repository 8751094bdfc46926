/* bench_tokenize DIR encode | decode | speed FILE: the tokenizer of DIR alone, for measuring
 * (bench/tokens.py) and for comparing with a peer (tests/quality/test_tokenizer_ids.py). It is
 * mapped from its parts, as a server has it from the second start on.
 *
 *   encode: stdin holds texts, each "LENGTH\n" and so many bytes; a line of "id start end ..." each
 *   decode: stdin holds lines of ids, the first 1 if specials are left out; out "LENGTH\n", bytes
 *   speed:  FILE holds a text a line; for each line of stdin one pass over all of them, and a
 * line "tokens N cpu SECONDS" */
#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"
#include "text/tokenizer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FILE_BYTES_MAX ((size_t)1 << 31)

static void fail(const struct err_info *e)
{
    fprintf(stderr, "bench_tokenize: %s: %s\n", e->field, e->message);
    exit(1);
}

static void encode(const struct tokenizer *t)
{
    struct tokens k;
    struct strbuf out;
    char *line = NULL, *text = NULL;
    size_t line_cap = 0, cap = 0;
    tokens_init(&k);
    strbuf_init(&out, 0);
    while (getline(&line, &line_cap, stdin) > 0) {
        size_t n = strtoull(line, NULL, 10);
        if (n > cap)
            text = xrealloc(text, cap = n);
        if (fread(text, 1, n, stdin) != n)
            break;
        tokenizer_encode(t, (struct str){text, n}, true, &k);
        strbuf_clear(&out);
        for (size_t i = 0; i < k.n; i++)
            strbuf_printf(&out, "%u %u %u ", k.ids[i], k.starts[i], k.ends[i]);
        strbuf_add_char(&out, '\n');
        fwrite(out.buf, 1, out.n, stdout);
    }
    free(line);
    free(text);
    strbuf_release(&out);
    tokens_release(&k);
}

static void decode(const struct tokenizer *t)
{
    struct strbuf out;
    char *line = NULL;
    size_t line_cap = 0;
    strbuf_init(&out, 0);
    while (getline(&line, &line_cap, stdin) > 0) {
        uint32_t *ids = xmalloc(line_cap * sizeof *ids);
        size_t n = 0;
        char *at = line, *end;
        bool skip = strtoul(at, &at, 10);
        for (unsigned long id = strtoul(at, &end, 10); end != at; id = strtoul(at, &end, 10)) {
            ids[n++] = (uint32_t)id;
            at = end;
        }
        strbuf_clear(&out);
        tokenizer_decode(t, ids, n, skip, &out);
        printf("%zu\n", out.n);
        fwrite(out.buf, 1, out.n, stdout);
        free(ids);
    }
    free(line);
    strbuf_release(&out);
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void speed(const struct tokenizer *t, const char *path)
{
    struct err_info e = {0};
    struct tokens k;
    char *text, *line = NULL;
    size_t n, line_cap = 0;
    tokens_init(&k);
    if (file_read_all(path, FILE_BYTES_MAX, &text, &n, &e))
        fail(&e);
    while (getline(&line, &line_cap, stdin) > 0) {
        double begin = cpu_seconds();
        size_t tokens = 0;
        for (char *at = text, *end; at < text + n; at = end + 1) {
            end = memchr(at, '\n', (size_t)(text + n - at));
            end = end ? end : text + n;
            tokenizer_encode(t, (struct str){at, (size_t)(end - at)}, true, &k);
            tokens += k.n;
        }
        printf("tokens %zu cpu %.6f\n", tokens, cpu_seconds() - begin);
        fflush(stdout);
    }
    free(line);
    free(text);
    tokens_release(&k);
}

/* The parts stay. */
static enum err map_again(struct tokenizer **t, struct err_info *e)
{
    struct tokenizer_part parts[TOKENIZER_PARTS];
    struct str copies[TOKENIZER_PARTS];
    tokenizer_parts(*t, parts);
    for (unsigned i = 0; i < TOKENIZER_PARTS; i++) {
        char *copy = xaligned(parts[i].bytes.n + 1);
        if (parts[i].bytes.n)
            memcpy(copy, parts[i].bytes.s, parts[i].bytes.n);
        copies[i] = (struct str){copy, parts[i].bytes.n};
    }
    tokenizer_free(*t);
    return tokenizer_map(copies, t, e);
}

int main(int argc, char **argv)
{
    struct tokenizer *t;
    struct err_info e = {0};
    json_setup();
    if (argc < 3 || (strcmp(argv[2], "speed") == 0 && argc < 4)) {
        fprintf(stderr, "usage: bench_tokenize DIR encode | decode | speed FILE\n");
        return 2;
    }
    if (tokenizer_open(argv[1], &t, &e) || map_again(&t, &e))
        fail(&e);
    if (strcmp(argv[2], "encode") == 0)
        encode(t);
    else if (strcmp(argv[2], "decode") == 0)
        decode(t);
    else
        speed(t, argv[3]);
    tokenizer_free(t);
    return 0;
}

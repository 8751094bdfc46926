#include "base/arena.h"
#include "main/eval_recommend.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *eval_run_path(const char *path, const char *name)
{
    size_t n = strlen(path), room = n + strlen(name) + 8;
    char *out = xmalloc(room);
    if (n > 4 && strcmp(path + n - 4, ".run") == 0)
        n -= 4;
    snprintf(out, room, "%.*s.%s%s", (int)n, path, name, strcmp(name, "qrels") ? ".run" : "");
    return out;
}

static void put_name(FILE *f, const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s <= ' ')
            fprintf(f, "%%%02X", (unsigned char)*s);
        else
            putc(*s, f);
}

static void put_query(FILE *f, const struct eval_recommend *v, const struct split_case *c,
                      uint64_t seed)
{
    char room[24];
    put_name(f, eval_set_user(v, c->reader, room));
    if (v->seeds > 1)
        fprintf(f, "/%llu", (unsigned long long)seed);
}

static void put_qrels(FILE *f, const struct eval_recommend *v, const struct split_case *c,
                      uint64_t seed)
{
    char room[24];
    for (uint32_t i = 0; i < c->wanted_count; i++) {
        put_query(f, v, c, seed);
        fputs(" 0 ", f);
        put_name(f, eval_set_item(v, c->wanted[i].item, room));
        fputs(" 1\n", f);
    }
}

/* Scores fall strictly, so that whoever reads the run ranks it as it stands. */
static void put_list(FILE *f, const struct eval_recommend *v, const struct split_case *c,
                     uint64_t seed, const struct contender *k, uint32_t at)
{
    char room[24];
    float last = INFINITY;
    for (uint32_t i = 0; i < k->all.length[at]; i++) {
        float score = k->all.score[(size_t)at * MEASURE_DEPTH + i];
        last = score < last ? score : nextafterf(last, -INFINITY);
        put_query(f, v, c, seed);
        fputs(" Q0 ", f);
        put_name(f, eval_set_item(v, k->all.list[(size_t)at * MEASURE_DEPTH + i], room));
        fprintf(f, " %u %.9g %s\n", i + 1, (double)last, k->name);
    }
}

static enum err file_write_one(const struct eval_recommend *v, const struct evaluation *one,
                               uint64_t seed, bool more, const struct contender *k,
                               struct err_info *e)
{
    char *path = eval_run_path(v->run, k ? k->name : "qrels");
    FILE *f = fopen(path, more ? "ae" : "we");
    enum err rc = f ? ERR_OK : err_errno(e, errno, "write", path);
    for (uint32_t i = 0; f && i < one->test; i++)
        if (k)
            put_list(f, v, &one->split->test[i], seed, k, i);
        else
            put_qrels(f, v, &one->split->test[i], seed);
    if (f && (ferror(f) | fclose(f)))
        rc = err_errno(e, errno, "write", path);
    free(path);
    return rc;
}

enum err eval_runs_write(const struct eval_recommend *v, const struct evaluation *one,
                         uint64_t seed, bool more, struct err_info *e)
{
    enum err rc = file_write_one(v, one, seed, more, NULL, e);
    for (unsigned i = 0; i < one->count && rc == ERR_OK; i++)
        rc = file_write_one(v, one, seed, more, &one->contenders[i], e);
    return rc;
}

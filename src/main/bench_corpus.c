#include "base/json.h"
#include "main/input.h"
#include "main/model_bench.h"
#include "main/records.h"
#include <stdlib.h>
#include <string.h>

#define TITLE_BYTES_MAX 200

static struct str member(const json_t *v, const char *const *names)
{
    for (; *names; names++) {
        struct str s = json_str(json_object_get(v, *names));
        if (s.n)
            return s;
    }
    return STR("");
}

static const char *id_of(struct arena *a, const json_t *v, size_t number)
{
    static const char *const names[] = {"id", "_id", NULL};
    struct str id = member(v, names);
    if (id.n)
        return arena_str(a, id).s;
    const json_t *n = json_object_get(v, "id");
    return json_is_integer(n) ? arena_printf(a, "%lld", (long long)json_integer_value(n))
                              : arena_printf(a, "%zu", number);
}

static struct str first_sentence(struct str text)
{
    size_t n = 0;
    while (n < text.n && text.s[n] != '\n' &&
           !(n > 20 && strchr(".?!", text.s[n]) && (n + 1 == text.n || text.s[n + 1] == ' ')))
        n++;
    return (struct str){text.s, str_utf8_cut(text, n < TITLE_BYTES_MAX ? n : TITLE_BYTES_MAX)};
}

static void document_add(struct bench_corpus *c, const json_t *v)
{
    static const char *const titles[] = {"title", NULL};
    static const char *const texts[] = {"text", "content", "body", NULL};
    struct str title = member(v, titles), text = member(v, texts);
    if (!title.n && !text.n)
        return;
    struct bench_document *d = &c->documents[c->document_count];
    d->id = id_of(c->arena, v, ++c->document_count);
    d->text = str_c(arena_printf(c->arena, "%.*s%s%.*s", STR_ARG(title),
                                 title.n && text.n ? "\n" : "", STR_ARG(text)));
    d->title = title.n ? (struct str){d->text.s, title.n} : first_sentence(d->text);
}

enum err bench_corpus_read(struct bench_corpus *c, const char *path, size_t documents_max,
                           struct err_info *e)
{
    struct records *r = NULL;
    struct strbuf line;
    *c = (struct bench_corpus){.arena = arena_new(0)};
    c->documents = xcalloc(documents_max, sizeof *c->documents);
    strbuf_init(&line, 0);
    enum err rc = records_open(path, NULL, NULL, &r, e);
    while (rc == ERR_OK && c->document_count < documents_max &&
           (rc = records_next(r, &line, e)) == ERR_OK) {
        json_t *v = NULL;
        if (json_parse(strbuf_str(&line), &v, NULL) == ERR_OK)
            document_add(c, v);
        json_decref(v);
    }
    if (rc == ERR_NOT_FOUND && r)
        rc = ERR_OK;
    records_close(r);
    strbuf_release(&line);
    if (rc == ERR_OK && c->document_count < 2)
        rc = err_set(e, ERR_INVALID, "--corpus",
                     "%s holds %zu documents with a title or a text; two are needed to compare",
                     path, c->document_count);
    return rc;
}

static enum err queries_from_file(struct bench_corpus *c, const char *path, struct err_info *e)
{
    struct input in = {0};
    struct str line;
    size_t cap = 0;
    enum err rc = input_open(&in, path, e);
    while (rc == ERR_OK && (rc = input_next(&in, &line, e)) == ERR_OK) {
        static const char *const texts[] = {"text", "query", "q", NULL};
        json_t *v = NULL;
        struct err_info fault = {0};
        if (json_parse(line, &v, &fault) != ERR_OK)
            rc = err_set(e, ERR_SYNTAX, "--queries", "line %llu: %s", in.number, fault.message);
        struct str text = member(v, texts);
        if (rc == ERR_OK && !text.n)
            rc = err_set(e, ERR_INVALID, "--queries", "line %llu has no \"text\"", in.number);
        if (c->query_count == cap)
            c->queries = xrealloc(c->queries, (cap = 2 * cap + 64) * sizeof *c->queries);
        if (rc == ERR_OK)
            c->queries[c->query_count] = (struct bench_query){
                id_of(c->arena, v, c->query_count + 1), arena_str(c->arena, text), -1};
        c->query_count += rc == ERR_OK;
        json_decref(v);
    }
    bool ended = rc == ERR_NOT_FOUND && in.file;
    input_close(&in);
    if (ended && c->query_count == 0)
        return err_set(e, ERR_INVALID, "--queries", "%s holds no queries", path);
    return ended ? ERR_OK : rc;
}

enum err bench_queries_read(struct bench_corpus *c, const char *path, size_t count,
                            struct err_info *e)
{
    if (path)
        return queries_from_file(c, path, e);
    count = count < c->document_count ? count : c->document_count;
    c->queries = xcalloc(count + 1, sizeof *c->queries);
    for (size_t i = 0; i < count; i++) {
        size_t d = i * c->document_count / count;
        if (c->documents[d].title.n)
            c->queries[c->query_count++] =
                (struct bench_query){c->documents[d].id, c->documents[d].title, (int64_t)d};
    }
    return ERR_OK;
}

void bench_corpus_release(struct bench_corpus *c)
{
    free(c->documents);
    free(c->queries);
    arena_free(c->arena);
    *c = (struct bench_corpus){0};
}

#include "main/eval.h"
#include "main/input.h"
#include <stdlib.h>
#include <string.h>

static enum err read_json(struct str line, struct arena *a, struct eval_query *out,
                          struct err_info *e)
{
    json_t *v = NULL;
    enum err rc = json_parse(line, &v, e);
    if (rc != ERR_OK)
        return rc;
    const json_t *id = json_object_get(v, "_id"), *text = json_object_get(v, "text");
    if (!id)
        id = json_object_get(v, "id");
    if (json_is_string(id))
        out->id = arena_strdup(a, json_string_value(id));
    else if (json_is_integer(id))
        out->id = arena_printf(a, "%" JSON_INTEGER_FORMAT, json_integer_value(id));
    if (json_is_string(text))
        out->text = arena_strdup(a, json_string_value(text));
    json_decref(v);
    return ERR_OK;
}

static void read_tabs(struct str line, struct arena *a, struct eval_query *out)
{
    const char *tab = memchr(line.s, '\t', line.n);
    if (!tab)
        return;
    out->id = arena_str(a, (struct str){line.s, (size_t)(tab - line.s)}).s;
    out->text = arena_str(a, (struct str){tab + 1, (size_t)(line.s + line.n - tab - 1)}).s;
}

static enum err read_one(struct str line, unsigned long long number, struct arena *a,
                         struct eval_queries *q, json_t *seen, struct err_info *e)
{
    struct eval_query new = {0};
    struct err_info inner = {0};
    if (line.s[0] == '{' && read_json(line, a, &new, &inner) != ERR_OK)
        return err_set(e, ERR_INVALID, q->path, "line %llu of the queries: %s", number,
                       inner.message);
    if (line.s[0] != '{')
        read_tabs(line, a, &new);
    if (!new.id || !new.id[0])
        return err_set(e, ERR_INVALID, q->path,
                       "line %llu of the queries has no \"_id\": a line is {\"_id\": ..., "
                       "\"text\": ...}, or id TAB text",
                       number);
    if (!new.text || !new.text[strspn(new.text, " \t\r\n")])
        return err_set(e, ERR_INVALID, q->path, "line %llu of the queries, \"%s\", has no \"text\"",
                       number, new.id);
    if (json_object_get(seen, new.id))
        return err_set(e, ERR_INVALID, q->path,
                       "line %llu of the queries has the id \"%s\" of an earlier one", number,
                       new.id);
    json_object_set_new(seen, new.id, json_true());
    if (q->count == q->cap) {
        q->cap = q->cap ? 2 * q->cap : 256;
        q->items = xrealloc(q->items, q->cap * sizeof *q->items);
    }
    q->items[q->count++] = new;
    return ERR_OK;
}

enum err eval_queries_read(const char *path, struct arena *a, struct eval_queries *out,
                           struct err_info *e)
{
    struct input in = {0};
    struct str line;
    json_t *seen = json_object();
    out->path = path;
    enum err rc = input_open(&in, path, e);
    while (rc == ERR_OK && (rc = input_next(&in, &line, e)) == ERR_OK)
        if ((line = str_trim(line)).n)
            rc = read_one(line, in.number, a, out, seen, e);
    if (rc == ERR_NOT_FOUND && in.file)
        rc = out->count ? ERR_OK : err_set(e, ERR_INVALID, path, "%s holds no query", path);
    input_close(&in);
    json_decref(seen);
    return rc;
}

void eval_queries_free(struct eval_queries *q)
{
    free(q->items);
}

static bool has_relevant(const json_t *grades)
{
    const char *key;
    json_t *grade;
    json_object_foreach((json_t *)grades, key,
                        grade) if (json_integer_value(grade) > 0) return true;
    return false;
}

size_t eval_queries_judge(struct eval_queries *q, const json_t *qrels, size_t *strangers)
{
    size_t judged = 0, relevant = 0;
    const char *key;
    json_t *grades;
    for (size_t i = 0; i < q->count; i++) {
        grades = json_object_get(qrels, q->items[i].id);
        q->items[i].grades = has_relevant(grades) ? grades : NULL;
        judged += q->items[i].grades != NULL;
    }
    json_object_foreach((json_t *)qrels, key, grades) relevant += has_relevant(grades);
    *strangers = relevant - judged;
    return judged;
}

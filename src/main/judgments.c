#include "main/judgments.h"
#include "base/arena.h"
#include "main/input.h"
#include "math/ranking.h"
#include <stdlib.h>
#include <string.h>

#define NDCG_DEPTH 10

enum { COLUMNS_MAX = 4 };

/* Divided at tabs if there are any, so that an id may hold blanks; else at white space. Returns how
 * many columns there are, COLUMNS_MAX + 1 for more. */
static unsigned columns(struct str line, struct str *out)
{
    const char *at = line.s, *end = line.s + line.n, *marks = memchr(at, '\t', line.n) ? "\t" : " ";
    unsigned count = 0;
    while (at < end) {
        const char *stop = memchr(at, *marks, (size_t)(end - at));
        struct str column = str_trim((struct str){at, (size_t)((stop ? stop : end) - at)});
        at = stop ? stop + 1 : end;
        if (*marks == ' ' && !column.n)
            continue;
        if (count == COLUMNS_MAX)
            return COLUMNS_MAX + 1;
        out[count++] = column;
    }
    return count;
}

static void judge(json_t *out, struct str query, struct str document, int64_t grade)
{
    json_t *of_query = json_object_getn(out, query.s, query.n);
    if (!of_query)
        json_object_setn_new(out, query.s, query.n, of_query = json_object());
    json_object_setn_new(of_query, document.s, document.n, json_integer(grade));
}

enum err judgments_read(const char *path, json_t *out, struct err_info *e)
{
    struct input in = {0};
    struct str line, column[COLUMNS_MAX];
    int64_t grade;
    enum err rc = input_open(&in, path, e);
    while (rc == ERR_OK && (rc = input_next(&in, &line, e)) == ERR_OK) {
        unsigned count = columns(line, column);
        if (count == 0)
            continue;
        if ((count == 3 || count == 4) && column[0].n && column[count - 2].n &&
            str_to_i64(column[count - 1], INT32_MIN, INT32_MAX, &grade) == ERR_OK)
            judge(out, column[0], column[count - 2], grade);
        else if (in.number > 1) /* the first may be a header */
            rc = err_set(e, ERR_INVALID, path,
                         "line %llu of the judgments is not query TAB document TAB grade (a whole "
                         "number), nor query, 0, document, grade",
                         in.number);
    }
    bool ended = rc == ERR_NOT_FOUND && in.file;
    input_close(&in);
    return ended ? ERR_OK : rc;
}

double judgments_ndcg(const json_t *grades, const char *const *ids, size_t count, size_t *relevant)
{
    double gains[NDCG_DEPTH] = {0}, *all = xcalloc(json_object_size(grades) + 1, sizeof *all);
    const char *key;
    json_t *v;
    *relevant = 0;
    json_object_foreach((json_t *)grades, key, v)
    {
        if (json_integer_value(v) > 0)
            all[(*relevant)++] = (double)json_integer_value(v);
    }
    double ideal = ranking_dcg_ideal(all, *relevant, NDCG_DEPTH);
    for (size_t i = 0; i < count && i < NDCG_DEPTH; i++) {
        json_int_t grade = json_integer_value(json_object_get(grades, ids[i]));
        gains[i] = grade > 0 ? (double)grade : 0;
    }
    free(all);
    return ideal > 0 ? ranking_dcg(gains, NDCG_DEPTH) / ideal : 0;
}

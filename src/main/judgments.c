#include "main/judgments.h"
#include "base/arena.h"
#include "main/input.h"
#include "math/ranking.h"
#include <stdio.h>
#include <stdlib.h>

#define NDCG_DEPTH 10

enum err judgments_read(const char *path, json_t *out, struct err_info *e)
{
    struct input in = {0};
    struct str line;
    enum err rc = input_open(&in, path, e);
    while (rc == ERR_OK && (rc = input_next(&in, &line, e)) == ERR_OK) {
        char query[256], document[256];
        int grade;
        if (in.number == 1 || line.n == 0)
            continue;
        if (sscanf(line.s, "%255[^\t]\t%255[^\t]\t%d", query, document, &grade) != 3) {
            rc = err_set(e, ERR_INVALID, path,
                         "line %llu of the judgments is not query TAB document TAB grade",
                         (unsigned long long)in.number);
            break;
        }
        if (!json_object_get(out, query))
            json_object_set_new(out, query, json_object());
        json_object_set_new(json_object_get(out, query), document, json_integer(grade));
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

#include "main/judgments.h"
#include "main/input.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

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

static int by_grade(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (y > x) - (y < x);
}

static double ideal_dcg(const json_t *grades)
{
    size_t n = 0, size = json_object_size(grades);
    int *list = calloc(size + 1, sizeof *list);
    double sum = 0;
    const char *key;
    json_t *v;
    if (!list)
        return 0;
    json_object_foreach((json_t *)grades, key, v)
    {
        if (json_integer_value(v) > 0)
            list[n++] = (int)json_integer_value(v);
    }
    qsort(list, n, sizeof *list, by_grade);
    for (size_t i = 0; i < n && i < 10; i++)
        sum += list[i] / log2((double)i + 2);
    free(list);
    return sum;
}

double judgments_ndcg(const json_t *grades, const char *const *ids, size_t count, bool *judged)
{
    double ideal = ideal_dcg(grades), sum = 0;
    *judged = ideal > 0;
    for (size_t i = 0; i < count && i < 10 && *judged; i++) {
        json_int_t grade = json_integer_value(json_object_get(grades, ids[i]));
        if (grade > 0)
            sum += (double)grade / log2((double)i + 2);
    }
    return *judged ? sum / ideal : 0;
}

static size_t common(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count)
{
    size_t same = 0;
    for (size_t i = 0; i < a_count; i++)
        for (size_t k = 0; k < b_count; k++)
            same += a[i] == b[k];
    return same;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

double ranking_overlap(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count,
                       size_t depth)
{
    size_t most = least(a_count > b_count ? a_count : b_count, depth);
    return most ? (double)common(a, least(a_count, depth), b, least(b_count, depth)) / (double)most
                : 1;
}

double ranking_rbo(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count)
{
    const double p = .9;
    size_t depth = least(a_count, b_count);
    double sum = 0, weight = 1, share = 0;
    if (depth == 0)
        return a_count == b_count;
    for (size_t d = 1; d <= depth; d++) {
        weight *= p;
        share = (double)common(a, d, b, d) / (double)d;
        sum += share * weight;
    }
    return share * weight + (1 - p) / p * sum;
}

#include "main/eval.h"
#include <string.h>

/* The name of a measure; `depth`: of the lists that were asked for. */
static const char *measure_name(int m, unsigned depth, char *room, size_t size)
{
    static const char *const names[] = {"nDCG@10", "recall", "MRR@10"};
    if (m == EVAL_RECALL)
        snprintf(room, size, "recall@%u", depth < 100 ? depth : 100);
    else
        snprintf(room, size, "%s", names[m]);
    return room;
}

static int widest(const struct eval_ways *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->count; i++)
        n = strlen(w->items[i].name) > n ? strlen(w->items[i].name) : n;
    return (int)n;
}

static void print_means(const struct eval_ways *w, const struct eval_result *r, unsigned depth)
{
    char room[32];
    int width = widest(w);
    printf("\n%*s", width, "");
    for (int m = 0; m < EVAL_MEASURES; m++)
        printf("  %-23s", measure_name(m, depth, room, sizeof room));
    putchar('\n');
    for (size_t i = 0; i < w->count; i++) {
        printf("%-*s", width, w->items[i].name);
        for (int m = 0; m < EVAL_MEASURES; m++) {
            const struct eval_mean *x = &r->means[i][m];
            printf("  %.4f [%.4f %.4f]%s", x->value, x->range.low, x->range.high,
                   m + 1 < EVAL_MEASURES ? " " : "");
        }
        putchar('\n');
    }
}

static void print_pairs(const struct eval_ways *w, const struct eval_result *r, unsigned depth)
{
    char room[32];
    int width = widest(w);
    printf("\n%-*s  %-10s  %-10s  %-17s  %-6s  p (Holm)\n", 2 * width + 3, "difference", "measure",
           "mean", "95 %", "p");
    for (size_t i = 0; i < r->pair_count; i++)
        for (int m = 0; m < EVAL_MEASURES; m++) {
            const struct eval_pair *p = &r->pairs[i];
            const struct eval_mean *x = &p->difference[m];
            printf("%-*s - %-*s  %-10s  %+-10.4f  [%+.4f %+.4f]  %.4f  %.4f\n", width,
                   w->items[p->a].name, width, w->items[p->b].name,
                   measure_name(m, depth, room, sizeof room), x->value, x->range.low, x->range.high,
                   p->p[m], p->p_holm[m]);
        }
}

static double middle(const double *sorted, size_t count)
{
    return count ? sorted[count / 2] : 0;
}

static void print_foreign(const struct eval_ways *w, const struct eval_result *r, size_t own)
{
    int width = widest(w);
    printf("\n%*s  AUC of the top score, %zu own against %zu foreign queries; medians\n", width, "",
           own, r->foreign);
    for (size_t i = 0; i < w->count; i++)
        printf("%-*s  %.4f [%.4f %.4f]  own %.3f  foreign %.3f\n", width, w->items[i].name,
               r->auc[i].value, r->auc[i].range.low, r->auc[i].range.high,
               middle(w->items[i].own, own), middle(w->items[i].foreign, r->foreign));
}

void eval_print(const struct eval_ways *w, const struct eval_result *r, const struct eval_counts *c)
{
    printf("%zu queries, %zu judged", c->queries, r->judged);
    if (c->unjudged)
        printf("; %zu without a judgment above 0 are left out", c->unjudged);
    if (c->strangers)
        printf("; %zu judged ones are not among the queries", c->strangers);
    if (c->documents_missing)
        printf("; %zu judged documents are not in the collection (they count as not found)",
               c->documents_missing);
    putchar('\n');
    if (r->judged)
        print_means(w, r, c->depth);
    if (r->pair_count)
        print_pairs(w, r, c->depth);
    if (r->foreign)
        print_foreign(w, r, c->queries);
    for (size_t i = 0; i < w->count; i++)
        if (w->items[i].run)
            printf("%srun of %s: %s\n", i ? "" : "\n", w->items[i].name, w->items[i].run_path);
}

static json_t *mean_json(const struct eval_mean *x, const char *name)
{
    return json_pack("{s:f,s:f,s:f}", name, x->value, "low", x->range.low, "high", x->range.high);
}

/* The key of a measure in JSON: as printed, in lower case. */
static const char *measure_key(int m, unsigned depth, char *room, size_t size)
{
    measure_name(m, depth, room, size);
    for (char *p = room; *p; p++)
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p | 32) : *p;
    return room;
}

static json_t *way_json(const struct eval_ways *w, const struct eval_result *r,
                        const struct eval_counts *c, size_t i)
{
    char room[32];
    const struct eval_way *way = &w->items[i];
    json_t *out = json_pack("{s:s,s:O}", "name", way->name, "request", way->request);
    for (int m = 0; m < EVAL_MEASURES && r->judged; m++)
        json_object_set_new(out, measure_key(m, c->depth, room, sizeof room),
                            mean_json(&r->means[i][m], "mean"));
    if (r->foreign) {
        json_t *auc = mean_json(&r->auc[i], "value");
        json_object_set_new(auc, "own_median", json_real(middle(way->own, c->queries)));
        json_object_set_new(auc, "foreign_median", json_real(middle(way->foreign, r->foreign)));
        json_object_set_new(out, "auc", auc);
    }
    if (way->run)
        json_object_set_new(out, "run", json_string(way->run_path));
    return out;
}

static json_t *pair_json(const struct eval_ways *w, const struct eval_pair *p, unsigned depth)
{
    char room[32];
    json_t *out = json_pack("{s:s,s:s}", "a", w->items[p->a].name, "b", w->items[p->b].name);
    for (int m = 0; m < EVAL_MEASURES; m++) {
        json_t *x = mean_json(&p->difference[m], "difference");
        json_object_set_new(x, "p", json_real(p->p[m]));
        json_object_set_new(x, "p_holm", json_real(p->p_holm[m]));
        json_object_set_new(out, measure_key(m, depth, room, sizeof room), x);
    }
    return out;
}

void eval_print_json(const struct eval_ways *w, const struct eval_result *r,
                     const struct eval_counts *c)
{
    json_t *runs = json_array(), *pairs = json_array();
    for (size_t i = 0; i < w->count; i++)
        json_array_append_new(runs, way_json(w, r, c, i));
    for (size_t i = 0; i < r->pair_count; i++)
        json_array_append_new(pairs, pair_json(w, &r->pairs[i], c->depth));
    json_t *out = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:o}", "queries", (json_int_t)c->queries,
                            "judged", (json_int_t)r->judged, "unjudged", (json_int_t)c->unjudged,
                            "judged_without_query", (json_int_t)c->strangers, "documents_missing",
                            (json_int_t)c->documents_missing, "foreign", (json_int_t)r->foreign,
                            "runs", runs, "pairs", pairs);
    json_dumpf(out, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(out);
}

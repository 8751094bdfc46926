/* The parts of `akin eval search`: queries of a file, ways to answer them, how good each way is,
 * and what is printed. A way is a search request without its query: a mode, or any members of it.
 * One thread. */
#ifndef MAIN_EVAL_H
#define MAIN_EVAL_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "main/command.h"
#include "math/resample.h"
#include <stdio.h>

enum eval_measure { EVAL_NDCG, EVAL_RECALL, EVAL_MRR, EVAL_MEASURES };

enum { EVAL_WAYS_MAX = 8, EVAL_PAIRS_MAX = EVAL_WAYS_MAX * (EVAL_WAYS_MAX - 1) / 2 };

/* eval_recommend.c: the whole of `akin eval recommend`; the exit code. */
int eval_recommend(const struct args *a);

/* eval_queries.c */
struct eval_query {
    const char *id, *text;
    json_t *grades; /* borrowed; NULL: not judged, or nothing above 0 */
};
struct eval_queries {
    const char *path;
    struct eval_query *items;
    size_t count, cap;
};
/* JSON lines {"_id" or "id", "text"}, or id TAB text. Strings live in the arena. ERR_INVALID names
 * the line: no id, no text, an id that was there before. */
enum err eval_queries_read(const char *path, struct arena *a, struct eval_queries *out,
                           struct err_info *e) MUST_CHECK;
void eval_queries_free(struct eval_queries *q);
/* Takes the grades of each. Returns how many are judged; *strangers: queries with a grade above 0
 * that are not in the file. */
size_t eval_queries_judge(struct eval_queries *q, const json_t *qrels, size_t *strangers);

/* eval_ways.c */
struct eval_way {
    const char *name;
    json_t *request; /* what its searches ask for, but q and limit */
    const char *run_path;
    FILE *run; /* NULL: none is written */
    double *values[EVAL_MEASURES];
    double *own, *foreign; /* top scores, 0 if nothing was found */
};
struct eval_ways {
    struct eval_way items[EVAL_WAYS_MAX];
    size_t count;
};
/* --mode and --run-with, hybrid without either; --run's files are made. */
enum err eval_ways_open(const struct args *a, struct arena *arena, struct eval_ways *out,
                        struct err_info *e) MUST_CHECK;
/* Closes; ERR_IO if a run file could not be written whole. */
enum err eval_ways_close(struct eval_ways *w, struct err_info *e) MUST_CHECK;
/* A line of TREC's a hit: query Q0 document rank score tag. Blanks in ids become %20. */
void eval_way_write(struct eval_way *w, const char *query, const json_t *hits);

/* eval_measure.c */
/* nDCG@10, recall within the list's first 100, MRR@10 of the hits in their order. */
void eval_measure(const json_t *grades, const json_t *hits, double *values);

struct eval_mean {
    double value;
    struct resample_range range;
};
struct eval_pair {
    size_t a, b; /* places of the ways */
    struct eval_mean difference[EVAL_MEASURES];
    double p[EVAL_MEASURES], p_holm[EVAL_MEASURES];
};
struct eval_result {
    size_t judged, foreign, pair_count;
    struct eval_mean means[EVAL_WAYS_MAX][EVAL_MEASURES], auc[EVAL_WAYS_MAX];
    struct eval_pair pairs[EVAL_PAIRS_MAX];
};
/* From the ways' values: means, every pair of ways, own against foreign top scores (sorted by it).
 */
void eval_judge(struct eval_ways *w, size_t own, struct eval_result *r);

/* eval_print.c */
struct eval_counts {
    size_t queries, unjudged, strangers, documents_missing;
    unsigned depth; /* of the lists; the recall is at most at 100 */
};
void eval_print(const struct eval_ways *w, const struct eval_result *r,
                const struct eval_counts *c);
void eval_print_json(const struct eval_ways *w, const struct eval_result *r,
                     const struct eval_counts *c);

#endif

/* Judged queries, and how good a list is by them. One thread. */
#ifndef MAIN_JUDGMENTS_H
#define MAIN_JUDGMENTS_H

#include "base/err.h"
#include "base/json.h"

/* Into {query: {document: grade}}: lines of query TAB document TAB grade, with or without a header
 * (BEIR), or of query, iteration, document, grade (TREC). A pair judged twice has the last grade.
 */
enum err judgments_read(const char *path, json_t *out, struct err_info *e) MUST_CHECK;

/* nDCG@10 of the ids (ranking_dcg). `grades`: of the query, may be NULL; *relevant: how many of
 * them are above 0, and with none there is nothing to judge. */
double judgments_ndcg(const json_t *grades, const char *const *ids, size_t count, size_t *relevant);

#endif

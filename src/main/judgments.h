/* How good or how alike ranked lists are. One thread. */
#ifndef MAIN_JUDGMENTS_H
#define MAIN_JUDGMENTS_H

#include "base/err.h"
#include "base/json.h"

/* query TAB document TAB grade, with a header line, into {query: {document: grade}}. */
enum err judgments_read(const char *path, json_t *out, struct err_info *e) MUST_CHECK;

/* nDCG@10 with linear gain (Järvelin and Kekäläinen 2002, as trec_eval has it). `grades`: of the
 * query; *judged false: nothing in it is relevant. */
double judgments_ndcg(const json_t *grades, const char *const *ids, size_t count, bool *judged);

/* Of two lists of document numbers, best first: what share of the first `depth` they have in
 * common, and rank-biased overlap with p = .9, extrapolated (Webber, Moffat, Zobel 2010, eq. 32).
 */
double ranking_overlap(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count,
                       size_t depth);
double ranking_rbo(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count);

#endif

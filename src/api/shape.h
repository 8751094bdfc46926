/* What shapes an answer beside its score, read from a checked request: facets, order,
 * groups. Everything
 * lives in the call's arena; JSON values are borrowed from the input. */
#ifndef API_SHAPE_H
#define API_SHAPE_H

#include "api/call.h"

/* `facets`: "tags,year", or an array of names and objects. */
struct facet_request *input_facets(struct arena *a, const json_t *input, size_t *count);
/* `group_by`: "site", or an object. */
void input_group(const json_t *input, struct find_request *out);
/* `sort`: "year:desc,site", or an array of such and of objects. ERR_INVALID for a text that is no
 * key. */
enum err input_sort(struct arena *a, const json_t *input, struct order_key **out, size_t *count,
                    struct err_info *e) MUST_CHECK;

#endif

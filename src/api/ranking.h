/* How hits are scored beside the defaults, read from a checked request: fusion, weights, boosts.
 * Lives in the arena; strings are borrowed from the input. */
#ifndef API_RANKING_H
#define API_RANKING_H

#include "api/call.h"

enum err input_ranking(struct arena *a, const json_t *input, struct find_request *r,
                       struct err_info *e) MUST_CHECK;

#endif

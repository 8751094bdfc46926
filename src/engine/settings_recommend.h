/* How a collection recommends unless a request says otherwise: its setting `recommend`. Plain data,
 * copied freely. */
#ifndef ENGINE_SETTINGS_RECOMMEND_H
#define ENGINE_SETTINGS_RECOMMEND_H

#include "base/err.h"
#include "base/json.h"
#include <stdbool.h>

#define RECOMMEND_BLEND_MAX 1000 /* bytes: EXPRESSION_BYTES_MAX */

struct recommend_settings {
    char blend[RECOMMEND_BLEND_MAX + 1]; /* a score expression; "": akin's own blend */
    bool gate; /* a new one is taken only if an experiment found it to be no worse */
};

/* "", true */
void recommend_settings_default(struct recommend_settings *r);
/* As settings_merge, of the value at /recommend. */
enum err recommend_settings_merge(struct recommend_settings *r, const json_t *object,
                                  struct err_info *e) MUST_CHECK;
void recommend_settings_print(const struct recommend_settings *r, struct json_writer *w);

#endif

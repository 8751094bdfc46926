/* The regular expressions of tokenizer.json: ones of the peer's engine (Oniguruma), run by ICU.
 * What means something else there is rewritten (\s, \w) or refused. A pattern is immutable and
 * shared by threads; a search is one thread's. */
#ifndef TEXT_REGEX_H
#define TEXT_REGEX_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>

enum { REGEX_BYTES_MAX = 1024 };

struct regex;
/* ERR_UNSUPPORTED says why; no field is named. */
enum err regex_open(struct str pattern, struct regex **out, struct err_info *e) MUST_CHECK;
void regex_free(struct regex *r); /* NULL is allowed */

struct regex_search;
struct regex_search *regex_search_new(const struct regex *r);
void regex_search_free(struct regex_search *s); /* NULL is allowed */
/* From now on in `text` (valid UTF-8, borrowed until the next _start or _free). */
void regex_search_start(struct regex_search *s, struct str text);
/* The next match; an empty one does not follow directly behind another. A search that takes too
 * long (a pattern of exponential cost) ends as if there were no more. */
bool regex_search_next(struct regex_search *s, size_t *start, size_t *end);

#endif

/* What the files that parse filters share. */
#ifndef INDEX_FILTER_PARSE_H
#define INDEX_FILTER_PARSE_H

#include "index/filter_tokens.h"
#include "index/filter_tree.h"

/* The canonical name; moves on. `expected`: for the message. */
struct str filter_field_parse(struct tokens *t, const char *expected);
/* Is the present token the word geo and an opening parenthesis behind it? */
bool filter_geo_begins(const struct tokens *t);
/* NULL or a part of it, and t->err, if something is wrong. */
struct filter *filter_geo_parse(struct arena *a, struct tokens *t);

#endif

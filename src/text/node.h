/* A value in tokenizer.json and where it is, so that every refusal names its place. One thread. */
#ifndef TEXT_NODE_H
#define TEXT_NODE_H

#include "base/json.h"

struct node {
    const json_t *v; /* borrowed; NULL if absent */
    char path[120];
};

struct node node_get(const struct node *parent, const char *key);
struct node node_at(const struct node *parent, size_t i);
bool node_absent(const struct node *n); /* or null */

enum err node_wrong(const struct node *n, const char *want, struct err_info *e);
enum err node_unsupported(const struct node *n, const char *what, struct str type,
                          const char *known, struct err_info *e);

/* An absent or null value leaves *out as it is. */
enum err node_bool(const struct node *parent, const char *key, bool *out,
                   struct err_info *e) MUST_CHECK;
/* A string; the view is of the parsed value. */
enum err node_str(const struct node *parent, const char *key, struct str *out,
                  struct err_info *e) MUST_CHECK;
/* A string of at most `max` bytes, or absent or null: *out becomes empty. */
enum err node_str_optional(const struct node *parent, const char *key, size_t max, struct str *out,
                           struct err_info *e) MUST_CHECK;
enum err node_u32(const struct node *n, uint32_t max, uint32_t *out, struct err_info *e) MUST_CHECK;
enum err node_array(const struct node *n, size_t max, struct err_info *e) MUST_CHECK;
/* Calls `each` for the elements of the array parent[key], of at most `max`, until one fails. */
typedef enum err node_fn(void *ctx, const struct node *n, struct err_info *e);
enum err node_each(const struct node *parent, const char *key, size_t max, node_fn *each, void *ctx,
                   struct err_info *e) MUST_CHECK;
/* The "type" of an object. */
enum err node_type(const struct node *n, struct str *out, struct err_info *e) MUST_CHECK;

#endif

/* Private to config.c (values, environment, flags), config_yaml.c and config_print.c. */
#ifndef BASE_CONFIG_IMPL_H
#define BASE_CONFIG_IMPL_H

#include "base/config.h"

struct value {
    char *text;
    char *origin;
    int64_t i; /* SETTING_INT and, as 0 or 1, SETTING_BOOL */
    double f;
    char **items; /* SETTING_LIST */
    unsigned item_count;
};

struct config {
    const struct setting *table;
    struct value *values; /* as many, in the same order */
    unsigned count;
};

/* The index of a key; on ERR_INVALID the message begins with `where` and names the nearest key. */
enum err config_find(const struct config *c, const char *key, const char *where, unsigned *out,
                     struct err_info *e) MUST_CHECK;
/* Check and take a value; `where` becomes its origin. */
enum err config_set(struct config *c, unsigned index, const char *text, const char *where,
                    struct err_info *e) MUST_CHECK;
/* The same for a list given item by item. */
enum err config_set_list(struct config *c, unsigned index, const struct str *items, unsigned count,
                         const char *where, struct err_info *e) MUST_CHECK;

#endif

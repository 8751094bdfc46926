/* Configuration: a table of settings, and where each value came from.
 *
 *     flags > environment (AKIN_SECTION__KEY, secrets also ..._FILE; PORT) > akin.yaml > defaults
 *
 * An unknown key is an error that names the nearest known one. Read before threads start; values
 * are immutable afterwards. The table itself is main/settings.c. */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

enum setting_type {
    SETTING_STRING,
    SETTING_INT,
    SETTING_FLOAT,
    SETTING_BOOL,
    SETTING_ENUM,
    SETTING_LIST
};

struct setting {
    const char *key; /* "server.port" */
    enum setting_type type;
    const char *fallback; /* default as text; lists are comma separated */
    double min, max;      /* numbers; both 0: unbounded */
    const char *choices;  /* enums: "fp32|bf16|auto" */
    bool secret;          /* masked in print; AKIN_..._FILE is read too */
    const char *help;     /* one line, with the unit */
};

struct config;
struct config *config_new(const struct setting *table, unsigned count);
void config_free(struct config *c);
enum err config_read_yaml(struct config *c, const char *path, struct err_info *e) MUST_CHECK;
/* Reads AKIN_* of `envp`. An unknown AKIN_SECTION__KEY is an error; AKIN_SIMD, AKIN_DATA, AKIN_URL
 * and AKIN_CONFIG have no "__" and are not settings. */
enum err config_read_env(struct config *c, char **envp, struct err_info *e) MUST_CHECK;
enum err config_set_flag(struct config *c, const char *key, const char *value,
                         struct err_info *e) MUST_CHECK;

/* Takes `value` if nobody has set the key; `where` becomes its origin. For variables that are not
 * akin's own. */
enum err config_set_fallback(struct config *c, const char *key, const char *value,
                             const char *where, struct err_info *e) MUST_CHECK;

const char *config_str(const struct config *c, const char *key);
int64_t config_int(const struct config *c, const char *key);
double config_float(const struct config *c, const char *key);
bool config_bool(const struct config *c, const char *key);
const char *const *config_list(const struct config *c, const char *key, unsigned *count);
const char *
config_origin(const struct config *c,
              const char *key); /* "default", "akin.yaml:12", "environment AKIN_X", "flag" */

/* The settings in the order of the table; do two readings of one table agree on `key`? */
unsigned config_count(const struct config *c);
const char *config_key(const struct config *c, unsigned i);
bool config_same(const struct config *a, const struct config *b, const char *key);

/* `akin config print`: YAML with the origin of each value behind it, or JSON; secrets masked. */
void config_print(const struct config *c, bool json, struct strbuf *out);

#endif

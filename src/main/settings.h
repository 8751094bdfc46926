/* The settings of akin and the options that every command shares. */
#ifndef MAIN_SETTINGS_H
#define MAIN_SETTINGS_H

#include "base/config.h"
#include "embed/embed.h"
#include "engine/engine.h"
#include "main/command.h"
#include "net/outbound.h"

/* In the data directory, mode 0600: the key that the first start that asked for keys made. */

/* Options for a command's table. */
#define OPTION_DATA                                                                                \
    {                                                                                              \
        "--data", 'd', "DIR", "data directory (AKIN_DATA; default ./.akin)"                        \
    }
#define OPTION_CONFIG                                                                              \
    {                                                                                              \
        "--config", 0, "FILE", "settings file (AKIN_CONFIG; default ./akin.yaml if there)"         \
    }
#define OPTION_SET                                                                                 \
    {                                                                                              \
        "--set", 0, "KEY=VALUE", "one setting, as in akin.yaml; may be repeated"                   \
    }
#define OPTIONS_DATA OPTION_DATA, OPTION_CONFIG, OPTION_SET
#define OPTION_MODEL                                                                               \
    {                                                                                              \
        "--model", 'm', "MODEL", "name under DATA/models, or a directory"                          \
    }
#define OPTIONS_LISTEN                                                                             \
    {"--tls-at-proxy", 0, NULL, "TLS ends at a proxy of server.trusted_proxies"},                  \
    {                                                                                              \
        "--insecure", 0, NULL, "answer other machines without a key and without TLS"               \
    }
#define OPTION_JSON                                                                                \
    {                                                                                              \
        "--json", 0, NULL, "JSON for scripts"                                                      \
    }

/* flags > environment > file > defaults. The command declares OPTIONS_DATA and OPTION_MODEL.
 */
enum err settings_load(const struct args *a, struct config **out, struct err_info *e) MUST_CHECK;

/* The directory of a model: `name` if it is a directory or "stub", else DATA/models/name.
 * ERR_NOT_FOUND with the next step. */
enum err settings_model_dir(const struct config *c, const char *name, struct strbuf *out,
                            struct err_info *e) MUST_CHECK;

/* outbound.allow; to be freed. */
enum err settings_outbound(const struct config *c, struct outbound_rules **out,
                           struct err_info *e) MUST_CHECK;

/* Is embed.provider another than this machine? */
bool settings_provider(const struct config *c);
/* Strings are the config's. */
enum err settings_remote(const struct config *c, struct remote_options *out,
                         struct err_info *e) MUST_CHECK;

/* What the engine wants, from the settings; `model_dir` (the model's directory) or `remote` (with a
 * provider) is filled in and outlives `out`. */
enum err settings_engine(const struct config *c, struct strbuf *model_dir,
                         struct remote_options *remote, struct engine_options *out,
                         struct err_info *e) MUST_CHECK;
void settings_log(const struct config *c, bool quiet);       /* before threads start */
void settings_log_apply(const struct config *c, bool quiet); /* of it, what can change later */
bool settings_live(const char *key); /* is it applied while the server works (SIGHUP)? */

extern const char settings_default_model[]; /* "all-MiniLM-L6-v2" */

#endif

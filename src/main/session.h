/* A session: where a command sends its requests. All commands speak HTTP, so that there is one way
 * to say and to print things: to --url, or to the server that holds the data directory (its address
 * is in LOCK), or to a node of their own that lives as long as the command. */
#ifndef MAIN_SESSION_H
#define MAIN_SESSION_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "main/command.h"
#include "main/settings.h"

#define OPTION_URL                                                                                 \
    {                                                                                              \
        "--url", 0, "URL",                                                                         \
            "a server's address (AKIN_URL); default: the one that holds the data directory"        \
    }
#define OPTION_KEY                                                                                 \
    {                                                                                              \
        "--key", 0, "KEY", "API key (better: the environment variable AKIN_KEY)"                   \
    }
#define OPTIONS_TRUST                                                                              \
    {"--ca", 0, "FILE", "PEM file: whose certificates an https server may show (AKIN_CA)"},        \
    {                                                                                              \
        "--client-cert", 0, "FILE",                                                                \
            "PEM file: certificate and key, for a server that asks (AKIN_CLIENT_CERT)"             \
    }
#define OPTION_COLLECTION                                                                          \
    {                                                                                              \
        "--collection", 'c', "NAME", "collection (needed only if there are several)"               \
    }

#define OPTIONS_SESSION OPTION_URL, OPTION_KEY, OPTIONS_TRUST, OPTIONS_DATA, OPTION_MODEL

struct session;

/* The command declares OPTIONS_SESSION. */
enum err session_open(const struct args *a, struct session **out, struct err_info *e) MUST_CHECK;
void session_close(struct session *s);
struct arena *session_arena(struct session *s);

/* `body` (NULL: none) is sent as `type`. `*answer`: JSON of a 2xx, owned by the caller. Otherwise
 * the problem's detail and field in `e`; no answer at all is ERR_UNAVAILABLE. */
enum err session_call(struct session *s, const char *method, const char *path, const char *type,
                      const struct str *body, json_t **answer, struct err_info *e) MUST_CHECK;
/* NDJSON both ways. `read` fills a buffer, 0 at the end; `line` gets each answer line, false ends
 * it (ERR_CANCELLED). */
enum err session_stream(struct session *s, const char *path,
                        size_t (*read)(void *ctx, char *buf, size_t size),
                        bool (*line)(void *ctx, struct str line), void *ctx,
                        struct err_info *e) MUST_CHECK;

/* A GET that is answered line by line; `line` false ends it (ERR_CANCELLED). *position: that of the
 * answer, in the session's arena, empty without one. ERR_UNAVAILABLE: no answer, or it was cut;
 * the lines that were given are whole. */
enum err session_lines(struct session *s, const char *path,
                       bool (*line)(void *ctx, struct str line), void *ctx, struct str *position,
                       struct err_info *e) MUST_CHECK;

/* The collection: --collection, or the only one there is. Percent-encoded, in the session's arena.
 */
enum err session_collection(struct session *s, const struct args *a, const char **out,
                            struct err_info *e) MUST_CHECK;
/* Percent-encoding for a path segment or a query value. */
const char *session_encode(struct session *s, struct str raw);

#endif

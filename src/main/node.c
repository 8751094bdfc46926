#include "main/node.h"
#include "api/api.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "engine/keys.h"
#include "base/log.h"
#include "http/http.h"
#include "main/settings.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { DESCRIPTORS_ELSE = 256 };

struct node {
    struct engine *engine;
    struct api *api;
    struct http_server *server;
    struct strbuf tmp_dir;
    char url[128];
};

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0 ||
           strcmp(address, "localhost") == 0;
}

/* Whom others reach, directly or through a proxy, asks for keys. */
static bool keys_wanted(const struct config *c, bool private)
{
    if (strcmp(config_str(c, "auth.required"), "always") == 0 ||
        config_str(c, "server.admin_key")[0])
        return true;
    return !private && !config_bool(c, "server.insecure") &&
           (!is_loopback(config_str(c, "server.address")) || config_bool(c, "server.tls_at_proxy"));
}

static struct api_options api_settings(const struct config *c, bool private, const char *tmp_dir)
{
    const char *key = config_str(c, "server.admin_key");
    unsigned alias_count;
    const char *const *aliases = config_list(c, "server.model_aliases", &alias_count);
    return (struct api_options){
        .workers = (unsigned)config_int(c, "server.workers"),
        .key_wanted = keys_wanted(c, private),
        .admin_key = key[0] ? key : NULL,
        .tmp_dir = tmp_dir,
        .model_aliases = aliases,
        .alias_count = alias_count,
#ifdef AKIN_COMMIT
        .commit = AKIN_COMMIT,
#endif
    };
}

static enum err limits_settings(const struct config *c, struct limit limits[RATE_POLICIES],
                                struct err_info *e)
{
    static const char *const names[RATE_POLICIES] = {[RATE_KEY] = "limits.key",
                                                     [RATE_USER] = "limits.user",
                                                     [RATE_ADDRESS] = "limits.address",
                                                     [RATE_TOKENS] = "limits.tokens"};
    for (unsigned i = 0; i < RATE_POLICIES; i++)
        if (!limit_parse(config_str(c, names[i]), &limits[i]))
            return err_set(e, ERR_INVALID, names[i],
                           "%s is \"%.60s\"; it looks like 100/s, 6000/m burst 200, 1e6/h or none",
                           names[i], config_str(c, names[i]));
    return ERR_OK;
}

static struct http_tls tls_settings(const struct config *c)
{
    return (struct http_tls){.certificate = config_str(c, "server.tls.certificate"),
                             .key = config_str(c, "server.tls.key"),
                             .client_ca = config_str(c, "server.tls.client_ca")};
}

/* Who listens where others can reach it shows that this is meant, and how it is kept private. */
static enum err exposure_check(const struct config *c, struct err_info *e)
{
    struct http_tls tls = tls_settings(c);
    const char *address = config_str(c, "server.address");
    unsigned proxies;
    (void)config_list(c, "server.trusted_proxies", &proxies);
    if (!tls.certificate[0] != !tls.key[0])
        return err_set(e, ERR_INVALID, tls.key[0] ? "server.tls.certificate" : "server.tls.key",
                       "server.tls.certificate and server.tls.key belong together: set both");
    if (tls.client_ca[0] && !tls.certificate[0])
        return err_set(e, ERR_INVALID, "server.tls.client_ca",
                       "clients can show certificates only under TLS: set server.tls.certificate "
                       "and server.tls.key");
    if (config_bool(c, "server.tls_at_proxy") && !proxies)
        return err_set(e, ERR_INVALID, "server.trusted_proxies",
                       "--tls-at-proxy: say in server.trusted_proxies at which proxy TLS ends");
    if (is_loopback(address) || config_bool(c, "server.insecure"))
        return ERR_OK;
    if (!tls.certificate[0] && !config_bool(c, "server.tls_at_proxy"))
        return err_set(
            e, ERR_INVALID, "server.tls.certificate",
            "%s is reachable from other machines, and without TLS everyone on the way "
            "reads keys and documents: set server.tls.certificate and server.tls.key, or "
            "--tls-at-proxy with server.trusted_proxies, or --insecure for neither keys "
            "nor TLS",
            address);
    return ERR_OK;
}

/* Keys are wanted and nobody could make the first one: it is made, and written where only the
 * owner of the data reads it. */
static enum err first_key(struct node *n, const struct config *c, struct err_info *e)
{
    const struct caller nobody = {.scopes = SCOPE_ADMIN_ALL};
    const struct grant g = {.name = STR("first"),
                            .description = STR("made at the first start that asked for keys"),
                            .scopes = SCOPE_ADMIN_ALL};
    struct arena *a = arena_new(0);
    struct key_out k;
    char *path = arena_printf(a, "%s/" KEY_FILE, config_str(c, "data.dir"));
    enum err rc = engine_key_create(n->engine, &nobody, &g, a, &k, e);
    if (rc == ERR_OK) {
        rc = key_file_write(n->engine, k.text, e);
        if (rc != ERR_OK) /* nobody has it, so the next start makes another */
            (void)!engine_key_delete(n->engine, &nobody, k.id, NULL);
    }
    if (rc == ERR_OK)
        log_event(LOG_WARN, "an admin key was made: requests need a key from now on",
                  LOG_S("file", path));
    arena_free(a);
    return rc;
}

static struct http_options http_settings(const struct config *c, bool private)
{
    const char *address = private ? "127.0.0.1" : config_str(c, "server.address");
    struct http_options o = {
        .address = strcmp(address, "localhost") == 0 ? "127.0.0.1" : address,
        .port = private ? 0 : (uint16_t)config_int(c, "server.port"),
        .tls = private ? (struct http_tls){0} : tls_settings(c),
        .threads = (unsigned)config_int(c, "server.threads"),
        .connections_max = (unsigned)config_int(c, "server.connections_max"),
        .per_address_max = (unsigned)config_int(c, "server.connections_per_address"),
        .in_flight_max = (unsigned)config_int(c, "server.in_flight_max"),
        .body_bytes_max = (size_t)config_int(c, "server.body_bytes_max"),
        .deadline_ms = (unsigned)config_int(c, "server.deadline_ms"),
        .header_ms = (unsigned)config_int(c, "server.header_ms"),
        .plain_answers = !config_bool(c, "server.compression"),
        .standard_forwarded = strcmp(config_str(c, "server.forwarded"), "forwarded") == 0,
    };
    o.hosts = config_list(c, "server.hosts", &o.host_count);
    o.proxies = config_list(c, "server.trusted_proxies", &o.proxy_count);
    o.origins = config_list(c, "server.cors.origins", &o.origin_count);
    return o;
}

/* A connection is a descriptor, and other things want some too. */
static void descriptors_raise(struct http_options *o)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= o->connections_max + DESCRIPTORS_ELSE)
        return;
    o->connections_max =
        limit.rlim_cur > 2 * DESCRIPTORS_ELSE ? (unsigned)limit.rlim_cur - DESCRIPTORS_ELSE : 128;
    log_event(LOG_WARN, "fewer connections than server.connections_max: descriptors are limited",
              LOG_I("connections", o->connections_max), LOG_I("descriptors", limit.rlim_cur));
}

static enum err listen_at(struct node *n, const struct config *c, bool private, struct err_info *e)
{
    struct http_options o = http_settings(c, private);
    if (!private)
        descriptors_raise(&o);
    struct http_handler handler;
    api_handler(n->api, &handler);
    enum err rc = http_open(&o, &handler, &n->server, e);
    if (rc != ERR_OK)
        return rc;
    bool v6 = strchr(o.address, ':') != NULL;
    bool tls = o.tls.certificate && o.tls.certificate[0];
    snprintf(n->url, sizeof(n->url), "http%s://%s%s%s:%u", tls ? "s" : "", v6 ? "[" : "", o.address,
             v6 ? "]" : "", (unsigned)http_port(n->server));
    return engine_set_address(n->engine, n->url, e);
}

static enum err open_as(const struct config *c, bool private, struct node **out, struct err_info *e)
{
    struct strbuf model_dir;
    struct remote_options remote;
    struct engine_options o;
    struct node *n = xcalloc(1, sizeof(*n));
    strbuf_init(&model_dir, 0);
    strbuf_init(&n->tmp_dir, 0);
    strbuf_printf(&n->tmp_dir, "%s/tmp", config_str(c, "data.dir"));
    struct limit limits[RATE_POLICIES];
    enum err rc = private ? ERR_OK : exposure_check(c, e);
    if (rc == ERR_OK)
        rc = limits_settings(c, limits, e);
    if (rc == ERR_OK)
        rc = settings_engine(c, &model_dir, &remote, &o, e);
    if (rc == ERR_OK)
        rc = engine_open(&o, &n->engine, e);
    if (rc == ERR_OK) {
        struct api_options ao = api_settings(c, private, n->tmp_dir.buf);
        if (ao.key_wanted && !ao.admin_key && !engine_key_admin_exists(n->engine))
            rc = first_key(n, c, e);
        n->api = api_new(n->engine, &ao);
        if (!private)
            api_limit(n->api, limits);
        if (rc == ERR_OK)
            rc = listen_at(n, c, private, e);
    }
    strbuf_release(&model_dir);
    if (rc != ERR_OK) {
        node_close(n, 1);
        return rc;
    }
    *out = n;
    return ERR_OK;
}

enum err node_open(const struct config *c, struct node **out, struct err_info *e)
{
    return open_as(c, false, out, e);
}

enum err node_open_private(const struct config *c, struct node **out, struct err_info *e)
{
    return open_as(c, true, out, e);
}

/* Whether there is TLS is settled at the start; with which files is not. */
static enum err tls_judge(const struct node *n, const struct http_tls *tls, struct err_info *e)
{
    bool has = strncmp(n->url, "https:", 6) == 0;
    if (has == (tls->certificate[0] != 0))
        return ERR_OK;
    return err_set(e, ERR_INVALID, "server.tls.certificate",
                   has ? "TLS can be left off only at a start" : "TLS can begin only at a start");
}

/* Keys that nobody may make are wanted only where somebody has one. */
static enum err keys_judge(const struct node *n, const struct config *c, struct err_info *e)
{
    if (!keys_wanted(c, false) || config_str(c, "server.admin_key")[0] ||
        engine_key_admin_exists(n->engine))
        return ERR_OK;
    return err_set(e, ERR_INVALID, "server.admin_key",
                   "without it nobody could manage keys: make one with the scope admin first "
                   "(akin keys create --scope admin)");
}

enum err node_configure(struct node *n, const struct config *c, struct err_info *e)
{
    struct http_options o = http_settings(c, false);
    struct limit limits[RATE_POLICIES];
    enum err rc = exposure_check(c, e);
    descriptors_raise(&o);
    if (rc == ERR_OK)
        rc = limits_settings(c, limits, e);
    if (rc == ERR_OK)
        rc = keys_judge(n, c, e);
    if (rc == ERR_OK)
        rc = tls_judge(n, &o.tls, e);
    if (rc == ERR_OK)
        rc = http_options_check(&o, e);
    if (rc == ERR_OK && o.tls.certificate[0])
        rc = http_tls_load(n->server, &o.tls, e);
    if (rc == ERR_OK)
        rc = http_configure(n->server, &o, e);
    if (rc == ERR_OK) {
        api_admit(n->api, keys_wanted(c, false), config_str(c, "server.admin_key"));
        api_limit(n->api, limits);
    }
    return rc;
}

void node_certificate_check(struct node *n)
{
    struct err_info e = {0};
    if (!http_tls_changed(n->server))
        return;
    if (http_tls_load(n->server, NULL, &e) == ERR_OK)
        log_event(LOG_INFO, "certificate and key have changed and are in use",
                  LOG_S("url", n->url));
    else
        log_event(LOG_ERROR, "certificate and key not taken, the old ones stay",
                  LOG_S("setting", e.field), LOG_S("error", e.message));
}

const char *node_url(const struct node *n)
{
    return n->url;
}

void node_close(struct node *n, unsigned seconds)
{
    int64_t deadline = clock_mono_ns() + (int64_t)seconds * 1000000000;
    if (!n)
        return;
    if (n->api)
        api_drain(n->api);
    if (n->server)
        http_stop(n->server, deadline - 1000000000); /* the last second is for the engine */
    if (n->api)
        api_free(n->api);
    if (n->server)
        http_free(n->server);
    if (n->engine)
        engine_close(n->engine, deadline);
    strbuf_release(&n->tmp_dir);
    free(n);
}

#include "main/node.h"
#include "api/api.h"
#include "base/arena.h"
#include "base/clock.h"
#include "http/http.h"
#include "main/settings.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static struct api_options api_settings(const struct config *c, const char *tmp_dir)
{
    const char *key = config_str(c, "server.admin_key");
    unsigned alias_count;
    const char *const *aliases = config_list(c, "server.model_aliases", &alias_count);
    return (struct api_options){
        .workers = (unsigned)config_int(c, "server.workers"),
        .admin_key = key[0] ? key : NULL,
        .tmp_dir = tmp_dir,
        .model_aliases = aliases,
        .alias_count = alias_count,
#ifdef AKIN_COMMIT
        .commit = AKIN_COMMIT,
#endif
    };
}

static enum err listen_at(struct node *n, const struct config *c, const char *address,
                          uint16_t port, struct err_info *e)
{
    unsigned host_count;
    const char *const *hosts = config_list(c, "server.hosts", &host_count);
    struct http_options o = {
        .address = strcmp(address, "localhost") == 0 ? "127.0.0.1" : address,
        .port = port,
        .threads = (unsigned)config_int(c, "server.threads"),
        .connections_max = (unsigned)config_int(c, "server.connections_max"),
        .in_flight_max = (unsigned)config_int(c, "server.in_flight_max"),
        .body_bytes_max = (size_t)config_int(c, "server.body_bytes_max"),
        .deadline_ms = (unsigned)config_int(c, "server.deadline_ms"),
        .hosts = hosts,
        .host_count = host_count,
    };
    struct http_handler handler;
    api_handler(n->api, &handler);
    enum err rc = http_open(&o, &handler, &n->server, e);
    if (rc != ERR_OK)
        return rc;
    bool v6 = strchr(o.address, ':') != NULL;
    snprintf(n->url, sizeof(n->url), "http://%s%s%s:%u", v6 ? "[" : "", o.address, v6 ? "]" : "",
             (unsigned)http_port(n->server));
    return engine_set_address(n->engine, n->url, e);
}

enum err node_open(const struct config *c, const char *address, uint16_t port, struct node **out,
                   struct err_info *e)
{
    struct strbuf model_dir;
    struct remote_options remote;
    struct engine_options o;
    struct node *n = xcalloc(1, sizeof(*n));
    strbuf_init(&model_dir, 0);
    strbuf_init(&n->tmp_dir, 0);
    strbuf_printf(&n->tmp_dir, "%s/tmp", config_str(c, "data.dir"));
    enum err rc = ERR_OK;
    if (!is_loopback(address) && !config_str(c, "server.admin_key")[0])
        rc = err_set(e, ERR_INVALID, "server.address",
                     "%s is reachable from other machines: set server.admin_key first, or listen "
                     "on 127.0.0.1",
                     address);
    if (rc == ERR_OK)
        rc = settings_engine(c, &model_dir, &remote, &o, e);
    if (rc == ERR_OK)
        rc = engine_open(&o, &n->engine, e);
    if (rc == ERR_OK) {
        struct api_options ao = api_settings(c, n->tmp_dir.buf);
        n->api = api_new(n->engine, &ao);
        rc = listen_at(n, c, address, port, e);
    }
    strbuf_release(&model_dir);
    if (rc != ERR_OK) {
        node_close(n, 1);
        return rc;
    }
    *out = n;
    return ERR_OK;
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

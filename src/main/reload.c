#include "main/reload.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "main/settings.h"
#include <stdlib.h>
#include <string.h>

struct reloader {
    struct node *node;
    const struct args *args;
    reload_load *load;
    const struct config *first; /* what cannot change is as it was at the start */
    struct config *latest;      /* NULL: first */
    struct counter *taken, *refused;
    struct gauge *when;
};

struct reloader *reload_new(struct node *n, const struct config *c, const struct args *a,
                            reload_load *load)
{
    struct reloader *r = xcalloc(1, sizeof *r);
    struct counter_family *outcomes = counter_family(
        "config_reload_total", "Readings of the settings while the server worked.", "outcome");
    *r = (struct reloader){.node = n, .args = a, .load = load, .first = c};
    r->taken = counter_of(outcomes, (const char *const[]){"ok"});
    r->refused = counter_of(outcomes, (const char *const[]){"failed"});
    r->when =
        gauge_of(gauge_family("config_last_reload_success_timestamp_seconds",
                              "When the settings in force were read, seconds since 1970.", NULL),
                 NULL);
    gauge_set(r->when, (double)(clock_wall_us() / 1000000));
    return r;
}

void reload_free(struct reloader *r)
{
    if (!r)
        return;
    config_free(r->latest);
    free(r);
}

const struct config *reload_config(const struct reloader *r)
{
    return r->latest ? r->latest : r->first;
}

static void fixed_name(const struct reloader *r, const struct config *c)
{
    for (unsigned i = 0; i < config_count(c); i++) {
        const char *key = config_key(c, i);
        if (!settings_live(key) && !config_same(c, r->first, key))
            log_event(LOG_WARN, "a setting has changed that is taken only at a start",
                      LOG_S("setting", key));
    }
}

static void refuse(struct reloader *r, const struct err_info *e)
{
    counter_add(r->refused, 1);
    log_event(LOG_ERROR, "the settings are not taken, those in force stay",
              LOG_S("setting", e->field), LOG_S("error", e->message));
}

void reload_run(struct reloader *r)
{
    struct err_info e = {0};
    struct config *c = NULL;
    enum err rc = r->load(r->args, &c, &e);
    if (rc == ERR_OK)
        rc = node_configure(r->node, c, &e);
    if (rc != ERR_OK) {
        refuse(r, &e);
        config_free(c);
        return;
    }
    settings_log_apply(c, false);
    fixed_name(r, c);
    config_free(r->latest);
    r->latest = c;
    counter_add(r->taken, 1);
    gauge_set(r->when, (double)(clock_wall_us() / 1000000));
    log_event(LOG_INFO, "settings read", LOG_I("settings", config_count(c)));
}

#include "base/log.h"
#include "main/node.h"
#include "main/reload.h"
#include "main/settings.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static const struct command_option options[] = {
    {"--port", 'p', "PORT", "TCP port (default 8000; 0: any free one)"},
    {"--address", 0, "ADDRESS", "address to listen on (default 127.0.0.1)"},
    OPTIONS_LISTEN,
    OPTION_MODEL,
    OPTIONS_DATA,
    {0},
};

/* Signals are blocked in every thread; this one takes them, and looks after files that change. The
 * second one does not wait any more. */
static void wait_for_stop(const sigset_t *signals, struct node *n, struct reloader *r)
{
    static const struct timespec second = {.tv_sec = 1};
    int number = 0;
    while (number != SIGTERM && number != SIGINT) {
        number = sigtimedwait(signals, NULL, &second);
        if (number < 0 && errno != EAGAIN && errno != EINTR)
            break;
        if (number == SIGHUP)
            reload_run(r);
        else if (number < 0)
            node_certificate_check(n);
    }
    log_event(LOG_INFO, "stopping", LOG_S("signal", number == SIGTERM ? "SIGTERM" : "SIGINT"));
    sigset_t rest;
    sigemptyset(&rest);
    sigaddset(&rest, SIGINT);
    pthread_sigmask(SIG_UNBLOCK, &rest, NULL);
}

static enum err flag(struct config *c, const struct args *a, const char *option, const char *key,
                     struct err_info *e)
{
    const char *value = args_get(a, option);
    return value ? config_set_flag(c, key, value, e) : ERR_OK;
}

static enum err load(const struct args *a, struct config **out, struct err_info *e)
{
    struct config *c = NULL;
    enum err rc = settings_load(a, &c, e);
    if (rc == ERR_OK)
        rc = flag(c, a, "--port", "server.port", e);
    if (rc == ERR_OK)
        rc = flag(c, a, "--address", "server.address", e);
    if (rc == ERR_OK && args_has(a, "--tls-at-proxy"))
        rc = config_set_flag(c, "server.tls_at_proxy", "true", e);
    if (rc == ERR_OK && args_has(a, "--insecure"))
        rc = config_set_flag(c, "server.insecure", "true", e);
    if (rc == ERR_OK)
        *out = c;
    else
        config_free(c);
    return rc;
}

static int run(const struct args *a)
{
    struct err_info e = {0};
    struct reloader *reloader = NULL;
    struct config *c = NULL;
    struct node *n = NULL;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before any thread starts */

    if (a->word_count)
        return command_wrong(&command_serve, "takes no argument \"%s\"", a->words[0]);
    enum err rc = load(a, &c, &e);
    if (rc == ERR_OK) {
        settings_log(c, false);
        rc = node_open(c, &n, &e);
    }
    if (rc == ERR_OK) {
        printf("listening on %s\n", node_url(n));
        fflush(stdout);
        reloader = reload_new(n, c, a, load);
        wait_for_stop(&signals, n, reloader);
        node_close(n, (unsigned)config_int(reload_config(reloader), "server.stop_seconds"));
    }
    reload_free(reloader);
    config_free(c);
    return rc == ERR_OK ? 0 : command_fail(&e, 1);
}

const struct command command_serve = {
    .name = "serve",
    .summary = "answer over HTTP until stopped",
    .usage = "akin serve [options]",
    .text =
        "Listens on 127.0.0.1:8000. SIGTERM or Ctrl-C: what is in flight ends, indexes are "
        "saved, within 5 seconds.\n"
        "https: --set server.tls.certificate=FILE --set server.tls.key=FILE; both are taken anew "
        "on SIGHUP and when they change.\n"
        "SIGHUP also reads the settings again; what is taken only at a start is named in the log.\n"
        "Beyond 127.0.0.1 akin wants a key and TLS.\n"
        "With --set embed.provider=openai an OpenAI-compatible endpoint embeds: --model is the "
        "model's name there, OPENAI_API_KEY\nand OPENAI_BASE_URL (or embed.api_key, "
        "embed.base_url) the way to it.",
    .example = "  akin serve --data ./news --port 8000\n"
               "  curl -s 'localhost:8000/v1/collections'\n",
    .options = options,
    .run = run,
};

#include "main/settings.h"
#include "base/file.h"
#include "base/log.h"
#include "base/metrics.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char settings_default_model[] = "all-MiniLM-L6-v2";

static const struct setting table[] = {
    {"auth.required", SETTING_ENUM, "auto", 0, 0, "auto|always", false,
     "auto: keys are asked for unless only this machine reaches the server and no "
     "server.admin_key is set"},
    {"data.dir", SETTING_STRING, ".akin", 0, 0, NULL, false, "where everything is kept"},
    {"embed.api_key", SETTING_STRING, "", 0, 0, NULL, true,
     "of the provider; with openai also OPENAI_API_KEY"},
    {"embed.base_url", SETTING_STRING, REMOTE_BASE_URL, 0, 0, NULL, false,
     "of the provider, in front of /embeddings; with openai also OPENAI_BASE_URL"},
    {"embed.batch_size", SETTING_INT, "32", 1, 2048, NULL, false,
     "texts in one request to the provider"},
    {"embed.cache_bytes", SETTING_INT, "16777216", 0, 1e12, NULL, false,
     "of vectors kept in memory, of texts that were embedded for a request; 0: none"},
    {"embed.concurrency", SETTING_INT, "4", 1, 64, NULL, false,
     "requests to the provider at a time; queries aside"},
    {"embed.dimensions", SETTING_INT, "0", 0, 16384, NULL, false,
     "of the provider's vectors; 0: asked for once and remembered"},
    {"embed.model", SETTING_STRING, "all-MiniLM-L6-v2", 0, 0, NULL, false,
     "a name under DATA/models, or a Hugging Face directory; with openai its name there"},
    {"embed.precision", SETTING_ENUM, "auto", 0, 0, "auto|fp32|bf16|int8", false,
     "of the products; auto: the fastest faithful one of this CPU"},
    {"embed.provider", SETTING_ENUM, "local", 0, 0, "local|openai", false,
     "who embeds: this machine, or an OpenAI-compatible endpoint"},
    {"embed.queue_tokens", SETTING_INT, "0", 0, 1e9, NULL, false,
     "tokens that may wait, then 503; 0: 262,144"},
    {"embed.threads", SETTING_INT, "0", 0, 256, NULL, false, "computing threads; 0: one a core"},
    {"embed.timeout_ms", SETTING_INT, "10000", 100, 600000, NULL, false,
     "of one request to the provider, milliseconds; of a query at most 5,000"},
    {"embed.tokens_max", SETTING_INT, "8191", 32, 1000000, NULL, false,
     "of a text that the provider takes, estimated"},
    {"events.workers", SETTING_INT, "3", 1, 64, NULL, false, "threads that run event handlers"},
    {"index.recall_target", SETTING_FLOAT, "0.98", RECALL_TARGET_MIN, RECALL_TARGET_MAX, NULL,
     false, "share of the true answer that searches among vectors have; their width follows"},
    {"index.snapshot_seconds", SETTING_INT, "60", 1, 86400, NULL, false,
     "indexes are saved at most this often"},
    {"ingest.workers", SETTING_INT, "0", 0, 256, NULL, false,
     "parsing and splitting threads of an import; 0: one a core"},
    {"log.format", SETTING_ENUM, "auto", 0, 0, "auto|json|text", false,
     "auto: text on a terminal, JSON lines elsewhere"},
    {"log.level", SETTING_ENUM, "info", 0, 0, "debug|info|warn|error", false, "what is logged"},
    {"metrics.prefix", SETTING_STRING, "akin_", 0, 0, NULL, false, "in front of metric names"},
    {"limits.address", SETTING_STRING, "", 0, 0, NULL, false,
     "requests of one address, as 100/s, 6000/m or 1000/h burst 50; empty: any number"},
    {"limits.key", SETTING_STRING, "", 0, 0, NULL, false,
     "requests of one key, with those that it made"},
    {"limits.tokens", SETTING_STRING, "", 0, 0, NULL, false,
     "embedding tokens of one key, or of one address without a key, as 1000000/h"},
    {"limits.user", SETTING_STRING, "", 0, 0, NULL, false,
     "requests for one reader, who is named in them"},
    {"outbound.allow", SETTING_LIST, "", 0, 0, NULL, false,
     "addresses, prefixes and hosts (10.1.0.0/16, hooks.lan, *.lan) beyond the public internet "
     "that "
     "redirects of a model's hub may lead to"},
    {"server.address", SETTING_STRING, "127.0.0.1", 0, 0, NULL, false, "address to listen on"},
    {"server.admin_key", SETTING_STRING, "", 0, 0, NULL, true,
     "an administrator's key besides those that are made; if set, keys are always asked for"},
    {"server.body_bytes_max", SETTING_INT, "10485760", 1024, 1073741824, NULL, false,
     "of a request body; bulk streams are not bounded"},
    {"server.compression", SETTING_BOOL, "true", 0, 0, NULL, false,
     "answers of 1 KiB and more are compressed for clients that take gzip or zstd"},
    {"server.connections_max", SETTING_INT, "8192", 1, 65536, NULL, false, "open connections"},
    {"server.connections_per_address", SETTING_INT, "0", 0, 65536, NULL, false,
     "of them of one client, this machine and server.trusted_proxies aside; 0: a quarter"},
    {"server.cors.origins", SETTING_LIST, "", 0, 0, NULL, false,
     "web pages that may ask, like https://app.example.com, or * for all"},
    {"server.deadline_ms", SETTING_INT, "30000", 100, 3600000, NULL, false,
     "of a whole request, milliseconds; streams aside"},
    {"server.forwarded", SETTING_ENUM, "x-forwarded-for", 0, 0, "x-forwarded-for|forwarded", false,
     "the header in which server.trusted_proxies name the client"},
    {"server.header_ms", SETTING_INT, "10000", 100, 600000, NULL, false,
     "of TLS handshake and request head, milliseconds"},
    {"server.hosts", SETTING_LIST, "", 0, 0, NULL, false,
     "further names that the Host header may carry"},
    {"server.idempotency_hours", SETTING_INT, "24", 1, 720, NULL, false,
     "how long an Idempotency-Key of a POST is known, and its answer kept"},
    {"server.in_flight_max", SETTING_INT, "256", 1, 65536, NULL, false,
     "requests being worked on, then 503"},
    {"server.insecure", SETTING_BOOL, "false", 0, 0, NULL, false,
     "other machines may be answered without a key and without TLS"},
    {"server.model_aliases", SETTING_LIST,
     "text-embedding-3-small,text-embedding-3-large,text-embedding-ada-002", 0, 0, NULL, false,
     "further names of models: NAME (the default model) or NAME=MODEL"},
    {"server.port", SETTING_INT, "8000", 0, 65535, NULL, false, "TCP port; 0: any free one"},
    {"server.stop_seconds", SETTING_INT, "5", 1, 600, NULL, false, "for a graceful stop"},
    {"server.tls.certificate", SETTING_STRING, "", 0, 0, NULL, false,
     "PEM file: the server's certificate, then those that lead to its authority; empty: plain "
     "HTTP"},
    {"server.tls.client_ca", SETTING_STRING, "", 0, 0, NULL, false,
     "PEM file: authority whose certificates clients must show (mutual TLS)"},
    {"server.tls.key", SETTING_STRING, "", 0, 0, NULL, false,
     "PEM file: key of the certificate, readable by akin alone; taken anew when it changes"},
    {"server.tls_at_proxy", SETTING_BOOL, "false", 0, 0, NULL, false,
     "TLS ends at one of server.trusted_proxies in front of akin"},
    {"server.trusted_proxies", SETTING_LIST, "", 0, 0, NULL, false,
     "addresses and prefixes whose word for the client's address counts (X-Forwarded-For)"},
    {"server.threads", SETTING_INT, "2", 1, 64, NULL, false, "connection loops"},
    {"server.workers", SETTING_INT, "0", 0, 256, NULL, false,
     "threads that serve requests; 0: two a core, at least 4"},
    {"store.embedding_cache_bytes", SETTING_INT, "268435456", 0, 1e15, NULL, false,
     "of vectors kept in the database, so that the same passage is embedded once; 0: none"},
    {"store.readers", SETTING_INT, "4", 1, 64, NULL, false, "database connections for reading"},
    {"store.slow_ms", SETTING_INT, "100", 1, 3600000, NULL, false,
     "statements over this are logged"},
    {"train.check_seconds", SETTING_INT, "60", 0, 86400, NULL, false,
     "how often it is seen whether a collection is due for a training; 0: never by itself"},
    {"train.memory_bytes", SETTING_INT, "0", 0, 1e13, NULL, false,
     "of a training at most; 0: half of what there is, 4 GiB at most"},
    {"train.threads", SETTING_INT, "0", 0, 1024, NULL, false,
     "computing threads of a training, at nice 10; 0: one a core"},
};

static enum err set_pair(struct config *c, const char *pair, struct err_info *e)
{
    const char *equals = strchr(pair, '=');
    if (!equals)
        return err_set(e, ERR_INVALID, "--set", "--set wants KEY=VALUE, not \"%s\"", pair);
    struct str key = str_dup((struct str){pair, (size_t)(equals - pair)});
    enum err rc = config_set_flag(c, key.s, equals + 1, e);
    free((char *)key.s);
    return rc;
}

static enum err read_file(struct config *c, const char *path, struct err_info *e)
{
    if (!path)
        path = getenv("AKIN_CONFIG");
    if (path)
        return config_read_yaml(c, path, e);
    return file_exists("akin.yaml") ? config_read_yaml(c, "akin.yaml", e) : ERR_OK;
}

/* The provider's own variables count only when it is chosen, and behind akin's own settings. */
static enum err provider_env(struct config *c, struct err_info *e)
{
    const char *key = getenv("OPENAI_API_KEY"), *url = getenv("OPENAI_BASE_URL");
    enum err rc = ERR_OK;
    if (key && key[0])
        rc = config_set_fallback(c, "embed.api_key", key, "environment OPENAI_API_KEY", e);
    if (rc == ERR_OK && url && url[0])
        rc = config_set_fallback(c, "embed.base_url", url, "environment OPENAI_BASE_URL", e);
    return rc;
}

enum err settings_load(const struct args *a, struct config **out, struct err_info *e)
{
    struct config *c = config_new(table, sizeof(table) / sizeof(table[0]));
    const char *const *pairs;
    unsigned count = args_all(a, "--set", &pairs);
    enum err rc = read_file(c, args_get(a, "--config"), e);
    if (rc == ERR_OK)
        rc = config_read_env(c, environ, e);
    if (rc == ERR_OK && getenv("AKIN_DATA"))
        rc = config_set_flag(c, "data.dir", getenv("AKIN_DATA"), e);
    for (unsigned i = 0; rc == ERR_OK && i < count; i++)
        rc = set_pair(c, pairs[i], e);
    if (rc == ERR_OK && args_get(a, "--data"))
        rc = config_set_flag(c, "data.dir", args_get(a, "--data"), e);
    if (rc == ERR_OK && args_get(a, "--model"))
        rc = config_set_flag(c, "embed.model", args_get(a, "--model"), e);
    if (rc == ERR_OK && settings_provider(c))
        rc = provider_env(c, e);
    struct outbound_rules *outbound = NULL;
    if (rc == ERR_OK)
        rc = settings_outbound(c, &outbound, e);
    outbound_rules_free(outbound);
    if (rc != ERR_OK) {
        config_free(c);
        return rc;
    }
    *out = c;
    return ERR_OK;
}

enum err settings_outbound(const struct config *c, struct outbound_rules **out, struct err_info *e)
{
    unsigned count;
    const char *const *allow = config_list(c, "outbound.allow", &count);
    return outbound_rules_new(allow, count, "outbound.allow", out, e);
}

bool settings_provider(const struct config *c)
{
    return strcmp(config_str(c, "embed.provider"), "openai") == 0;
}

enum err settings_remote(const struct config *c, struct remote_options *out, struct err_info *e)
{
    if (strcmp(config_origin(c, "embed.model"), "default") == 0)
        return err_set(e, ERR_INVALID, "embed.model",
                       "embed.provider is openai: set embed.model to the model's name there, like "
                       "text-embedding-3-small");
    *out = (struct remote_options){
        .base_url = config_str(c, "embed.base_url"),
        .model = config_str(c, "embed.model"),
        .api_key = config_str(c, "embed.api_key"),
        .dims = (unsigned)config_int(c, "embed.dimensions"),
        .tokens_max = (unsigned)config_int(c, "embed.tokens_max"),
        .timeout_ms = (unsigned)config_int(c, "embed.timeout_ms"),
        .batch_size = (unsigned)config_int(c, "embed.batch_size"),
        .concurrency = (unsigned)config_int(c, "embed.concurrency"),
    };
    return ERR_OK;
}

enum err settings_model_dir(const struct config *c, const char *name, struct strbuf *out,
                            struct err_info *e)
{
    strbuf_clear(out);
    if (strcmp(name, "stub") == 0 || (strchr(name, '/') && file_is_dir(name))) {
        strbuf_add_c(out, name);
        return ERR_OK;
    }
    strbuf_printf(out, "%s/models/%s", config_str(c, "data.dir"), name);
    if (file_is_dir(out->buf))
        return ERR_OK;
    return err_set(e, ERR_NOT_FOUND, "embed.model",
                   "there is no model \"%s\" in %s/models; get it with `./dev model` or `akin "
                   "model pull %s --from SOURCE`",
                   name, config_str(c, "data.dir"), name);
}

static uint64_t bytes_or_none(const struct config *c, const char *key)
{
    int64_t bytes = config_int(c, key);
    return bytes > 0 ? (uint64_t)bytes : EMBED_CACHE_NONE;
}

enum err settings_engine(const struct config *c, struct strbuf *model_dir,
                         struct remote_options *remote, struct engine_options *out,
                         struct err_info *e)
{
    bool provider = settings_provider(c);
    enum err rc = provider ? settings_remote(c, remote, e)
                           : settings_model_dir(c, config_str(c, "embed.model"), model_dir, e);
    if (rc != ERR_OK)
        return rc;
    *out = (struct engine_options){
        .data_dir = config_str(c, "data.dir"),
        .model_dir = model_dir->buf,
        .remote = provider ? remote : NULL,
        .precision = config_str(c, "embed.precision"),
        .embed_threads = (unsigned)config_int(c, "embed.threads"),
        .ingest_workers = (unsigned)config_int(c, "ingest.workers"),
        .embed_queue_tokens = (size_t)config_int(c, "embed.queue_tokens"),
        .embed_cache_bytes = (size_t)bytes_or_none(c, "embed.cache_bytes"),
        .store_cache_bytes = bytes_or_none(c, "store.embedding_cache_bytes"),
        .event_workers = (unsigned)config_int(c, "events.workers"),
        .store_readers = (unsigned)config_int(c, "store.readers"),
        .slow_ms = (unsigned)config_int(c, "store.slow_ms"),
        .snapshot_seconds = (unsigned)config_int(c, "index.snapshot_seconds"),
        .train_memory_bytes = (uint64_t)config_int(c, "train.memory_bytes"),
        .train_threads = (unsigned)config_int(c, "train.threads"),
        .train_check_seconds = (unsigned)config_int(c, "train.check_seconds"),
        .recall_target = config_float(c, "index.recall_target"),
        .repeat_hours = (unsigned)config_int(c, "server.idempotency_hours"),
    };
    return ERR_OK;
}

bool settings_live(const char *key)
{
    static const char *const live[] = {
        "auth.required",
        "limits.address",
        "limits.key",
        "limits.tokens",
        "limits.user",
        "log.format",
        "log.level",
        "server.admin_key",
        "server.body_bytes_max",
        "server.compression",
        "server.connections_max",
        "server.connections_per_address",
        "server.cors.origins",
        "server.deadline_ms",
        "server.forwarded",
        "server.header_ms",
        "server.hosts",
        "server.in_flight_max",
        "server.insecure",
        "server.stop_seconds",
        "server.tls.certificate",
        "server.tls.client_ca",
        "server.tls.key",
        "server.tls_at_proxy",
        "server.trusted_proxies",
    };
    for (size_t i = 0; i < sizeof(live) / sizeof(live[0]); i++)
        if (strcmp(key, live[i]) == 0)
            return true;
    return false;
}

void settings_log_apply(const struct config *c, bool quiet)
{
    enum log_level level = LOG_INFO;
    const char *format = config_str(c, "log.format");
    if (log_level_parse(str_c(config_str(c, "log.level")), &level) != ERR_OK)
        level = LOG_INFO;
    if (quiet && level < LOG_WARN)
        level = LOG_WARN; /* a command's own output is what its user wants to see */
    log_open(2, level,
             strcmp(format, "json") == 0   ? LOG_JSON
             : strcmp(format, "text") == 0 ? LOG_TEXT
                                           : LOG_AUTO);
}

void settings_log(const struct config *c, bool quiet)
{
    settings_log_apply(c, quiet);
    metrics_prefix(config_str(c, "metrics.prefix"));
}

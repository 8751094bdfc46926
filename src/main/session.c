#include "main/session.h"
#include "engine/keys.h"
#include "base/file.h"
#include "main/node.h"
#include "main/settings.h"
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

struct session {
    struct config *config;
    struct arena *arena;
    struct node *node; /* our own, if no server holds the data */
    CURL *curl;
    struct curl_slist *headers;
    char *key_header;
    char error[CURL_ERROR_SIZE];
    const char *url;
    const char *ca, *client_cert; /* PEM files or NULL */
    bool held;                    /* url is of the server that holds our data directory */
};

static const char *option_or_env(const struct args *a, const char *option, const char *variable)
{
    return args_get(a, option) ? args_get(a, option) : getenv(variable);
}

static enum err choose_url(struct session *s, const struct args *a, struct err_info *e)
{
    struct str held;
    s->url = option_or_env(a, "--url", "AKIN_URL");
    if (s->url && (args_get(a, "--url") || !args_get(a, "--data")))
        return ERR_OK;
    if (engine_address(config_str(s->config, "data.dir"), s->arena, &held, NULL) == ERR_OK) {
        s->url = held.s;
        s->held = true;
        return ERR_OK;
    }
    enum err rc = node_open_private(s->config, &s->node, e);
    if (rc == ERR_OK)
        s->url = node_url(s->node);
    return rc;
}

/* The server of our own directory listens at an address of this machine, of which its certificate
 * may say nothing: that it shows exactly the configured one is enough. */
static void choose_trust(struct session *s, const struct args *a)
{
    const char *own = config_str(s->config, "server.tls.certificate");
    s->ca = option_or_env(a, "--ca", "AKIN_CA");
    s->client_cert = option_or_env(a, "--client-cert", "AKIN_CLIENT_CERT");
    s->held = s->held && !s->ca && own[0];
    if (s->held)
        s->ca = own;
}

/* That of the data directory goes to nobody but who serves that directory. */
static const char *key_of_file(struct session *s)
{
    const char *path = arena_printf(s->arena, "%s/" KEY_FILE, config_str(s->config, "data.dir"));
    char *text;
    size_t n;
    if (!file_exists(path) || file_read_all(path, 4096, &text, &n, NULL))
        return NULL;
    const char *key = arena_str(s->arena, str_trim((struct str){text, n})).s;
    free(text);
    return key[0] ? key : NULL;
}

static void choose_key(struct session *s, const struct args *a, bool own_data)
{
    const char *key = option_or_env(a, "--key", "AKIN_KEY");
    if (!key && config_str(s->config, "server.admin_key")[0])
        key = config_str(s->config, "server.admin_key");
    if (!key && own_data)
        key = key_of_file(s);
    if (key && key[0])
        s->key_header = arena_printf(s->arena, "Authorization: Bearer %s", key);
}

enum err session_open(const struct args *a, struct session **out, struct err_info *e)
{
    struct session *s = xcalloc(1, sizeof(*s));
    s->arena = arena_new(0);
    enum err rc = settings_load(a, &s->config, e);
    if (rc == ERR_OK) {
        settings_log(s->config, true);
        rc = choose_url(s, a, e);
    }
    if (rc != ERR_OK) {
        session_close(s);
        return rc;
    }
    bool own_data = s->held || s->node;
    choose_trust(s, a);
    choose_key(s, a, own_data);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    s->curl = curl_easy_init();
    *out = s;
    return ERR_OK;
}

void session_close(struct session *s)
{
    if (!s)
        return;
    if (s->curl)
        curl_easy_cleanup(s->curl);
    curl_slist_free_all(s->headers);
    node_close(s->node, 10);
    config_free(s->config);
    arena_free(s->arena);
    free(s);
}

struct arena *session_arena(struct session *s)
{
    return s->arena;
}

static void header(struct session *s, const char *text)
{
    s->headers = curl_slist_append(s->headers, text);
}

static void trust(struct session *s)
{
    if (s->ca)
        curl_easy_setopt(s->curl, CURLOPT_CAINFO, s->ca);
    if (s->held)
        curl_easy_setopt(s->curl, CURLOPT_SSL_VERIFYHOST, 0L);
    if (!s->client_cert)
        return;
    curl_easy_setopt(s->curl, CURLOPT_SSLCERT, s->client_cert);
    curl_easy_setopt(s->curl, CURLOPT_SSLKEY, s->client_cert);
}

static void prepare(struct session *s, const char *method, const char *path, const char *type)
{
    curl_easy_reset(s->curl);
    curl_slist_free_all(s->headers);
    s->headers = NULL;
    header(s, "Expect:");
    if (s->key_header)
        header(s, s->key_header);
    if (type)
        header(s, arena_printf(s->arena, "Content-Type: %s", type));
    curl_easy_setopt(s->curl, CURLOPT_URL, arena_printf(s->arena, "%s%s", s->url, path));
    curl_easy_setopt(s->curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, s->headers);
    curl_easy_setopt(s->curl, CURLOPT_ERRORBUFFER, s->error);
    curl_easy_setopt(s->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(s->curl, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
    trust(s);
    curl_easy_setopt(s->curl, CURLOPT_PROXY, ""); /* our own server is never behind one */
}

static enum err status_error(long status)
{
    switch (status) {
    case 400:
        return ERR_SYNTAX;
    case 401:
        return ERR_UNAUTHENTICATED;
    case 403:
        return ERR_DENIED;
    case 404:
        return ERR_NOT_FOUND;
    case 409:
        return ERR_CONFLICT;
    case 413:
        return ERR_TOO_LARGE;
    case 422:
        return ERR_INVALID;
    case 503:
        return ERR_BUSY;
    case 507:
        return ERR_FULL;
    default:
        return ERR_IO;
    }
}

/* The problem document's first error, or its detail. */
static enum err problem(long status, struct str body, struct err_info *e)
{
    json_t *v = NULL;
    if (json_parse(body, &v, NULL) != ERR_OK)
        return err_set(e, status_error(status), NULL, "the server answered %ld", status);
    const json_t *first = json_array_get(json_object_get(v, "errors"), 0);
    const char *detail = json_string_value(json_object_get(first, "detail"));
    const char *pointer = json_string_value(json_object_get(first, "pointer"));
    if (!detail)
        detail = json_string_value(json_object_get(v, "detail"));
    err_set(e, status_error(status), pointer, "%s",
            detail ? detail : "the server refused the request");
    json_decref(v);
    return status_error(status);
}

static size_t collect(char *data, size_t size, size_t n, void *ctx)
{
    strbuf_add(ctx, data, size * n);
    return size * n;
}

static enum err perform(struct session *s, long *status, struct err_info *e)
{
    s->error[0] = 0;
    CURLcode rc = curl_easy_perform(s->curl);
    if (rc != CURLE_OK)
        return err_set(e, ERR_UNAVAILABLE, NULL, "no answer from %s: %s", s->url,
                       s->error[0] ? s->error : curl_easy_strerror(rc));
    curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, status);
    return ERR_OK;
}

enum err session_call(struct session *s, const char *method, const char *path, const char *type,
                      const struct str *body, json_t **answer, struct err_info *e)
{
    struct strbuf got;
    long status = 0;
    strbuf_init(&got, (size_t)1 << 30);
    prepare(s, method, path, type);
    if (body) {
        curl_easy_setopt(s->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->n);
        curl_easy_setopt(s->curl, CURLOPT_POSTFIELDS, body->s);
    }
    curl_easy_setopt(s->curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(s->curl, CURLOPT_WRITEDATA, &got);
    enum err rc = perform(s, &status, e);
    if (rc == ERR_OK && (status < 200 || status > 299))
        rc = problem(status, strbuf_str(&got), e);
    if (rc == ERR_OK && answer)
        rc = got.n ? json_parse_within(strbuf_str(&got), (size_t)256 << 20, answer, e) : ERR_OK;
    strbuf_release(&got);
    return rc;
}

/* ---- answers of many lines ---- */

#define LINE_BYTES_MAX (128u << 20)

struct lines {
    struct session *s;
    struct strbuf pending; /* of a line, or the whole body of a refusal */
    bool (*line)(void *ctx, struct str line);
    void *ctx;
    bool ended;
};

static size_t lines_piece(char *data, size_t size, size_t n, void *ctx)
{
    struct lines *l = ctx;
    size_t left = size * n;
    long status = 0;
    curl_easy_getinfo(l->s->curl, CURLINFO_RESPONSE_CODE, &status);
    for (char *end; status == 200 && (end = memchr(data, '\n', left));
         left -= (size_t)(end + 1 - data), data = end + 1) {
        strbuf_add(&l->pending, data, (size_t)(end - data));
        l->ended = !l->line(l->ctx, strbuf_str(&l->pending));
        strbuf_clear(&l->pending);
        if (l->ended)
            return 0;
    }
    strbuf_add(&l->pending, data, left);
    return l->pending.failed ? 0 : size * n;
}

/* Of a prepared request. */
static enum err lines_perform(struct session *s, bool (*line)(void *ctx, struct str line),
                              void *ctx, struct err_info *e)
{
    struct lines l = {.s = s, .line = line, .ctx = ctx};
    long status = 0;
    strbuf_init(&l.pending, LINE_BYTES_MAX);
    curl_easy_setopt(s->curl, CURLOPT_WRITEFUNCTION, lines_piece);
    curl_easy_setopt(s->curl, CURLOPT_WRITEDATA, &l);
    enum err rc = perform(s, &status, e);
    if (l.ended)
        rc = err_set(e, ERR_CANCELLED, NULL, "it was ended here");
    else if (rc == ERR_OK && status != 200)
        rc = problem(status, strbuf_str(&l.pending), e);
    strbuf_release(&l.pending);
    return rc;
}

struct upload {
    size_t (*read)(void *ctx, char *buf, size_t size);
    void *ctx;
};

static size_t give(char *buf, size_t size, size_t n, void *ctx)
{
    struct upload *u = ctx;
    return u->read(u->ctx, buf, size * n);
}

enum err session_stream(struct session *s, const char *path,
                        size_t (*read)(void *ctx, char *buf, size_t size),
                        bool (*line)(void *ctx, struct str line), void *ctx, struct err_info *e)
{
    struct upload upload = {read, ctx};
    prepare(s, "POST", path, "application/x-ndjson");
    header(s, "Transfer-Encoding: chunked");
    curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, s->headers);
    curl_easy_setopt(s->curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(s->curl, CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10);
    curl_easy_setopt(s->curl, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(s->curl, CURLOPT_READDATA, &upload);
    return lines_perform(s, line, ctx, e);
}

struct position_reader {
    struct arena *arena;
    struct str position;
};

static size_t position_take(char *data, size_t size, size_t n, void *ctx)
{
    static const char name[] = "akin-position:";
    struct position_reader *r = ctx;
    if (size * n >= sizeof name && strncasecmp(data, name, sizeof name - 1) == 0)
        r->position = arena_str(
            r->arena, str_trim((struct str){data + sizeof name - 1, size * n - sizeof name + 1}));
    return size * n;
}

enum err session_lines(struct session *s, const char *path,
                       bool (*line)(void *ctx, struct str line), void *ctx, struct str *position,
                       struct err_info *e)
{
    struct position_reader r = {s->arena, STR("")};
    prepare(s, "GET", path, NULL);
    curl_easy_setopt(s->curl, CURLOPT_HEADERFUNCTION, position_take);
    curl_easy_setopt(s->curl, CURLOPT_HEADERDATA, &r);
    enum err rc = lines_perform(s, line, ctx, e);
    *position = r.position;
    return rc;
}

const char *session_encode(struct session *s, struct str raw)
{
    static const char hex[] = "0123456789ABCDEF";
    char *out = arena_alloc(s->arena, raw.n * 3 + 1), *p = out;
    for (size_t i = 0; i < raw.n; i++) {
        unsigned char c = (unsigned char)raw.s[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            (c && strchr("-_.~", c))) {
            *p++ = (char)c;
            continue;
        }
        *p++ = '%';
        *p++ = hex[c >> 4];
        *p++ = hex[c & 15];
    }
    *p = 0;
    return out;
}

enum err session_collection(struct session *s, const struct args *a, const char **out,
                            struct err_info *e)
{
    json_t *answer = NULL;
    if (args_get(a, "--collection")) {
        *out = session_encode(s, str_c(args_get(a, "--collection")));
        return ERR_OK;
    }
    enum err rc = session_call(s, "GET", "/v1/collections", NULL, NULL, &answer, e);
    if (rc != ERR_OK)
        return rc;
    const json_t *list = json_object_get(answer, "data");
    if (json_array_size(list) == 1)
        *out = arena_strdup(s->arena,
                            json_string_value(json_object_get(json_array_get(list, 0), "name")));
    else
        rc = err_set(e, ERR_INVALID, "--collection",
                     "there are %zu collections; name one with -c NAME", json_array_size(list));
    json_decref(answer);
    return rc;
}

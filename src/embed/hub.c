/* A model from a hub: https://HOST/ORG/NAME, whose files are at .../resolve/main/FILE. */
#include "base/file.h"
#include "embed/pull.h"
#include "net/outbound.h"
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

struct download {
    const struct pull *pull;
    const struct pull_file *wanted;
    struct file *to;
    uint64_t bytes;
    struct err_info *e;
    enum err err;
};

static size_t on_bytes(char *p, size_t size, size_t count, void *arg)
{
    struct download *d = arg;
    size_t n = size * count;
    if (n > d->wanted->bytes_max - d->bytes)
        d->err = err_set(d->e, ERR_TOO_LARGE, d->wanted->name, "%s is larger than akin reads",
                         d->wanted->name);
    else
        d->err = file_write(d->to, p, n, d->e);
    d->bytes += d->err ? 0 : n;
    return d->err ? 0 : n;
}

static int on_progress(void *arg, curl_off_t total, curl_off_t done, curl_off_t up_total,
                       curl_off_t up)
{
    struct download *d = arg;
    if (total > 0)
        pull_progress(d->pull, d->wanted->name, (uint64_t)done, (uint64_t)total);
    return 0;
}

static bool is_loopback(const char *url)
{
    static const char *const hosts[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};
    for (size_t i = 0; i < 3; i++) {
        size_t n = strlen(hosts[i]);
        if (strncmp(url, hosts[i], n) == 0 && (url[n] == ':' || url[n] == '/'))
            return true;
    }
    return false;
}

/* The hub is the operator's choice and may be anywhere; where it sends us on to may not. */
static void options(CURL *c, const char *url, struct download *d, struct outbound_guard *guard,
                    char *fault)
{
    const char *protocols = is_loopback(url) ? "http" : "https";
    curl_easy_setopt(c, CURLOPT_URL, url);
    outbound_guard_set(guard, c, OUTBOUND_REDIRECTS_MAX);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, protocols);
    curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, protocols);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 20L);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 100L);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, 60L);
    curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "akin/" AKIN_VERSION);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, fault);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, d);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, d);
}

/* ERR_NOT_FOUND without a message for a file that is optional and not there. */
static enum err outcome(CURL *c, CURLcode rc, const char *url, const struct download *d,
                        const struct outbound_guard *guard, const char *fault)
{
    long status = 0;
    if (d->err || rc == CURLE_OK)
        return d->err;
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    if (guard->refused[0])
        return err_set(d->e, ERR_INVALID, "source",
                       "%.200s leads on to %.190s; the setting outbound.allow permits it", url,
                       guard->refused);
    if (status == 404 && !d->wanted->required)
        return ERR_NOT_FOUND;
    if (status >= 400)
        return err_set(d->e, status == 404 ? ERR_NOT_FOUND : ERR_IO, "source",
                       "%.300s answered %ld", url, status);
    return err_set(d->e, ERR_IO, "source", "%.250s: %.150s", url,
                   fault[0] ? fault : curl_easy_strerror(rc));
}

static enum err fetch(CURL *c, const char *base, struct download *d)
{
    char url[2048], path[4096], fault[CURL_ERROR_SIZE] = "";
    const char *name = d->wanted->name;
    if (snprintf(url, sizeof url, "%s/resolve/main/%s", base, name) >= (int)sizeof url)
        return err_set(d->e, ERR_INVALID, "source", "the address is too long");
    snprintf(path, sizeof path, "%s/%s", d->pull->dir, name);
    enum err err = file_open(path, FILE_CREATE, &d->to, d->e);
    if (err)
        return err;
    struct outbound_guard guard = {.rules = d->pull->outbound, .own = base};
    options(c, url, d, &guard, fault);
    err = outcome(c, curl_easy_perform(c), url, d, &guard, fault);
    if (!err)
        err = file_sync(d->to, d->e);
    file_close(d->to);
    if (err == ERR_NOT_FOUND && !d->wanted->required)
        return file_remove(path, d->e);
    return err;
}

enum err pull_from_hub(const struct pull *p, struct err_info *e)
{
    char base[1024];
    size_t n = strlen(p->source);
    while (n > 0 && p->source[n - 1] == '/')
        n--;
    if (n >= sizeof base || (strncmp(p->source, "https://", 8) != 0 && !is_loopback(p->source)))
        return err_set(
            e, ERR_INVALID, "source",
            "the address of a model is https://HOST/ORG/NAME (http only on this machine)");
    snprintf(base, sizeof base, "%.*s", (int)n, p->source);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL *c = curl_easy_init();
    enum err err = c ? ERR_OK : err_set(e, ERR_NO_MEMORY, "source", "libcurl did not start");
    for (size_t i = 0; i < PULL_FILES && !err; i++) {
        struct download d = {.pull = p, .wanted = &pull_files[i], .e = e};
        err = fetch(c, base, &d);
    }
    curl_easy_cleanup(c);
    return err;
}

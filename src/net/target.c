#include "net/target.h"
#include "net/outbound.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyz0123456789"

void target_host_plain(char *host)
{
    size_t n = strlen(host);
    for (size_t i = 0; i < n; i++)
        host[i] = (char)(host[i] >= 'A' && host[i] <= 'Z' ? host[i] + 32 : host[i]);
    if (n > 1 && host[n - 1] == '.')
        host[n - 1] = '\0';
}

bool target_host_numeric(const char *host)
{
    const char *dot = strrchr(host, '.'), *last = dot ? dot + 1 : host;
    if (last[0] == '0' && (last[1] == 'x' || last[1] == 'X'))
        return last[2 + strspn(last + 2, "0123456789abcdefABCDEF")] == '\0';
    return last[0] && last[strspn(last, "0123456789")] == '\0';
}

bool target_host_internal(const char *host)
{
    static const char *const names[] = {"localhost", "localdomain",   "local",
                                        "internal",  "intranet",      "lan",
                                        "home.arpa", "ip6-localhost", "ip6-loopback"};
    size_t n = strlen(host);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t m = strlen(names[i]);
        if (n >= m && strcmp(host + n - m, names[i]) == 0 && (n == m || host[n - m - 1] == '.'))
            return true;
    }
    return false;
}

/* ---- parsing ---- */

static bool part(CURLU *u, CURLUPart what, char *out, size_t room, unsigned flags)
{
    char *text = NULL;
    bool fits = curl_url_get(u, what, &text, flags) == CURLUE_OK && strlen(text) < room;
    snprintf(out, room, "%s", fits ? text : "");
    curl_free(text);
    return fits;
}

static bool has(CURLU *u, CURLUPart what)
{
    char *text = NULL;
    bool found = curl_url_get(u, what, &text, 0) == CURLUE_OK;
    curl_free(text);
    return found;
}

static const char *host_read(CURLU *u, struct target *t)
{
    size_t n;
    if (!part(u, CURLUPART_HOST, t->host, sizeof t->host, 0) || !t->host[0])
        return "it has no host, or one that is too long";
    n = strlen(t->host);
    if (t->host[0] == '[' && n > 2) {
        memmove(t->host, t->host + 1, n - 2);
        t->host[n - 2] = '\0';
        t->is_address = address_parse(str_c(t->host), &t->address) == ERR_OK;
        return t->is_address ? NULL : "its IPv6 address cannot be read";
    }
    target_host_plain(t->host);
    t->is_address = address_parse(str_c(t->host), &t->address) == ERR_OK;
    if (t->host[strspn(t->host, LETTERS ".-_")] || t->host[0] == '.' || strstr(t->host, ".."))
        return "its host must be letters, digits, - and dots (names in other scripts as xn--)";
    return NULL;
}

static const char *parts_read(CURLU *u, struct target *t)
{
    char scheme[16], port[8];
    if (!part(u, CURLUPART_SCHEME, scheme, sizeof scheme, 0) ||
        (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0))
        return "it must start with http:// or https://";
    if (has(u, CURLUPART_USER) || has(u, CURLUPART_PASSWORD)) /* not shown: it may be a secret */
        return "it must have no user and password";
    if (has(u, CURLUPART_ZONEID))
        return "its address must have no zone";
    t->https = scheme[4] == 's';
    if (!part(u, CURLUPART_PORT, port, sizeof port, CURLU_DEFAULT_PORT))
        return "its port cannot be read";
    t->port = (unsigned)strtoul(port, NULL, 10);
    return t->port ? host_read(u, t) : "its port cannot be 0";
}

const char *target_parse(struct str url, struct target *out)
{
    char text[OUTBOUND_URL_MAX + 1];
    struct target t = {.port = 0};
    if (!url.n || url.n > OUTBOUND_URL_MAX)
        return "it must have 1 to 2,048 bytes";
    for (size_t i = 0; i < url.n; i++)
        if ((unsigned char)url.s[i] <= ' ' || (unsigned char)url.s[i] >= 0x7F || url.s[i] == '\\')
            return "it must be ASCII without blanks and backslashes; other bytes as %XX, names in "
                   "other "
                   "scripts as xn--";
    memcpy(text, url.s, url.n);
    text[url.n] = '\0';
    const char *slashes = strstr(text, "://");
    if (slashes && slashes[3] == '/') /* libcurl would take what is behind it */
        return "it has no host";
    CURLU *u = curl_url();
    const char *fault = !u                                        ? "libcurl did not start"
                        : curl_url_set(u, CURLUPART_URL, text, 0) ? "it cannot be read"
                                                                  : parts_read(u, &t);
    curl_url_cleanup(u);
    if (!fault)
        *out = t;
    return fault;
}

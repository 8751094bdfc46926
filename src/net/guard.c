/* The guard at work inside libcurl. The callback runs on the thread that performs. */
#include "net/outbound.h"
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool address_of(const struct curl_sockaddr *from, struct address *out)
{
    static const struct address mapped = {{[10] = 0xFF, [11] = 0xFF}};
    *out = mapped;
    if (from->family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, &from->addr, sizeof v4);
        memcpy(out->bytes + 12, &v4.sin_addr, 4);
        return true;
    }
    if (from->family != AF_INET6)
        return false;
    struct sockaddr_in6 v6;
    memcpy(&v6, &from->addr, sizeof v6);
    memcpy(out->bytes, &v6.sin6_addr, 16);
    return true;
}

static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct outbound_guard *g = arg;
    struct address a;
    char *url = NULL;
    if (purpose != CURLSOCKTYPE_IPCXN || !address_of(to, &a) ||
        curl_easy_getinfo(g->curl, CURLINFO_EFFECTIVE_URL, &url) != CURLE_OK || !url ||
        !outbound_guard_vet(g, url, &a))
        return CURL_SOCKET_BAD;
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

void outbound_guard_set(struct outbound_guard *g, CURL *curl, unsigned redirects)
{
    g->curl = curl;
    g->refused[0] = '\0';
    if (redirects > OUTBOUND_REDIRECTS_MAX)
        redirects = OUTBOUND_REDIRECTS_MAX;
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, redirects > 0 ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)redirects);
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_UNRESTRICTED_AUTH, 0L);
    if (!g->own)
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, g);
}

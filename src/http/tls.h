/* TLS for the listener: certificate, key and the authority of clients, read from PEM files and
 * taken anew without a restart. Private to http/.
 *
 * Each connection takes the credentials that are valid when it is accepted and keeps a reference to
 * them; reading files anew makes other credentials, which later connections get. So no handshake
 * sees half of a pair, and nobody is disconnected. MHD's own credentials are never used.
 *
 * TLS 1.3 and 1.2, forward secrecy and authenticated encryption only. No tickets, so a session is
 * never resumed past a change of the authority.
 *
 * Threads: tls_take and tls_drop on any; tls_load and tls_changed on one at a time. */
#ifndef HTTP_TLS_H
#define HTTP_TLS_H

#include "base/err.h"
#include "http/http.h"
#include <stdbool.h>
#include <sys/types.h>

struct tls;     /* the files of a listener and what was last read from them */
struct tls_set; /* one reading: credentials in use */

extern const char tls_priorities[]; /* for GnuTLS */

/* Errors name the setting at fault: a file that is missing or no PEM, a key that other users of the
 * machine can read, a pair that does not belong together. */
enum err tls_open(const struct http_tls *files, struct tls **out, struct err_info *e) MUST_CHECK;
void tls_free(struct tls *t); /* after the last tls_drop */

/* Read the files (`files`: from now on these; NULL: the same). On an error what was in use stays.
 * Some milliseconds of disk and processor. */
enum err tls_load(struct tls *t, const struct http_tls *files, struct err_info *e) MUST_CHECK;
/* Have the files changed since they were last read, and stood still since the last call? */
bool tls_changed(struct tls *t);

/* Give a session (gnutls_session_t) of a new connection what it needs; held until tls_drop. NULL:
 * no memory, the handshake will fail. */
struct tls_set *tls_take(struct tls *t, void *session);
void tls_drop(struct tls_set *s);

/* As send(2) without waiting; the same bytes again after EAGAIN. While another thread receives. */
ssize_t tls_send(void *session, const void *data, size_t n);
void tls_bye(void *session); /* says that nothing follows */

#endif

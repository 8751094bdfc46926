#include "http/tls.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread.h"
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PEM_BYTES_MAX = 1 << 20, FILES = 3 };

/* AES-128 first: what goes with AES-256 is SHA-384, which no processor's instructions help with
 * here, and of which a handshake takes much. */
const char tls_priorities[] =
    "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-CIPHER-ALL:"
    "+AES-128-GCM:+CHACHA20-POLY1305:+AES-256-GCM:-MAC-ALL:+AEAD:-GROUP-ALL:+GROUP-X25519:"
    "+GROUP-SECP256R1:+GROUP-SECP384R1:%SERVER_PRECEDENCE";

static const char *const fields[FILES] = {"server.tls.certificate", "server.tls.key",
                                          "server.tls.client_ca"};

struct tls_set {
    atomic_uint refs;
    gnutls_certificate_credentials_t credentials;
    bool asks; /* for the client's certificate */
};

struct stamp {
    struct timespec changed;
    ino_t inode;
    off_t bytes;
};

struct tls {
    struct lock lock; /* now */
    struct tls_set *now;
    char *paths[FILES];         /* certificate, key, authority of clients or NULL */
    struct stamp read[FILES];   /* when the files were last read */
    struct stamp looked[FILES]; /* at the last tls_changed */
    struct counter *loaded, *failed;
    struct gauge *expires;
};

/* ---- reading ---- */

static void stamps_take(const struct tls *t, struct stamp out[FILES])
{
    memset(out, 0, FILES * sizeof *out);
    for (unsigned i = 0; i < FILES; i++) {
        struct stat st;
        if (t->paths[i] && stat(t->paths[i], &st) == 0)
            out[i] = (struct stamp){st.st_mtim, st.st_ino, st.st_size};
    }
}

static enum err unusable(unsigned i, const struct tls *t, int fault, struct err_info *e)
{
    return err_set(e, ERR_INVALID, fields[i], "%s cannot be used: %s", t->paths[i],
                   gnutls_strerror(fault));
}

static enum err key_private(const struct tls *t, struct err_info *e)
{
    struct stat st;
    if (stat(t->paths[1], &st) == 0 && (st.st_mode & (S_IROTH | S_IWOTH)))
        return err_set(e, ERR_INVALID, fields[1],
                       "%s can be read or written by every user of this machine: chmod 600 it",
                       t->paths[1]);
    return ERR_OK;
}

/* The leaf's last second; names what is wrong with the certificate alone. */
static enum err certificate_read(const struct tls *t, const gnutls_datum_t *pem, time_t *expires,
                                 struct err_info *e)
{
    gnutls_x509_crt_t *list = NULL;
    unsigned count = 0;
    int fault = gnutls_x509_crt_list_import2(&list, &count, pem, GNUTLS_X509_FMT_PEM, 0);
    if (fault < 0 || !count)
        return unusable(0, t, fault < 0 ? fault : GNUTLS_E_NO_CERTIFICATE_FOUND, e);
    *expires = gnutls_x509_crt_get_expiration_time(list[0]);
    for (unsigned i = 0; i < count; i++)
        gnutls_x509_crt_deinit(list[i]);
    gnutls_free(list);
    return ERR_OK;
}

static enum err key_read(const struct tls *t, const gnutls_datum_t *pem, struct err_info *e)
{
    gnutls_x509_privkey_t key;
    int fault = gnutls_x509_privkey_init(&key);
    if (fault < 0)
        return unusable(1, t, fault, e);
    fault = gnutls_x509_privkey_import2(key, pem, GNUTLS_X509_FMT_PEM, NULL, 0);
    gnutls_x509_privkey_deinit(key);
    if (fault == GNUTLS_E_DECRYPTION_FAILED)
        return err_set(e, ERR_INVALID, fields[1],
                       "%s is sealed with a passphrase, and nobody could type it here: store the "
                       "key without one, with mode 600",
                       t->paths[1]);
    return fault < 0 ? unusable(1, t, fault, e) : ERR_OK;
}

static enum err pair_take(const struct tls *t, struct tls_set *s, gnutls_datum_t pem[FILES],
                          struct err_info *e)
{
    int fault = gnutls_certificate_set_x509_key_mem2(s->credentials, &pem[0], &pem[1],
                                                     GNUTLS_X509_FMT_PEM, NULL, 0);
    if (fault == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
        return err_set(e, ERR_INVALID, fields[1], "%s is not the key of the certificate in %s",
                       t->paths[1], t->paths[0]);
    if (fault < 0)
        return unusable(0, t, fault, e);
    if (!t->paths[2])
        return ERR_OK;
    fault = gnutls_certificate_set_x509_trust_mem(s->credentials, &pem[2], GNUTLS_X509_FMT_PEM);
    s->asks = true;
    return fault <= 0 ? unusable(2, t, fault < 0 ? fault : GNUTLS_E_NO_CERTIFICATE_FOUND, e)
                      : ERR_OK;
}

static enum err set_make(const struct tls *t, gnutls_datum_t pem[FILES], struct tls_set **out,
                         time_t *expires, struct err_info *e)
{
    struct tls_set *s = xcalloc(1, sizeof *s);
    enum err err;
    atomic_init(&s->refs, 1);
    if (gnutls_certificate_allocate_credentials(&s->credentials) < 0) {
        free(s);
        return err_set(e, ERR_NO_MEMORY, NULL, "no memory for the certificate");
    }
    err = certificate_read(t, &pem[0], expires, e);
    if (!err)
        err = key_read(t, &pem[1], e);
    if (!err)
        err = pair_take(t, s, pem, e);
    if (err)
        tls_drop(s);
    else
        *out = s;
    return err;
}

static enum err files_read(const struct tls *t, gnutls_datum_t pem[FILES], struct err_info *e)
{
    enum err err = key_private(t, e);
    for (unsigned i = 0; i < FILES && !err; i++) {
        struct err_info own = {0};
        char *text;
        size_t n;
        if (!t->paths[i])
            continue;
        err = file_read_all(t->paths[i], PEM_BYTES_MAX, &text, &n, &own);
        if (err)
            err_set(e, err, fields[i], "%s", own.message);
        else
            pem[i] = (gnutls_datum_t){(unsigned char *)text, (unsigned)n};
    }
    return err;
}

static void files_forget(gnutls_datum_t pem[FILES])
{
    for (unsigned i = 0; i < FILES; i++) {
        if (pem[i].data)
            explicit_bzero(pem[i].data, pem[i].size);
        free(pem[i].data);
    }
}

static enum err set_read(const struct tls *t, struct tls_set **out, time_t *expires,
                         struct err_info *e)
{
    gnutls_datum_t pem[FILES] = {{0}};
    enum err err = files_read(t, pem, e);
    if (!err)
        err = set_make(t, pem, out, expires, e);
    files_forget(pem);
    return err;
}

/* ---- the files of a listener ---- */

static void paths_take(char *paths[FILES], const struct http_tls *files)
{
    const char *const from[FILES] = {files->certificate, files->key, files->client_ca};
    for (unsigned i = 0; i < FILES; i++)
        paths[i] = from[i] && from[i][0] ? xstrdup(from[i]) : NULL;
}

static void paths_free(char *paths[FILES])
{
    for (unsigned i = 0; i < FILES; i++)
        free(paths[i]);
}

static void expiry_note(const struct tls *t, time_t expires)
{
    gauge_set(t->expires, (double)expires);
    if (expires < clock_wall_us() / 1000000)
        log_event(LOG_WARN, "the certificate has expired", LOG_S("file", t->paths[0]));
}

enum err tls_load(struct tls *t, const struct http_tls *files, struct err_info *e)
{
    struct tls next = *t;
    struct tls_set *fresh = NULL, *old;
    time_t expires = 0;
    if (files)
        paths_take(next.paths, files);
    stamps_take(&next, t->read); /* before: what changes while it is read counts as changed */
    memcpy(t->looked, t->read, sizeof t->read);
    enum err err = set_read(&next, &fresh, &expires, e);
    counter_add(err ? t->failed : t->loaded, 1);
    if (err) {
        if (files)
            paths_free(next.paths);
        return err;
    }
    if (files)
        paths_free(t->paths);
    memcpy(t->paths, next.paths, sizeof t->paths);
    lock_take(&t->lock);
    old = t->now;
    t->now = fresh;
    lock_drop(&t->lock);
    if (old)
        tls_drop(old);
    expiry_note(t, expires);
    return ERR_OK;
}

bool tls_changed(struct tls *t)
{
    struct stamp now[FILES];
    stamps_take(t, now);
    bool still = memcmp(now, t->looked, sizeof now) == 0;
    memcpy(t->looked, now, sizeof now);
    return still && memcmp(now, t->read, sizeof now) != 0;
}

static void metrics_declare(struct tls *t)
{
    struct counter_family *loads =
        counter_family("tls_reload_total", "Readings of certificate and key.", "outcome");
    t->loaded = counter_of(loads, (const char *const[]){"ok"});
    t->failed = counter_of(loads, (const char *const[]){"failed"});
    t->expires =
        gauge_of(gauge_family("tls_certificate_expires_timestamp_seconds",
                              "When the certificate in use ends, seconds since 1970.", NULL),
                 NULL);
}

enum err tls_open(const struct http_tls *files, struct tls **out, struct err_info *e)
{
    struct tls *t = xcalloc(1, sizeof *t);
    lock_init(&t->lock, LOCK_LEAF);
    metrics_declare(t);
    enum err err = tls_load(t, files, e);
    if (err)
        tls_free(t);
    else
        *out = t;
    return err;
}

void tls_free(struct tls *t)
{
    if (!t)
        return;
    if (t->now)
        tls_drop(t->now);
    paths_free(t->paths);
    lock_release(&t->lock);
    free(t);
}

/* ---- connections ---- */

void tls_drop(struct tls_set *s)
{
    if (atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    gnutls_certificate_free_credentials(s->credentials);
    free(s);
}

/* In the handshake: 0, or the peer is told and dropped. */
static int client_verify(gnutls_session_t session)
{
    gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                     .data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT};
    unsigned status = 0;
    int fault = gnutls_certificate_verify_peers(session, &purpose, 1, &status);
    return fault < 0 || status ? GNUTLS_E_CERTIFICATE_ERROR : 0;
}

struct tls_set *tls_take(struct tls *t, void *session)
{
    static const gnutls_datum_t http = {(unsigned char *)"http/1.1", 8};
    struct tls_set *s;
    lock_take(&t->lock);
    s = t->now;
    atomic_fetch_add(&s->refs, 1);
    lock_drop(&t->lock);
    if (gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, s->credentials) < 0) {
        tls_drop(s);
        return NULL;
    }
    (void)gnutls_alpn_set_protocols(session, &http, 1, 0);
    if (s->asks) {
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
        gnutls_session_set_verify_function(session, client_verify);
    }
    return s;
}

ssize_t tls_send(void *session, const void *data, size_t n)
{
    ssize_t sent = gnutls_record_send(session, data, n);
    if (sent >= 0)
        return sent;
    errno = sent == GNUTLS_E_AGAIN || sent == GNUTLS_E_INTERRUPTED ? EAGAIN : EPIPE;
    return -1;
}

void tls_bye(void *session)
{
    (void)gnutls_bye(session, GNUTLS_SHUT_WR);
}

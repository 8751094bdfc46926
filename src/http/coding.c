#include "http/coding.h"
#include "base/arena.h"
#include "http/parse.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum { WINDOW_LOG_MAX = 23 /* 8 MiB: RFC 9659 */, GZIP_WINDOW = 15 + 16 };

struct expander {
    enum coding coding;
    z_stream gzip;
    ZSTD_DCtx *zstd;
    char in[EXPANDER_BYTES];
    size_t at, fed;      /* of `in` */
    uint64_t came, made; /* in all */
    bool ended;
};

/* ---- names ---- */

const char *coding_name(enum coding c)
{
    return c == CODING_GZIP ? "gzip" : c == CODING_ZSTD ? "zstd" : "identity";
}

/* True: *out is set to the one of this name. */
static bool coding_named(struct str name, enum coding *out)
{
    if (text_same_ci(name, STR("gzip")) || text_same_ci(name, STR("x-gzip")))
        *out = CODING_GZIP;
    else if (text_same_ci(name, STR("zstd")))
        *out = CODING_ZSTD;
    else
        return false;
    return true;
}

bool coding_parse(struct str text, enum coding *out)
{
    text = str_trim(text);
    if (coding_named(text, out))
        return true;
    if (text.n && !text_same_ci(text, STR("identity")))
        return false;
    *out = CODING_IDENTITY;
    return true;
}

/* "0.75" in thousandths; -1: not one (RFC 9110, section 12.4.2). */
static int quality_parse(struct str s)
{
    int q = 0, unit = 100;
    if (!s.n || s.n > 5 || (s.s[0] != '0' && s.s[0] != '1') || (s.n > 1 && s.s[1] != '.'))
        return -1;
    q = (s.s[0] - '0') * 1000;
    for (size_t i = 2; i < s.n; i++, unit /= 10) {
        if (s.s[i] < '0' || s.s[i] > '9')
            return -1;
        q += (s.s[i] - '0') * unit;
    }
    return q <= 1000 ? q : -1;
}

static struct str until(struct str *rest, char end)
{
    const char *at = rest->n ? memchr(rest->s, end, rest->n) : NULL;
    struct str piece = {rest->s, at ? (size_t)(at - rest->s) : rest->n};
    size_t used = piece.n + !!at;
    *rest = (struct str){rest->s + used, rest->n - used};
    return str_trim(piece);
}

/* Thousandths; without a weight 1,000, with one that cannot be read 0. */
static int weight_of(struct str parameters)
{
    int q = 1000;
    while (parameters.n) {
        struct str value = until(&parameters, ';');
        struct str name = until(&value, '=');
        if (text_same_ci(name, STR("q")))
            q = quality_parse(str_trim(value));
    }
    return q < 0 ? 0 : q;
}

enum coding coding_choose(struct str accept)
{
    int weights[] = {[CODING_GZIP] = -1, [CODING_ZSTD] = -1}, others = 0;
    while (accept.n) {
        struct str entry = until(&accept, ',');
        struct str name = until(&entry, ';');
        int q = weight_of(entry);
        enum coding c;
        if (coding_named(name, &c))
            weights[c] = q;
        else if (str_eq_c(name, "*"))
            others = q;
    }
    int gzip = weights[CODING_GZIP] < 0 ? others : weights[CODING_GZIP];
    int zstd = weights[CODING_ZSTD] < 0 ? others : weights[CODING_ZSTD];
    if (zstd > 0 && zstd >= gzip)
        return CODING_ZSTD;
    return gzip > 0 ? CODING_GZIP : CODING_IDENTITY;
}

/* ---- requests ---- */

struct expander *expander_new(enum coding c)
{
    struct expander *x = xcalloc(1, sizeof *x);
    assert(c != CODING_IDENTITY);
    x->coding = c;
    if (c == CODING_ZSTD) {
        x->zstd = ZSTD_createDCtx();
        if (x->zstd)
            (void)ZSTD_DCtx_setParameter(x->zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    } else if (inflateInit2(&x->gzip, GZIP_WINDOW) != Z_OK) {
        x->coding = CODING_IDENTITY; /* no memory: said by the first step */
    }
    return x;
}

void expander_free(struct expander *x)
{
    if (!x)
        return;
    if (x->coding == CODING_GZIP)
        inflateEnd(&x->gzip);
    ZSTD_freeDCtx(x->zstd);
    free(x);
}

char *expander_room(struct expander *x)
{
    assert(x->at == x->fed);
    return x->in;
}

void expander_fed(struct expander *x, size_t n)
{
    assert(n <= EXPANDER_BYTES);
    x->at = 0;
    x->fed = n;
    x->came += n;
}

/* One call of the library; false: it cannot go on. */
static bool gzip_step(struct expander *x, void *out, size_t size, size_t *made)
{
    x->gzip.next_in = (unsigned char *)x->in + x->at;
    x->gzip.avail_in = (unsigned)(x->fed - x->at);
    x->gzip.next_out = out;
    x->gzip.avail_out = (unsigned)size;
    int rc = inflate(&x->gzip, Z_NO_FLUSH);
    x->at = x->fed - x->gzip.avail_in;
    *made = size - x->gzip.avail_out;
    x->ended = rc == Z_STREAM_END;
    return rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR;
}

static bool zstd_step(struct expander *x, void *out, size_t size, size_t *made)
{
    ZSTD_inBuffer in = {x->in, x->fed, x->at};
    ZSTD_outBuffer to = {out, size, 0};
    size_t rc = x->zstd ? ZSTD_decompressStream(x->zstd, &to, &in) : (size_t)-1;
    if (!x->zstd || ZSTD_isError(rc))
        return false;
    x->at = in.pos;
    *made = to.pos;
    x->ended = rc == 0;
    return true;
}

static bool step(struct expander *x, void *out, size_t size, size_t *made)
{
    size = size < (1u << 30) ? size : 1u << 30;
    if (x->coding == CODING_IDENTITY)
        return false;
    return x->coding == CODING_GZIP ? gzip_step(x, out, size, made) : zstd_step(x, out, size, made);
}

enum err expander_take(struct expander *x, void *out, size_t size, size_t *made, struct err_info *e)
{
    size_t before = x->fed + 1;
    *made = 0;
    /* Bytes may be held back in the library although all input was taken: one more call tells. */
    while (!*made && !x->ended && before != x->at) {
        before = x->at;
        if (!step(x, out, size, made))
            return err_set(e, ERR_SYNTAX, NULL, "the body is not what Content-Encoding says: %s",
                           coding_name(x->coding));
    }
    if (!*made && x->ended && x->at < x->fed)
        return err_set(e, ERR_SYNTAX, NULL, "there are bytes behind the end of the %s stream",
                       coding_name(x->coding));
    x->made += *made;
    if (x->made > RATIO_FREE + RATIO_MAX * x->came)
        return err_set(e, ERR_TOO_LARGE, NULL, "the body expands to more than %d times its size",
                       RATIO_MAX);
    return ERR_OK;
}

enum err expander_end(const struct expander *x, struct err_info *e)
{
    if (x->ended)
        return ERR_OK;
    return err_set(e, ERR_SYNTAX, NULL, "the body ends in the middle of its %s stream",
                   coding_name(x->coding));
}

/* ---- answers ---- */

static size_t gzip_pack(struct str text, char *out, size_t size)
{
    z_stream z = {0};
    size_t n = 0;
    if (deflateInit2(&z, 1, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return 0;
    z.next_in = (unsigned char *)text.s;
    z.avail_in = (unsigned)text.n;
    z.next_out = (unsigned char *)out;
    z.avail_out = (unsigned)size;
    if (deflate(&z, Z_FINISH) == Z_STREAM_END)
        n = size - z.avail_out;
    deflateEnd(&z);
    return n;
}

char *coding_pack(enum coding c, struct str text, size_t *n)
{
    size_t room = text.n - text.n / 16; /* less gain is not worth it */
    char *out;
    assert(c != CODING_IDENTITY && text.n <= CODED_MAX);
    out = xmalloc(room + 1);
    if (c == CODING_GZIP) {
        *n = gzip_pack(text, out, room);
    } else {
        *n = ZSTD_compress(out, room, text.s, text.n, 1);
        if (ZSTD_isError(*n))
            *n = 0;
    }
    if (!*n) {
        free(out);
        return NULL;
    }
    char *fit = realloc(out, *n);
    return fit ? fit : out;
}

/* ---- answers in pieces ---- */

struct packer {
    enum coding coding;
    z_stream gzip;
    ZSTD_CCtx *zstd;
    bool ready, ended;
};

struct packer *packer_new(enum coding c)
{
    struct packer *p = xcalloc(1, sizeof *p);
    assert(c != CODING_IDENTITY);
    p->coding = c;
    if (c == CODING_GZIP) {
        p->ready =
            deflateInit2(&p->gzip, 1, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) == Z_OK;
        return p;
    }
    p->zstd = ZSTD_createCCtx();
    p->ready = p->zstd &&
               !ZSTD_isError(ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_compressionLevel, 1)) &&
               !ZSTD_isError(ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_checksumFlag, 1));
    return p;
}

void packer_free(struct packer *p)
{
    if (!p)
        return;
    if (p->coding == CODING_GZIP && p->ready)
        deflateEnd(&p->gzip);
    ZSTD_freeCCtx(p->zstd);
    free(p);
}

bool packer_ended(const struct packer *p)
{
    return p->ended;
}

static bool gzip_pack_step(struct packer *p, struct str *in, bool end, void *out, size_t size,
                           size_t *made)
{
    z_stream *z = &p->gzip;
    z->next_in = (unsigned char *)in->s;
    z->avail_in = (unsigned)in->n;
    z->next_out = out;
    z->avail_out = (unsigned)size;
    int rc = deflate(z, end ? Z_FINISH : Z_NO_FLUSH);
    *in = (struct str){in->s + (in->n - z->avail_in), z->avail_in};
    *made = size - z->avail_out;
    p->ended = rc == Z_STREAM_END;
    return rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR;
}

static bool zstd_pack_step(struct packer *p, struct str *in, bool end, void *out, size_t size,
                           size_t *made)
{
    ZSTD_inBuffer from = {in->s, in->n, 0};
    ZSTD_outBuffer to = {out, size, 0};
    size_t left = ZSTD_compressStream2(p->zstd, &to, &from, end ? ZSTD_e_end : ZSTD_e_continue);
    *in = (struct str){in->s + from.pos, in->n - from.pos};
    *made = to.pos;
    p->ended = end && left == 0;
    return !ZSTD_isError(left);
}

enum err packer_step(struct packer *p, struct str *in, bool end, void *out, size_t size,
                     size_t *made, struct err_info *e)
{
    assert(in->n < 1u << 30 && size < 1u << 30);
    *made = 0;
    bool ok = p->ready && (p->coding == CODING_GZIP ? gzip_pack_step(p, in, end, out, size, made)
                                                    : zstd_pack_step(p, in, end, out, size, made));
    return ok ? ERR_OK : err_set(e, ERR_IO, NULL, "the answer cannot be coded: no memory");
}

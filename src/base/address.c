#include "base/address.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

enum err address_parse(struct str text, struct address *out)
{
    char plain[ADDRESS_TEXT];
    struct address a;
    if (!text.n || text.n >= sizeof plain || memchr(text.s, 0, text.n))
        return ERR_SYNTAX;
    memcpy(plain, text.s, text.n);
    plain[text.n] = 0;
    memcpy(a.bytes, mapped, sizeof mapped);
    if (inet_pton(AF_INET, plain, a.bytes + 12) != 1 && inet_pton(AF_INET6, plain, a.bytes) != 1)
        return ERR_SYNTAX;
    *out = a;
    return ERR_OK;
}

bool address_v4(const struct address *a)
{
    return memcmp(a->bytes, mapped, sizeof mapped) == 0;
}

void address_print(const struct address *a, char out[ADDRESS_TEXT])
{
    bool v4 = address_v4(a);
    if (!inet_ntop(v4 ? AF_INET : AF_INET6, a->bytes + (v4 ? 12 : 0), out, ADDRESS_TEXT))
        *out = 0;
}

bool address_same(const struct address *a, const struct address *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

bool address_loopback(const struct address *a)
{
    static const struct address one = {{[15] = 1}};
    return address_same(a, &one) || (address_v4(a) && a->bytes[12] == 127);
}

static enum err prefix_fault(struct str text, const char *field, const char *why,
                             struct err_info *e)
{
    return err_set(e, ERR_INVALID, field,
                   "\"%.*s\" %s: write an address or a prefix, like 10.0.0.0/8 or 2001:db8::/32",
                   (int)(text.n < 64 ? text.n : 64), text.s, why);
}

static bool bits_behind(const struct prefix *p)
{
    for (unsigned bit = p->bits; bit < 128; bit++)
        if (p->address.bytes[bit / 8] & (0x80 >> bit % 8))
            return true;
    return false;
}

enum err prefix_parse(struct str text, const char *field, struct prefix *out, struct err_info *e)
{
    const char *slash = text.n ? memchr(text.s, '/', text.n) : NULL;
    struct str address = {text.s, slash ? (size_t)(slash - text.s) : text.n};
    struct prefix p = {.bits = 128};
    int64_t bits;
    if (address_parse(address, &p.address))
        return prefix_fault(text, field, "is no IP address", e);
    bool v4 = address_v4(&p.address) && !memchr(address.s, ':', address.n);
    if (slash) {
        struct str length = {slash + 1, text.n - address.n - 1};
        if (!length.n || length.n > 3 || length.s[0] == '+' ||
            str_to_i64(length, 0, v4 ? 32 : 128, &bits))
            return prefix_fault(text, field, "has a length that no prefix has", e);
        p.bits = (unsigned)bits + (v4 ? 96 : 0);
    }
    if (bits_behind(&p))
        return prefix_fault(text, field, "has bits set behind its length", e);
    *out = p;
    return ERR_OK;
}

void prefix_print(const struct prefix *p, char out[PREFIX_TEXT])
{
    char text[ADDRESS_TEXT];
    address_print(&p->address, text);
    snprintf(out, PREFIX_TEXT, p->bits == 128 ? "%s" : "%s/%u", text,
             p->bits - (address_v4(&p->address) ? 96 : 0));
}

bool prefix_within(const struct prefix *inner, const struct prefix *outer)
{
    return inner->bits >= outer->bits && prefix_has(outer, &inner->address);
}

bool prefix_has(const struct prefix *p, const struct address *a)
{
    unsigned whole = p->bits / 8, rest = p->bits % 8;
    if (memcmp(p->address.bytes, a->bytes, whole) != 0)
        return false;
    return !rest ||
           ((p->address.bytes[whole] ^ a->bytes[whole]) & (0xFF << (8 - rest) & 0xFF)) == 0;
}

bool prefixes_have(const struct prefix *list, unsigned count, const struct address *a)
{
    for (unsigned i = 0; i < count; i++)
        if (prefix_has(&list[i], a))
            return true;
    return false;
}

#include "text/text.h"
#include <assert.h>
#include <limits.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

/* Every code point below U+0300 is NFC and inert against what stands before it, and no byte of
 * theirs is above 0xcb: most texts end here. */
static bool nfc_plain(struct str s)
{
    unsigned char most = 0;
    for (size_t i = 0; i < s.n; i++)
        most = (unsigned char)s.s[i] > most ? (unsigned char)s.s[i] : most;
    return most < 0xcc;
}

/* UAX #15, 9: quick check. False: not, or perhaps not, in NFC. */
static bool nfc_quick(struct str s)
{
    uint8_t before = 0;
    for (size_t at = 0; at < s.n;) {
        UChar32 c = (UChar32)utf8_next(s, &at);
        uint8_t class = c < 0x300 ? 0 : u_getCombiningClass(c);
        if (class && class < before)
            return false;
        if (c >= 0x300 && u_getIntPropertyValue(c, UCHAR_NFC_QUICK_CHECK) != UNORM_YES)
            return false;
        before = class;
    }
    return true;
}

/* A buffer that turns out too short is asked for again at the length that ICU names. */
static enum err nfc_compose(struct arena *a, const UChar *from, int32_t n, UChar **out,
                            int32_t *out_n, struct err_info *e)
{
    UErrorCode code = U_ZERO_ERROR;
    const UNormalizer2 *nfc = unorm2_getNFCInstance(&code);
    assert(U_SUCCESS(code));
    int32_t cap = n;
    for (;;) {
        UChar *to = arena_try(a, (size_t)cap * sizeof *to + sizeof *to);
        if (!to)
            return err_set(e, ERR_NO_MEMORY, NULL, "no memory to normalise a text of this size");
        code = U_ZERO_ERROR;
        int32_t need = unorm2_normalize(nfc, from, n, to, cap, &code);
        if (code == U_BUFFER_OVERFLOW_ERROR && need > cap) {
            cap = need;
            continue;
        }
        if (U_FAILURE(code))
            return err_set(e, ERR_NO_MEMORY, NULL, "ICU cannot normalise: %s", u_errorName(code));
        *out = to;
        *out_n = need;
        return ERR_OK;
    }
}

static enum err nfc_slow(struct arena *a, struct str s, struct str *out, struct err_info *e)
{
    UErrorCode code = U_ZERO_ERROR;
    UChar *wide = arena_try(a, (s.n + 1) * sizeof *wide), *composed;
    int32_t n, composed_n, bytes;
    if (!wide)
        return err_set(e, ERR_NO_MEMORY, NULL, "no memory to normalise a text of this size");
    u_strFromUTF8(wide, (int32_t)s.n + 1, &n, s.s, (int32_t)s.n, &code);
    assert(U_SUCCESS(code));
    enum err err = nfc_compose(a, wide, n, &composed, &composed_n, e);
    if (err)
        return err;
    u_strToUTF8(NULL, 0, &bytes, composed, composed_n, &code);
    code = U_ZERO_ERROR;
    char *text = arena_try(a, (size_t)bytes + 1);
    if (!text)
        return err_set(e, ERR_NO_MEMORY, NULL, "no memory to normalise a text of this size");
    u_strToUTF8(text, bytes + 1, &bytes, composed, composed_n, &code);
    assert(U_SUCCESS(code));
    *out = (struct str){text, (size_t)bytes};
    if (str_eq(*out, s)) /* the quick check was not sure */
        *out = s;
    return ERR_OK;
}

enum err text_nfc(struct arena *a, struct str s, struct str *out, struct err_info *e)
{
    size_t good = utf8_valid(s);
    if (good < s.n)
        return err_set(e, ERR_SYNTAX, NULL, "the byte at offset %zu is not valid UTF-8", good);
    if (s.n > INT_MAX / 4)
        return err_set(e, ERR_TOO_LARGE, NULL, "a text has at most %d bytes", INT_MAX / 4);
    if (nfc_plain(s) || nfc_quick(s)) {
        *out = s;
        return ERR_OK;
    }
    return nfc_slow(a, s, out, e);
}

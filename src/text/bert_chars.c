#include "text/bert_chars.h"
#include "text/newer.h"
#include <assert.h>
#include <stddef.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/utf16.h>

enum { CATEGORIES_VERSION = 8, DECOMPOSITIONS_VERSION = 9 };

static bool newer(uint32_t c, uint8_t version)
{
    UVersionInfo age;
    u_charAge((UChar32)c, age);
    return age[0] > version;
}

bool bert_is_removed(uint32_t c)
{
    if (c == 0 || c == 0xfffd)
        return true;
    if (c == '\t' || c == '\n' || c == '\r')
        return false;
    uint32_t category = U_MASK(u_charType((UChar32)c));
    if (!(category & (U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK)))
        return false;
    return !newer(c, CATEGORIES_VERSION);
}

bool bert_is_space(uint32_t c)
{
    return u_isUWhiteSpace((UChar32)c);
}

bool bert_is_punctuation(uint32_t c)
{
    if (c < 0x80)
        return (c > 0x20 && c < '0') || (c > '9' && c < 'A') || (c > 'Z' && c < 'a') ||
               (c > 'z' && c < 0x7f);
    if (c == 0x166d || c == 0x111c9) /* another category since 8.0 */
        return true;
    return (U_MASK(u_charType((UChar32)c)) & U_GC_P_MASK) && !newer(c, CATEGORIES_VERSION);
}

bool bert_is_mark(uint32_t c)
{
    if (c < 0x300 || c == 0x1885 || c == 0x1886 || c == 0xa9bd || c == 0x111c9)
        return false;
    if (c == 0x1734)
        return true;
    return u_charType((UChar32)c) == U_NON_SPACING_MARK && !newer(c, CATEGORIES_VERSION);
}

bool bert_is_word(uint32_t c)
{
    const uint32_t categories = U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK;
    if (c < 0x80)
        return (c | 32) - 'a' < 26 || c - '0' < 10 || c == '_';
    char newer_one = newer_category(c);
    return (newer_one && newer_one != 'P') || u_hasBinaryProperty((UChar32)c, UCHAR_ALPHABETIC) ||
           (U_MASK(u_charType((UChar32)c)) & categories) ||
           u_hasBinaryProperty((UChar32)c, UCHAR_JOIN_CONTROL);
}

/* The ranges of the original BERT; 2B820 to 2B91F are missing there too. */
bool bert_is_chinese(uint32_t c)
{
    if (c < 0x3400)
        return false;
    return (c >= 0x4e00 && c <= 0x9fff) || c <= 0x4dbf || (c >= 0xf900 && c <= 0xfaff) ||
           (c >= 0x20000 && c <= 0x2a6df) || (c >= 0x2a700 && c <= 0x2b73f) ||
           (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) ||
           (c >= 0x2f800 && c <= 0x2fa1f);
}

uint8_t bert_class(uint32_t c)
{
    uint8_t class = c < 0x300 ? 0 : u_getCombiningClass((UChar32)c);
    return class && newer(c, DECOMPOSITIONS_VERSION) ? 0 : class;
}

unsigned bert_decompose(uint32_t c, uint32_t out[BERT_DECOMPOSITION_MAX])
{
    UErrorCode code = U_ZERO_ERROR;
    UChar wide[2 * BERT_DECOMPOSITION_MAX];
    out[0] = c;
    if (c < 0xc0)
        return 1;
    const UNormalizer2 *nfd = unorm2_getNFDInstance(&code);
    int32_t n = unorm2_getDecomposition(nfd, (UChar32)c, wide, 2 * BERT_DECOMPOSITION_MAX, &code);
    assert(U_SUCCESS(code));
    if (n < 0 || newer(c, DECOMPOSITIONS_VERSION))
        return 1;
    unsigned count = 0;
    for (int32_t at = 0; at < n; count++)
        U16_NEXT(wide, at, n, out[count]);
    return count;
}

/* Capitals that came after Unicode 15: first, last, and what to add. */
static const struct {
    uint32_t first, last;
    int32_t add;
} lower_newer[] = {
    {0x1c89, 0x1c89, 1},      {0xa7cb, 0xa7cb, 0x264 - 0xa7cb},
    {0xa7cc, 0xa7cc, 1},      {0xa7ce, 0xa7ce, 1},
    {0xa7d2, 0xa7d2, 1},      {0xa7d4, 0xa7d4, 1},
    {0xa7da, 0xa7da, 1},      {0xa7dc, 0xa7dc, 0x19b - 0xa7dc},
    {0x10d50, 0x10d65, 0x20}, {0x16ea0, 0x16eb8, 0x1b},
};

unsigned bert_lower(uint32_t c, uint32_t out[BERT_LOWER_MAX])
{
    if (c == 0x130) { /* the only one of several code points */
        out[0] = 'i';
        out[1] = 0x307;
        return 2;
    }
    out[0] = (uint32_t)u_tolower((UChar32)c);
    for (size_t i = 0; i < sizeof lower_newer / sizeof *lower_newer; i++)
        if (out[0] == c && c >= lower_newer[i].first && c <= lower_newer[i].last)
            out[0] = (uint32_t)((int32_t)c + lower_newer[i].add);
    return 1;
}

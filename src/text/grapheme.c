/* What a reader takes for one character: boundaries of UAX #29 (Unicode 15, extended grapheme
 * clusters), judged at one place by what stands around it. ICU's iterator gives the same (the unit
 * test compares them), but has to be opened for a text and to walk to the place. */
#include "text/text.h"
#include <unicode/uchar.h>
#include <unicode/uscript.h>

static uint32_t before(struct str s, size_t *at)
{
    size_t next = *at = utf8_floor(s, *at - 1);
    return utf8_next(s, &next);
}

static int kind_of(uint32_t c)
{
    return u_getIntPropertyValue((UChar32)c, UCHAR_GRAPHEME_CLUSTER_BREAK);
}

static bool is_pictograph(uint32_t c)
{
    return u_hasBinaryProperty((UChar32)c, UCHAR_EXTENDED_PICTOGRAPHIC);
}

/* GB11: a pictograph and what extends it stand before the joiner that ends at `at`. */
static bool joins_pictograph(struct str s, size_t at)
{
    (void)before(s, &at); /* the joiner */
    while (at > 0) {
        uint32_t c = before(s, &at);
        if (kind_of(c) != U_GCB_EXTEND)
            return is_pictograph(c);
    }
    return false;
}

/* GB12, GB13: flags are pairs of indicators. */
static bool parts_flag(struct str s, size_t at)
{
    size_t n = 0;
    while (at > 0 && kind_of(before(s, &at)) == U_GCB_REGIONAL_INDICATOR)
        n++;
    return n % 2 == 1;
}

/* GB6 to GB8. */
static bool hangul_holds(int left, int right)
{
    if (left == U_GCB_L)
        return right == U_GCB_L || right == U_GCB_V || right == U_GCB_LV || right == U_GCB_LVT;
    if (left == U_GCB_LV || left == U_GCB_V)
        return right == U_GCB_V || right == U_GCB_T;
    return (left == U_GCB_LVT || left == U_GCB_T) && right == U_GCB_T;
}

/* The scripts whose conjuncts are one character (GB9c, which ICU had before the standard). */
static int syllabic(uint32_t c)
{
    UErrorCode code = U_ZERO_ERROR;
    switch (uscript_getScript((UChar32)c, &code)) {
    case USCRIPT_DEVANAGARI:
    case USCRIPT_BENGALI:
    case USCRIPT_GUJARATI:
    case USCRIPT_ORIYA:
    case USCRIPT_TELUGU:
    case USCRIPT_MALAYALAM:
        return u_getIntPropertyValue((UChar32)c, UCHAR_INDIC_SYLLABIC_CATEGORY);
    default:
        return U_INSC_OTHER;
    }
}

/* Before `at` stand a consonant and a virama, with marks among them. */
static bool joins_consonant(struct str s, size_t at)
{
    bool virama = false;
    while (at > 0) {
        uint32_t c = before(s, &at);
        int kind = kind_of(c);
        virama |= syllabic(c) == U_INSC_VIRAMA;
        if (kind != U_GCB_ZWJ && !(kind == U_GCB_EXTEND && u_getCombiningClass((UChar32)c)))
            return virama && syllabic(c) == U_INSC_CONSONANT;
    }
    return false;
}

static bool is_control(int kind)
{
    return kind == U_GCB_CONTROL || kind == U_GCB_CR || kind == U_GCB_LF;
}

bool grapheme_boundary(struct str s, size_t at)
{
    if (at == 0 || at >= s.n)
        return true;
    size_t next = at, back = at;
    uint32_t c = utf8_next(s, &next), b = before(s, &back);
    if (c < 0x300 && b < 0x300 && c != 0xad && b != 0xad)
        return !(b == '\r' && c == '\n'); /* most of all text */
    int left = kind_of(b), right = kind_of(c);
    if (is_control(left) || is_control(right))
        return !(left == U_GCB_CR && right == U_GCB_LF);
    if (right == U_GCB_EXTEND || right == U_GCB_ZWJ || right == U_GCB_SPACING_MARK ||
        left == U_GCB_PREPEND || hangul_holds(left, right))
        return false;
    if ((left == U_GCB_EXTEND || left == U_GCB_ZWJ) && syllabic(c) == U_INSC_CONSONANT)
        return !joins_consonant(s, at);
    if (left == U_GCB_ZWJ && is_pictograph(c))
        return !joins_pictograph(s, at);
    return !(left == U_GCB_REGIONAL_INDICATOR && right == left && parts_flag(s, at));
}

size_t grapheme_floor(struct str s, size_t at)
{
    at = utf8_floor(s, at);
    while (!grapheme_boundary(s, at))
        (void)before(s, &at);
    return at;
}

size_t grapheme_ceil(struct str s, size_t at)
{
    size_t floor = utf8_floor(s, at);
    if (floor < at)
        utf8_next(s, &floor);
    while (!grapheme_boundary(s, floor))
        utf8_next(s, &floor);
    return floor;
}

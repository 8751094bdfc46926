#include "text/term_fold.h"
#include "text/text.h"
#include <assert.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>

void term_fold_init(struct term_fold *f)
{
    UErrorCode code = U_ZERO_ERROR;
    f->nfkc_casefold = unorm2_getNFKCCasefoldInstance(&code);
    f->nfd = unorm2_getNFDInstance(&code);
    f->nfc = unorm2_getNFCInstance(&code);
    assert(U_SUCCESS(code));
}

static bool between(UChar32 c, UChar32 first, UChar32 last)
{
    return c >= first && c <= last;
}

/* й and ў are letters of their own, and so is ї; ё is often written е, and stress is no letter. */
static bool cyrillic_drops(UChar32 base, UChar32 mark)
{
    if (mark == 0x308)
        return base == 0x435;
    return mark != 0x306;
}

/* Vowels and Koran marks; hamza and madda only off alef, as one writes it without. */
static bool arabic_drops(UChar32 base, UChar32 mark)
{
    if (between(mark, 0x653, 0x655))
        return base == 0x627;
    return true;
}

/* Whether a mark (Mn) behind `base` is left off. Elsewhere it is a vowel or a letter: Devanagari,
 * Thai, the dakuten of kana. */
static bool mark_drops(UChar32 base, UChar32 mark)
{
    UErrorCode code = U_ZERO_ERROR;
    switch (uscript_getScript(base, &code)) {
    case USCRIPT_LATIN:
    case USCRIPT_GREEK:
    case USCRIPT_HEBREW:
        return true;
    case USCRIPT_CYRILLIC:
        return cyrillic_drops(base, mark);
    case USCRIPT_ARABIC:
        return arabic_drops(base, mark);
    case USCRIPT_COMMON:
        return between(mark, 0x300, 0x36f);
    default:
        return false;
    }
}

/* Letters whose stroke is no mark that NFD would part from them. */
static UChar32 letter_plain(UChar32 c)
{
    static const UChar32 pairs[][2] = {{0xf8, 'o'},  {0x111, 'd'}, {0x127, 'h'},   {0x131, 'i'},
                                       {0x142, 'l'}, {0x167, 't'}, {0x180, 'b'},   {0x19a, 'l'},
                                       {0x1b6, 'z'}, {0x1e5, 'g'}, {0xe6, 'a'},    {0x153, 'o'},
                                       {0xf0, 'd'},  {0xfe, 't'},  {0x2019, '\''}, {0x2bc, '\''}};
    for (size_t i = 0; c >= 0xe6 && i < sizeof pairs / sizeof *pairs; i++)
        if (pairs[i][0] == c)
            return pairs[i][1];
    return c;
}

/* Letters of two. */
static UChar letter_second(UChar32 c)
{
    return c == 0xe6 || c == 0x153 ? 'e' : c == 0xfe ? 'h' : 0;
}

static int32_t marks_drop(const UChar *from, int32_t n, UChar *to)
{
    UChar32 base = ' ', c;
    int32_t out = 0;
    for (int32_t at = 0; at < n;) {
        U16_NEXT(from, at, n, c);
        int8_t type = u_charType(c);
        bool tatweel = c == 0x640;
        if (tatweel || type == U_ENCLOSING_MARK)
            continue;
        if (type == U_NON_SPACING_MARK && mark_drops(base, c))
            continue;
        if (type != U_NON_SPACING_MARK)
            base = c;
        UChar second = letter_second(c);
        c = letter_plain(c);
        U16_APPEND_UNSAFE(to, out, c);
        if (second)
            to[out++] = second;
    }
    return out;
}

static struct str cut(const char *s, size_t n)
{
    struct str whole = {s, n};
    return (struct str){s, n > TERM_BYTES_MAX ? utf8_floor(whole, TERM_BYTES_MAX) : n};
}

static struct str fold_slow(struct term_fold *f, struct str word)
{
    UErrorCode code = U_ZERO_ERROR;
    char utf8[4 * TERM_BYTES_MAX];
    int32_t n;
    word.n = utf8_floor(word, word.n < FOLD_UNITS_MAX ? word.n : FOLD_UNITS_MAX);
    u_strFromUTF8WithSub(f->a, FOLD_CAP, &n, word.s, (int32_t)word.n, 0xfffd, NULL, &code);
    n = unorm2_normalize(f->nfkc_casefold, f->a, n, f->b, FOLD_CAP, &code);
    n = unorm2_normalize(f->nfd, f->b, n, f->a, FOLD_CAP, &code);
    assert(U_SUCCESS(code));
    n = marks_drop(f->a, n, f->b);
    n = unorm2_normalize(f->nfc, f->b, n, f->a, FOLD_CAP, &code);
    assert(U_SUCCESS(code));
    n = n > TERM_BYTES_MAX ? TERM_BYTES_MAX : n; /* a unit is at least a byte */
    if (n && U16_IS_LEAD(f->a[n - 1]))
        n--;
    u_strToUTF8(utf8, sizeof utf8, &n, f->a, n, &code);
    assert(U_SUCCESS(code));
    struct str out = cut(utf8, (size_t)n);
    memcpy(f->out, out.s, out.n);
    return (struct str){f->out, out.n};
}

/* Letters that fold to themselves whatever stands beside them out of this list: most of Chinese,
 * Japanese, Korean and Thai. */
static bool folds_to_itself(uint32_t c)
{
    return between((UChar32)c, 0x4e00, 0x9fff) || between((UChar32)c, 0x3041, 0x3096) ||
           between((UChar32)c, 0x30a1, 0x30fa) || c == 0x30fc ||
           between((UChar32)c, 0xac00, 0xd7a3) || between((UChar32)c, 0x3400, 0x4dbf) ||
           between((UChar32)c, 0xe01, 0xe32) || between((UChar32)c, 0xe40, 0xe46);
}

static bool fold_ascii(struct term_fold *f, struct str word, struct str *out)
{
    size_t n = word.n < TERM_BYTES_MAX ? word.n : TERM_BYTES_MAX;
    unsigned char all = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)word.s[i];
        all |= c;
        f->out[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    *out = (struct str){f->out, n};
    /* A mark behind the 64th byte may still compose with it, but is dropped from a Latin base. */
    return all < 0x80;
}

struct str term_fold(struct term_fold *f, struct str word)
{
    struct str out;
    if (fold_ascii(f, word, &out))
        return out;
    for (size_t at = 0; at < word.n && at <= TERM_BYTES_MAX;)
        if (!folds_to_itself(utf8_next(word, &at)))
            return fold_slow(f, word);
    return cut(word.s, word.n);
}

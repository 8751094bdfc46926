#include "text/term_fold_slow.h"
#include "text/text.h"
#include <assert.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>

void term_fold_slow_init(struct term_fold *f)
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

/* To at most 64 bytes of UTF-8 in `out`. */
static struct str put(const UChar *from, int32_t n, char out[TERM_BYTES_MAX + 16])
{
    UErrorCode code = U_ZERO_ERROR;
    char utf8[4 * TERM_BYTES_MAX];
    n = n > TERM_BYTES_MAX ? TERM_BYTES_MAX : n; /* a unit is at least a byte */
    if (n && U16_IS_LEAD(from[n - 1]))
        n--;
    u_strToUTF8(utf8, sizeof utf8, &n, from, n, &code);
    assert(U_SUCCESS(code));
    size_t bytes = (size_t)n;
    if (bytes > TERM_BYTES_MAX)
        bytes = utf8_floor((struct str){utf8, bytes}, TERM_BYTES_MAX);
    memcpy(out, utf8, bytes);
    return (struct str){out, bytes};
}

static void apostrophes_plain(UChar *s, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        if (s[i] == 0x2019 || s[i] == 0x2bc)
            s[i] = '\'';
}

struct term_forms term_forms_slow(struct term_fold *f, struct str word)
{
    UErrorCode code = U_ZERO_ERROR;
    struct term_forms out;
    int32_t n;
    word.n = utf8_floor(word, word.n < FOLD_UNITS_MAX ? word.n : FOLD_UNITS_MAX);
    u_strFromUTF8WithSub(f->a, FOLD_CAP, &n, word.s, (int32_t)word.n, 0xfffd, NULL, &code);
    n = unorm2_normalize(f->nfkc_casefold, f->a, n, f->b, FOLD_CAP, &code);
    assert(U_SUCCESS(code));
    apostrophes_plain(f->b, n);
    out.cased = put(f->b, n, f->cased);
    n = unorm2_normalize(f->nfd, f->b, n, f->a, FOLD_CAP, &code);
    assert(U_SUCCESS(code));
    n = marks_drop(f->a, n, f->b);
    n = unorm2_normalize(f->nfc, f->b, n, f->a, FOLD_CAP, &code);
    assert(U_SUCCESS(code));
    out.folded = put(f->a, n, f->folded);
    return out;
}

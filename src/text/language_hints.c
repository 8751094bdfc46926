#include "text/language_hints.h"
#include "text/stop_words.h"
#include <unicode/uscript.h>

static const struct {
    UScriptCode script;
    enum language language;
} own[] = {
    {USCRIPT_HANGUL, LANGUAGE_ko},    {USCRIPT_THAI, LANGUAGE_th},
    {USCRIPT_GREEK, LANGUAGE_el},     {USCRIPT_HEBREW, LANGUAGE_he},
    {USCRIPT_ARMENIAN, LANGUAGE_hy},  {USCRIPT_GEORGIAN, LANGUAGE_ka},
    {USCRIPT_KHMER, LANGUAGE_km},     {USCRIPT_LAO, LANGUAGE_lo},
    {USCRIPT_MYANMAR, LANGUAGE_my},   {USCRIPT_TAMIL, LANGUAGE_ta},
    {USCRIPT_TELUGU, LANGUAGE_te},    {USCRIPT_KANNADA, LANGUAGE_kn},
    {USCRIPT_MALAYALAM, LANGUAGE_ml}, {USCRIPT_GUJARATI, LANGUAGE_gu},
    {USCRIPT_GURMUKHI, LANGUAGE_pa},  {USCRIPT_ORIYA, LANGUAGE_or},
    {USCRIPT_SINHALA, LANGUAGE_si},   {USCRIPT_ETHIOPIC, LANGUAGE_am},
    {USCRIPT_BENGALI, LANGUAGE_bn},
};
enum { OWN = sizeof own / sizeof *own };
_Static_assert(SCRIPT_FIRST_OWN + OWN <= SCRIPT_COUNT, "");

static unsigned script_of(uint32_t c)
{
    UErrorCode code = U_ZERO_ERROR;
    if (c < 0x370 || (c >= 0x400 && c < 0x530))
        return SCRIPT_OTHER;
    UScriptCode script = uscript_getScript((UChar32)c, &code);
    if (script == USCRIPT_HIRAGANA || script == USCRIPT_KATAKANA || c == 0x30fc)
        return SCRIPT_KANA;
    if (script == USCRIPT_HAN)
        return SCRIPT_HAN;
    for (unsigned i = 0; i < OWN; i++)
        if (own[i].script == script)
            return SCRIPT_FIRST_OWN + i;
    return SCRIPT_OTHER;
}

void hints_word(struct language_hints *h, struct str word, uint32_t first_letter)
{
    h->words++;
    h->letters[script_of(first_letter)]++;
    uint64_t lists = stop_lists_of(word, false);
    float share = lists ? 1.0f / (float)__builtin_popcountll(lists) : 0;
    for (; lists; lists &= lists - 1)
        h->stops[__builtin_ctzll(lists)] += share;
}

enum language hints_by_script(const struct language_hints *h)
{
    unsigned han = h->letters[SCRIPT_HAN], kana = h->letters[SCRIPT_KANA];
    if (2 * (han + kana) > h->words)
        return 12 * kana > han + kana ? LANGUAGE_ja : LANGUAGE_zh;
    for (unsigned i = 0; i < OWN; i++)
        if (2 * h->letters[SCRIPT_FIRST_OWN + i] > h->words)
            return own[i].language;
    return LANGUAGE_UNKNOWN;
}

enum language hints_by_words(const struct language_hints *h, float *confidence)
{
    unsigned best = 0, second = 1;
    for (unsigned i = 1; i < stop_list_count(); i++) {
        if (h->stops[i] > h->stops[best]) {
            second = best;
            best = i;
        } else if (h->stops[i] > h->stops[second]) {
            second = i;
        }
    }
    float sum = h->stops[best] + h->stops[second];
    if (h->stops[best] < 0.5f || h->stops[best] * 10 < (float)h->words * 0.3f)
        return LANGUAGE_UNKNOWN;
    *confidence = sum > 0 ? (h->stops[best] - h->stops[second]) / sum : 0;
    return stop_list_language(best);
}

float hints_stops(const struct language_hints *h, enum language language)
{
    for (unsigned i = 0; i < stop_list_count(); i++)
        if (stop_list_language(i) == language)
            return h->stops[i];
    return 0;
}

#include "text/language.h"
#include <assert.h>
#include <string.h>

static const struct {
    char code[4];
    const char *name;
} languages[LANGUAGE_COUNT] = {
    {"", ""},
#define LANGUAGE(code, name) {#code, name},
#include "text/languages.def"
#undef LANGUAGE
};

/* ISO 639-2 codes, of either kind, that do not begin with the two letters of ISO 639-1; and tags
 * that mean one of ours. */
static const char others[][2][4] = {
    {"alb", "sq"}, {"arm", "hy"}, {"baq", "eu"}, {"ben", "bn"}, {"bul", "bg"}, {"bur", "my"},
    {"ces", "cs"}, {"chi", "zh"}, {"cze", "cs"}, {"cmn", "zh"}, {"cym", "cy"}, {"deu", "de"},
    {"dut", "nl"}, {"ell", "el"}, {"est", "et"}, {"eus", "eu"}, {"fas", "fa"}, {"fil", "tl"},
    {"geo", "ka"}, {"ger", "de"}, {"gle", "ga"}, {"glg", "gl"}, {"gre", "el"}, {"hye", "hy"},
    {"ice", "is"}, {"in", "id"},  {"ind", "id"}, {"isl", "is"}, {"iw", "he"},  {"jpn", "ja"},
    {"kan", "kn"}, {"kat", "ka"}, {"kaz", "kk"}, {"khm", "km"}, {"kor", "ko"}, {"kmr", "ku"},
    {"mac", "mk"}, {"mal", "ml"}, {"mar", "mr"}, {"may", "ms"}, {"mkd", "mk"}, {"mon", "mn"},
    {"msa", "ms"}, {"mya", "my"}, {"nb", "no"},  {"nld", "nl"}, {"nn", "no"},  {"nno", "no"},
    {"nob", "no"}, {"ori", "or"}, {"pan", "pa"}, {"per", "fa"}, {"pol", "pl"}, {"por", "pt"},
    {"ron", "ro"}, {"rum", "ro"}, {"slk", "sk"}, {"slo", "sk"}, {"sqi", "sq"}, {"srp", "sr"},
    {"spa", "es"}, {"swe", "sv"}, {"tgl", "tl"}, {"tur", "tr"}, {"wel", "cy"}, {"yue", "zh"},
    {"zho", "zh"}, {"bel", "be"}, {"bos", "bs"}, {"lat", ""},   {"mlt", ""},   {"tam", "ta"},
};

const char *language_code(enum language language)
{
    assert(language >= 0 && language < LANGUAGE_COUNT);
    return languages[language].code;
}

const char *language_name(enum language language)
{
    assert(language >= 0 && language < LANGUAGE_COUNT);
    return languages[language].name;
}

static enum language by_code(const char *code, size_t n)
{
    for (int i = LANGUAGE_UNKNOWN + 1; i < LANGUAGE_COUNT; i++)
        if (strlen(languages[i].code) == n && memcmp(languages[i].code, code, n) == 0)
            return (enum language)i;
    return LANGUAGE_UNKNOWN;
}

enum language language_of_tag(struct str tag)
{
    char code[4] = "";
    size_t n = 0;
    for (; n < tag.n && tag.s[n] != '-' && tag.s[n] != '_'; n++) {
        if (n == 3)
            return LANGUAGE_UNKNOWN;
        code[n] = tag.s[n] >= 'A' && tag.s[n] <= 'Z' ? (char)(tag.s[n] + 32) : tag.s[n];
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(others[i][0], code) == 0)
            return by_code(others[i][1], strlen(others[i][1]));
    return by_code(code, n);
}

#include "text/term_stem.h"
#include "base/arena.h"
#include <assert.h>
#include <libstemmer.h>
#include <stdlib.h>
#include <string.h>

/* Whose words are stemmed by which algorithm. `latin`: it is for Latin letters. */
static const struct {
    enum language language;
    bool latin;
    const char *algorithm;
} algorithms[] = {
    {LANGUAGE_ar, false, "arabic"},    {LANGUAGE_hy, false, "armenian"},
    {LANGUAGE_eu, true, "basque"},     {LANGUAGE_ca, true, "catalan"},
    {LANGUAGE_da, true, "danish"},     {LANGUAGE_nl, true, "dutch"},
    {LANGUAGE_en, true, "english"},    {LANGUAGE_fi, true, "finnish"},
    {LANGUAGE_fr, true, "french"},     {LANGUAGE_de, true, "german"},
    {LANGUAGE_el, false, "greek"},     {LANGUAGE_hi, false, "hindi"},
    {LANGUAGE_hu, true, "hungarian"},  {LANGUAGE_id, true, "indonesian"},
    {LANGUAGE_ms, true, "indonesian"}, {LANGUAGE_ga, true, "irish"},
    {LANGUAGE_it, true, "italian"},    {LANGUAGE_lt, true, "lithuanian"},
    {LANGUAGE_ne, false, "nepali"},    {LANGUAGE_no, true, "norwegian"},
    {LANGUAGE_pt, true, "portuguese"}, {LANGUAGE_ro, true, "romanian"},
    {LANGUAGE_ru, false, "russian"},   {LANGUAGE_sr, true, "serbian"},
    {LANGUAGE_hr, true, "serbian"},    {LANGUAGE_bs, true, "serbian"},
    {LANGUAGE_es, true, "spanish"},    {LANGUAGE_sv, true, "swedish"},
    {LANGUAGE_ta, false, "tamil"},     {LANGUAGE_tr, true, "turkish"},
    {LANGUAGE_yi, false, "yiddish"},
};
/* Written in other letters, and without a stemmer: the English words in between have one. */
static const enum language unstemmed[] = {
    LANGUAGE_am, LANGUAGE_be, LANGUAGE_bg, LANGUAGE_bn, LANGUAGE_fa, LANGUAGE_gu, LANGUAGE_he,
    LANGUAGE_ja, LANGUAGE_ka, LANGUAGE_kk, LANGUAGE_km, LANGUAGE_kn, LANGUAGE_ko, LANGUAGE_lo,
    LANGUAGE_mk, LANGUAGE_ml, LANGUAGE_mn, LANGUAGE_mr, LANGUAGE_my, LANGUAGE_or, LANGUAGE_pa,
    LANGUAGE_si, LANGUAGE_te, LANGUAGE_th, LANGUAGE_uk, LANGUAGE_ur, LANGUAGE_zh,
};

/* A stem that was made lately: 64 bytes, 1,024 of them. */
enum { KEPT = 1024, KEPT_WORD = 30, KEPT_STEM = 30 };
struct kept {
    uint8_t language, word_bytes, stem_bytes; /* language 0: free */
    char word[KEPT_WORD], stem[KEPT_STEM];
};

struct term_stemmer {
    struct sb_stemmer *stemmers[LANGUAGE_COUNT]; /* made when they are first wanted */
    struct term_fold fold;
    uint8_t sorts[LANGUAGE_COUNT]; /* enum sort */
    struct kept kept[KEPT];
};

enum sort {
    SORT_NONE,
    SORT_OWN,   /* for letters of its own, and English for Latin ones */
    SORT_LATIN, /* for Latin letters */
    SORT_OTHER, /* only English for Latin ones */
};

struct term_stemmer *term_stemmer_new(void)
{
    struct term_stemmer *s = xcalloc(1, sizeof *s);
    term_fold_init(&s->fold);
    for (size_t i = 0; i < sizeof unstemmed / sizeof *unstemmed; i++)
        s->sorts[unstemmed[i]] = SORT_OTHER;
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
        s->sorts[algorithms[i].language] = algorithms[i].latin ? SORT_LATIN : SORT_OWN;
    return s;
}

void term_stemmer_free(struct term_stemmer *s)
{
    if (!s)
        return;
    for (int i = 0; i < LANGUAGE_COUNT; i++)
        sb_stemmer_delete(s->stemmers[i]);
    free(s);
}

static struct sb_stemmer *stemmer_of(struct term_stemmer *s, enum language language)
{
    if (s->stemmers[language])
        return s->stemmers[language];
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
        if (algorithms[i].language == language)
            s->stemmers[language] = sb_stemmer_new(algorithms[i].algorithm, "UTF_8");
    assert(s->stemmers[language]);
    return s->stemmers[language];
}

/* Letters only; `ascii`: all of them ASCII. What has digits is the name of something. */
static bool is_plain(struct str word, bool *ascii)
{
    unsigned char all = 0;
    for (size_t i = 0; i < word.n; i++) {
        unsigned char c = (unsigned char)word.s[i];
        all |= c;
        if (c < 0x80 && !((c | 32) >= 'a' && (c | 32) <= 'z'))
            return false;
    }
    *ascii = all < 0x80;
    return word.n > 1;
}

/* --- letters that are also written as two --- */

static bool is_vowel(char c)
{
    return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u';
}

/* ae, oe, ue for German umlauts (not in "neue", "quelle"), aa for the Danish and Norwegian a with a
 * ring: "Mueller" and "M\xc3\xbcller" get one stem. As in Snowball's german2. */
static struct str letters_joined(enum language language, struct str word, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < word.n; i++) {
        char c = word.s[i], next = i + 1 < word.n ? word.s[i + 1] : 0,
             before = i ? word.s[i - 1] : 0;
        const char *one = NULL;
        if (language == LANGUAGE_de && next == 'e' && !is_vowel(before) && before != 'q')
            one = c == 'a' ? "\xc3\xa4" : c == 'o' ? "\xc3\xb6" : c == 'u' ? "\xc3\xbc" : NULL;
        else if (language != LANGUAGE_de && c == 'a' && next == 'a')
            one = "\xc3\xa5";
        if (one) {
            memcpy(out + n, one, 2);
            n += 2;
            i++;
        } else {
            out[n++] = c;
        }
    }
    return (struct str){out, n};
}

static struct str stem_make(struct term_stemmer *s, enum language language, struct str cased)
{
    char joined[TERM_BYTES_MAX];
    if (language == LANGUAGE_de || language == LANGUAGE_da || language == LANGUAGE_no)
        cased = letters_joined(language, cased, joined);
    struct sb_stemmer *stemmer = stemmer_of(s, language);
    const sb_symbol *stem = sb_stemmer_stem(stemmer, (const sb_symbol *)cased.s, (int)cased.n);
    if (!stem)
        return (struct str){NULL, 0};
    return term_fold(&s->fold,
                     (struct str){(const char *)stem, (size_t)sb_stemmer_length(stemmer)});
}

static struct kept *place(struct term_stemmer *s, enum language language, struct str word)
{
    uint64_t hash = (str_hash(word) + (uint64_t)language) * UINT64_C(0x9e3779b97f4a7c15);
    return &s->kept[hash >> 54];
}
_Static_assert(KEPT == 1 << 10, "place() gives 10 bits");

struct str term_stem(struct term_stemmer *s, enum language language, const struct term_forms *forms)
{
    struct str word = forms->cased;
    bool ascii;
    enum sort sort = s->sorts[language];
    if (!sort || !is_plain(word, &ascii) || (sort == SORT_OTHER && !ascii))
        return forms->folded;
    if (sort != SORT_LATIN && ascii)
        language = LANGUAGE_en;
    if (word.n > KEPT_WORD) {
        struct str stem = stem_make(s, language, word);
        return stem.n ? stem : forms->folded;
    }
    struct kept *k = place(s, language, word);
    if (k->language != language || !str_eq(word, (struct str){k->word, k->word_bytes})) {
        struct str stem = stem_make(s, language, word);
        if (!stem.n)
            stem = forms->folded;
        if (stem.n > KEPT_STEM)
            return stem;
        k->language = (uint8_t)language;
        k->word_bytes = (uint8_t)word.n;
        k->stem_bytes = (uint8_t)stem.n;
        memcpy(k->word, word.s, word.n);
        memcpy(k->stem, stem.s, stem.n);
    }
    return (struct str){k->stem, k->stem_bytes};
}

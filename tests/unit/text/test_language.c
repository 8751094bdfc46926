#include "test.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/rng.h"
#include "text/language.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void tags_have_their_language(void **state)
{
    static const struct {
        const char *tag;
        enum language is;
    } cases[] = {
        {"en", LANGUAGE_en},           {"pt-BR", LANGUAGE_pt},  {"PT_br", LANGUAGE_pt},
        {"zh-Hant-TW", LANGUAGE_zh},   {"deu", LANGUAGE_de},    {"ger", LANGUAGE_de},
        {"nb", LANGUAGE_no},           {"iw", LANGUAGE_he},     {"fil", LANGUAGE_tl},
        {"", LANGUAGE_UNKNOWN},        {"-", LANGUAGE_UNKNOWN}, {"x-klingon", LANGUAGE_UNKNOWN},
        {"english", LANGUAGE_UNKNOWN}, {"e", LANGUAGE_UNKNOWN}, {"qqq", LANGUAGE_UNKNOWN},
        {"lat", LANGUAGE_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(language_of_tag(str_c(cases[i].tag)), cases[i].is);
}

static void every_language_has_its_code_and_name(void **state)
{
    assert_string_equal(language_code(LANGUAGE_UNKNOWN), "");
    assert_string_equal(language_name(LANGUAGE_de), "German");
    for (int i = 1; i < LANGUAGE_COUNT; i++) {
        const char *code = language_code((enum language)i);
        assert_int_equal(strlen(code), 2);
        assert_int_equal(language_of_tag(str_c(code)), i);
        assert_true(strlen(language_name((enum language)i)) > 2);
    }
}

/* Texts of one sentence, written for this test. */
static const struct {
    enum language is;
    const char *text;
} sentences[] = {
    {LANGUAGE_en,
     "The shop at the corner was closed, so we had to walk all the way to the market."},
    {LANGUAGE_de, "Der Laden an der Ecke war geschlossen, und wir mussten bis zum Markt laufen."},
    {LANGUAGE_fr,
     "Le magasin du coin \u00e9tait ferm\u00e9, et nous avons march\u00e9 jusqu'au march\u00e9."},
    {LANGUAGE_es,
     "La tienda de la esquina estaba cerrada y por eso fuimos a pie hasta el mercado."},
    {LANGUAGE_it,
     "Il negozio all'angolo era chiuso e quindi siamo andati a piedi fino al mercato."},
    {LANGUAGE_pt,
     "A loja da esquina n\u00e3o estava aberta, por isso fomos a p\u00e9 at\u00e9 ao mercado."},
    {LANGUAGE_nl,
     "De winkel op de hoek was dicht, dus we moesten naar de markt lopen met het hele gezin."},
    {LANGUAGE_sv, "Aff\u00e4ren p\u00e5 h\u00f6rnet var st\u00e4ngd, s\u00e5 vi fick g\u00e5 "
                  "\u00e4nda till torget och det var inte n\u00e4ra."},
    {LANGUAGE_da, "Butikken p\u00e5 hj\u00f8rnet var lukket, s\u00e5 vi m\u00e5tte g\u00e5 helt "
                  "ned til torvet efter m\u00e6lk af nogen."},
    {LANGUAGE_fi, "Kulman kauppa oli kiinni, joten me k\u00e4velimme torille ja se ei ollut kovin "
                  "l\u00e4hell\u00e4, mutta ilma oli hyv\u00e4."},
    {LANGUAGE_pl, "Sklep na rogu by\u0142 zamkni\u0119ty, wi\u0119c poszli\u015bmy pieszo na targ, "
                  "kt\u00f3ry nie jest daleko."},
    {LANGUAGE_cs, "Obchod na rohu byl zav\u0159en\u00fd, a tak jsme \u0161li p\u011b\u0161ky na "
                  "trh, kter\u00fd nen\u00ed daleko."},
    {LANGUAGE_hu, "A sarki bolt z\u00e1rva volt, ez\u00e9rt a piacig kellett gyalogolni, de nem "
                  "volt messze, \u00e9s az id\u0151 is j\u00f3 volt."},
    {LANGUAGE_ru,
     "\u041c\u0430\u0433\u0430\u0437\u0438\u043d \u043d\u0430 \u0443\u0433\u043b\u0443 "
     "\u0431\u044b\u043b \u0437\u0430\u043a\u0440\u044b\u0442, \u0438 \u043c\u044b "
     "\u043f\u043e\u0448\u043b\u0438 \u043d\u0430 \u0440\u044b\u043d\u043e\u043a."},
    {LANGUAGE_el, "\u03a4\u03bf \u03bc\u03b1\u03b3\u03b1\u03b6\u03af \u03ae\u03c4\u03b1\u03bd "
                  "\u03ba\u03bb\u03b5\u03b9\u03c3\u03c4\u03cc."},
    {LANGUAGE_he, "\u05d4\u05d7\u05e0\u05d5\u05ea \u05d4\u05d9\u05d9\u05ea\u05d4 "
                  "\u05e1\u05d2\u05d5\u05e8\u05d4"},
    {LANGUAGE_zh, "\u8857\u89d2\u7684\u5546\u5e97\u5173\u95e8\u4e86"},
    {LANGUAGE_ja, "\u89d2\u306e\u5e97\u306f\u9589\u307e\u3063\u3066\u3044\u307e\u3057\u305f"},
    {LANGUAGE_ko, "\ubaa8\ud241\uc774 \uac00\uac8c\ub294 \ub2eb\ud600 \uc788\uc5c8\ub2e4"},
    {LANGUAGE_th, "\u0e23\u0e49\u0e32\u0e19\u0e1b\u0e34\u0e14\u0e41\u0e25\u0e49\u0e27"},
    {LANGUAGE_km, "\u17a0\u17b6\u1784\u1794\u17b7\u1791"},
};

static void sentences_are_told(const char *table)
{
    struct language_detector *d = language_detector_new(table);
    assert_int_equal(language_detector_has_table(d), table != NULL);
    for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++) {
        struct language_guess g = language_detect(d, str_c(sentences[i].text));
        assert_string_equal(language_code(g.language), language_code(sentences[i].is));
        assert_true(g.confidence > 0 && g.confidence <= 1);
        g = language_detect_document(d, str_c("x"), str_c(sentences[i].text));
        assert_string_equal(language_code(g.language), language_code(sentences[i].is));
    }
    language_detector_free(d);
}

static void languages_are_told_by_scripts_and_function_words(void **state)
{
    sentences_are_told(NULL);
}

static void languages_are_told_by_the_table(void **state)
{
    const char *table = getenv("AKIN_TEST_LANGUAGES");
    if (!table)
        skip();
    sentences_are_told(table);
}

static void what_is_no_language_is_unknown(void **state)
{
    static const char *const texts[] = {
        "", "x", "12 345", "3.14 + 2", "\u2603 \u2603", "foo", "\xff\xfe", "qwrtz plxc", "a_1 b_2"};
    struct language_detector *d[] = {language_detector_new(NULL),
                                     language_detector_new(getenv("AKIN_TEST_LANGUAGES"))};
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
            struct language_guess g = language_detect(d[k], str_c(texts[i]));
            assert_string_equal(language_code(g.language), "");
            assert_true(g.confidence == 0);
        }
        language_detector_free(d[k]);
    }
}

static void any_bytes_and_sizes_will_do(void **state)
{
    struct language_detector *d = language_detector_new(getenv("AKIN_TEST_LANGUAGES"));
    struct rng r;
    static char text[100000];
    rng_init(&r, 6);
    for (int round = 0; round < 300; round++) {
        size_t n = rng_below(&r, round % 50 ? 4000 : sizeof text);
        for (size_t i = 0; i < n; i++)
            text[i] = round % 3 ? (char)rng_next(&r) : ("the \xc3\xa9\xcc\x88"[rng_below(&r, 9)]);
        language_detect(d, (struct str){text, n});
        language_detect_document(d, (struct str){text, n / 3}, (struct str){text, n});
    }
    language_detector_free(d);
}

/* A small table with one piece, written as tools/eldc_to_table.py does. */
static size_t table_make(char *file)
{
    const uint32_t head[] = {1, 2, 4, 1};
    char *at = file + 40;
    struct sha256 sum;
    memcpy(file, "akinlang", 8);
    memcpy(at, head, sizeof head);
    memcpy(at + 16, "de\0\0en\0", 8);
    memset(at + 24, 0, 16 + 2);
    sha256_init(&sum);
    sha256_add(&sum, at, 42);
    sha256_end(&sum, (uint8_t *)file + 8);
    return 82;
}

static bool table_is_taken(const char *file, size_t n)
{
    char path[] = "/tmp/akin-languages-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, file, n), n);
    close(fd);
    struct language_detector *d = language_detector_new(path);
    bool taken = language_detector_has_table(d);
    language_detect(d, str_c("the one and only"));
    language_detector_free(d);
    unlink(path);
    return taken;
}

static void a_damaged_table_is_not_read(void **state)
{
    char file[100];
    size_t n = table_make(file);
    log_set_level(LOG_ERROR);
    assert_true(table_is_taken(file, n));
    for (size_t i = 0; i < n; i++) {
        file[i] ^= 4;
        assert_false(table_is_taken(file, n));
        file[i] ^= 4;
        assert_false(table_is_taken(file, i));
    }
    struct language_detector *d = language_detector_new("/nowhere/languages.table");
    assert_false(language_detector_has_table(d));
    language_detector_free(d);
}

static void function_words_are_stops_of_their_language(void **state)
{
    static const struct {
        enum language language;
        const char *word;
        bool is;
    } cases[] = {
        {LANGUAGE_en, "the", true},    {LANGUAGE_en, "soup", false},
        {LANGUAGE_de, "fur", true},    {LANGUAGE_de, "the", false},
        {LANGUAGE_fr, "meme", true},   {LANGUAGE_UNKNOWN, "the", false},
        {LANGUAGE_sw, "the", false},   {LANGUAGE_en, "", false},
        {LANGUAGE_zh, "\u7684", true}, {LANGUAGE_ru, "\u0438", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(term_is_stop(cases[i].language, str_c(cases[i].word)), cases[i].is);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_have_their_language),
        cmocka_unit_test(every_language_has_its_code_and_name),
        cmocka_unit_test(languages_are_told_by_scripts_and_function_words),
        cmocka_unit_test(languages_are_told_by_the_table),
        cmocka_unit_test(what_is_no_language_is_unknown),
        cmocka_unit_test(any_bytes_and_sizes_will_do),
        cmocka_unit_test(a_damaged_table_is_not_read),
        cmocka_unit_test(function_words_are_stops_of_their_language),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

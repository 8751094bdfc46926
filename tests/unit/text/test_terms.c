#include "test.h"
#include "base/rng.h"
#include "text/text.h"
#include <stdio.h>
#include <string.h>
#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/utext.h>

struct got {
    char text[4000];
    size_t n, count;
};

/* Stems and pairs. */
static void collect(void *ctx, const struct term *term)
{
    struct got *g = ctx;
    if (!(term->kind & (TERM_STEM | TERM_PAIR)))
        return;
    g->n += (size_t)snprintf(g->text + g->n, sizeof g->text - g->n, "%s%.*s", g->count ? "|" : "",
                             STR_ARG(term->text));
    g->count++;
}

static void collect_words(void *ctx, const struct term *term)
{
    struct term word = *term;
    word.kind |= TERM_STEM;
    if (term->kind & (TERM_WORD | TERM_PAIR))
        collect(ctx, &word);
}

static void terms_are(const char *text, const char *want)
{
    struct term_analyzer *t = term_analyzer_new();
    struct got g = {.n = 0};
    term_analyze(t, LANGUAGE_en, str_c(text), collect, &g);
    assert_string_equal(g.text, want);
    term_analyzer_free(t);
}

static void english_is_folded_and_stemmed(void **state)
{
    terms_are("", "");
    terms_are("The RUNNING dogs, (walked).", "the|run|dog|walk");
    terms_are("don't John's \u2018don\u2019t\u2019 L'eau qu\u2019il rock'n'roll",
              "dont|john|dont|eau|il|rocknrol");
    terms_are("libfoo2 3.14 foo_bar __ 1,000 e.g. node.js U.S.A. v1.2",
              "libfoo2|3.14|foo|bar|1,000|eg|node|js|usa|v1.2");
    terms_are("a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q. a.b.", "a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p|q|ab");
    terms_are("@ann ann.bell@example.com\u2603", "ann|ann|bell|exampl|com");
    terms_are("line\nnext\r\nline", "line|next|line");
}

/* Everything: "@3 running,s" is a word at position 3, a phrase's term is marked p. */
static void show(void *ctx, const struct term *term)
{
    struct got *g = ctx;
    g->n +=
        (size_t)snprintf(g->text + g->n, sizeof g->text - g->n, "%s@%u %.*s %s%s%s%s",
                         g->count++ ? "|" : "", term->position, STR_ARG(term->text),
                         term->kind & TERM_WORD ? "w" : "", term->kind & TERM_STEM ? "s" : "",
                         term->kind & TERM_PAIR ? "2" : "", term->kind & TERM_PHRASE ? "p" : "");
}

static void shown_as(enum language language, const char *text, uint32_t positions, const char *want)
{
    struct term_analyzer *t = term_analyzer_new();
    struct got g = {.n = 0};
    assert_int_equal(term_analyze(t, language, str_c(text), show, &g), positions);
    assert_string_equal(g.text, want);
    term_analyzer_free(t);
}

static void stems_stand_at_the_position_of_their_words(void **state)
{
    shown_as(LANGUAGE_en, "The dogs run", 3, "@0 the wsp|@1 dogs wp|@1 dog s|@2 run wsp");
    shown_as(LANGUAGE_UNKNOWN, "The dogs", 2, "@0 the wsp|@1 dogs wsp");
}

static void each_language_has_its_stems(void **state)
{
    shown_as(LANGUAGE_de, "H\u00e4user Haeuser neue", 3,
             "@0 hauser wp|@0 haus s|@1 haeuser wp|@1 haus s|@2 neue wp|@2 neu s");
    shown_as(LANGUAGE_fr, "l'eau mang\u00e9e", 2, "@0 eau wsp|@1 mangee wp|@1 mang s");
    shown_as(LANGUAGE_ru, "\u0441\u043e\u0431\u0430\u043a\u0438 dogs", 2,
             "@0 \u0441\u043e\u0431\u0430\u043a\u0438 wp|@0 \u0441\u043e\u0431\u0430\u043a s|@1 "
             "dogs wp|@1 dog s");
    shown_as(LANGUAGE_zh, "dogs", 1, "@0 dogs wp|@0 dog s");
    shown_as(LANGUAGE_da, "Aarhus \u00c5rhus", 2, "@0 aarhus wp|@0 arhus s|@1 arhus wsp");
    shown_as(LANGUAGE_pl, "psy", 1, "@0 psy wsp");
}

/* Words and positions are the same in every language, as are stems when a word comes again. */
static void languages_differ_in_stems_alone(void **state)
{
    static const char text[] = "L'H\u00e4user dogs mang\u00e9es \u6771\u4eac\u90fd "
                               "r\u0443\u0441\u0441\u043a\u0438\u0439 e.g. a_b dogs mang\u00e9es";
    struct term_analyzer *t = term_analyzer_new();
    struct got first = {.n = 0}, stems[2];
    uint32_t positions = term_analyze(t, LANGUAGE_UNKNOWN, str_c(text), collect_words, &first);
    for (int l = 0; l < LANGUAGE_COUNT; l++) {
        struct got words = {.n = 0};
        assert_int_equal(term_analyze(t, (enum language)l, str_c(text), collect_words, &words),
                         positions);
        assert_string_equal(words.text, first.text);
        for (int again = 0; again < 2; again++) {
            stems[again] = (struct got){.n = 0};
            term_analyze(t, (enum language)l, str_c(text), collect, &stems[again]);
        }
        assert_string_equal(stems[0].text, stems[1].text);
    }
    term_analyzer_free(t);
}

static void characters_of_dense_scripts_have_positions(void **state)
{
    shown_as(LANGUAGE_zh, "a \u6771\u4eac\u90fd b", 5,
             "@0 a wsp|@1 \u6771\u4eac ws2p|@2 \u4eac\u90fd 2p|@3 \u90fd ws|@4 b wsp");
    shown_as(LANGUAGE_UNKNOWN, "\u6771 \u4eac", 2, "@0 \u6771 wsp|@1 \u4eac wsp");
}

/* What stands beside a snowman goes through ICU, what does not is cut here: the words are the same.
 */
static void words_are_the_same_beside_others(void **state)
{
    static const char *const few[] = {"a",      "B",      "1",      "_",      ".",      "'",
                                      ":",      ",",      ";",      "-",      "\"",     "@",
                                      "\u00e9", "\u0416", "\u2019", "\u00df", "\u00c5", "\u00b7",
                                      "\u0130", "\ud55c", "\u1ea4", "\u201c", "\u00ba", "\u02bc"};
    struct term_analyzer *t = term_analyzer_new();
    struct rng r;
    char text[300];
    rng_init(&r, 4);
    for (int round = 0; round < 5000; round++) {
        struct got alone = {.n = 0}, other = {.n = 0};
        size_t n = 0;
        for (size_t k = rng_below(&r, 60); k > 0; k--)
            n += (size_t)sprintf(text + n, "%s", few[rng_below(&r, sizeof few / sizeof *few)]);
        memcpy(text + n, "\u2603", 4);
        term_analyze(t, LANGUAGE_en, (struct str){text, n}, collect, &alone);
        term_analyze(t, LANGUAGE_en, (struct str){text, n + 3}, collect, &other);
        if (strcmp(alone.text, other.text) != 0)
            fail_msg("\"%.*s\": %s, by ICU %s", (int)n, text, alone.text, other.text);
    }
    term_analyzer_free(t);
}

struct phrase {
    struct {
        char text[24];
        uint32_t position;
    } terms[200];
    size_t n;
};

static void collect_phrase(void *ctx, const struct term *term)
{
    struct phrase *p = ctx;
    if (!(term->kind & TERM_PHRASE))
        return;
    assert_true(term->text.n < sizeof p->terms->text && p->n < 200);
    memcpy(p->terms[p->n].text, term->text.s, term->text.n);
    p->terms[p->n].text[term->text.n] = 0;
    p->terms[p->n++].position = term->position;
}

static bool holds(const struct phrase *text, const struct phrase *part, uint32_t at)
{
    for (size_t i = 0, k = 0; i < part->n; i++) {
        while (k < text->n && (text->terms[k].position != at + part->terms[i].position ||
                               strcmp(text->terms[k].text, part->terms[i].text) != 0))
            k++;
        if (k == text->n)
            return false;
    }
    return true;
}

/* Two characters or more of a run are found as a phrase, wherever the dictionary parts words there
 * and in the run. */
static void a_part_of_a_run_is_a_phrase_of_it(void **state)
{
    static const char *const sets[][8] = {
        {"\u4e2d", "\u56fd", "\u4eba", "\u6c11", "\u5927", "\u5b66", "\u751f", "\u6d3b"},
        {"\u6771", "\u4eac", "\u306e", "\u5929", "\u6c17", "\u30bf", "\u30fc", "\u306f"},
        {"\u0e01", "\u0e32", "\u0e23", "\u0e40", "\u0e23\u0e35", "\u0e22", "\u0e19", "\u0e44"}};
    struct term_analyzer *t = term_analyzer_new();
    struct rng r;
    rng_init(&r, 7);
    for (int round = 0; round < 1500; round++) {
        char text[400];
        size_t starts[61], n = 0;
        for (int i = 0; i < 60; i++) {
            starts[i] = n;
            n += (size_t)sprintf(text + n, "%s", sets[round % 3][rng_below(&r, 8)]);
        }
        starts[60] = n;
        uint32_t from = (uint32_t)rng_below(&r, 50), count = 2 + (uint32_t)rng_below(&r, 8);
        struct phrase whole = {.n = 0}, part = {.n = 0};
        term_analyze(t, LANGUAGE_UNKNOWN, (struct str){text, n}, collect_phrase, &whole);
        term_analyze(t, LANGUAGE_UNKNOWN,
                     (struct str){text + starts[from], starts[from + count] - starts[from]},
                     collect_phrase, &part);
        assert_int_equal(part.n, count - 1);
        assert_true(holds(&whole, &part, from));
    }
    term_analyzer_free(t);
}

static void diacritics_are_folded(void **state)
{
    terms_are("na\u00efve nai\u0308ve", "naiv|naiv");
    terms_are("Stra\u00dfe \u00c5ngstr\u00f6m \u0141\u00f3d\u017a S\u00f8ren",
              "strass|angstrom|lodz|soren");
    terms_are("\u0130stanbul \u0131l\u0131k C\u00c6SAR \ufb01nance", "istanbul|ilik|caesar|financ");
    terms_are("\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2",
              "\u03c3\u03b9\u03c3\u03c5\u03c6\u03bf\u03c3");
    terms_are("\u0451\u043b\u043a\u0430 \u043c\u043e\u0439",
              "\u0435\u043b\u043a\u0430|\u043c\u043e\u0439");
    terms_are("\u0643\u064e\u062a\u064e\u0628\u064e \u05e9\u05b8\u05dc\u05d5\u05b9\u05dd",
              "\u0643\u062a\u0628|\u05e9\u05dc\u05d5\u05dd");
    terms_are("\uff26\uff35\uff2c\uff2c so\u00adft", "full|soft");
}

static void marks_that_are_letters_stay(void **state)
{
    terms_are("\ud55c\uad6d\uc5b4", "\ud55c\uad6d\uc5b4"); /* Hangul is composed, */
    terms_are("\u1112\u1161\u11ab", "\ud55c");             /* also from jamo */
    terms_are("\u0939\u093f\u0928\u094d\u0926\u0940", "\u0939\u093f\u0928\u094d\u0926\u0940");
    terms_are("\u304c", "\u304c");
    terms_are("\u304b\u3099", "\u304c"); /* dakuten */
    terms_are("\uff76\uff9e", "\u30ac");
}

static void dense_scripts_have_pairs_beside_words(void **state)
{
    terms_are("\u6771\u4eac\u90fd", "\u6771\u4eac|\u4eac\u90fd|\u90fd");
    terms_are("x \u4e2d y", "x|\u4e2d|y");
    terms_are("\u4e2d\u6587abc", "\u4e2d\u6587|abc");
    terms_are("\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22",
              "\u0e20\u0e32\u0e29\u0e32|\u0e20\u0e32|\u0e32\u0e29|\u0e29\u0e32|\u0e32\u0e44|"
              "\u0e44\u0e17\u0e22|\u0e44\u0e17|\u0e17\u0e22");
}

static void a_term_is_cut_at_64_bytes(void **state)
{
    char text[2000], want[80];
    memset(text, 'k', 300);
    text[300] = 0;
    memset(want, 'k', 64);
    want[64] = 0;
    terms_are(text, want);
    for (int i = 0; i < 100; i++)
        memcpy(text + 3 * i, "\ud55c", 4);
    memcpy(want, text, 63);
    want[63] = 0;
    terms_are(text, want);
}

struct ranges {
    size_t start[4000], end[4000], n;
};

static void add_range(struct ranges *r, size_t start, size_t end)
{
    r->start[r->n] = start;
    r->end[r->n++] = end;
}

static void collect_ranges(void *ctx, const struct term *term)
{
    if (term->kind & TERM_WORD)
        add_range(ctx, term->start, term->end);
}

static void icu_ranges(struct str s, struct ranges *r)
{
    UErrorCode code = U_ZERO_ERROR;
    UText *text = utext_openUTF8(NULL, s.s, (int64_t)s.n, &code);
    UBreakIterator *words = ubrk_open(UBRK_WORD, "", NULL, 0, &code);
    ubrk_setUText(words, text, &code);
    size_t first = 0;
    r->n = 0;
    for (int32_t at = ubrk_next(words); at != UBRK_DONE; at = ubrk_next(words)) {
        bool word = false;
        for (size_t i = first; i < (size_t)at; i++)
            word |= u_isalnum(s.s[i]) != 0;
        if (word)
            add_range(r, first, (size_t)at);
        first = (size_t)at;
    }
    ubrk_close(words);
    utext_close(text);
}

static void ascii_words_are_those_of_icu(void **state)
{
    static const char few[] = "aB1_.':,;-\" \n\r\t";
    static struct ranges want, got;
    struct term_analyzer *t = term_analyzer_new();
    struct rng r;
    char text[200];
    rng_init(&r, 3);
    for (int round = 0; round < 20000; round++) {
        size_t n = rng_below(&r, sizeof text);
        for (size_t i = 0; i < n; i++)
            text[i] =
                (char)(round % 2 ? few[rng_below(&r, sizeof few - 1)] : (char)rng_below(&r, 128));
        for (size_t i = 0; i < n; i++)
            if (text[i] == '.' &&
                ((i && u_isalpha(text[i - 1])) || (i + 1 < n && u_isalpha(text[i + 1]))))
                text[i] = '-';
        struct str s = {text, n};
        char blank[200]; /* @ parts words, which ICU 72 has not in common with UAX #29 */
        for (size_t i = 0; i < n; i++)
            blank[i] = text[i];
        for (size_t i = 0; i < n; i++) /* nor has _, and the dot of names */
            if (blank[i] == '@' || blank[i] == '_')
                blank[i] = ' ';
        icu_ranges((struct str){blank, n}, &want);
        got.n = 0;
        term_analyze(t, LANGUAGE_en, s, collect_ranges, &got);
        for (size_t i = 0; i < want.n || i < got.n; i++)
            if (i == want.n || i == got.n || want.start[i] != got.start[i] ||
                want.end[i] != got.end[i])
                fail_msg("word %zu, %zu-%zu or %zu-%zu, of \"%.*s\"", i, want.start[i], want.end[i],
                         got.start[i], got.end[i], STR_ARG(s));
    }
    term_analyzer_free(t);
}

struct check {
    struct str text;
    size_t last;
    uint32_t position;
};

static void check(void *ctx, const struct term *t)
{
    struct check *c = ctx;
    assert_true(t->text.n >= 1 && t->text.n <= 64);
    assert_int_equal(utf8_valid(t->text), t->text.n);
    assert_true(t->start < t->end && t->end <= c->text.n && t->start >= c->last);
    assert_true(t->position >= c->position && t->kind);
    assert_int_equal(utf8_floor(c->text, t->start), t->start);
    assert_int_equal(utf8_floor(c->text, t->end), t->end);
    c->last = t->start;
    c->position = t->position;
}

static void random_texts_give_sound_terms(void **state)
{
    static const uint32_t blocks[] = {0,      0x80,   0x300,  0x400,   0x590,   0x600,  0x900,
                                      0xe00,  0x1000, 0x1780, 0x3040,  0x30a0,  0x4e00, 0xac00,
                                      0xff60, 0xfdf0, 0x2000, 0x1f300, 0x1d100, 0x1100, 0xe0100};
    struct term_analyzer *t = term_analyzer_new();
    struct rng r;
    char text[1200];
    rng_init(&r, 5);
    for (int round = 0; round < 3000; round++) {
        size_t n = 0;
        uint32_t first = (uint32_t)rng_below(&r, 21), kinds = 1 + (uint32_t)rng_below(&r, 4);
        while (n < 1000) {
            uint32_t c = blocks[(first + rng_below(&r, kinds)) % 21] + (uint32_t)rng_below(&r, 128);
            if (rng_below(&r, 40) == 0)
                text[n++] = (char)rng_next(&r);
            else if (c < 0x80)
                text[n++] = (char)c;
            else if (c < 0x800)
                n += (size_t)sprintf(text + n, "%c%c", 0xc0 | c >> 6, 0x80 | (c & 63));
            else if (c < 0x10000)
                n += (size_t)sprintf(text + n, "%c%c%c", 0xe0 | c >> 12, 0x80 | (c >> 6 & 63),
                                     0x80 | (c & 63));
            else
                n += (size_t)sprintf(text + n, "%c%c%c%c", 0xf0 | c >> 18, 0x80 | (c >> 12 & 63),
                                     0x80 | (c >> 6 & 63), 0x80 | (c & 63));
        }
        struct check c = {.text = {text, n}};
        term_analyze(t, LANGUAGE_en, c.text, check, &c);
    }
    term_analyzer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(english_is_folded_and_stemmed),
        cmocka_unit_test(stems_stand_at_the_position_of_their_words),
        cmocka_unit_test(each_language_has_its_stems),
        cmocka_unit_test(languages_differ_in_stems_alone),
        cmocka_unit_test(characters_of_dense_scripts_have_positions),
        cmocka_unit_test(a_part_of_a_run_is_a_phrase_of_it),
        cmocka_unit_test(diacritics_are_folded),
        cmocka_unit_test(marks_that_are_letters_stay),
        cmocka_unit_test(dense_scripts_have_pairs_beside_words),
        cmocka_unit_test(a_term_is_cut_at_64_bytes),
        cmocka_unit_test(ascii_words_are_those_of_icu),
        cmocka_unit_test(words_are_the_same_beside_others),
        cmocka_unit_test(random_texts_give_sound_terms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A text -> words -> terms. A line of ASCII is cut into words here, any other line by ICU; both
 * give the same words for ASCII (the unit test compares them). */
#include "text/text.h"
#include "base/arena.h"
#include "text/term_fold.h"
#include <assert.h>
#include <libstemmer.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>
#include <unicode/utext.h>

struct term_analyzer {
    UBreakIterator *words;
    UText *utext; /* kept for its memory */
    struct sb_stemmer *stemmer;
    struct term_fold fold;
    term_fn *emit;
    void *ctx;
    enum language language;
    uint32_t position;
    size_t dense_until; /* the end of the last word of such a script */
};

struct term_analyzer *term_analyzer_new(void)
{
    UErrorCode code = U_ZERO_ERROR;
    struct term_analyzer *t = xcalloc(1, sizeof *t);
    t->words = ubrk_open(UBRK_WORD, "", NULL, 0, &code);
    t->stemmer = sb_stemmer_new("english", "UTF_8");
    assert(U_SUCCESS(code) && t->stemmer);
    term_fold_init(&t->fold);
    return t;
}

void term_analyzer_free(struct term_analyzer *t)
{
    if (!t)
        return;
    ubrk_close(t->words);
    utext_close(t->utext);
    sb_stemmer_delete(t->stemmer);
    free(t);
}

static bool is_letter(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static bool is_english(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_letter((unsigned char)s.s[i]) && s.s[i] != '\'')
            return false;
    return true;
}

static void emit_stem(struct term_analyzer *t, struct term *term)
{
    const sb_symbol *stem =
        sb_stemmer_stem(t->stemmer, (const sb_symbol *)term->text.s, (int)term->text.n);
    term->text = (struct str){(const char *)stem, (size_t)sb_stemmer_length(t->stemmer)};
    term->kind = TERM_STEM;
    if (term->text.n)
        t->emit(t->ctx, term);
}

static bool is_own_stem(struct term_analyzer *t, struct str word)
{
    const sb_symbol *stem = sb_stemmer_stem(t->stemmer, (const sb_symbol *)word.s, (int)word.n);
    return str_eq(word, (struct str){(const char *)stem, (size_t)sb_stemmer_length(t->stemmer)});
}

static void emit_range(struct term_analyzer *t, struct str text, size_t start, size_t end,
                       unsigned kind)
{
    struct term term = {term_fold(&t->fold, (struct str){text.s + start, end - start}), start, end,
                        t->position, kind};
    if (!term.text.n)
        return;
    bool stemmed = t->language == LANGUAGE_en && kind & TERM_WORD && is_english(term.text);
    if (kind & TERM_WORD && (!stemmed || is_own_stem(t, term.text)))
        term.kind |= TERM_STEM;
    t->emit(t->ctx, &term);
    if (stemmed && !(term.kind & TERM_STEM))
        emit_stem(t, &term);
}

/* --- ASCII --- */

/* UAX #29, WB5 to WB13b, of ASCII: letters, digits and _ hold together, and . ' between letters,
 * . ' , ; between digits. */
static bool ascii_joins(struct str s, size_t at)
{
    unsigned char c = (unsigned char)s.s[at], before = (unsigned char)s.s[at - 1];
    if (is_letter(c) || is_digit(c) || c == '_')
        return true;
    if (at + 1 == s.n)
        return false;
    unsigned char after = (unsigned char)s.s[at + 1];
    if (is_letter(before) && is_letter(after))
        return c == '.' || c == '\'';
    if (is_digit(before) && is_digit(after))
        return c == '.' || c == '\'' || c == ',' || c == ';';
    return false;
}

static void ascii_words(struct term_analyzer *t, struct str text, size_t start, size_t end)
{
    text.n = end;
    for (size_t at = start; at < end;) {
        unsigned char c = (unsigned char)text.s[at];
        size_t first = at++;
        bool word = is_letter(c) || is_digit(c);
        if (!word && c != '_')
            continue;
        for (; at < end && ascii_joins(text, at); at++)
            word |= text.s[at] != '_';
        if (!word)
            continue;
        emit_range(t, text, first, at, TERM_WORD | TERM_PHRASE);
        t->position++;
    }
}

/* --- everything else --- */

bool term_is_dense(uint32_t c)
{
    UErrorCode code = U_ZERO_ERROR;
    if (c < 0xe00)
        return false;
    if (c == 0x30fc || c == 0xff70) /* the long vowel of kana; Common */
        return true;
    switch (uscript_getScript((UChar32)c, &code)) {
    case USCRIPT_HAN:
    case USCRIPT_HIRAGANA:
    case USCRIPT_KATAKANA:
    case USCRIPT_THAI:
    case USCRIPT_LAO:
    case USCRIPT_KHMER:
    case USCRIPT_MYANMAR:
        break;
    default:
        return false;
    }
    return U_MASK(u_charType((UChar32)c)) & (U_GC_L_MASK | U_GC_N_MASK | U_GC_M_MASK);
}

static bool is_attached(uint32_t c)
{
    return (U_MASK(u_charType((UChar32)c)) & U_GC_M_MASK) || c == 0x200d || c == 0xff9e ||
           c == 0xff9f;
}

/* The end of the character at `at` with its marks; `at` if it is of no dense script. A word break
 * never parts the two. */
static size_t dense_end(struct str text, size_t at)
{
    if (at >= text.n)
        return at;
    size_t end = at;
    if (!term_is_dense(utf8_next(text, &end)))
        return at;
    for (size_t next = end; next < text.n; end = next)
        if (!is_attached(utf8_next(text, &next)))
            break;
    return end;
}

/* A word of a run that is written without spaces: the word, and of every character the pair with
 * the one behind it, which for the last reaches into the next word. */
static void emit_dense(struct term_analyzer *t, struct str text, size_t start, size_t end)
{
    size_t middle = dense_end(text, start), last = dense_end(text, middle);
    bool pair = middle > start && last == end && middle < end;
    bool alone = middle == end && last == end && t->dense_until != start;
    emit_range(t, text, start, end,
               pair    ? TERM_WORD | TERM_PAIR | TERM_PHRASE
               : alone ? TERM_WORD | TERM_PHRASE
                       : TERM_WORD);
    for (size_t at = start; at < end; at = middle) {
        middle = dense_end(text, at);
        last = dense_end(text, middle);
        if (middle == at)
            utf8_next(text, &middle);
        else if (last > middle && (at != start || last != end))
            emit_range(t, text, at, last, TERM_PAIR | TERM_PHRASE);
        t->position++;
    }
    t->dense_until = end;
}

static bool has_letter(struct str text, size_t start, size_t end)
{
    for (size_t at = start; at < end;)
        if (U_MASK(u_charType((UChar32)utf8_next(text, &at))) & (U_GC_L_MASK | U_GC_N_MASK))
            return true;
    return false;
}

/* [start, end) without what is neither letter, digit, mark nor _ at its ends. */
static struct str trim(struct str text, size_t start, size_t end)
{
    const uint32_t kept = U_GC_L_MASK | U_GC_N_MASK | U_GC_M_MASK | U_GC_PC_MASK;
    for (size_t next = start; start < end; start = next)
        if (U_MASK(u_charType((UChar32)utf8_next(text, &next))) & kept)
            break;
    for (size_t before; end > start; end = before) {
        size_t at = before = utf8_floor((struct str){text.s, end}, end - 1);
        if (U_MASK(u_charType((UChar32)utf8_next(text, &at))) & kept)
            break;
    }
    return (struct str){text.s + start, end - start};
}

static void emit_word(struct term_analyzer *t, struct str text, size_t start, size_t end)
{
    if (!has_letter(text, start, end))
        return;
    if (dense_end(text, start) > start) {
        emit_dense(t, text, start, end);
        return;
    }
    emit_range(t, text, start, end, TERM_WORD | TERM_PHRASE);
    t->position++;
}

/* ICU 72 takes @ for a letter, so that an address is one word. Here it parts words, as in UAX #29:
 * one looks for "ann" to find "@ann". */
static void emit_parts(struct term_analyzer *t, struct str text, size_t start, size_t end)
{
    const char *at;
    if (!memchr(text.s + start, '@', end - start)) {
        emit_word(t, text, start, end);
        return;
    }
    for (; start < end; start = (size_t)(at - text.s) + 1) {
        at = memchr(text.s + start, '@', end - start);
        at = at ? at : text.s + end;
        struct str part = trim(text, start, (size_t)(at - text.s));
        size_t first = (size_t)(part.s - text.s);
        emit_word(t, text, first, first + part.n);
    }
}

static void icu_words(struct term_analyzer *t, struct str text, size_t start, size_t end)
{
    UErrorCode code = U_ZERO_ERROR;
    t->utext = utext_openUTF8(t->utext, text.s + start, (int64_t)(end - start), &code);
    ubrk_setUText(t->words, t->utext, &code);
    assert(U_SUCCESS(code));
    text.n = end;
    size_t first = start;
    for (int32_t at = ubrk_next(t->words); at != UBRK_DONE; at = ubrk_next(t->words)) {
        size_t last = start + (size_t)at;
        emit_parts(t, text, first, last);
        first = last;
    }
}

static size_t line_end(struct str text, size_t at)
{
    const char *p = memchr(text.s + at, '\n', text.n - at);
    return p ? (size_t)(p - text.s) + 1 : text.n;
}

static bool is_ascii(struct str text, size_t start, size_t end)
{
    unsigned char all = 0;
    for (size_t i = start; i < end; i++)
        all |= (unsigned char)text.s[i];
    return all < 0x80;
}

uint32_t term_analyze(struct term_analyzer *t, enum language language, struct str text,
                      term_fn *emit, void *ctx)
{
    t->emit = emit;
    t->ctx = ctx;
    t->language = language;
    t->position = 0;
    t->dense_until = SIZE_MAX;
    for (size_t at = 0; at < text.n;) {
        size_t end = line_end(text, at); /* a word never reaches over it (WB3a, WB3b) */
        if (is_ascii(text, at, end))
            ascii_words(t, text, at, end);
        else
            icu_words(t, text, at, end);
        at = end;
    }
    return t->position;
}

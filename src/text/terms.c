/* A text -> words -> terms. What stands between blanks is cut into words here if term_chars.h knows
 * all its characters, else by ICU; both give the same words (the unit test compares them). */
#include "text/text.h"
#include "base/arena.h"
#include "text/term_chars.h"
#include "text/term_fold.h"
#include "text/term_stem.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>
#include <unicode/utext.h>

enum { ICU_BYTES = 4096, ACRONYM_MAX = 16 };

struct term_analyzer {
    UBreakIterator *words;
    UText *utext; /* kept for its memory */
    struct term_stemmer *stemmer;
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
    assert(U_SUCCESS(code));
    t->stemmer = term_stemmer_new();
    term_fold_init(&t->fold);
    return t;
}

void term_analyzer_free(struct term_analyzer *t)
{
    if (!t)
        return;
    ubrk_close(t->words);
    utext_close(t->utext);
    term_stemmer_free(t->stemmer);
    free(t);
}

/* --- a word --- */

/* The word, and its stem where that is another. */
static void emit_word(struct term_analyzer *t, struct str text, size_t start, size_t end)
{
    struct term_forms forms = term_forms(&t->fold, (struct str){text.s + start, end - start});
    if (!forms.folded.n)
        return;
    struct term term = {forms.folded, start, end, t->position++, TERM_WORD | TERM_PHRASE};
    struct str stem = term_stem(t->stemmer, t->language, &forms);
    bool same = str_eq(stem, forms.folded);
    if (same)
        term.kind |= TERM_STEM;
    t->emit(t->ctx, &term);
    if (same)
        return;
    term.text = stem;
    term.kind = TERM_STEM;
    t->emit(t->ctx, &term);
}

static bool is_letter(unsigned char c)
{
    return (c | 32) >= 'a' && (c | 32) <= 'z';
}

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

/* Where a word that ICU holds together is parted: one looks for "ann" to find "@ann", for "node" to
 * find "node.js", and for "foo" to find "foo_bar". */
static bool parts_word(struct str text, size_t start, size_t at, size_t end)
{
    if (text.s[at] != '.')
        return text.s[at] == '_' || text.s[at] == '@';
    return at == start || at + 1 == end || !is_digit((unsigned char)text.s[at - 1]) ||
           !is_digit((unsigned char)text.s[at + 1]);
}

/* "u.s.a": one word, without its dots. */
static size_t acronym(struct str text, size_t start, size_t end, char out[ACRONYM_MAX])
{
    size_t n = 0;
    if ((end - start) % 2 == 0 || end - start >= 2 * ACRONYM_MAX)
        return 0;
    for (size_t at = start; at < end; at += 2) {
        if (!is_letter((unsigned char)text.s[at]) || (at + 1 < end && text.s[at + 1] != '.'))
            return 0;
        out[n++] = text.s[at];
    }
    return n > 1 ? n : 0;
}

static void emit_acronym(struct term_analyzer *t, struct str letters, size_t start, size_t end)
{
    struct term term = {term_fold(&t->fold, letters), start, end, t->position++,
                        TERM_WORD | TERM_STEM | TERM_PHRASE};
    t->emit(t->ctx, &term);
}

static void emit_any(struct term_analyzer *t, struct str text, size_t start, size_t end);

static void emit_parts(struct term_analyzer *t, struct str text, size_t start, size_t end)
{
    char letters[ACRONYM_MAX];
    size_t n = acronym(text, start, end, letters);
    if (n) {
        emit_acronym(t, (struct str){letters, n}, start, end);
        return;
    }
    for (size_t first = start, at = start; at <= end; at++) {
        if (at < end && !parts_word(text, start, at, end))
            continue;
        if (first < at)
            emit_any(t, text, first, at);
        first = at + 1;
    }
}

/* --- characters that need no ICU --- */

/* UAX #29, WB5 to WB13b, of letters, digits, _ and what stands in their middle: does the character
 * at `at` go on with the word that ends in one of kind `last`? `next`: the kind behind it. */
static bool joins(enum char_kind last, enum char_kind kind, enum char_kind next)
{
    switch (kind) {
    case CHAR_LETTER:
    case CHAR_DIGIT:
    case CHAR_LINE:
        return true;
    case CHAR_MID_LETTER:
        return last == CHAR_LETTER && next == CHAR_LETTER;
    case CHAR_MID_DIGIT:
        return last == CHAR_DIGIT && next == CHAR_DIGIT;
    case CHAR_MID_BOTH:
        return (last == CHAR_LETTER && next == CHAR_LETTER) ||
               (last == CHAR_DIGIT && next == CHAR_DIGIT);
    default:
        return false;
    }
}

static enum char_kind kind_at(struct str text, size_t at, unsigned *bytes)
{
    uint32_t c;
    if (at >= text.n)
        return CHAR_BREAK;
    *bytes = text_char_at(text, at, &c);
    return term_char_kind(c);
}

static bool is_word(unsigned char c)
{
    return is_letter(c) || is_digit(c);
}

/* From inside of a word, whose last character is of kind `last`, to its end. *parts: it has a dot
 * or a line. */
static size_t word_end(struct str text, size_t at, enum char_kind last, bool *parts)
{
    for (;;) {
        unsigned bytes = 1, behind = 1;
        size_t from = at;
        while (at < text.n && is_word((unsigned char)text.s[at]))
            at++;
        if (at == text.n)
            return at;
        if (at > from)
            last = is_letter((unsigned char)text.s[at - 1]) ? CHAR_LETTER : CHAR_DIGIT;
        enum char_kind kind = kind_at(text, at, &bytes);
        if (kind == CHAR_BREAK || !joins(last, kind, kind_at(text, at + bytes, &behind)))
            return at;
        *parts |= text.s[at] == '.' || text.s[at] == '_';
        last = kind;
        at += bytes;
    }
}

static bool has_word(struct str text, size_t start, size_t end)
{
    unsigned bytes = 1;
    for (; start < end; start += bytes) {
        enum char_kind kind = kind_at(text, start, &bytes);
        if (kind == CHAR_LETTER || kind == CHAR_DIGIT)
            return true;
    }
    return false;
}

/* text[start, end) has only such characters. */
static void plain_words(struct term_analyzer *t, struct str text, size_t start, size_t end)
{
    unsigned bytes = 1;
    text.n = end;
    for (size_t at = start; at < end;) {
        enum char_kind kind = kind_at(text, at, &bytes);
        bool parts = kind == CHAR_LINE;
        size_t first = at;
        at += bytes;
        if (kind != CHAR_LETTER && kind != CHAR_DIGIT && kind != CHAR_LINE)
            continue;
        at = word_end(text, at, kind, &parts);
        if (!parts)
            emit_word(t, text, first, at);
        else if (has_word(text, first, at))
            emit_parts(t, text, first, at);
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
static void emit_range(struct term_analyzer *t, struct str text, size_t start, size_t end,
                       unsigned kind)
{
    struct str form = term_fold(&t->fold, (struct str){text.s + start, end - start});
    struct term term = {form, start, end, t->position, kind};
    if (form.n)
        t->emit(t->ctx, &term);
}

static void emit_dense(struct term_analyzer *t, struct str text, size_t start, size_t end)
{
    size_t middle = dense_end(text, start), last = dense_end(text, middle);
    bool pair = middle > start && last == end && middle < end;
    bool alone = middle == end && last == end && t->dense_until != start;
    emit_range(t, text, start, end,
               TERM_WORD | TERM_STEM |
                   (pair    ? TERM_PAIR | TERM_PHRASE
                    : alone ? TERM_PHRASE
                            : 0));
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

static void emit_any(struct term_analyzer *t, struct str text, size_t start, size_t end)
{
    struct str word = trim(text, start, end);
    start = (size_t)(word.s - text.s);
    end = start + word.n;
    text.n = end;
    if (!has_letter(text, start, end))
        return;
    if (dense_end(text, start) > start)
        emit_dense(t, text, start, end);
    else
        emit_word(t, text, start, end);
}

/* A word as ICU cuts them; ICU 72 takes @ for a letter. */
static void emit_icu(struct term_analyzer *t, struct str text, size_t start, size_t end)
{
    bool parts = false;
    for (size_t i = start; i < end; i++)
        parts |= text.s[i] == '.' || text.s[i] == '_' || text.s[i] == '@';
    if (!has_letter(text, start, end))
        return;
    if (parts)
        emit_parts(t, text, start, end);
    else if (dense_end(text, start) > start)
        emit_dense(t, text, start, end);
    else
        emit_word(t, text, start, end);
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
        emit_icu(t, text, first, last);
        first = last;
    }
}

/* --- the whole --- */

/* The end of what stands at `at` up to white space, and whether it is all plain. White space of
 * ASCII always parts words, whatever is around it. */
static size_t chunk_end(struct str text, size_t at, bool *plain)
{
    unsigned bytes = 1;
    *plain = true;
    while (at < text.n && (unsigned char)text.s[at] <= ' ')
        at++;
    for (; at < text.n && (unsigned char)text.s[at] > ' '; at += bytes) {
        bytes = 1;
        if ((unsigned char)text.s[at] >= 0x80 && kind_at(text, at, &bytes) == CHAR_COMPLEX)
            *plain = false;
    }
    return at;
}

/* The end of the chunks of ASCII alone. */
static size_t ascii_end(struct str text, size_t at)
{
    uint64_t eight = 0;
    size_t end = at;
    for (; end + 8 <= text.n && !(eight & UINT64_C(0x8080808080808080)); end += 8)
        memcpy(&eight, text.s + end, 8);
    end = eight & UINT64_C(0x8080808080808080) ? end - 8 : end;
    while (end < text.n && (unsigned char)text.s[end] < 0x80)
        end++;
    while (end < text.n && end > at && (unsigned char)text.s[end - 1] > ' ')
        end--;
    return end;
}

uint32_t term_analyze(struct term_analyzer *t, enum language language, struct str text,
                      term_fn *emit, void *ctx)
{
    bool plain = true, more;
    t->emit = emit;
    t->ctx = ctx;
    t->language = language;
    t->position = 0;
    t->dense_until = SIZE_MAX;
    for (size_t at = 0, end, next; at < text.n; at = end) {
        end = ascii_end(text, at);
        plain_words(t, text, at, end);
        at = end;
        end = chunk_end(text, at, &plain);
        if (plain) {
            plain_words(t, text, at, end);
            continue;
        }
        /* A few at once, as it takes ICU some time to begin. */
        while (end < text.n && end - at < ICU_BYTES) {
            next = chunk_end(text, end, &more);
            if (more)
                break;
            end = next;
        }
        icu_words(t, text, at, end);
    }
    return t->position;
}

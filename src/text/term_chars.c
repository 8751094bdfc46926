#include "text/term_chars.h"
#include "base/arena.h"
#include "text/term_fold.h"
#include "text/term_fold_slow.h"
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>

/* Runs of code points with a row of the table each; Hangul, where all is the same, has none. */
static const struct {
    uint32_t first, last;
} runs[] = {{0x80, 0x52f}, {0x1e00, 0x1eff}, {0x2010, 0x205e}, {0x20a0, 0x20bf}};
enum { RUNS = sizeof runs / sizeof *runs, ROWS = 0x4b0 + 0x100 + 0x4f + 0x20 };

static struct {
    uint8_t kinds[ROWS], ascii[128];
    struct char_form folded[ROWS], cased[ROWS];
} table;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int row_of(uint32_t c)
{
    uint32_t row = 0;
    for (unsigned i = 0; i < RUNS && c >= runs[i].first; i++) {
        if (c <= runs[i].last)
            return (int)(row + c - runs[i].first);
        row += runs[i].last - runs[i].first + 1;
    }
    return -1;
}

/* Of UAX #29, as ICU 72 has it: ':' parts words, and so does '@' here. */
static enum char_kind kind_by_icu(uint32_t c)
{
    switch (u_getIntPropertyValue((UChar32)c, UCHAR_WORD_BREAK)) {
    case U_WB_OTHER:
    case U_WB_WSEGSPACE:
        return CHAR_BREAK;
    case U_WB_ALETTER:
        return CHAR_LETTER;
    case U_WB_NUMERIC:
        return CHAR_DIGIT;
    case U_WB_EXTENDNUMLET:
        return CHAR_LINE;
    case U_WB_MIDLETTER:
        return c == ':' ? CHAR_BREAK : CHAR_MID_LETTER;
    case U_WB_MIDNUM:
        return CHAR_MID_DIGIT;
    case U_WB_SINGLE_QUOTE:
    case U_WB_MIDNUMLET:
        return CHAR_MID_BOTH;
    default:
        return c < 0x80 ? CHAR_BREAK : CHAR_COMPLEX;
    }
}

static bool form_set(struct char_form *to, struct str s)
{
    if (s.n > CHAR_FORM_MAX)
        return false;
    to->n = (uint8_t)s.n;
    memcpy(to->s, s.s, s.n);
    return true;
}

static void row_make(struct term_fold *f, uint32_t c, int row)
{
    char utf8[4];
    size_t n = 0;
    enum char_kind kind = kind_by_icu(c);
    if (c >= 0x800)
        utf8[n++] = (char)(0xe0 | c >> 12);
    utf8[n++] = (char)(c >= 0x800 ? 0x80 | (c >> 6 & 63) : 0xc0 | c >> 6);
    utf8[n++] = (char)(0x80 | (c & 63));
    struct term_forms forms = term_forms_slow(f, (struct str){utf8, n});
    if (c == 0x130) /* else an i with a second dot */
        forms.cased = STR("i");
    if (!form_set(&table.folded[row], forms.folded) || !form_set(&table.cased[row], forms.cased))
        kind = CHAR_COMPLEX;
    table.kinds[row] = (uint8_t)kind;
}

static void table_make(void)
{
    struct term_fold *f = xcalloc(1, sizeof *f);
    term_fold_slow_init(f);
    for (uint32_t c = 0; c < 128; c++)
        table.ascii[c] = (uint8_t)kind_by_icu(c);
    for (unsigned i = 0; i < RUNS; i++)
        for (uint32_t c = runs[i].first; c <= runs[i].last; c++)
            row_make(f, c, row_of(c));
    assert(row_of(runs[RUNS - 1].last) + 1 == ROWS);
    free(f);
}

void term_chars_init(void)
{
    pthread_once(&once, table_make);
}

static bool is_hangul(uint32_t c)
{
    return c >= 0xac00 && c <= 0xd7a3;
}

enum char_kind term_char_kind(uint32_t c)
{
    if (c < 0x80)
        return table.ascii[c];
    if (is_hangul(c))
        return CHAR_LETTER;
    int row = row_of(c);
    return row < 0 ? CHAR_COMPLEX : table.kinds[row];
}

const struct char_form *term_char_folded(uint32_t c)
{
    return is_hangul(c) ? NULL : &table.folded[row_of(c)];
}

const struct char_form *term_char_cased(uint32_t c)
{
    return is_hangul(c) ? NULL : &table.cased[row_of(c)];
}

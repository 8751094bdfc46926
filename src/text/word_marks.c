/* A text -> its words as marks (base/wordmark.h), for telling texts that are nearly the same. */
#include "text/text.h"
#include "base/wordmark.h"
#include "text/term_fold.h"
#include <unicode/uchar.h>

struct words {
    uint64_t *marks;
    size_t count;
    struct wordmark word; /* so far */
    bool dense;           /* it is a character of a script without spaces */
};

static void word_end(struct words *w)
{
    if (w->word.length)
        w->marks[w->count++] = wordmark_end(&w->word);
}

static void add_ascii(struct words *w, unsigned char c)
{
    if (w->dense)
        word_end(w);
    w->dense = false;
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
        wordmark_add(&w->word, c, c <= '9');
    else if (c >= 'A' && c <= 'Z')
        wordmark_add(&w->word, c | 32u, false);
    else
        word_end(w);
}

static void add_other(struct words *w, uint32_t c)
{
    uint32_t kind = U_MASK(u_charType((UChar32)c));
    if (kind & U_GC_CF_MASK) /* soft hyphens and joiners are inside of words */
        return;
    if (!(kind & (U_GC_L_MASK | U_GC_N_MASK | U_GC_M_MASK))) {
        word_end(w);
        return;
    }
    if (!(kind & U_GC_M_MASK)) { /* a mark stays with its character */
        bool dense = term_is_dense(c);
        if (dense || w->dense)
            word_end(w);
        w->dense = dense;
    }
    wordmark_add(&w->word, (uint32_t)u_foldCase((UChar32)c, U_FOLD_CASE_DEFAULT),
                 kind & U_GC_N_MASK);
    if (w->dense)
        w->word.flags |= WORDMARK_DENSE;
}

size_t text_word_marks(struct arena *a, struct str text, size_t count_max, uint64_t **out)
{
    /* Words of one byte stand two bytes apart, dense characters have three. */
    size_t bound = text.n / 2 + 1;
    struct words w = {
        .marks = arena_array(a, (bound < count_max ? bound : count_max) + 1, sizeof *w.marks)};
    for (size_t at = 0; at < text.n && w.count < count_max;) {
        unsigned char c = (unsigned char)text.s[at];
        if (c < 0x80) {
            add_ascii(&w, c);
            at++;
        } else {
            add_other(&w, utf8_next(text, &at));
        }
    }
    word_end(&w);
    *out = w.marks;
    return w.count < count_max ? w.count : count_max;
}

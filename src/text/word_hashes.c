/* A text -> the hashes of its words, for telling texts that are nearly the same. */
#include "text/text.h"
#include "text/term_fold.h"
#include <unicode/uchar.h>

#define HASH_START UINT64_C(0xcbf29ce484222325) /* FNV-1a over code points */
#define HASH_STEP UINT64_C(0x100000001b3)

struct words {
    uint32_t *hashes;
    size_t count;
    uint64_t hash; /* of the word so far */
    bool inside;
    bool dense; /* it is a character of a script without spaces */
};

static void word_add(struct words *w, uint32_t c)
{
    w->hash = ((w->inside ? w->hash : HASH_START) ^ c) * HASH_STEP;
    w->inside = true;
}

static void word_end(struct words *w)
{
    if (!w->inside)
        return;
    uint64_t h = w->hash * UINT64_C(0x9e3779b97f4a7c15);
    w->hashes[w->count++] = (uint32_t)(h >> 32);
    w->inside = false;
}

static void add_ascii(struct words *w, unsigned char c)
{
    if (w->dense)
        word_end(w);
    w->dense = false;
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
        word_add(w, c);
    else if (c >= 'A' && c <= 'Z')
        word_add(w, c | 32u);
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
    word_add(w, (uint32_t)u_foldCase((UChar32)c, U_FOLD_CASE_DEFAULT));
}

size_t text_word_hashes(struct arena *a, struct str text, uint32_t **out)
{
    /* Words of one byte stand two bytes apart, dense characters have three. */
    struct words w = {.hashes = arena_array(a, text.n / 2 + 1, sizeof *w.hashes)};
    for (size_t at = 0; at < text.n;) {
        unsigned char c = (unsigned char)text.s[at];
        if (c < 0x80) {
            add_ascii(&w, c);
            at++;
        } else {
            add_other(&w, utf8_next(text, &at));
        }
    }
    word_end(&w);
    *out = w.hashes;
    return w.count;
}

#include "text/term_fold.h"
#include "text/term_chars.h"
#include "text/term_fold_slow.h"
#include "text/text.h"
#include <string.h>

void term_fold_init(struct term_fold *f)
{
    term_chars_init();
    term_fold_slow_init(f);
}

static bool between(uint32_t c, uint32_t first, uint32_t last)
{
    return c >= first && c <= last;
}

/* Letters that fold to themselves whatever stands beside them out of this list: most of Chinese,
 * Japanese, Korean and Thai. */
static bool folds_to_itself(uint32_t c)
{
    return between(c, 0x4e00, 0x9fff) || between(c, 0x3041, 0x3096) || between(c, 0x30a1, 0x30fa) ||
           c == 0x30fc || between(c, 0xac00, 0xd7a3) || between(c, 0x3400, 0x4dbf) ||
           between(c, 0xe01, 0xe32) || between(c, 0xe40, 0xe46);
}

/* --- a form being written --- */

struct form {
    char *s;
    size_t n;
};

static void form_add(struct form *f, const char *s, size_t n)
{
    if (f->n + n <= TERM_BYTES_MAX)
        memcpy(f->s + f->n, s, n);
    f->n += n; /* over the end: full, and stays so */
}

static struct str form_str(const struct form *f, size_t end)
{
    return (struct str){f->s, f->n <= TERM_BYTES_MAX ? f->n : end};
}

static bool forms_ascii(struct term_fold *f, struct str word, struct term_forms *out)
{
    size_t n = word.n < TERM_BYTES_MAX ? word.n : TERM_BYTES_MAX;
    unsigned char all = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)word.s[i];
        all |= c;
        f->apostrophe |= c == '\'';
        f->folded[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    out->folded = out->cased = (struct str){f->folded, n};
    /* A mark behind the 64th byte may still compose with it, but is dropped from a Latin base. */
    return all < 0x80;
}

/* Character by character, if all are in the table. */
static bool forms_by_table(struct term_fold *f, struct str word, struct term_forms *out)
{
    struct form folded = {f->folded, 0}, cased = {f->cased, 0};
    size_t folded_end = 0, cased_end = 0;
    uint32_t c;
    for (size_t at = 0, n; at < word.n && folded.n <= TERM_BYTES_MAX; at += n) {
        n = text_char_at(word, at, &c);
        if (term_char_kind(c) == CHAR_COMPLEX)
            return false;
        f->apostrophe |= c == '\'' || c == 0x2019 || c == 0x2bc;
        char plain = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        const struct char_form *x = c < 0x80 ? NULL : term_char_folded(c),
                               *y = c < 0x80 ? NULL : term_char_cased(c);
        form_add(&folded, x ? x->s : c < 0x80 ? &plain : word.s + at, x ? x->n : n);
        form_add(&cased, y ? y->s : c < 0x80 ? &plain : word.s + at, y ? y->n : n);
        folded_end = folded.n <= TERM_BYTES_MAX ? folded.n : folded_end;
        cased_end = cased.n <= TERM_BYTES_MAX ? cased.n : cased_end;
    }
    out->folded = form_str(&folded, folded_end);
    out->cased = form_str(&cased, cased_end);
    return true;
}

static bool forms_of_themselves(struct term_fold *f, struct str word, struct term_forms *out)
{
    for (size_t at = 0; at < word.n && at <= TERM_BYTES_MAX;)
        if (!folds_to_itself(utf8_next(word, &at)))
            return false;
    word.n = word.n > TERM_BYTES_MAX ? utf8_floor(word, TERM_BYTES_MAX) : word.n;
    memcpy(f->folded, word.s, word.n);
    out->folded = out->cased = (struct str){f->folded, word.n};
    return true;
}

/* --- apostrophes --- */

/* What is left off in front of one: articles and pronouns of French, Italian, Catalan. */
static bool is_elided(struct str s)
{
    static const char elided[] =
        " c d j l m n s t qu jusqu lorsqu puisqu quoiqu all dall dell nell sull "
        "coll quell quest un ";
    char key[10] = " ";
    if (s.n == 0 || s.n > 7)
        return false;
    memcpy(key + 1, s.s, s.n);
    key[s.n + 1] = ' ';
    return strstr(elided, key) != NULL;
}

static struct str resolve_apostrophes(struct str s)
{
    char *at = memchr(s.s, '\'', s.n);
    if (!at)
        return s;
    if (s.n > 2 && s.s[s.n - 2] == '\'' && s.s[s.n - 1] == 's')
        s.n -= 2;
    size_t before = (size_t)(at - s.s);
    if (before + 2 < s.n && is_elided((struct str){s.s, before}))
        s = (struct str){at + 1, s.n - before - 1};
    char *to = (char *)s.s;
    for (size_t i = 0; i < s.n; i++)
        if (s.s[i] != '\'')
            *to++ = s.s[i];
    return (struct str){s.s, (size_t)(to - s.s)};
}

struct term_forms term_forms(struct term_fold *f, struct str word)
{
    struct term_forms out;
    f->apostrophe = false;
    if (!forms_ascii(f, word, &out) && !forms_of_themselves(f, word, &out) &&
        !forms_by_table(f, word, &out)) {
        out = term_forms_slow(f, word);
        f->apostrophe = true; /* perhaps */
    }
    if (!f->apostrophe)
        return out;
    bool same = out.cased.s == out.folded.s;
    out.folded = resolve_apostrophes(out.folded);
    out.cased = same ? out.folded : resolve_apostrophes(out.cased);
    return out;
}

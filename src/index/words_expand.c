/* What stands for a word of a query beside itself: its stems, the words that go on from it, the
 * words that it may be misspelt for. */
#include "index/words_impl.h"

#include <string.h>

/* ---- members ---- */

void group_member(struct query_builder *b, struct group *g, struct str term, double boost)
{
    term.n = term.n < LEXICAL_TERM_MAX ? term.n : LEXICAL_TERM_MAX;
    for (size_t i = 0; i < g->term_count; i++)
        if (str_eq(g->terms[i].term, term)) {
            if (g->terms[i].boost < (float)boost)
                g->terms[i].boost = (float)boost;
            return;
        }
    if (!term.n || g->term_count == LEXICAL_MEMBERS_MAX)
        return;
    if (g->term_count == g->term_cap) {
        size_t cap = g->term_cap ? 4 * g->term_cap : 4;
        struct lexical_term *terms = arena_array(b->arena, cap, sizeof *terms);
        if (g->term_count)
            memcpy(terms, g->terms, g->term_count * sizeof *terms);
        g->terms = terms;
        g->term_cap = cap;
    }
    g->terms[g->term_count++] = (struct lexical_term){arena_str(b->arena, term), (float)boost};
}

uint32_t group_frequency(struct query_builder *b, const struct group *g)
{
    uint32_t most = 0;
    for (size_t i = 0; i < g->term_count; i++) {
        uint32_t df = lexical_frequency(b->w->lexical, b->part, g->terms[i].term);
        most = df > most ? df : most;
    }
    return most;
}

/* ---- stems ---- */

struct stemming {
    struct query_builder *b;
    struct group *g;
    double boost;
};

static void stem_add(void *ctx, const struct words_term *t)
{
    struct stemming *s = ctx;
    if (t->stem)
        group_member(s->b, s->g, t->text, s->boost);
}

void group_stems(struct query_builder *b, struct group *g, struct str word, double boost)
{
    struct stemming s = {b, g, boost};
    for (size_t i = 0; i < b->language_count; i++)
        b->w->analyzer.analyze(b->session, b->languages[i], word, stem_add, &s);
}

/* ---- spelling ---- */

#define CORRECTIONS_MAX 50
#define CORRECTIONS_STEMMED 8 /* the best ones also stand for their other endings */
#define CORRECTED_BOOST .8    /* of a word that is one edit away; squared for two */
#define RARE_BOOST .5         /* of a correction that is rare beside the most frequent one */

/* Arabic-Indic, extended and Devanagari digits too; others are folded to ASCII or stay letters. */
static bool has_digit(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        const unsigned char *c = (const unsigned char *)s.s + i;
        if (*c >= '0' && *c <= '9')
            return true;
        if (s.n - i >= 2 && ((c[0] == 0xd9 && c[1] >= 0xa0 && c[1] <= 0xa9) ||
                             (c[0] == 0xdb && c[1] >= 0xb0 && c[1] <= 0xb9)))
            return true;
        if (s.n - i >= 3 && c[0] == 0xe0 && c[1] == 0xa5 && c[2] >= 0xa6 && c[2] <= 0xaf)
            return true;
    }
    return false;
}

static size_t letters(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.s[i] & 0xc0) != 0x80;
    return n;
}

static double correction_boost(const struct lexical_word *word, uint32_t most)
{
    double boost = word->edits > 1 ? CORRECTED_BOOST * CORRECTED_BOOST : CORRECTED_BOOST;
    return boost * (RARE_BOOST + (1 - RARE_BOOST) * word->df / most);
}

/* Those with the fewest edits; the others are words of their own. */
void group_correct(struct query_builder *b, struct group *g)
{
    struct lexical_word found[CORRECTIONS_MAX];
    size_t n = letters(g->word);
    if (n < 4 || !g->phrase || g->pair || has_digit(g->word))
        return;
    size_t count = lexical_near(b->w->lexical, b->part, g->word, n < 8 ? 1 : 2, CORRECTIONS_MAX,
                                b->arena, found);
    for (size_t i = 0; i < count && found[i].edits == found[0].edits; i++) {
        double boost = correction_boost(&found[i], found[0].df);
        group_member(b, g, found[i].term, boost);
        if (i < CORRECTIONS_STEMMED)
            group_stems(b, g, found[i].term, boost);
    }
}

/* ---- search as you type ---- */

#define CONTINUATIONS_MAX 50
#define CONTINUED_BOOST .8

void group_continue(struct query_builder *b, struct group *g)
{
    struct lexical_word found[CONTINUATIONS_MAX];
    size_t count =
        lexical_prefixed(b->w->lexical, b->part, g->word, CONTINUATIONS_MAX, b->arena, found);
    for (size_t i = 0; i < count; i++)
        group_member(b, g, found[i].term, CONTINUED_BOOST);
}

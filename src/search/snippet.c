/* Which part of a text shows best why it was found. */
#include "search/highlight_impl.h"
#include "text/text.h"
#include <string.h>

#define AGAIN .1f   /* what a word counts when it is there again, of what it counted first */
#define AGAIN_MAX 5 /* so often */
enum { WINDOW_PLACES = 256 };

/* ---- how much of the query a part has ---- */

struct tally {
    const struct highlights *of;
    uint16_t times[HIGHLIGHT_GROUPS];
    float score;
};

static float worth(const struct tally *t, uint8_t group)
{
    unsigned n = t->times[group];
    return n == 0 ? t->of->weights[group] : n <= AGAIN_MAX ? AGAIN * t->of->weights[group] : 0;
}

static void tally_add(struct tally *t, uint8_t group)
{
    t->score += worth(t, group);
    t->times[group]++;
}

static void tally_remove(struct tally *t, uint8_t group)
{
    t->times[group]--;
    t->score -= worth(t, group);
}

size_t highlight_best(const struct highlights *s, const struct text_range *parts, size_t count)
{
    size_t best = 0, first = 0;
    float best_score = 0;
    for (size_t p = 0; p < count; p++) {
        struct tally t = {.of = s};
        while (first < s->count && s->places[first].start < parts[p].start)
            first++; /* parts are in order and may overlap */
        for (size_t i = first; i < s->count && s->places[i].start < parts[p].end; i++)
            if (s->places[i].end <= parts[p].end)
                tally_add(&t, s->places[i].group);
        if (t.score > best_score + 1e-4f) {
            best_score = t.score;
            best = p;
        }
    }
    return best;
}

/* ---- a piece ---- */

struct piece {
    const struct highlights *s;
    struct str text; /* up to `to` */
    size_t from, chars;
};

static size_t chars_of(const struct piece *p, size_t start, size_t end)
{
    return utf8_count((struct str){p->text.s + start, end - start});
}

static bool fits(const struct piece *p, size_t start, size_t end, size_t chars)
{
    return end - start <= chars || (end - start <= 4 * chars && chars_of(p, start, end) <= chars);
}

/* The densest window of places that fits; false: there are no places. */
static bool densest(const struct piece *p, size_t *start, size_t *end)
{
    const struct place *all = p->s->places;
    size_t first = 0, n = 0, left = 0;
    struct tally t = {.of = p->s};
    float best = 0;
    while (first < p->s->count && all[first].start < p->from)
        first++;
    for (size_t i = first; i < p->s->count && all[i].end <= p->text.n && n < WINDOW_PLACES;
         i++, n++) {
        left = n ? left : i;
        tally_add(&t, all[i].group);
        while (left < i && !fits(p, all[left].start, all[i].end, p->chars))
            tally_remove(&t, all[left++].group);
        if (t.score <= best + 1e-4f)
            continue;
        best = t.score;
        *start = all[left].start;
        *end = all[i].end;
    }
    return best > 0;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A sentence has ended between two words. */
static bool ends_sentence(const char *s, size_t n, bool lower)
{
    static const char *const wide[] = {"\xe3\x80\x82", "\xef\xbc\x81", "\xef\xbc\x9f",
                                       "\xd8\x9f",     "\xe0\xa5\xa4", "\xdb\x94",
                                       "\xd6\x89",     "\xe1\x81\x8b", "\xe1\x9f\x94"};
    for (size_t i = 0; i + 1 < n; i++)
        if ((strchr(".!?", s[i]) && s[i] && is_blank(s[i + 1]) && !lower) ||
            (s[i] == '\n' && s[i + 1] == '\n'))
            return true;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (memmem(s, n, wide[i], strlen(wide[i])))
            return true;
    return false;
}

/* Does a sentence begin with word k? */
static bool begins_sentence(const struct piece *p, size_t k)
{
    const struct text_range *w = p->s->words;
    if (k == 0 || w[k].start <= p->from || w[k - 1].end < p->from)
        return true;
    char c = p->text.s[w[k].start];
    return ends_sentence(p->text.s + w[k - 1].end, w[k].start - w[k - 1].end, c >= 'a' && c <= 'z');
}

/* The first word that starts at or behind `at`. */
static size_t word_at(const struct piece *p, size_t at)
{
    size_t low = 0, high = p->s->word_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (p->s->words[middle].start < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Brackets and quotes that open right before a word belong to it. */
static size_t opening(const struct piece *p, size_t at)
{
    static const char *const marks[] = {
        "(",        "[",        "\"",       "'",           "\xe2\x80\x9c", "\xe2\x80\x98",
        "\xc2\xab", "\xc2\xbf", "\xc2\xa1", "\xe3\x80\x8c"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t n = strlen(marks[i]);
        if (at >= p->from + n && !memcmp(p->text.s + at - n, marks[i], n))
            return at - n;
    }
    return at;
}

static bool is_first(const struct piece *p, size_t k)
{
    return k == 0 || p->s->words[k - 1].end <= p->from;
}

/* Back from `start`, at most `room` code points: to the beginning of the sentence, else over some
 * words before. */
static size_t begin_at(const struct piece *p, size_t start, size_t room)
{
    size_t k = word_at(p, start + 1), best = start;
    if (k-- == 0)
        return start;
    for (;; k--) {
        size_t at = p->s->words[k].start;
        if (at < p->from || !fits(p, at, start, room))
            return opening(p, best);
        if (begins_sentence(p, k))
            return is_first(p, k) && fits(p, p->from, start, room) ? p->from : opening(p, at);
        if (fits(p, at, start, room / 3))
            best = at;
        if (k == 0)
            return opening(p, best);
    }
}

/* On from `end`, at most `room` code points: to the last end of a sentence if that leaves less than
 * half of the room, else to the last end of a word, with the signs behind it. */
static size_t end_at(const struct piece *p, size_t end, size_t room)
{
    size_t best = end, sentence = 0;
    const struct text_range *w = p->s->words;
    if (fits(p, end, p->text.n, room))
        return p->text.n;
    for (size_t k = word_at(p, end); k <= p->s->word_count; k++) {
        size_t stop = k < p->s->word_count && w[k].start < p->text.n ? w[k].start : p->text.n;
        size_t at = best; /* the signs behind the last word, up to white space */
        while (at < stop && !is_blank(p->text.s[at]))
            at++;
        if (fits(p, end, at, room))
            best = at;
        if (stop < p->text.n && begins_sentence(p, k) && !fits(p, end, best, room / 2))
            sentence = best;
        if (stop == p->text.n || w[k].end > p->text.n || !fits(p, end, w[k].end, room))
            break;
        best = w[k].end;
    }
    return sentence ? sentence : best;
}

static struct text_range trimmed(const struct piece *p, size_t start, size_t end)
{
    start = grapheme_floor(p->text, start);
    end = grapheme_floor(p->text, end);
    start = start < p->from ? p->from : start;
    while (start < end && is_blank(p->text.s[start]))
        start++;
    while (end > start && is_blank(p->text.s[end - 1]))
        end--;
    return (struct text_range){(uint32_t)start, (uint32_t)end};
}

/* `chars` code points on from `at`, and not into a character. */
static size_t cut_at(const struct piece *p, size_t at)
{
    size_t end = at;
    for (size_t n = 0; n < p->chars && end < p->text.n; n++)
        utf8_next(p->text, &end);
    size_t floor = grapheme_floor(p->text, end);
    return floor > at ? floor : end;
}

struct text_range highlight_piece(const struct highlights *s, size_t from, size_t to, size_t chars)
{
    struct piece p = {s, {s->text.s, to}, from, chars};
    size_t start = from, end = from;
    if (fits(&p, from, to, chars))
        return trimmed(&p, from, to);
    if (densest(&p, &start, &end) && !fits(&p, start, end, chars))
        return trimmed(&p, start, cut_at(&p, start));
    start = begin_at(&p, start, chars - chars_of(&p, start, end));
    end = end_at(&p, end, chars - chars_of(&p, start, end));
    if (end == start || !fits(&p, start, end, chars)) /* a bracket in front may be too much */
        end = cut_at(&p, start);
    return trimmed(&p, start, end);
}

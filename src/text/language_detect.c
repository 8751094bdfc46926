/* Which language a text is written in. Pieces of words (the whole of a short word, six bytes at a
 * time of a longer one, blanks at its ends) are looked up in a table; the scores of each different
 * piece add up. The way and the table are those of ELDC (Nito T.M., Efficient Language Detector),
 * which was trained on 60 languages. Languages that have a script for themselves are told by it;
 * where there is no table, the rest by their function words. */
#include "base/arena.h"
#include "base/log.h"
#include "text/language.h"
#include "text/language_hints.h"
#include "text/language_table.h"
#include "text/text.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>

enum { SAMPLE_BYTES = 1600, PIECES_MAX = 160, SEEN = 1024, WORD_BYTES_MAX = 100, PIECE_BYTES = 6 };

struct language_detector {
    struct language_table table; /* languages 0: none */
    enum language ours[LANGUAGES_IN_TABLE_MAX];
};

struct language_detector *language_detector_new(const char *path)
{
    struct err_info e = {0};
    struct language_detector *d = xcalloc(1, sizeof *d);
    enum err err = path ? language_table_open(path, &d->table, &e) : ERR_NOT_FOUND;
    for (uint32_t i = 0; i < d->table.languages; i++)
        d->ours[i] = language_of_tag(str_c(d->table.codes[i]));
    if (err && path)
        log_event(err == ERR_NOT_FOUND ? LOG_INFO : LOG_WARN,
                  "languages are told by scripts and function words alone: short texts less well",
                  LOG_S("table", path), LOG_S("reason", e.message));
    return d;
}

void language_detector_free(struct language_detector *d)
{
    if (!d)
        return;
    language_table_release(&d->table);
    free(d);
}

bool language_detector_has_table(const struct language_detector *d)
{
    return d->table.languages > 0;
}

/* --- pieces --- */

struct pieces {
    uint32_t marks[PIECES_MAX];
    unsigned count;
    uint64_t seen[SEEN]; /* 0: free; no piece is */
};

static void piece_add(struct pieces *p, const char *bytes, size_t n, bool first, bool last)
{
    char key[8] = "";
    uint64_t k;
    size_t at = 0;
    if (first)
        key[at++] = ' ';
    memcpy(key + at, bytes, n);
    if (last)
        key[at + n] = ' ';
    memcpy(&k, key, sizeof k);
    uint64_t hash = k ^ k >> 30;
    hash *= 0xbf58476d1ce4e5b9u;
    hash ^= hash >> 27;
    size_t slot = (uint32_t)hash >> 22;
    for (; p->seen[slot]; slot = (slot + 1) % SEEN)
        if (p->seen[slot] == k)
            return;
    if (p->count == PIECES_MAX)
        return;
    p->seen[slot] = k;
    uint32_t mark = (uint32_t)(hash >> 32);
    p->marks[p->count++] = mark ? mark : 1;
}

static void word_add(struct pieces *p, const char *word, size_t n)
{
    if (n <= PIECE_BYTES) {
        piece_add(p, word, n, true, true);
        return;
    }
    piece_add(p, word, PIECE_BYTES, true, false);
    for (size_t at = PIECE_BYTES; at + PIECE_BYTES < n; at += PIECE_BYTES)
        piece_add(p, word + at, PIECE_BYTES, false, false);
    piece_add(p, word + n - PIECE_BYTES, PIECE_BYTES, false, true);
}

/* --- words --- */

enum sort { OTHER, LETTER, CHARACTER /* a word of its own */, APOSTROPHE };

static enum sort sort_of(uint32_t c)
{
    if (c < 0x80)
        return ((c | 32) >= 'a' && (c | 32) <= 'z') ? LETTER
               : c == '\'' || c == '`'              ? APOSTROPHE
                                                    : OTHER;
    if (c == 0x2019)
        return APOSTROPHE;
    if (c >= 0x2e80 && (c < 0xa000 || (c >= 0xac00 && c < 0xd7b0) || c >= 0x20000))
        return u_isalpha((UChar32)c) ? CHARACTER : OTHER;
    return U_MASK(u_charType((UChar32)c)) & U_GC_L_MASK ? LETTER : OTHER;
}

static size_t put_utf8(char *to, uint32_t c)
{
    size_t n = 0;
    if (c < 0x80) {
        to[n++] = (char)c;
    } else if (c < 0x800) {
        to[n++] = (char)(0xc0 | c >> 6);
        to[n++] = (char)(0x80 | (c & 63));
    } else {
        if (c < 0x10000) {
            to[n++] = (char)(0xe0 | c >> 12);
        } else {
            to[n++] = (char)(0xf0 | c >> 18);
            to[n++] = (char)(0x80 | (c >> 12 & 63));
        }
        to[n++] = (char)(0x80 | (c >> 6 & 63));
        to[n++] = (char)(0x80 | (c & 63));
    }
    return n;
}

static uint32_t lower(uint32_t c)
{
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    return (uint32_t)u_tolower((UChar32)c);
}

static bool letter_follows(struct str text, size_t at)
{
    return at < text.n && sort_of(utf8_next(text, &at)) == LETTER;
}

/* The word whose first letter is `c`, before `at`: lower case, its length; `at` moves behind it. */
static size_t word_read(struct str text, uint32_t c, size_t *at, char word[WORD_BYTES_MAX + 4])
{
    size_t n = put_utf8(word, lower(c));
    for (size_t next = *at; next < text.n; *at = next) {
        c = utf8_next(text, &next);
        enum sort sort = sort_of(c);
        if (sort != LETTER && !(sort == APOSTROPHE && letter_follows(text, next)))
            break;
        if (n < WORD_BYTES_MAX)
            n += put_utf8(word + n, lower(c));
    }
    return n;
}

struct reading {
    struct pieces pieces;
    struct language_hints hints;
};

static void text_read(struct reading *r, struct str text)
{
    char word[WORD_BYTES_MAX + 4];
    for (size_t at = 0; at < text.n && r->pieces.count < PIECES_MAX;) {
        uint32_t c = utf8_next(text, &at);
        enum sort sort = sort_of(c);
        if (sort == OTHER || sort == APOSTROPHE)
            continue;
        size_t n = sort == CHARACTER ? put_utf8(word, c) : word_read(text, c, &at, word);
        word_add(&r->pieces, word, n);
        hints_word(&r->hints, (struct str){word, n}, c);
    }
}

/* --- the guess --- */

/* A function word weighs as much as a piece that only the language has. */
enum { STOP_SCORE = 40 };
/* Of a piece, on average; texts have 40 to 150. */
enum { SCORE_MIN = 20 };

/* As measured on short texts: how often the best is right, by how far ahead it is. */
static struct language_guess guess_of(enum language best, uint32_t score, uint32_t second,
                                      unsigned pieces)
{
    float margin = (float)(score - second) / (float)(score + second + 1);
    if (score < SCORE_MIN * pieces || (pieces < 3 && margin < 0.05f))
        return (struct language_guess){0};
    return (struct language_guess){best, 1 - 0.45f * expf(-15 * margin)};
}

static struct language_guess by_table(const struct language_detector *d, const struct reading *r)
{
    uint32_t scores[128] = {0};
    unsigned best = 0, second = 1, n = d->table.languages;
    for (unsigned i = 0; i < r->pieces.count; i++)
        language_table_prefetch(&d->table, r->pieces.marks[i]);
    for (unsigned i = 0; i < r->pieces.count; i++)
        language_table_add(&d->table, r->pieces.marks[i], scores);
    for (unsigned i = 0; i < n; i++)
        scores[i] += (uint32_t)(hints_stops(&r->hints, d->ours[i]) * STOP_SCORE);
    for (unsigned i = 1; i < n; i++) {
        if (scores[i] > scores[best]) {
            second = best;
            best = i;
        } else if (scores[i] > scores[second]) {
            second = i;
        }
    }
    return guess_of(d->ours[best], scores[best], scores[second], r->pieces.count);
}

/* The table has one name for Malay and Indonesian. */
static enum language malay_or_indonesian(const struct language_hints *h, enum language l)
{
    return l == LANGUAGE_ms && hints_stops(h, LANGUAGE_id) >= hints_stops(h, LANGUAGE_ms)
               ? LANGUAGE_id
               : l;
}

struct language_guess language_detect(const struct language_detector *d, struct str text)
{
    struct language_guess g = {0};
    struct reading r;
    memset(&r, 0, sizeof r);
    text_read(&r, text);
    if (r.hints.words == 0)
        return g;
    g.language = hints_by_script(&r.hints);
    if (g.language)
        g.confidence = 1;
    else if (d->table.languages)
        g = by_table(d, &r);
    else
        g.language = hints_by_words(&r.hints, &g.confidence);
    g.language = malay_or_indonesian(&r.hints, g.language);
    return g;
}

/* Enough of a document: its title, the beginning and something of the middle. */
struct language_guess language_detect_document(const struct language_detector *d, struct str title,
                                               struct str text)
{
    char buffer[SAMPLE_BYTES];
    size_t n = 0, at = 0;
    struct str parts[] = {title, text, {"", 0}};
    if (text.n > SAMPLE_BYTES) {
        at = utf8_floor(text, text.n / 2);
        parts[1].n = SAMPLE_BYTES * 5 / 8;
        parts[2] = (struct str){text.s + at, text.n - at};
    }
    for (size_t i = 0; i < 3; i++) {
        size_t room = i ? SAMPLE_BYTES - n : SAMPLE_BYTES / 4;
        struct str part = {parts[i].s, utf8_floor(parts[i], parts[i].n < room ? parts[i].n : room)};
        if (part.n == 0 || n + part.n + 1 > SAMPLE_BYTES)
            continue;
        memcpy(buffer + n, part.s, part.n);
        n += part.n;
        buffer[n++] = '\n';
    }
    return language_detect(d, (struct str){buffer, n});
}

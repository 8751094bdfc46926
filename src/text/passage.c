/* The text is tokenized once; every place between two tokens gets a mark that says how well one can
 * cut there. A passage is then a range of tokens. Words are tokenized each for itself, so that a
 * range between words has the same tokens when it stands alone; a range that starts or ends within
 * a word is tokenized again to know its length (and every range, if there are added tokens that
 * only match as a word of their own). Other tokenizers than BERT's look beyond a word, or begin one
 * with the space before it: there every range is tokenized again, ranges are those of the tokens
 * without white space, and a sentence may end wherever a token ends. */
#include "text/passage.h"
#include "text/text.h"
#include "text/tokenizer_impl.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/utext.h>

enum { TOKENS_LEAST = 8 };
#define TEXT_BYTES_MAX ((size_t)1 << 31)

/* How good a cut before a token is. NONE: the token starts within a character of the text. */
enum cut { CUT_NONE, CUT_TOKEN, CUT_WORD, CUT_SENTENCE };

struct cutter {
    const struct tokenizer *t;
    struct str text;
    size_t max, overlap;
    struct tokens tokens;
    uint8_t *cuts;       /* of each token; between words it has its heads first */
    struct tokens alone; /* a passage tokenized again */
    struct passage *list;
    size_t n, cap;
};

static void cuts_from_heads(struct cutter *s)
{
    const struct tokens *k = &s->tokens;
    for (size_t i = 1; i < k->n; i++) {
        bool head = s->cuts[i];
        s->cuts[i] = CUT_NONE;
        if (k->starts[i] >= k->ends[i - 1])
            s->cuts[i] = head ? CUT_WORD : CUT_TOKEN;
    }
    s->cuts[0] = CUT_SENTENCE;
}

/* White space at the ends of tokens belongs to none; a token of nothing else is dropped. */
static void tokens_trim(struct cutter *s)
{
    struct tokens *k = &s->tokens;
    size_t n = 0;
    for (size_t i = 0; i < k->n; i++) {
        size_t start = k->starts[i], end = k->ends[i];
        for (size_t next = start; start < end; start = next)
            if (!u_isUWhiteSpace((UChar32)utf8_next(s->text, &next)))
                break;
        for (size_t before; end > start; end = before) {
            size_t at = before = utf8_floor(s->text, end - 1);
            if (!u_isUWhiteSpace((UChar32)utf8_next(s->text, &at)))
                break;
        }
        if (start >= end)
            continue;
        k->ids[n] = k->ids[i];
        k->starts[n] = (uint32_t)start;
        k->ends[n] = (uint32_t)end;
        s->cuts[n++] = s->cuts[i];
    }
    k->n = n;
}

/* A sentence starts with the first token behind its bound; a bound within a word is none. */
static void cuts_at_sentences(struct cutter *s)
{
    UErrorCode code = U_ZERO_ERROR;
    UText *text = utext_openUTF8(NULL, s->text.s, (int64_t)s->text.n, &code);
    UBreakIterator *sentences = ubrk_open(UBRK_SENTENCE, "", NULL, 0, &code);
    ubrk_setUText(sentences, text, &code);
    assert(U_SUCCESS(code));
    size_t i = 1;
    enum cut least = s->t->bert ? CUT_WORD : CUT_TOKEN;
    for (int32_t at = ubrk_next(sentences); at != UBRK_DONE; at = ubrk_next(sentences)) {
        while (i < s->tokens.n && s->tokens.starts[i] < (uint32_t)at)
            i++;
        if (i == s->tokens.n)
            break;
        if (s->cuts[i] >= least && s->tokens.ends[i - 1] <= (uint32_t)at)
            s->cuts[i] = CUT_SENTENCE;
    }
    ubrk_close(sentences);
    utext_close(text);
}

/* The last place in [low, high] where the cut is as good as `least`, or 0. */
static size_t cut_before(const struct cutter *s, size_t low, size_t high, enum cut least)
{
    for (size_t i = high; i >= low && i > 0; i--)
        if (s->cuts[i] >= least)
            return i;
    return 0;
}

/* The end of a passage from token `first` on that is behind `floor` and, if any cut allows it, not
 * behind `limit`: a sentence bound in the second half, else a word, else a token. */
static size_t end_choose(const struct cutter *s, size_t first, size_t floor, size_t limit)
{
    if (limit >= s->tokens.n)
        return s->tokens.n;
    size_t half = first + s->max / 2, at = 0;
    if (limit > floor) {
        at = cut_before(s, half > floor ? half : floor + 1, limit, CUT_SENTENCE);
        at = at ? at : cut_before(s, floor + 1, limit, CUT_WORD);
        at = at ? at : cut_before(s, floor + 1, limit, CUT_TOKEN);
    }
    if (at)
        return at;
    for (at = floor + 1; at < s->tokens.n && s->cuts[at] == CUT_NONE;)
        at++;
    return at;
}

/* Marks and format characters that carry no token belong to what stands before them. */
static size_t end_byte(const struct cutter *s, size_t end)
{
    const uint32_t categories = U_GC_M_MASK | U_GC_CF_MASK;
    size_t at = s->tokens.ends[end - 1];
    size_t stop = end < s->tokens.n ? s->tokens.starts[end] : s->text.n;
    for (size_t next = at; next < stop; at = next)
        if (!(U_MASK(u_charType((UChar32)utf8_next(s->text, &next))) & categories) || next > stop)
            break;
    return at;
}

static bool cuts_word(const struct cutter *s, size_t i)
{
    return i < s->tokens.n && s->cuts[i] < CUT_WORD;
}

static size_t tokens_alone(struct cutter *s, size_t first, size_t end)
{
    bool around = !s->t->bert || s->t->added_raw.single_word || s->t->added_normal.single_word;
    if (!around && !cuts_word(s, first) && !cuts_word(s, end))
        return end - first;
    size_t start = s->tokens.starts[first];
    struct str part = {s->text.s + start, end_byte(s, end) - start};
    tokenizer_encode(s->t, part, false, &s->alone);
    return s->alone.n;
}

/* How many tokens the passage from `first` on should have, so that all that are left come out about
 * equally long, with a sixteenth to reach the end of a sentence. A short last passage is a vector
 * of little text, which is near too many queries: on Cranfield equal lengths give nDCG@10 .393,
 * full ones and a rest .390. */
static size_t tokens_aimed(const struct cutter *s, size_t first)
{
    size_t left = s->tokens.n - first, overlap = s->overlap;
    if (left <= s->max)
        return s->max;
    size_t pieces = (left - overlap + s->max - overlap - 1) / (s->max - overlap);
    size_t equal = (left + (pieces - 1) * overlap + pieces - 1) / pieces + s->max / 16 + 2;
    return equal < s->max ? equal : s->max;
}

/* Shrinks the passage until it fits when it stands alone. */
static size_t end_find(struct cutter *s, size_t first, size_t floor, size_t *count)
{
    size_t limit = first + tokens_aimed(s, first);
    if (limit <= floor)
        limit = first + s->max;
    for (unsigned tries = 0;; tries++) {
        size_t end = end_choose(s, first, floor, limit);
        *count = tokens_alone(s, first, end);
        /* Behind the limit: there is no cut before, as within a character of many tokens. */
        if (*count <= s->max || end <= first + 1 || limit <= floor || end > limit)
            return end;
        size_t excess = tries < 4 ? *count - s->max : (end - first + 1) / 2;
        limit = end - first > excess ? end - excess : first;
    }
}

static void put(struct cutter *s, size_t first, size_t end, size_t count)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 16;
        s->list = xrealloc(s->list, s->cap * sizeof *s->list);
    }
    s->list[s->n++] = (struct passage){
        .start = s->tokens.starts[first], .end = end_byte(s, end), .tokens = (unsigned)count};
}

/* Where the next passage starts: whole sentences back from `end`, but behind `first`. */
static size_t overlap_start(const struct cutter *s, size_t first, size_t end)
{
    size_t start = end;
    if (s->cuts[end] < CUT_SENTENCE)
        return end;
    for (size_t i = end; i > first + 1 && end - (i - 1) <= s->overlap; i--)
        if (s->cuts[i - 1] == CUT_SENTENCE)
            start = i - 1;
    return start;
}

static void split(struct cutter *s)
{
    size_t first = 0, floor = 0, count;
    while (floor < s->tokens.n) {
        size_t end = end_find(s, first, floor, &count);
        /* An overlap is not worth a cut within a word, or a passage that is too long. */
        if (first < floor && (cuts_word(s, end) || count > s->max)) {
            first = floor;
            end = end_find(s, first, floor, &count);
        }
        put(s, first, end, count);
        floor = end;
        first = end < s->tokens.n ? overlap_start(s, first, end) : end;
    }
}

static enum err options_check(const struct passage_options *o, struct str text, struct err_info *e)
{
    if (o->tokens_max < TOKENS_LEAST)
        return err_set(e, ERR_INVALID, "tokens_max", "is %u, has to be at least %d", o->tokens_max,
                       TOKENS_LEAST);
    if (o->overlap_tokens * 2 >= o->tokens_max)
        return err_set(e, ERR_INVALID, "overlap_tokens", "is %u, has to be less than half of %u",
                       o->overlap_tokens, o->tokens_max);
    if (text.n >= TEXT_BYTES_MAX)
        return err_set(e, ERR_TOO_LARGE, NULL, "a text has less than 2 GiB");
    return ERR_OK;
}

static enum err hand_over(const struct cutter *s, struct arena *a, struct passage **out,
                          size_t *count, struct err_info *e)
{
    size_t n = s->n ? s->n : 1;
    struct passage *list = arena_try(a, n * sizeof *list);
    if (!list)
        return err_set(e, ERR_NO_MEMORY, NULL, "no memory for %zu passages", n);
    *list = (struct passage){0};
    if (s->n)
        memcpy(list, s->list, s->n * sizeof *list);
    *out = list;
    *count = n;
    return ERR_OK;
}

enum err passages_split(const struct tokenizer *t, struct str text, const struct passage_options *o,
                        struct arena *a, struct passage **out, size_t *count, struct err_info *e)
{
    enum err err = options_check(o, text, e);
    if (err)
        return err;
    struct cutter s = {.t = t, .text = text, .max = o->tokens_max, .overlap = o->overlap_tokens};
    tokens_init(&s.tokens);
    tokens_init(&s.alone);
    tokenizer_encode_heads(t, text, false, &s.tokens, &s.cuts);
    if (!t->bert)
        tokens_trim(&s);
    if (s.tokens.n) {
        cuts_from_heads(&s);
        if (s.tokens.n > s.max)
            cuts_at_sentences(&s);
        split(&s);
    }
    err = hand_over(&s, a, out, count, e);
    tokens_release(&s.tokens);
    tokens_release(&s.alone);
    free(s.cuts);
    free(s.list);
    return err;
}

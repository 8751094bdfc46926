/* Any bytes as a text in any language: its terms, its language, its stop words. The first byte is
 * the language. Every term must be sound, and the same words must come in every language. */
#include "text/text.h"
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct term_analyzer *terms;
static struct language_detector *detector;

struct seen {
    struct str text;
    enum language language;
    size_t start, words;
    uint32_t position;
    uint64_t hash; /* of the words */
    bool stem_due; /* a word came that is not its own stem */
};

static void check(void *ctx, const struct term *t)
{
    struct seen *s = ctx;
    assert(t->start < t->end && t->end <= s->text.n && t->start >= s->start);
    assert(t->text.n && t->text.n <= 64 && utf8_valid(t->text) == t->text.n);
    assert(t->position >= s->position);
    assert(t->kind);
    if (t->kind & (TERM_WORD | TERM_PAIR)) {
        assert(!s->stem_due);
        s->words++;
        s->hash = s->hash * 31 + str_hash(t->text) + t->position;
        s->stem_due = !(t->kind & (TERM_STEM | TERM_PAIR));
        term_is_stop(s->language, t->text);
    } else {
        assert(t->kind == TERM_STEM && s->stem_due && t->position == s->position);
        s->stem_due = false;
    }
    s->start = t->start;
    s->position = t->position;
}

static struct seen analyze(enum language language, struct str text)
{
    struct seen s = {.text = text, .language = language};
    uint32_t positions = term_analyze(terms, language, text, check, &s);
    assert(s.words == 0 || s.position < positions);
    assert(positions <= text.n && !s.stem_due);
    return s;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    terms = term_analyzer_new();
    detector = language_detector_new(NULL);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    struct str text = {(const char *)data + 1, n - 1};
    struct seen in = analyze((enum language)(data[0] % LANGUAGE_COUNT), text);
    struct seen plain = analyze(LANGUAGE_UNKNOWN, text);
    assert(in.words == plain.words && in.hash == plain.hash);
    struct language_guess g = language_detect(detector, text);
    assert(g.confidence >= 0 && g.confidence <= 1 && (g.language || g.confidence == 0));
    language_detect_document(detector, text, text);
    language_of_tag(text);
    return 0;
}

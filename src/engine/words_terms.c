/* What index/words.h wants to know of words, from text/. */
#include "engine/internal.h"
#include "base/hash.h"
#include <pthread.h>

/* Counted up for a change of text/ that the sample below does not show. */
#define ANALYSIS_VERSION 2

static void *session_new(void)
{
    return term_analyzer_new();
}

static void session_free(void *session)
{
    term_analyzer_free(session);
}

struct emitting {
    words_term_fn *emit;
    void *ctx;
};

static void emit_term(void *ctx, const struct term *t)
{
    const struct emitting *m = ctx;
    struct words_term out = {.text = t->text,
                             .start = t->start,
                             .end = t->end,
                             .position = t->position,
                             .stem = t->kind == TERM_STEM,
                             .word = t->kind & TERM_WORD,
                             .pair = t->kind & TERM_PAIR,
                             .phrase = t->kind & TERM_PHRASE};
    m->emit(m->ctx, &out);
}

static uint32_t analyze(void *session, unsigned language, struct str text, words_term_fn *emit,
                        void *ctx)
{
    struct emitting m = {emit, ctx};
    return term_analyze(session, (enum language)language, text, emit_term, &m);
}

static unsigned language_of(struct str code)
{
    return language_of_tag(code);
}

static const char *code_of(unsigned language)
{
    return language_code((enum language)language);
}

static bool is_stop(unsigned language, struct str word)
{
    return term_is_stop((enum language)language, word);
}

/* ---- which analysis it is ---- */

/* Words with endings, accents and scripts that one analysis or another treats differently. */
static const char sample[] =
    "running relational happiness flies U.S.A. don't 3.14 e-mail foo_bar ann@example.org "
    "H\u00e4user Stra\u00dfe freundlichen chevaux nationalit\u00e9s canciones r\u00e1pidamente "
    "informa\u00e7\u00f5es ragazze hemelsblauwe b\u00f6rnens flickorna taloissa h\u00e1zakban "
    "\u0431\u0435\u0433\u0443\u0449\u0438\u0435 \u0627\u0644\u0643\u062a\u0627\u0628\u0648\u0646 "
    "kitaplar\u0131ndan \u5317\u4eac\u5927\u5b66\u5f88\u5927 \u6771\u4eac\u30bf\u30ef\u30fc "
    "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22 \uff26\uff55\uff4c\uff4c \ud55c\uad6d\uc5b4\ub97c";

static void digest_term(void *ctx, const struct words_term *t)
{
    uint64_t *digest = ctx;
    uint64_t rest = (uint64_t)t->position << 8 | (uint64_t)t->stem << 2 | (uint64_t)t->pair << 1 |
                    (uint64_t)t->phrase;
    *digest = checksum64(t->text.s, t->text.n, *digest + rest);
}

/* Told by what it makes of the sample in every language, so that nobody has to remember to count.
 */
static uint32_t version(void)
{
    uint64_t digest = ANALYSIS_VERSION;
    void *session = session_new();
    for (unsigned language = 0; language < LANGUAGE_COUNT; language++)
        analyze(session, language, (struct str){sample, sizeof sample - 1}, digest_term, &digest);
    session_free(session);
    return (uint32_t)digest;
}

static struct words_analyzer analyzer = {.session_new = session_new,
                                         .session_free = session_free,
                                         .analyze = analyze,
                                         .language_of = language_of,
                                         .language_code = code_of,
                                         .is_stop = is_stop};
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void start(void)
{
    analyzer.version = version();
}

const struct words_analyzer *words_terms(void)
{
    pthread_once(&once, start);
    return &analyzer;
}

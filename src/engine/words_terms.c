/* What index/words.h wants to know of words, from text/. */
#include "engine/internal.h"

#define ANALYSIS_VERSION 2 /* counted up when text/ makes other terms of the same text */

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

const struct words_analyzer words_terms = {.version = ANALYSIS_VERSION,
                                           .session_new = session_new,
                                           .session_free = session_free,
                                           .analyze = analyze,
                                           .language_of = language_of,
                                           .language_code = code_of,
                                           .is_stop = is_stop};

/* Documents: their terms into lexical/, their languages counted. */
#include "index/words_impl.h"

#include "base/rng.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct words *words_new(const struct words_analyzer *analyzer)
{
    struct words *w = xcalloc(1, sizeof *w);
    w->analyzer = *analyzer;
    w->lexical = lexical_new();
    rng_bytes(&w->tenants.seed, sizeof w->tenants.seed);
    lock_init(&w->lock, LOCK_INDEX);
    lock_init(&w->sessions_lock, LOCK_CACHE);
    return w;
}

void words_free(struct words *w)
{
    if (!w)
        return;
    for (unsigned i = 0; i < w->session_count; i++)
        w->analyzer.session_free(w->sessions[i]);
    if (w->session)
        w->analyzer.session_free(w->session);
    lexical_free(w->lexical);
    lock_release(&w->lock);
    lock_release(&w->sessions_lock);
    tenants_release(&w->tenants);
    free(w->languages);
    free(w->tokens);
    free(w->bytes);
    free(w);
}

/* ---- sessions ---- */

void *words_session_take(struct words *w)
{
    void *session = NULL;
    lock_take(&w->sessions_lock);
    if (w->session_count)
        session = w->sessions[--w->session_count];
    lock_drop(&w->sessions_lock);
    return session ? session : w->analyzer.session_new();
}

void words_session_give(struct words *w, void *session)
{
    lock_take(&w->sessions_lock);
    if (w->session_count < SESSIONS_MAX) {
        w->sessions[w->session_count++] = session;
        session = NULL;
    }
    lock_drop(&w->sessions_lock);
    if (session)
        w->analyzer.session_free(session);
}

/* ---- languages ---- */

static void languages_grow(struct words *w, uint32_t number)
{
    size_t size = w->languages_size ? w->languages_size : 1024;
    if (number < w->languages_size)
        return;
    while (size <= number)
        size *= 2;
    lock_take(&w->lock);
    w->languages = xrealloc(w->languages, size);
    memset(w->languages + w->languages_size, 0, size - w->languages_size);
    w->languages_size = size;
    lock_drop(&w->lock);
}

static void count_add(struct words *w, unsigned held, int by)
{
    if (held)
        atomic_fetch_add_explicit(&w->counts[held - 1], (uint32_t)by, memory_order_relaxed);
}

void words_language_set(struct words *w, uint32_t number, unsigned held, uint32_t part_before,
                        uint32_t part)
{
    if (!held && number >= w->languages_size)
        return;
    languages_grow(w, number);
    lock_take(&w->lock);
    unsigned before = w->languages[number];
    w->languages[number] = (uint8_t)held;
    if (before && part_before)
        tenant_count_add(&w->tenants, part_before, before - 1, -1);
    if (held && part)
        tenant_count_add(&w->tenants, part, held - 1, 1);
    lock_drop(&w->lock);
    count_add(w, before, -1);
    count_add(w, held, 1);
}

size_t words_languages(struct words *w, uint32_t part, uint8_t out[QUERY_LANGUAGES_MAX])
{
    uint32_t counts[WORDS_LANGUAGES];
    size_t count = 0;
    uint64_t all = 0;
    if (part)
        tenant_counts(w, part, counts);
    for (unsigned i = 0; i < WORDS_LANGUAGES; i++) {
        if (!part)
            counts[i] = atomic_load_explicit(&w->counts[i], memory_order_relaxed);
        all += counts[i];
    }
    for (unsigned i = 1; i < WORDS_LANGUAGES; i++) {
        if (!counts[i] || (uint64_t)counts[i] * LANGUAGE_SHARE < all)
            continue;
        size_t at = count < QUERY_LANGUAGES_MAX ? count++ : count;
        for (; at && counts[out[at - 1]] < counts[i]; at--)
            if (at < QUERY_LANGUAGES_MAX)
                out[at] = out[at - 1];
        if (at < QUERY_LANGUAGES_MAX)
            out[at] = (uint8_t)i;
    }
    return count;
}

/* ---- a document ---- */

struct putting {
    struct words *w;
    unsigned field;
};

static void token_add(void *ctx, const struct words_term *t)
{
    struct putting *p = ctx;
    struct words *w = p->w;
    size_t n = t->text.n < LEXICAL_TERM_MAX ? t->text.n : LEXICAL_TERM_MAX;
    if (!n)
        return;
    if (w->token_count == w->token_cap) {
        w->token_cap = w->token_cap ? 2 * w->token_cap : 256;
        w->tokens = xrealloc(w->tokens, w->token_cap * sizeof *w->tokens);
    }
    if (w->byte_cap - w->byte_count < n) {
        w->byte_cap = w->byte_cap ? 2 * w->byte_cap : 4096;
        w->bytes = xrealloc(w->bytes, w->byte_cap);
    }
    memcpy(w->bytes + w->byte_count, t->text.s, n);
    w->byte_count += n;
    w->tokens[w->token_count++] =
        (struct lexical_token){.term = {NULL, n}, .position = t->position, .field = p->field};
}

static unsigned language_of(const struct words *w, struct str code)
{
    unsigned language = code.n ? w->analyzer.language_of(code) : 0;
    assert(language < WORDS_LANGUAGES);
    return language;
}

void words_put(struct words *w, const struct words_document *d)
{
    const struct str fields[LEXICAL_FIELDS] = {
        [LEXICAL_TITLE] = d->title, [LEXICAL_TEXT] = d->text, [LEXICAL_TAGS] = d->tags};
    unsigned language = language_of(w, d->lang);
    uint32_t before = lexical_part(w->lexical, d->number);
    struct lexical_document out = {
        .number = d->number, .revision = d->revision, .part = tenant_part_add(w, d->tenant)};
    w->token_count = w->byte_count = 0;
    if (!w->session)
        w->session = w->analyzer.session_new();
    for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
        if (fields[f].n)
            out.lengths[f] = w->analyzer.analyze(w->session, language, fields[f], token_add,
                                                 &(struct putting){w, f});
    const char *at = w->bytes;
    for (size_t i = 0; i < w->token_count; at += w->tokens[i++].term.n)
        w->tokens[i].term.s = at;
    out.tokens = w->tokens;
    out.token_count = w->token_count;
    lexical_put(w->lexical, &out);
    words_language_set(w, d->number, language + 1, before, out.part);
}

void words_delete(struct words *w, uint32_t number)
{
    uint32_t before = lexical_part(w->lexical, number);
    lexical_delete(w->lexical, number);
    words_language_set(w, number, 0, before, 0);
}

size_t words_documents(struct words *w)
{
    return lexical_documents(w->lexical, 0);
}

size_t words_bytes(struct words *w)
{
    lock_take(&w->lock);
    size_t bytes = sizeof *w + w->languages_size;
    lock_drop(&w->lock);
    return bytes + lexical_bytes(w->lexical);
}

/* A query of any bytes, under any options and rules, over a few documents: what search, score,
 * match, count and select say of it agrees, and scores stay below the bound. */
#include "index/words.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define DOCUMENTS 6

static struct words *words;
static struct words_rules *rules;

/* ---- words are runs of letters, digits and bytes beyond ASCII; English ones lose an s; two
 * characters of what begins with a byte from 0xe4 on are pairs as well ---- */

static void *session_new(void)
{
    return malloc(1);
}

static bool in_word(unsigned char c)
{
    return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static void emit_word(struct str word, size_t start, uint32_t position, unsigned language,
                      words_term_fn *emit, void *ctx)
{
    struct words_term t = {.text = {word.s, word.n > 64 ? 64 : word.n},
                           .start = start,
                           .end = start + word.n,
                           .position = position,
                           .word = true,
                           .phrase = true};
    emit(ctx, &t);
    t.word = t.phrase = false;
    if (language && t.text.n > 2 && t.text.s[t.text.n - 1] == 's') {
        t.text.n--;
        t.stem = true;
        emit(ctx, &t);
    } else if ((unsigned char)word.s[0] >= 0xe4 && word.n > 6) {
        t.text.n = 6;
        t.end = start + 6;
        t.pair = t.phrase = true;
        emit(ctx, &t);
    }
}

static uint32_t analyze(void *session, unsigned language, struct str text, words_term_fn *emit,
                        void *ctx)
{
    uint32_t position = 0;
    for (size_t at = 0; at < text.n;) {
        size_t start = at;
        while (at < text.n && in_word((unsigned char)text.s[at]))
            at++;
        if (at == start)
            at++;
        else
            emit_word((struct str){text.s + start, at - start}, start, position++, language, emit,
                      ctx);
    }
    return position;
}

static unsigned language_of(struct str code)
{
    return code.n > 0;
}

static const char *language_code(unsigned language)
{
    return language ? "en" : "";
}

static bool is_stop(unsigned language, struct str word)
{
    return str_eq_c(word, "the");
}

static const struct words_analyzer analyzer = {.session_new = session_new,
                                               .session_free = free,
                                               .analyze = analyze,
                                               .language_of = language_of,
                                               .language_code = language_code,
                                               .is_stop = is_stop};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char *const texts[DOCUMENTS] = {"the cat and the dogs",
                                                 "cats cats cats of new york",
                                                 "a bird in the hand",
                                                 "elephants elephant television",
                                                 "\xe5\x8c\x97\xe4\xba\xac\xe5\xa4\xa7 nyc",
                                                 "x2000 \xff\xfe a-b c.d"};
    const struct str york[] = {STR("new york"), STR("nyc")}, tv[] = {STR("tv"), STR("goggle box")},
                     stops[] = {STR("bird")};
    const struct words_synonym synonyms[] = {{york, NULL, 2, 0}, {tv, york, 2, 1}};
    words = words_new(&analyzer);
    for (uint32_t i = 0; i < DOCUMENTS; i++)
        words_put(words, &(struct words_document){i + 1, 1, i % 2 ? STR("en") : STR(""), STR("the"),
                                                  str_c(texts[i]), STR("tag"),
                                                  i % 3 ? STR("") : STR("one")});
    rules = words_rules_new(&analyzer, synonyms, 2, stops, 1);
    return 0;
}

static void must(bool x)
{
    if (!x)
        abort();
}

static void check(const struct words_query *q, struct arena *a)
{
    struct word_hit *hits, scored[DOCUMENTS];
    struct docset match, left;
    uint32_t numbers[DOCUMENTS];
    docset_init(&match);
    docset_init(&left);
    for (uint32_t i = 0; i < DOCUMENTS; i++)
        numbers[i] = i + 1;
    size_t count = words_search(words, q, DOCUMENTS, NULL, a, &hits);
    words_match(words, q, NULL, a, &match);
    words_select(words, q, a, &left);
    words_score(words, q, numbers, DOCUMENTS, a, scored);
    must(count == match.count && count == words_count(words, q, NULL, a));
    for (size_t i = 0; i < count; i++) {
        must(docset_has(&match, hits[i].number) && docset_has(&left, hits[i].number));
        must(hits[i].bm25 > 0 && hits[i].bm25 < words_query_bound(q));
        must(hits[i].bm25 == scored[hits[i].number - 1].bm25);
        must(!i || hits[i].bm25 <= hits[i - 1].bm25);
    }
    for (uint32_t i = 0; i < DOCUMENTS; i++)
        must(docset_has(&match, i + 1) == (scored[i].bm25 > 0));
    docset_release(&match);
    docset_release(&left);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena *a = arena_new(0);
    unsigned flags = n ? data[0] : 0;
    struct words_options o = {.all = flags & 1,
                              .prefix = flags & 2,
                              .typos = flags & 4,
                              .rules = flags & 8 ? rules : NULL};
    struct str text = {n ? (const char *)data + 1 : "", n ? n - 1 : 0};
    const struct words_query *q = words_query(words, text, &o, a);
    must(words_query_text(q).n <= text.n);
    (void)words_query_has(q, text);
    check(q, a);
    arena_free(a);
    return 0;
}

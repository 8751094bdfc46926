#include "test.h"
#include "base/json.h"
#include "base/rng.h"
#include "text/passage.h"
#include "text/text.h"
#include "text/tokenizer_impl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>

/* A letter is a token at the start of a word and within it, so that words have many tokens; in a
 * word that starts with q they have more when the word is cut. */
static struct tokenizer *letters(void)
{
    struct tokenizer *t;
    struct strbuf b;
    strbuf_init(&b, 0);
    strbuf_add_c(
        &b, "{\"normalizer\":{\"type\":\"BertNormalizer\"},\"pre_tokenizer\":{\"type\":"
            "\"BertPreTokenizer\"},\"added_tokens\":[{\"id\":3,\"content\":\"[SEP]\","
            "\"special\":true,\"normalized\":false,\"lstrip\":true},{\"id\":4,\"content\":\"ab\","
            "\"normalized\":false,\"single_word\":true}],"
            "\"model\":{\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","
            "\"max_input_chars_per_word\":100,\"vocab\":{\"[UNK]\":0,\"##aaaa\":1,"
            "\".\":2,\"[SEP]\":3");
    for (unsigned c = 'a'; c <= 'z'; c++)
        strbuf_printf(&b, ",\"%c\":%u,\"##%c\":%u", c, c, c, c + 100);
    for (unsigned c = 0x1100; c < 0x1200; c++)
        strbuf_printf(&b, ",\"\\u%04x\":%u,\"##\\u%04x\":%u", c, c, c, c + 1000);
    strbuf_add_c(&b, "}}}");
    assert_int_equal(tokenizer_parse(strbuf_str(&b), &t, NULL), ERR_OK);
    strbuf_release(&b);
    return t;
}

struct fixture {
    struct arena *a;
    struct passage *list;
    size_t n;
};

static void split(struct fixture *f, const struct tokenizer *t, struct str text, unsigned max,
                  unsigned overlap)
{
    struct passage_options o = {.tokens_max = max, .overlap_tokens = overlap};
    f->a = arena_new(0);
    assert_int_equal(passages_split(t, text, &o, f->a, &f->list, &f->n, NULL), ERR_OK);
}

/* "[first passage][second]..." */
static void splits(const struct tokenizer *t, const char *text, unsigned max, unsigned overlap,
                   const char *want)
{
    struct fixture f;
    char got[2000] = "";
    size_t n = 0;
    split(&f, t, str_c(text), max, overlap);
    for (size_t i = 0; i < f.n; i++)
        n += (size_t)snprintf(got + n, sizeof got - n, "[%.*s]",
                              (int)(f.list[i].end - f.list[i].start), text + f.list[i].start);
    assert_string_equal(got, want);
    arena_free(f.a);
}

static void a_short_text_is_one_passage(void **state)
{
    struct tokenizer *t = tokenizer_stub();
    splits(t, "", 8, 0, "[]");
    splits(t, "  \n ", 8, 0, "[]");
    splits(t, " one two. Three! ", 8, 2, "[one two. Three!]");
    splits(t, "cafe\u0301\u200d!?", 8, 2, "[cafe\u0301\u200d!?]");
    splits(t, "a cafe\u0301\u200d ", 8, 2, "[a cafe\u0301\u200d]");
    tokenizer_free(t);
}

static void cuts_are_at_sentences_then_words(void **state)
{
    struct tokenizer *t = tokenizer_stub();
    splits(t, "One two three four. Five six seven. Eight.", 8, 0,
           "[One two three four.][Five six seven. Eight.]");
    splits(t, "One two three four. Five. Six seven. Eight nine ten.", 10, 3,
           "[One two three four. Five. Six seven.][Six seven. Eight nine ten.]");
    splits(t, "a b c d e f g h i j k l", 8, 3, "[a b c d e f g h][i j k l]");
    splits(t, "A. b c d e f g h i j k.", 8, 0, "[A. b c d e f g][h i j k.]");
    tokenizer_free(t);
}

static void long_words_are_cut_between_tokens(void **state)
{
    struct tokenizer *t = letters();
    splits(t, "bcdefghijklmn op", 8, 0, "[bcdefghi][jklmn op]");
    /* "aaaa" is one token within the word, but four at the start of the second passage. */
    splits(t, "bxaaaaxaaaaxaaaaxaaaaxaaaaxaaaaxaaaax", 8, 0,
           "[bxaaaaxaaaaxaaaax][aaaaxaaaaxaaaa][xaaaax]");
    splits(t, "\uac00\uac01\uac00\uac01\uac00", 8, 0, "[\uac00\uac01\uac00][\uac01\uac00]");
    tokenizer_free(t);
}

/* "ab" is an added token, but not where a letter or _ stands beside it. */
static void added_tokens_may_come_up_at_a_cut(void **state)
{
    struct tokenizer *t = letters();
    splits(t,
           "a b c d e f g 1\x1c"
           "ab_",
           8, 0,
           "[a b c d e f g][1\x1c"
           "ab_]");
    tokenizer_free(t);
}

static void options_are_bounded(void **state)
{
    struct tokenizer *t = tokenizer_stub();
    struct arena *a = arena_new(0);
    struct passage *list;
    size_t n;
    const struct passage_options bad[] = {{7, 0}, {8, 4}, {100, 50}};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(passages_split(t, STR("x"), &bad[i], a, &list, &n, NULL), ERR_INVALID);
    const struct passage_options good[] = {{8, 3}, {9, 4}, {63, 31}};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(passages_split(t, STR("x"), &good[i], a, &list, &n, NULL), 0);
    arena_free(a);
    tokenizer_free(t);
}

static void trim(struct str s, size_t *start, size_t *end)
{
    for (size_t next = *start; *start < *end; *start = next)
        if (!u_isUWhiteSpace((UChar32)utf8_next(s, &next)))
            break;
    for (size_t before; *end > *start; *end = before) {
        size_t at = before = utf8_floor(s, *end - 1);
        if (!u_isUWhiteSpace((UChar32)utf8_next(s, &at)))
            break;
    }
}

static void invariants(const struct tokenizer *t, struct str text, unsigned max, unsigned overlap)
{
    struct fixture f;
    struct tokens whole, part;
    tokens_init(&whole);
    tokens_init(&part);
    uint8_t *heads = NULL;
    tokenizer_encode_heads(t, text, false, &whole, &heads);
    free(heads);
    split(&f, t, text, max, overlap);
    assert_true(f.n >= 1);
    for (size_t i = 0; i < f.n; i++) {
        struct passage p = f.list[i];
        assert_true(p.start <= p.end && p.end <= text.n);
        tokenizer_encode(t, (struct str){text.s + p.start, p.end - p.start}, false, &part);
        assert_int_equal(p.tokens, part.n);
        assert_true(part.n <= max);
        if (i == 0)
            continue;
        assert_true(p.start > f.list[i - 1].start && p.end > f.list[i - 1].end);
        if (p.start < f.list[i - 1].end) {
            struct str both = {text.s + p.start, f.list[i - 1].end - p.start};
            tokenizer_encode(t, both, false, &part);
            /* Counted in the text; on its own it may have others, but not BERT's. */
            assert_true(part.n >= 1 && (!t->bert || part.n <= overlap));
        }
    }
    for (size_t k = 0, i = 0; k < whole.n;
         k++) { /* what is to be seen of a token is in a passage */
        size_t start = whole.starts[k], end = whole.ends[k];
        trim(text, &start, &end);
        while (start < end && i < f.n && f.list[i].end < end)
            i++;
        assert_true(start >= end || (i < f.n && f.list[i].start <= start));
    }
    tokens_release(&whole);
    tokens_release(&part);
    arena_free(f.a);
}

static struct str random_text(struct rng *r, struct strbuf *b, unsigned pieces)
{
    static const char *const some[] = {"a",          "b",
                                       "q",          "xaaaa",
                                       "word",       " ",
                                       " ",          "  ",
                                       ". ",         "! ",
                                       "\n",         ", ",
                                       "[SEP]",      " [SEP]",
                                       "e\u0301",    "\uac01",
                                       "\u4e2d",     "\U0001f680",
                                       "\u200d",     "\u302e",
                                       "\U0001d165", "\u0301",
                                       "\xff",       "\xe2\x82",
                                       "Mr. Smith",  "aaaaaaaaaaaaaaaaaaaaaaaa",
                                       "\u226e",     "\u0130",
                                       "qaaaaqaaaa"};
    strbuf_clear(b);
    const size_t count = sizeof some / sizeof *some;
    unsigned kinds = 1 + (unsigned)rng_below(r, count);
    for (unsigned i = 0; i < pieces; i++)
        strbuf_add_c(b, some[(i * 7 + rng_below(r, kinds)) % count]);
    for (unsigned i = 0; i < pieces; i++)
        strbuf_add_c(b, some[rng_below(r, kinds)]);
    return strbuf_str(b);
}

static void invariants_hold_for(const struct tokenizer *t, unsigned rounds)
{
    struct rng r;
    struct strbuf b;
    rng_init(&r, 7);
    strbuf_init(&b, 0);
    for (unsigned i = 0; i < rounds; i++) {
        unsigned max = 8 + (unsigned)rng_below(&r, i % 2 ? 8 : 120);
        struct str text = random_text(&r, &b, (unsigned)rng_below(&r, i % 10 ? 60 : 600));
        invariants(t, text, max, (unsigned)rng_below(&r, max / 2));
    }
    strbuf_release(&b);
}

static void invariants_hold_for_random_texts(void **state)
{
    struct tokenizer *t = letters(), *stub = tokenizer_stub();
    invariants_hold_for(t, 3000);
    invariants_hold_for(stub, 1000);
    tokenizer_free(t);
    tokenizer_free(stub);
}

static void invariants_hold_for_a_real_model(void **state)
{
    const char *dir = getenv("AKIN_TEST_MODEL");
    struct tokenizer *t;
    if (!dir)
        skip();
    assert_int_equal(tokenizer_open(dir, &t, NULL), ERR_OK);
    invariants_hold_for(t, 1000);
    tokenizer_free(t);
}

/* No clock here: a square cost would take minutes. */
static void big_texts_are_split_in_linear_time(void **state)
{
    struct tokenizer *t = letters();
    const char *units[] = {"a",      "\U0001f680", "\u4e2d",  "ab ",  "qaaaa", "a.",
                           "\u302e", "\u0301",     "\uac01 ", "\xff", "\n",    "[SEP]"};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        struct fixture f;
        struct strbuf b;
        strbuf_init(&b, 0);
        while (b.n < 1 << 20)
            strbuf_add_c(&b, units[i]);
        split(&f, t, strbuf_str(&b), 128, 32);
        arena_free(f.a);
        strbuf_release(&b);
    }
    tokenizer_free(t);
}

static int setup(void **state)
{
    json_setup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_text_is_one_passage),
        cmocka_unit_test(cuts_are_at_sentences_then_words),
        cmocka_unit_test(long_words_are_cut_between_tokens),
        cmocka_unit_test(added_tokens_may_come_up_at_a_cut),
        cmocka_unit_test(options_are_bounded),
        cmocka_unit_test(invariants_hold_for_random_texts),
        cmocka_unit_test(invariants_hold_for_a_real_model),
        cmocka_unit_test(big_texts_are_split_in_linear_time),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}

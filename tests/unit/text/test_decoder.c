#include "test.h"
#include "base/json.h"
#include "text/tokenizer.h"
#include <stdio.h>
#include <stdlib.h>

/* A tokenizer of ten words with this decoder. */
static struct tokenizer *open_with(const char *decoder)
{
    struct tokenizer *t;
    struct err_info e = {0};
    char *json;
    assert_true(
        asprintf(&json,
                 "{\"added_tokens\":[{\"id\":1,\"content\":\"[CLS]\",\"special\":true,"
                 "\"normalized\":false},{\"id\":12,\"content\":\"new\",\"special\":false,"
                 "\"normalized\":false}],\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"
                 "\"decoder\":%s,\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\","
                 "\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":100,\"vocab\":{"
                 "\"[UNK]\":0,\"[CLS]\":1,\"un\":2,\"##able\":3,\".\":4,\"\\u2581a\":5,"
                 "\"b\\u2581\":6,\"\\u0120caf\\u00c3\":7,\"\\u00a9\":8,\"<0xC3>\":9,\"<0xa9>\":10,"
                 "\"end</w>\":11}}}",
                 decoder) > 0);
    enum err err = tokenizer_parse(str_c(json), &t, &e);
    if (err)
        fail_msg("%s: %s", e.field, e.message);
    free(json);
    return t;
}

static void decodes(const char *decoder, const uint32_t *ids, size_t n, bool skip, const char *want)
{
    struct tokenizer *t = open_with(decoder);
    struct strbuf b;
    strbuf_init(&b, 0);
    tokenizer_decode(t, ids, n, skip, &b);
    assert_string_equal(b.n ? b.buf : "", want);
    strbuf_release(&b);
    tokenizer_free(t);
}
#define DECODES(decoder, skip, want, ...)                                                          \
    decodes(decoder, (const uint32_t[]){__VA_ARGS__},                                              \
            sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), skip, want)

static void words_and_their_pieces(void **state)
{
    const char *d = "{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true}";
    DECODES(d, false, "[CLS] unable. new", 1, 2, 3, 4, 12);
    DECODES(d, true, "unable. new", 1, 2, 3, 4, 12);
    DECODES(d, true, "un", 99, 2, 4000000000u); /* ids of nobody */
    DECODES(d, true, "##able un", 3, 2);
    DECODES(d, true, "", 1);
    DECODES("{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":false}", true, "un .", 2, 4);
    DECODES("null", false, "un ##able", 2, 3);
}

static void spaces_and_bytes(void **state)
{
    DECODES("{\"type\":\"Metaspace\",\"replacement\":\"\\u2581\"}", true, "ab  a", 5, 6, 5);
    DECODES("{\"type\":\"Metaspace\",\"replacement\":\"\\u2581\",\"prepend_scheme\":\"never\"}",
            true, " ab ", 5, 6);
    DECODES("{\"type\":\"ByteLevel\"}", true, " caf\u00e9un", 7, 8, 2);
    DECODES("{\"type\":\"ByteLevel\"}", true, " caf\ufffd caf\ufffd", 7, 7); /* half a character */
    DECODES("{\"type\":\"ByteFallback\"}", true, "un\u00e9.", 2, 9, 10, 4);
    DECODES("{\"type\":\"ByteFallback\"}", true, "un\ufffd\ufffd", 2, 10, 9);
    DECODES("{\"type\":\"BPEDecoder\",\"suffix\":\"</w>\"}", true, "unend end", 2, 11, 11);
}

static void decoders_follow_each_other(void **state)
{
    DECODES("{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":"
            "\"\\u2581\"},\"content\":\" \"},{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},"
            "{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}]}",
            true, "ab \u00e9", 5, 6, 9, 10);
    DECODES("{\"type\":\"Strip\",\"content\":\".\",\"start\":0,\"stop\":2}", true, "un", 2, 4);
}

static void what_is_not_known_is_refused(void **state)
{
    static const struct {
        const char *json, *field;
    } bad[] = {
        {"{\"decoder\":{\"type\":\"CTC\"},", "/decoder"},
        {"{\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":"
         "{\"Regex\":\"a+\"},\"content\":\"\"}]},",
         "/decoder/decoders/0/pattern/Regex"},
    };
    for (size_t i = 0; i < 2; i++) {
        struct tokenizer *t;
        struct err_info e = {0};
        char *json;
        assert_true(asprintf(&json,
                             "%s\"model\":{\"unk_token\":\"u\",\"continuing_subword_prefix\":\"\","
                             "\"max_input_chars_per_word\":9,\"vocab\":{\"u\":0}}}",
                             bad[i].json) > 0);
        assert_int_equal(tokenizer_parse(str_c(json), &t, &e), ERR_UNSUPPORTED);
        assert_string_equal(e.field, bad[i].field);
        free(json);
    }
}

static void a_token_has_a_text(void **state)
{
    struct tokenizer *t = open_with("null");
    assert_true(str_eq_c(tokenizer_token(t, 3), "##able"));
    assert_true(str_eq_c(tokenizer_token(t, 12), "new"));
    assert_null(tokenizer_token(t, 13).s);
    assert_true(tokenizer_is_special(t, 1));
    assert_false(tokenizer_is_special(t, 2) || tokenizer_is_special(t, 12));
    assert_int_equal(tokenizer_id(t, STR("new")), 12);
    assert_int_equal(tokenizer_vocab_size(t), 13);
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
        cmocka_unit_test(words_and_their_pieces),
        cmocka_unit_test(spaces_and_bytes),
        cmocka_unit_test(decoders_follow_each_other),
        cmocka_unit_test(what_is_not_known_is_refused),
        cmocka_unit_test(a_token_has_a_text),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}

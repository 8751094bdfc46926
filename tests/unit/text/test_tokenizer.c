#include "test.h"
#include "base/json.h"
#include "text/tokenizer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A tokenizer.json with the parts that a test wants to be different. */
struct parts {
    const char *model_type, *unk, *vocab_more, *chars_max, *normalizer, *pre, *post, *added;
};

static char *make(const struct parts *p)
{
    char *out;
    assert_true(
        asprintf(
            &out,
            "{\"version\":\"1.0\",\"truncation\":{\"max_length\":4},\"added_tokens\":[%s],"
            "\"normalizer\":%s,\"pre_tokenizer\":%s,\"post_processor\":%s,"
            "\"model\":{\"type\":\"%s\",\"unk_token\":\"%s\",\"continuing_subword_prefix\":\"##\","
            "\"max_input_chars_per_word\":%s,\"vocab\":{\"[UNK]\":0,\"[CLS]\":1,\"[SEP]\":2,"
            "\"un\":3,\"##aff\":4,\"##able\":5,\"a\":6,\"##ble\":7,\",\":8,\"cafe\":9,\"\\u4e2d\":"
            "10,"
            "\"want\":11,\"##want\":12,\"##ed\":13,\"#\":14,\"i\":15,\"[\":16,\"]\":17,\"cls\":18,"
            "\"##a\":19%s}}}",
            p->added ? p->added
                     : "{\"id\":1,\"content\":\"[CLS]\",\"special\":true,\"normalized\":false}",
            p->normalizer ? p->normalizer : "{\"type\":\"BertNormalizer\",\"strip_accents\":null}",
            p->pre ? p->pre : "{\"type\":\"BertPreTokenizer\"}",
            p->post ? p->post
                    : "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"["
                      "CLS]\"}},"
                      "{\"Sequence\":{\"id\":\"A\"}},{\"SpecialToken\":{\"id\":\"[SEP]\"}}],"
                      "\"special_tokens\":{\"[CLS]\":{\"ids\":[1]},\"[SEP]\":{\"ids\":[2]}}}",
            p->model_type ? p->model_type : "WordPiece", p->unk ? p->unk : "[UNK]",
            p->chars_max ? p->chars_max : "10", p->vocab_more ? p->vocab_more : "") > 0);
    return out;
}

static struct tokenizer *open_parts(struct parts p)
{
    struct tokenizer *t;
    struct err_info e = {0};
    char *json = make(&p);
    if (tokenizer_parse(str_c(json), &t, &e))
        fail_msg("%s: %s", e.field, e.message);
    free(json);
    return t;
}

/* "id@start-end ..." */
static void encodes_n(const struct tokenizer *t, struct str text, bool specials, const char *want)
{
    struct tokens out;
    char got[2000] = "";
    size_t n = 0;
    tokens_init(&out);
    tokenizer_encode(t, text, specials, &out);
    for (size_t i = 0; i < out.n && n < sizeof got - 64; i++)
        n += (size_t)snprintf(got + n, sizeof got - n, "%s%u@%u-%u", i ? " " : "", out.ids[i],
                              out.starts[i], out.ends[i]);
    tokens_release(&out);
    assert_string_equal(got, want);
}

static void encodes(const struct tokenizer *t, const char *text, const char *want)
{
    encodes_n(t, str_c(text), false, want);
}

static void longest_tokens_first(void **state)
{
    struct tokenizer *t = open_parts((struct parts){0});
    encodes(t, "unaffable", "3@0-2 4@2-5 5@5-9");
    encodes(t, "unaffxble", "0@0-9"); /* one piece unknown: the whole word is */
    encodes(t, "unwanted, a", "3@0-2 12@2-6 13@6-8 8@8-9 6@10-11");
    encodes(t, "##ed", "14@0-1 14@1-2 0@2-4");
    encodes(t, "", "");
    encodes(t, " \t\n ", "");
    tokenizer_free(t);
}

static void specials_stand_around(void **state)
{
    struct tokenizer *t = open_parts((struct parts){0});
    encodes_n(t, STR("a"), true, "1@0-0 6@0-1 2@0-0");
    encodes_n(t, STR(""), true, "1@0-0 2@0-0");
    assert_int_equal(tokenizer_specials(t), 2);
    assert_int_equal(tokenizer_vocab_size(t), 20);
    assert_int_equal(tokenizer_id(t, STR("##able")), 5);
    assert_int_equal(tokenizer_id(t, STR("##abl")), -1);
    assert_int_equal(tokenizer_id(t, STR("")), -1);
    tokenizer_free(t);
}

static void text_is_normalised_and_offsets_are_of_the_original(void **state)
{
    struct tokenizer *t = open_parts((struct parts){0});
    encodes(t, "CAF\u00c9", "9@0-5");
    encodes(t, "cafe\u0301,", "9@0-4 8@6-7");
    encodes(t, "c\u200baf\u00ade", "9@0-9");      /* format characters vanish */
    encodes(t, "a\u4e2da", "6@0-1 10@1-4 6@4-5"); /* Han characters stand alone */
    encodes(t, "\u0130", "15@0-2");               /* i and a mark */
    encodes(t, "a\u00a0a\u3000a", "6@0-1 6@3-4 6@7-8");
    encodes(t,
            "a\xff"
            "a",
            "6@0-1 19@2-3"); /* a bad byte is U+FFFD, which is removed */
    encodes_n(t, STR("a\0a"), false, "6@0-1 19@2-3");
    tokenizer_free(t);
}

static void rules_follow_the_file(void **state)
{
    struct tokenizer *t = open_parts((struct parts){
        .normalizer = "{\"type\":\"BertNormalizer\",\"lowercase\":false,\"strip_accents\":null,"
                      "\"handle_chinese_chars\":false,\"clean_text\":false}"});
    encodes(t, "CAFE", "0@0-4");
    encodes(t, "caf\u00e9", "0@0-5");
    encodes(t, "a\u4e2da", "0@0-5");
    tokenizer_free(t);
    t = open_parts((struct parts){.normalizer = "null", .pre = "{\"type\":\"WhitespaceSplit\"}"});
    encodes(t, "a a, ,", "6@0-1 0@2-4 8@5-6");
    tokenizer_free(t);
    t = open_parts((struct parts){
        .post = "{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",2],\"cls\":[\"[CLS]\",1]}"});
    encodes_n(t, STR("a"), true, "1@0-0 6@0-1 2@0-0");
    tokenizer_free(t);
    t = open_parts((struct parts){.post = "null"});
    encodes_n(t, STR("a"), true, "6@0-1");
    tokenizer_free(t);
}

static void long_words_are_unknown(void **state)
{
    struct tokenizer *t = open_parts((struct parts){0});
    encodes(t, "aaaaaaaaaa",
            "6@0-1 19@1-2 19@2-3 19@3-4 19@4-5 19@5-6 19@6-7 19@7-8 19@8-9 19@9-10");
    encodes(t, "aaaaaaaaaaa", "0@0-11");
    encodes(t, "aaaaaaaaaaa a", "0@0-11 6@12-13");
    tokenizer_free(t);
}

static void added_tokens_are_found_in_the_text(void **state)
{
    struct tokenizer *t = open_parts((struct parts){0});
    encodes(t, "a[CLS]a [cls]", "6@0-1 1@1-6 6@6-7 16@8-9 18@9-12 17@12-13");
    encodes(t, "[CL[CLS][CLS", "16@0-1 0@1-3 1@3-8 16@8-9 18@9-12");
    tokenizer_free(t);
    t = open_parts((struct parts){
        .added = "{\"id\":20,\"content\":\"<m>\",\"special\":true,\"normalized\":false,"
                 "\"lstrip\":true},"
                 "{\"id\":21,\"content\":\"<m>x\",\"special\":true,\"normalized\":false,"
                 "\"single_word\":true,\"rstrip\":true},"
                 "{\"id\":22,\"content\":\"WOW\",\"special\":false,\"normalized\":true}"});
    encodes(t, "a  <m>a", "6@0-1 20@1-6 6@6-7");
    encodes(t, "<m>x  a", "21@0-6 6@6-7");
    encodes(t, "<m>xa", "0@0-1 0@1-2 0@2-3 0@3-5");
    encodes(t, "aw\u00f6wa a", "6@0-1 22@1-5 6@5-6 6@7-8"); /* found in the normalised text */
    assert_int_equal(tokenizer_vocab_size(t), 23);
    assert_int_equal(tokenizer_id(t, STR("<m>")), 20);
    tokenizer_free(t);
}

static void refused(struct parts p, enum err code, const char *field, const char *words)
{
    struct tokenizer *t;
    struct err_info e = {0};
    char *json = make(&p);
    assert_int_equal(tokenizer_parse(str_c(json), &t, &e), code);
    assert_string_equal(e.field, field);
    if (!strstr(e.message, words))
        fail_msg("\"%s\" does not say \"%s\"", e.message, words);
    free(json);
}

static void what_is_not_known_is_refused_by_name(void **state)
{
    struct tokenizer *t;
    refused((struct parts){.model_type = "WordLevel"}, ERR_UNSUPPORTED, "/model", "WordLevel");
    refused((struct parts){.model_type = "Unigram"}, ERR_INVALID, "/model/vocab", "array");
    refused((struct parts){.model_type = "BPE"}, ERR_INVALID, "/model/merges", "array");
    refused((struct parts){.unk = "[NO]"}, ERR_INVALID, "/model/unk_token", "[NO]");
    refused((struct parts){.chars_max = "-1"}, ERR_INVALID, "/model/max_input_chars_per_word",
            "0 to");
    refused((struct parts){.chars_max = "true"}, ERR_INVALID, "/model/max_input_chars_per_word",
            "0 to");
    refused((struct parts){.vocab_more = ",\"x\":\"1\""}, ERR_INVALID, "/model/vocab/x", "number");
    refused((struct parts){.vocab_more = ",\"\":7"}, ERR_INVALID, "/model/vocab", "empty");
    refused((struct parts){.normalizer = "{\"type\":\"Upper\"}"}, ERR_UNSUPPORTED, "/normalizer",
            "Upper");
    refused((struct parts){.normalizer = "{\"type\":\"BertNormalizer\",\"lowercase\":1}"},
            ERR_INVALID, "/normalizer/lowercase", "true or false");
    refused(
        (struct parts){
            .pre = "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"UnicodeScripts\"}]}"},
        ERR_UNSUPPORTED, "/pre_tokenizer/pretokenizers/0", "UnicodeScripts");
    refused((struct parts){.post = "{\"type\":\"PairProcessing\"}"}, ERR_UNSUPPORTED,
            "/post_processor", "PairProcessing");
    refused((struct parts){.post = "{\"type\":\"TemplateProcessing\",\"single\":[]}"}, ERR_INVALID,
            "/post_processor/single", "Sequence A");
    refused((struct parts){.added = "{\"id\":9,\"content\":\"[CLS]\"}"}, ERR_INVALID,
            "/added_tokens/0/id", "vocabulary says 1");
    assert_int_equal(tokenizer_parse(STR("[]"), &t, NULL), ERR_INVALID);
    assert_int_equal(tokenizer_parse(STR("{}"), &t, NULL), ERR_INVALID);
    assert_int_equal(tokenizer_parse(STR("{"), &t, NULL), ERR_SYNTAX);
}

static void a_token_has_at_most_512_bytes(void **state)
{
    char more[600], *p = more + sprintf(more, ",\"");
    memset(p, 'x', 513);
    strcpy(p + 513, "\":20");
    refused((struct parts){.vocab_more = more}, ERR_TOO_LARGE, "/model/vocab", "512");
    strcpy(p + 512, "\":20");
    tokenizer_free(open_parts((struct parts){.vocab_more = more}));
}

static void put(const char *dir, const char *name, const char *text)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void a_directory_with_vocab_txt(void **state)
{
    struct tokenizer *t;
    struct err_info e = {0};
    char dir[] = "/tmp/akin-test-XXXXXX", path[300];
    assert_non_null(mkdtemp(dir));
    assert_int_equal(tokenizer_open(dir, &t, &e), ERR_NOT_FOUND);
    put(dir, "vocab.txt", "[PAD]\n[UNK]\r\n[CLS]\n[SEP]\n\nA\na \n##b\n");
    assert_int_equal(tokenizer_open(dir, &t, NULL), ERR_OK);
    encodes_n(t, STR("Ab [PAD]"), true, "2@0-0 6@0-1 7@1-2 0@3-8 3@0-0");
    tokenizer_free(t);
    put(dir, "tokenizer_config.json",
        "{\"do_lower_case\":false,\"unk_token\":{\"content\":\"A\"}}");
    assert_int_equal(tokenizer_open(dir, &t, NULL), ERR_OK);
    encodes_n(t, STR("A x"), false, "5@0-1 5@2-3");
    tokenizer_free(t);
    put(dir, "tokenizer.json", "{\"model\":{\"type\":\"WordLevel\"}}");
    struct err_info f = {0};
    assert_int_equal(tokenizer_open(dir, &t, &f), ERR_UNSUPPORTED);
    assert_non_null(strstr(f.field, "/tokenizer.json"));
    assert_non_null(strstr(f.message, "/model"));
    const char *names[] = {"vocab.txt", "tokenizer_config.json", "tokenizer.json"};
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
}

static void the_stub_gives_a_word_an_id(void **state)
{
    struct tokenizer *t = tokenizer_stub();
    struct tokens out;
    tokens_init(&out);
    tokenizer_encode(t, STR("Hello, hello world"), true, &out);
    assert_int_equal(out.n, 6);
    assert_int_equal(out.ids[1], out.ids[3]);
    assert_int_equal(tokenizer_id(t, STR("world")), out.ids[4]);
    for (size_t i = 1; i < 5; i++)
        assert_in_range(out.ids[i], 1000, 30521);
    assert_int_equal(tokenizer_vocab_size(t), 30522);
    assert_int_equal(tokenizer_specials(t), 2);
    tokens_release(&out);
    tokenizer_free(t);
}

/* What Hugging Face gives for all-MiniLM-L6-v2 and its kin (the BERT vocabulary). */
static void a_real_model(void **state)
{
    const char *dir = getenv("AKIN_TEST_MODEL");
    struct tokenizer *t;
    struct err_info e = {0};
    if (!dir)
        skip();
    if (tokenizer_open(dir, &t, &e))
        fail_msg("%s: %s", e.field, e.message);
    encodes_n(t, STR("Hello, World! unaffable [MASK]"), true,
              "101@0-0 7592@0-5 1010@5-6 2088@7-12 999@12-13 14477@14-17 20961@17-20 3468@20-23 "
              "103@24-30 102@0-0");
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
        cmocka_unit_test(longest_tokens_first),
        cmocka_unit_test(specials_stand_around),
        cmocka_unit_test(text_is_normalised_and_offsets_are_of_the_original),
        cmocka_unit_test(rules_follow_the_file),
        cmocka_unit_test(long_words_are_unknown),
        cmocka_unit_test(added_tokens_are_found_in_the_text),
        cmocka_unit_test(what_is_not_known_is_refused_by_name),
        cmocka_unit_test(a_token_has_at_most_512_bytes),
        cmocka_unit_test(a_directory_with_vocab_txt),
        cmocka_unit_test(the_stub_gives_a_word_an_id),
        cmocka_unit_test(a_real_model),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}

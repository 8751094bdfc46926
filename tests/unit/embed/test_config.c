/* What a model directory says, and when it lies. */
#include "tiny.h"
#include "embed/config.h"

static struct tiny tiny;

static int setup(void **state)
{
    json_setup();
    tiny_make(&tiny);
    return 0;
}

static int teardown(void **state)
{
    tiny_release(&tiny);
    return 0;
}

/* --- shapes --- */

#define BERT                                                                                       \
    "\"model_type\":\"bert\",\"hidden_size\":384,\"num_attention_heads\":12,"                      \
    "\"num_hidden_layers\":6,\"intermediate_size\":1536,\"vocab_size\":30522,"                     \
    "\"max_position_embeddings\":512,\"type_vocab_size\":2"

static void expect_shape(const char *text, enum err code, const char *word)
{
    struct bert_shape s;
    struct err_info e = {0};
    enum err err = model_shape_parse(str_c(text), &s, &e);
    if (err != code || (code && !strstr(e.message, word)))
        fail_msg("%s: got %d \"%s\", expected %d \"%s\"", text, err, e.message, code, word);
}

static void test_numbers_are_bounded(void **state)
{
    static const char *const keys[] = {
        "hidden_size", "num_attention_heads",     "num_hidden_layers", "intermediate_size",
        "vocab_size",  "max_position_embeddings", "type_vocab_size"};
    static const char *const values[] = {"0", "-1", "1e9", "99999999999", "\"6\"", "null", "2.5"};
    expect_shape("{" BERT "}", ERR_OK, "");
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            char text[700], key[60];
            struct str all = STR("{" BERT "}");
            snprintf(key, sizeof key, "\"%s\":", keys[k]);
            const char *at = strstr(all.s, key);
            const char *end = at + strcspn(at, ",}");
            snprintf(text, sizeof text, "%.*s%s%s%s", (int)(at - all.s), all.s, key, values[v],
                     end);
            expect_shape(text, ERR_INVALID, keys[k]);
        }
    }
    expect_shape("{" BERT ",\"layer_norm_eps\":7}", ERR_INVALID, "layer_norm_eps");
    expect_shape("{" BERT ",\"layer_norm_eps\":\"x\"}", ERR_INVALID, "layer_norm_eps");
    expect_shape("{\"model_type\":\"bert\",\"hidden_size\":100,\"num_attention_heads\":12,"
                 "\"num_hidden_layers\":6,\"intermediate_size\":1536,\"vocab_size\":30522,"
                 "\"max_position_embeddings\":512,\"type_vocab_size\":2}",
                 ERR_INVALID, "divide");
}

static void test_what_is_not_known_is_refused(void **state)
{
    expect_shape("[]", ERR_UNSUPPORTED, "model_type");
    expect_shape("7", ERR_CORRUPT, "object");
    expect_shape("{}", ERR_UNSUPPORTED, "model_type");
    expect_shape("{\"model_type\":\"llama\"}", ERR_UNSUPPORTED, "llama");
    expect_shape("{\"model_type\":7}", ERR_INVALID, "\"model_type\" must be a string");
    expect_shape("{\"architectures\":[\"BertModel\"],\"model_type\":5}", ERR_INVALID,
                 "\"model_type\" must be a string");
    expect_shape("{" BERT ",\"architectures\":[7]}", ERR_INVALID, "architectures/0");
    expect_shape("{" BERT ",\"architectures\":[\"RobertaModel\"]}", ERR_UNSUPPORTED,
                 "RobertaModel");
    expect_shape("{" BERT ",\"architectures\":[\"BertModelWithAdapter\"]}", ERR_UNSUPPORTED,
                 "BertModelWithAdapter");
    expect_shape("{" BERT ",\"architectures\":[\"BertForMaskedLM\"]}", ERR_OK, "");
    expect_shape("{" BERT ",\"hidden_act\":\"relu\"}", ERR_UNSUPPORTED, "relu");
    expect_shape("{" BERT ",\"hidden_act\":[\"gelu\"]}", ERR_UNSUPPORTED, "hidden_act");
    expect_shape("{" BERT ",\"position_embedding_type\":\"relative_key\"}", ERR_UNSUPPORTED,
                 "relative_key");
    expect_shape("{" BERT ",\"is_decoder\":true}", ERR_UNSUPPORTED, "is_decoder");
    expect_shape("{" BERT ",\"embedding_size\":128}", ERR_UNSUPPORTED, "embedding_size");
}

#define ROBERTA                                                                                    \
    "\"model_type\":\"roberta\",\"hidden_size\":384,\"num_attention_heads\":12,"                   \
    "\"num_hidden_layers\":6,\"intermediate_size\":1536,\"vocab_size\":30522,"                     \
    "\"max_position_embeddings\":514,\"type_vocab_size\":1"

static void test_positions_of_roberta(void **state)
{
    struct bert_shape s;
    assert_int_equal(model_shape_parse(STR("{" ROBERTA ",\"pad_token_id\":1}"), &s, NULL), ERR_OK);
    assert_int_equal(s.positions, 512);
    assert_int_equal(s.position_first, 2);
    expect_shape("{" ROBERTA ",\"pad_token_id\":513}", ERR_INVALID, "pad_token_id");
    expect_shape("{" ROBERTA ",\"pad_token_id\":-1}", ERR_INVALID, "pad_token_id");
    expect_shape("{" ROBERTA ",\"pad_token_id\":\"1\"}", ERR_INVALID, "pad_token_id");
}

/* --- weights that are not what config.json says --- */

static void expect_open(enum err code, const char *word)
{
    struct model *m = NULL;
    struct err_info e = {0};
    enum err err = model_open(tiny.dir, NULL, &m, &e);
    if (err != code || (code && !strstr(e.message, word)))
        fail_msg("got %d \"%s\", expected %d \"%s\"", err, e.message, code, word);
    model_unref(m);
}

static void test_numbers_far_beyond_the_file(void **state)
{
    char text[700]; /* 64 GB of word vectors, were they believed */
    snprintf(text, sizeof text,
             "{\"model_type\":\"bert\",\"hidden_size\":8192,\"num_attention_heads\":2,"
             "\"num_hidden_layers\":128,\"intermediate_size\":65536,\"vocab_size\":2000000,"
             "\"max_position_embeddings\":32768,\"type_vocab_size\":1024}");
    tiny_text(&tiny, "config.json", text);
    tiny_text(&tiny, "1_Pooling/config.json", "{\"pooling_mode_mean_tokens\":true}");
    expect_open(ERR_INVALID, "has shape [40, 32], expected [2000000, 8192]");
}

static void test_left_over_tensors(void **state)
{
    struct rng r;
    rng_init(&r, 3);
    tiny_tensor(&tiny, &r, "pooler.dense.weight", HIDDEN, HIDDEN);
    tiny_tensor(&tiny, &r, "embeddings.position_ids", 1, POSITIONS);
    tiny_save(&tiny);
    expect_open(ERR_OK, "");
    tiny_linear(&tiny, &r, LAYERS, "attention.self.query", HIDDEN, HIDDEN);
    tiny_save(&tiny);
    expect_open(ERR_INVALID,
                "encoder.layer.2.attention.self.query.bias is no part of the bert of 2");
}

static void test_a_tensor_of_numbers_that_are_not_read(void **state)
{
    size_t n;
    char *bytes = tiny_bytes(&tiny, &n), *at = strstr(bytes + 8, "\"F32\"");
    memcpy(at, "\"I32\"", 5);
    tiny_put(&tiny, "model.safetensors", bytes, n);
    free(bytes);
    expect_open(ERR_UNSUPPORTED, "is I32; F32, F16 and BF16");
}

static void test_a_vocabulary_of_another_model(void **state)
{
    struct strbuf vocab;
    strbuf_init(&vocab, 0);
    strbuf_add_c(&vocab, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n");
    for (int i = 5; i < VOCAB + 1; i++)
        strbuf_printf(&vocab, "word%d\n", i);
    tiny_put(&tiny, "vocab.txt", vocab.buf, vocab.n);
    strbuf_release(&vocab);
    expect_open(ERR_INVALID, "the tokenizer has 41 tokens, more than \"vocab_size\" 40");
}

static void test_weights_in_other_files(void **state)
{
    tiny_remove(&tiny, "model.safetensors");
    tiny_text(&tiny, "pytorch_model.bin", "x");
    expect_open(ERR_NOT_FOUND, "save the model as safetensors");
    tiny_text(&tiny, "model.safetensors.index.json", "{}");
    expect_open(ERR_NOT_FOUND, "join them");
}

/* --- prefixes, pooling, dimensions --- */

static void expect_prefixes(const char *query, const char *passage)
{
    struct model_config c;
    struct err_info e = {0};
    if (model_config_read(tiny.dir, &c, &e))
        fail_msg("%s", e.message);
    assert_string_equal(c.prefix[ROLE_QUERY], query);
    assert_string_equal(c.prefix[ROLE_PASSAGE], passage);
    assert_string_equal(c.prefix[ROLE_NONE], "");
}

static void test_prefixes(void **state)
{
    char config[900], *text = NULL;
    expect_prefixes("", "");
    char path[100];
    snprintf(path, sizeof path, "%s/config.json", tiny.dir);
    assert_int_equal(file_read_all(path, 10000, &text, NULL, NULL), ERR_OK);
    static const struct {
        const char *name, *query, *passage;
    } families[] = {
        {"intfloat/e5-small-v2", "query: ", "passage: "},
        {"intfloat/multilingual-e5-base", "query: ", "passage: "},
        {"intfloat/multilingual-e5-large-instruct", "", ""},
        {"BAAI/bge-small-en-v1.5", "Represent this sentence for searching relevant passages: ", ""},
        {"BAAI/bge-m3", "", ""},
        {"sentence-transformers/all-mpnet-base-v2", "", ""},
    };
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        snprintf(config, sizeof config, "{\"_name_or_path\":\"%s\",%s", families[i].name, text + 1);
        tiny_text(&tiny, "config.json", config);
        expect_prefixes(families[i].query, families[i].passage);
    }
    snprintf(config, sizeof config, "{\"_name_or_path\":\"x/e5-small\",%s", text + 1);
    tiny_text(&tiny, "config.json", config);
    tiny_text(&tiny, "config_sentence_transformers.json",
              "{\"prompts\":{\"query\":\"Q: \",\"document\":\"D: \"}}");
    expect_prefixes("Q: ", "D: ");
    assert_int_equal(
        model_settings_write(tiny.dir, &(struct model_settings){.query_prefix = "ask "}, NULL),
        ERR_OK);
    expect_prefixes("ask ", "D: ");
    assert_int_equal(
        model_settings_write(tiny.dir, &(struct model_settings){.passage_prefix = ""}, NULL),
        ERR_OK);
    expect_prefixes("ask ", "");
    free(text);
}

static void test_prefixes_are_part_of_the_model(void **state)
{
    struct model *a = NULL, *b = NULL;
    assert_int_equal(model_open(tiny.dir, NULL, &a, NULL), ERR_OK);
    assert_int_equal(
        model_configure(tiny.dir, &(struct model_pull_options){.query_prefix = "wa wb "}, NULL),
        ERR_OK);
    assert_int_equal(model_open(tiny.dir, NULL, &b, NULL), ERR_OK);
    assert_int_equal(model_info(b)->prefix_tokens[ROLE_QUERY], 2);
    assert_int_equal(model_info(b)->prefix_tokens[ROLE_PASSAGE], 0);
    assert_string_not_equal(model_info(a)->digest, model_info(b)->digest);
    model_unref(a);
    model_unref(b);
}

static void test_settings_that_do_not_hold(void **state)
{
    char long_prefix[300], *text = NULL, path[100];
    struct err_info e = {0};
    snprintf(path, sizeof path, "%s/akin.json", tiny.dir);
    assert_int_equal(
        model_configure(tiny.dir, &(struct model_pull_options){.pooling = "cls"}, NULL), ERR_OK);
    assert_int_equal(model_configure(tiny.dir, &(struct model_pull_options){.pooling = "max"}, &e),
                     ERR_INVALID);
    assert_non_null(strstr(e.message, "mean, cls, last"));
    memset(long_prefix, 'a', sizeof long_prefix);
    long_prefix[sizeof long_prefix - 1] = 0;
    assert_int_equal(
        model_configure(tiny.dir, &(struct model_pull_options){.query_prefix = long_prefix}, NULL),
        ERR_TOO_LARGE);
    /* as many tokens as the model reads */
    assert_int_equal(
        model_configure(tiny.dir,
                        &(struct model_pull_options){
                            .query_prefix = "wa wa wa wa wa wa wa wa wa wa wa wa wa wa wa wa wa wa "
                                            "wa wa wa wa wa wa wa wa wa wa wa wa wa wa wa wa wa"},
                        NULL),
        ERR_INVALID);
    assert_int_equal(file_read_all(path, 10000, &text, NULL, NULL), ERR_OK);
    assert_string_equal(text, "{\n \"pooling\": \"cls\"\n}"); /* as before */
    free(text);
    tiny_text(&tiny, "akin.json", "{\"prefix\":\"x\"}");
    expect_open(ERR_INVALID, "\"prefix\" is not known");
    tiny_text(&tiny, "akin.json", "{\"pooling\":1}");
    expect_open(ERR_INVALID, "must be text");
}

static void test_pooling_that_is_not_told(void **state)
{
    tiny_remove(&tiny, "1_Pooling/config.json");
    expect_open(ERR_NOT_FOUND, "--pooling");
    tiny_text(&tiny, "akin.json", "{\"pooling\":\"last\"}");
    expect_open(ERR_OK, "");
    tiny_remove(&tiny, "akin.json");
    tiny_text(&tiny, "1_Pooling/config.json",
              "{\"pooling_mode_mean_tokens\":true,\"include_prompt\":false}");
    expect_open(ERR_UNSUPPORTED, "include_prompt");
}

static void test_dimensions(void **state)
{
    static const uint32_t ids[] = {2, 8, 20, 3};
    struct model *whole = NULL, *cut = NULL;
    struct err_info e = {0};
    float a[HIDDEN], b[10], norm = 0;
    assert_int_equal(model_open(tiny.dir, NULL, &whole, NULL), ERR_OK);
    assert_int_equal(model_open(tiny.dir, &(struct model_options){.dimensions = 10}, &cut, NULL),
                     ERR_OK);
    assert_int_equal(model_info(cut)->dims, 10);
    assert_int_equal(model_info(cut)->dims_full, HIDDEN);
    assert_string_not_equal(model_info(whole)->digest, model_info(cut)->digest);
    struct model_run *x = model_run_new(whole, 16), *y = model_run_new(cut, 16);
    assert_int_equal(model_embed(x, ids, &(uint32_t){4}, 1, a, NULL), ERR_OK);
    assert_int_equal(model_embed(y, ids, &(uint32_t){4}, 1, b, NULL), ERR_OK);
    for (int i = 0; i < 10; i++)
        norm += a[i] * a[i];
    for (int i = 0; i < 10; i++)
        assert_true(fabsf(b[i] - a[i] / sqrtf(norm)) < 1e-5f);
    model_run_free(x);
    model_run_free(y);
    model_unref(whole);
    model_unref(cut);
    cut = NULL;
    assert_int_equal(
        model_open(tiny.dir, &(struct model_options){.dimensions = HIDDEN + 1}, &cut, &e),
        ERR_INVALID);
    assert_string_equal(e.field, "dimensions");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_numbers_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_not_known_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_positions_of_roberta, setup, teardown),
        cmocka_unit_test_setup_teardown(test_numbers_far_beyond_the_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_left_over_tensors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_tensor_of_numbers_that_are_not_read, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_vocabulary_of_another_model, setup, teardown),
        cmocka_unit_test_setup_teardown(test_weights_in_other_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_prefixes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_prefixes_are_part_of_the_model, setup, teardown),
        cmocka_unit_test_setup_teardown(test_settings_that_do_not_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pooling_that_is_not_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dimensions, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Small tokenizers of each kind (fuzz/tokenizers): the ids and ranges that Hugging Face tokenizers
 * 0.23.3 gives. Real vocabularies: tests/quality/test_tokenizer_ids.py. */
#include "test.h"
#include "base/file.h"
#include "base/json.h"
#include "text/tokenizer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *tokenizer, *text, *want; /* "id@start-end ..." */
} cases[] = {
    {"unigram_xlmr", "a ab  aba", "0@0-0 6@0-1 12@1-4 2@5-6 7@6-9"},
    {"unigram_xlmr", "e\314\201\357\254\201 \344\270\255\346\226\207",
     "0@0-0 2@0-1 8@0-1 9@3-6 2@6-7 11@7-13"},
    {"unigram_xlmr", "\001ab\001", "0@0-0 12@0-2"},
    {"unigram_xlmr", "<mask> x \342\204\242", "0@0-0 20@0-7 2@7-8 1@7-8 2@8-9 14@9-12"},
    {"unigram_xlmr", "it's  12\012\012ab", "0@0-0 2@0-1 1@0-4 2@5-6 17@6-8 12@9-12"},
    {"unigram_xlmr", "\303\251\344\270\255x", "0@0-0 2@0-2 8@0-2 10@2-5 1@5-6"},
    {"unigram_xlmr", "aab ab", "0@0-0 6@0-1 5@1-3 12@3-6"},
    {"unigram_steps", "a ab  aba", "0@0-0 6@0-1 21@2-4 21@6-8 3@8-9"},
    {"unigram_steps", "e\314\201\357\254\201 \344\270\255\346\226\207",
     "0@0-0 2@0-1 1@0-1 9@3-6 11@7-13"},
    {"unigram_steps", "\001ab\001", "0@0-0 21@1-3"},
    {"unigram_steps", "<mask> x \342\204\242", "0@0-0 20@0-7 1@7-8 1@9-12"},
    {"unigram_steps", "it's  12\012\012ab", "0@0-0 2@0-1 1@0-2 1@2-3 1@3-4 17@6-8 21@10-12"},
    {"unigram_steps", "\303\251\344\270\255x", "0@0-0 2@0-2 1@0-2 10@2-5 1@5-6"},
    {"unigram_steps", "aab ab", "0@0-0 6@0-1 21@1-3 21@4-6"},
    {"unigram_bytes", "a ab  aba", "0@0-0 3@0-1 5@2-4 7@6-9"},
    {"unigram_bytes", "e\314\201\357\254\201 \344\270\255\346\226\207",
     "0@0-0 8@0-1 259@3-6 192@3-6 149@3-6 11@7-13"},
    {"unigram_bytes", "\001ab\001", "0@0-0 21@0-1 5@1-3 21@3-4"},
    {"unigram_bytes", "<mask> x \342\204\242",
     "0@0-0 80@0-2 129@0-2 3@2-3 135@3-6 127@3-6 82@3-6 140@7-8 246@9-12 152@9-12 182@9-12"},
    {"unigram_bytes", "it's  12\012\012ab", "0@0-0 125@0-4 136@0-4 59@0-4 135@0-4 17@6-8 5@10-12"},
    {"unigram_bytes", "\303\251\344\270\255x", "0@0-0 8@0-2 10@2-5 140@5-6"},
    {"unigram_bytes", "aab ab", "0@0-0 3@0-1 5@1-3 5@4-6"},
    {"bpe_roberta", "a ab  aba", "0@0-0 99@0-1 34@2-2 258@2-4 34@5-5 34@6-6 259@6-9 0@0-0"},
    {"bpe_roberta", "e\314\201\357\254\201 \344\270\255\346\226\207",
     "0@0-0 103@0-1 206@1-3 131@1-3 241@3-6 174@3-6 131@3-6 34@7-7 265@7-10 232@10-13 152@10-13 "
     "137@10-13 0@0-0"},
    {"bpe_roberta", "\001ab\001", "0@0-0 3@0-1 258@1-3 3@3-4 0@0-0"},
    {"bpe_roberta", "<mask> x \342\204\242",
     "0@0-0 269@0-6 34@7-7 122@7-8 34@9-9 228@9-12 134@9-12 164@9-12 0@0-0"},
    {"bpe_roberta", "it's  12\012\012ab",
     "0@0-0 107@0-1 118@1-2 266@2-4 34@5-5 34@6-6 263@6-8 12@8-9 12@9-10 258@10-12 0@0-0"},
    {"bpe_roberta", "\303\251\344\270\255x", "0@0-0 197@0-2 171@0-2 265@2-5 122@5-6 0@0-0"},
    {"bpe_roberta", "aab ab", "0@0-0 99@0-1 258@1-3 34@4-4 258@4-6 0@0-0"},
    {"bpe_llama3", "a ab  aba", "0@0-0 260@0-1 261@2-4 34@5-5 34@6-6 259@6-9"},
    {"bpe_llama3", "e\314\201\357\254\201 \344\270\255\346\226\207",
     "0@0-0 34@0-0 103@0-1 34@3-3 206@1-3 131@1-3 241@3-6 174@3-6 131@3-6 34@7-7 265@7-10 "
     "232@10-13 152@10-13 137@10-13"},
    {"bpe_llama3", "\001ab\001", "0@0-0 34@0-0 3@0-1 258@1-3 34@4-4 3@3-4"},
    {"bpe_llama3", "<mask> x \342\204\242",
     "0@0-0 269@0-6 34@7-7 122@7-8 34@9-9 228@9-12 134@9-12 164@9-12"},
    {"bpe_llama3", "it's  12\012\012ab",
     "0@0-0 34@0-0 107@0-1 118@1-2 34@3-3 266@2-4 34@5-5 34@6-6 34@7-7 263@6-8 34@9-9 12@8-9 "
     "12@9-10 261@11-12"},
    {"bpe_llama3", "\303\251\344\270\255x", "0@0-0 34@0-0 197@0-2 171@0-2 265@2-5 122@5-6"},
    {"bpe_llama3", "aab ab", "0@0-0 260@0-1 258@1-3 261@4-6"},
    {"bpe_llama2", "a ab  aba", "0@0-0 6@0-1 5@1-2 4@2-4 11@4-6 4@6-8 2@8-9"},
    {"bpe_llama2", "e\314\201\357\254\201 \344\270\255\346\226\207",
     "0@0-0 5@0-1 113@0-1 216@1-3 141@1-3 251@3-6 184@3-6 141@3-6 5@6-7 8@7-10 242@10-13 162@10-13 "
     "147@10-13"},
    {"bpe_llama2", "\001ab\001", "0@0-0 5@0-1 13@0-1 4@1-3 13@3-4"},
    {"bpe_llama2", "<mask> x \342\204\242",
     "0@0-0 5@0-1 72@0-1 121@1-2 2@2-3 127@3-4 119@4-5 74@5-6 5@6-7 132@7-8 5@8-9 238@9-12 "
     "144@9-12 174@9-12"},
    {"bpe_llama2", "it's  12\012\012ab",
     "0@0-0 5@0-1 117@0-1 128@1-2 51@2-3 127@3-4 11@4-6 9@6-7 62@7-8 22@8-9 22@9-10 4@10-12"},
    {"bpe_llama2", "\303\251\344\270\255x", "0@0-0 5@0-2 7@0-2 8@2-5 132@5-6"},
    {"bpe_llama2", "aab ab", "0@0-0 6@0-1 4@1-3 5@3-4 4@4-6"},
    {"bpe_affixes", "a ab  aba", "7@0-1 1@2-3 4@3-4 1@6-7 0@7-9"},
    {"bpe_affixes", "e\314\201\357\254\201 \344\270\255\346\226\207", "0@0-6 0@7-13"},
    {"bpe_affixes", "\001ab\001", "0@0-1 1@1-2 4@2-3 0@3-4"},
    {"bpe_affixes", "<mask> x \342\204\242", "0@0-1 0@1-2 3@2-3 0@3-5 0@5-6 0@7-8 0@9-12"},
    {"bpe_affixes", "it's  12\012\012ab", "0@0-2 0@2-3 0@3-4 0@6-8 1@10-11 4@11-12"},
    {"bpe_affixes", "\303\251\344\270\255x", "0@0-6"},
    {"bpe_affixes", "aab ab", "1@0-1 6@1-3 1@4-5 4@5-6"},
};

static struct tokenizer *open_small(const char *name)
{
    struct tokenizer *t;
    struct err_info e = {0};
    char path[1000], *json;
    size_t n;
    snprintf(path, sizeof path, TOKENIZERS_DIR "/%s.json", name);
    assert_int_equal(file_read_all(path, 1 << 20, &json, &n, &e), ERR_OK);
    if (tokenizer_parse((struct str){json, n}, &t, &e))
        fail_msg("%s: %s", e.field, e.message);
    free(json);
    return t;
}

static void ids_and_ranges_are_the_peers(void **state)
{
    struct tokens k;
    struct strbuf b;
    tokens_init(&k);
    strbuf_init(&b, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tokenizer *t = open_small(cases[i].tokenizer);
        tokenizer_encode(t, str_c(cases[i].text), true, &k);
        strbuf_clear(&b);
        for (size_t j = 0; j < k.n; j++)
            strbuf_printf(&b, "%s%u@%u-%u", j ? " " : "", k.ids[j], k.starts[j], k.ends[j]);
        if (strcmp(b.n ? b.buf : "", cases[i].want) != 0)
            fail_msg("%s of \"%s\": %s, not %s", cases[i].tokenizer, cases[i].text, b.buf,
                     cases[i].want);
        tokenizer_free(t);
    }
    strbuf_release(&b);
    tokens_release(&k);
}

static void refused(const char *json, enum err code, const char *field)
{
    struct tokenizer *t;
    struct err_info e = {0};
    assert_int_equal(tokenizer_parse(str_c(json), &t, &e), code);
    assert_string_equal(e.field, field);
}

static void what_is_wrong_is_named(void **state)
{
    refused("{\"model\":{\"type\":\"Unigram\",\"unk_id\":3,\"vocab\":[[\"a\",0]]}}", ERR_INVALID,
            "/model/unk_id");
    refused("{\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"a\",0],[\"b\"]]}}",
            ERR_INVALID, "/model/vocab/1");
    refused("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a a\"]}}", ERR_INVALID,
            "/model/merges/0");
    refused("{\"model\":{\"type\":\"BPE\",\"dropout\":0.1,\"vocab\":{},\"merges\":[]}}",
            ERR_UNSUPPORTED, "/model/dropout");
    refused("{\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"AAAA\"},"
            "\"model\":{\"type\":\"BPE\",\"vocab\":{},\"merges\":[]}}",
            ERR_INVALID, "/normalizer/precompiled_charsmap");
    refused("{\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a{2}+\"},\"behavior\":"
            "\"Isolated\"},\"model\":{\"type\":\"BPE\",\"vocab\":{},\"merges\":[]}}",
            ERR_UNSUPPORTED, "/pre_tokenizer/pattern/Regex");
}

static int setup(void **state)
{
    json_setup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_and_ranges_are_the_peers),
        cmocka_unit_test(what_is_wrong_is_named),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}

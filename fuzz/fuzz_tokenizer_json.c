/* Any bytes as a tokenizer.json; what is accepted has to encode. */
#include "base/json.h"
#include "text/tokenizer.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    json_setup();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct tokenizer *t;
    struct err_info e = {0};
    struct tokens out;
    if (tokenizer_parse((struct str){(const char *)data, n}, &t, &e)) {
        assert(e.code && e.message[0]);
        return 0;
    }
    tokens_init(&out);
    tokenizer_encode(t, STR("[CLS] a\xc3\x89 a\xcc\x81\xe4\xb8\xad, <m> unaffable\t\xff"), true,
                     &out);
    for (size_t i = 0; i < out.n; i++)
        assert(out.ids[i] < tokenizer_vocab_size(t));
    tokens_release(&out);
    tokenizer_free(t);
    return 0;
}

/* Any bytes as a text for BPE tokenizers: encoding, decoding, passages. */
#include "encode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct tokenizer *list[4];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    json_setup();
    list[0] = fuzz_open("bpe_roberta");
    list[1] = fuzz_open("bpe_llama3");
    list[2] = fuzz_open("bpe_llama2");
    list[3] = fuzz_open("bpe_affixes");
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    return fuzz_all(list, 4, data, n);
}

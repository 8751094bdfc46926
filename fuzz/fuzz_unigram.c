/* Any bytes as a text for Unigram tokenizers: encoding, decoding, passages. */
#include "encode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct tokenizer *list[3];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    json_setup();
    list[0] = fuzz_open("unigram_xlmr");
    list[1] = fuzz_open("unigram_steps");
    list[2] = fuzz_open("unigram_bytes");
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    return fuzz_all(list, 3, data, n);
}

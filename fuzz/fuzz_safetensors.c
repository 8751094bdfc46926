/* The header of a safetensors file: the first 8 bytes say how large the data part claims to be. */
#include "base/json.h"
#include "embed/safetensors.h"
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    json_setup();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct safetensors s = {0};
    uint64_t data_bytes = 0;
    if (size < sizeof data_bytes)
        return 0;
    memcpy(&data_bytes, data, sizeof data_bytes);
    struct str header = {(const char *)data + sizeof data_bytes, size - sizeof data_bytes};
    if (safetensors_parse(header, data_bytes, &s, NULL))
        return 0;
    for (size_t i = 0; i < s.count; i++) {
        const struct tensor *t = &s.tensors[i];
        assert(t->start <= t->end && t->end <= data_bytes);
        assert(safetensors_find(&s, t->name) == t);
    }
    safetensors_close(&s);
    return 0;
}

/* config.json of a model, and a safetensors header beside it: behind the first NUL byte. What
 * passes has sizes within the bounds, and every tensor that the encoder would read is as large as
 * they say. */
#include "base/json.h"
#include "embed/config.h"
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

static void check_shape(const struct bert_shape *s)
{
    assert(s->layers >= 1 && s->layers <= 128 && s->hidden <= 8192 && s->vocab <= 2000000);
    assert(s->heads >= 1 && s->hidden % s->heads == 0 && s->hidden % 2 == 0);
    assert(s->positions >= 1 && s->positions + s->position_first <= 32768);
    assert(s->buckets % 4 == 0 && (s->names->relative != NULL) == (s->buckets > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bert_shape shape;
    struct safetensors s = {0};
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    struct str config = {(const char *)data, nul ? (size_t)(nul - data) : size};
    struct str header = {(const char *)data + size, 0};
    if (nul)
        header = (struct str){(const char *)nul + 1, size - config.n - 1};
    if (model_shape_parse(config, &shape, NULL))
        return 0;
    check_shape(&shape);
    if (header.n && safetensors_parse(header, 1u << 30, &s, NULL) == ERR_OK) {
        (void)!bert_check(&s, &shape, NULL);
        safetensors_close(&s);
    }
    return 0;
}

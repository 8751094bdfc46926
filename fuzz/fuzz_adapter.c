/* The file of an adapter from any bytes. First byte odd: the rest is the file as it is; even: the
 * rest is the payload of a section whose frame and checksums are right. What loads is applied, and
 * is the same when saved and loaded. */
#include "input.h"
#include "math/adapter.h"
#include "math/simd.h"
#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_file_name("adapter");
    return simd_setup(NULL) ? abort(), 1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct adapter *a = NULL, *again = NULL;
    if (!n)
        return 0;
    file_close(fuzz_file_put("AKADAPT1", 8, data + 1, n - 1, data[0] & 1));
    if (adapter_load(fuzz_path, &a, NULL))
        return 0;
    float *row = calloc(a->dims, sizeof *row);
    row[0] = 1;
    adapter_apply(a, row, 1);
    free(row);
    if (adapter_save(a, fuzz_path, NULL) || adapter_load(fuzz_path, &again, NULL) ||
        strcmp(a->digest, again->digest) != 0)
        abort();
    adapter_free(a);
    adapter_free(again);
    return 0;
}

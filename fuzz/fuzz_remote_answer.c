/* What an embedding provider answers. The first bytes: how many texts were sent, the dimensions
 * that are expected. */
#include "base/json.h"
#include "embed/remote_answer.h"
#include "embed/remote_pace.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
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

static void vectors_check(const struct remote_answer *a, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double sum = 0;
        for (unsigned d = 0; d < a->dims; d++)
            sum += (double)a->vectors[i * a->dims + d] * (double)a->vectors[i * a->dims + d];
        assert(fabs(sum - 1) < 1e-3);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char key[] = "sk-key";
    struct remote_answer a = {0};
    char reason[REMOTE_REASON];
    if (size < 2)
        return 0;
    size_t count = 1 + data[0] % 8;
    unsigned dims = data[1] % 9;
    struct str body = {(const char *)data + 2, size - 2};
    if (!remote_answer_parse(body, count, dims, &a, NULL)) {
        assert(a.dims > 0 && a.dims <= REMOTE_DIMS_MAX && (dims == 0 || a.dims == dims));
        vectors_check(&a, count);
        free(a.vectors);
    }
    remote_answer_reason(body, key, reason);
    assert(strlen(reason) < REMOTE_REASON);
    assert(!strstr(reason, key));
    int64_t wait = retry_after_parse(body, 1763827742000000);
    assert(wait >= -1 && wait <= RETRY_AFTER_MAX_S * 1000000000LL);
    return 0;
}

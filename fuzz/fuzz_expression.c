/* expression_parse on any bytes; what it takes has a finite value for whatever is in the features.
 */
#include "recommend/expression.h"
#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void values_check(const struct expression *x)
{
    static const float odd[] = {0, -1, 1e38f, -1e38f, NAN, INFINITY, -INFINITY, 1e-38f};
    float features[FEATURE_COUNT], brought[EXPRESSION_SOURCES_MAX];
    for (unsigned shift = 0; shift < 8; shift++) {
        for (unsigned i = 0; i < FEATURE_COUNT; i++)
            features[i] = odd[(i + shift) % 8];
        for (unsigned i = 0; i < EXPRESSION_SOURCES_MAX; i++)
            brought[i] = odd[(3 * i + shift) % 8];
        double v = expression_value(x, features, brought);
        if (!isfinite(v) || fabs(v) > EXPRESSION_VALUE_MAX)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena *a = arena_new(0);
    const struct expression *x = NULL;
    struct err_info e = {0};
    enum err err = expression_parse(a, (struct str){(const char *)data, n}, &x, &e);
    if (err) {
        if (e.code != err || !e.message[0] || x)
            abort();
    } else {
        values_check(x);
    }
    arena_free(a);
    return 0;
}

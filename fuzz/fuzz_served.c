/* Any bytes as the slots of a logged answer. The first byte says how many features are asked for.
 * What is taken packs to the very same bytes, if as many features are asked for as were written. */
#include "recommend/served.h"
#include <assert.h>
#include <math.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct served_list list;
    struct strbuf again;
    if (n == 0)
        return 0;
    size_t features = data[0] % (SERVED_FEATURES_MAX + 1);
    struct str payload = {(const char *)data + 1, n - 1};
    struct arena *a = arena_new(0);
    if (served_unpack(payload, features, a, &list, NULL) == ERR_OK) {
        strbuf_init(&again, 0);
        served_pack(list.slots, list.count, list.first, features, &again);
        struct served_list second;
        assert(served_unpack(strbuf_str(&again), features, a, &second, NULL) == ERR_OK);
        assert(second.count == list.count && second.first == list.first);
        for (size_t i = 0; i < list.count; i++)
            assert(second.slots[i].number == list.slots[i].number &&
                   second.slots[i].propensity == list.slots[i].propensity);
        strbuf_release(&again);
    }
    arena_free(a);
    return 0;
}

/* Training sets from any bytes. The first byte says how: 0, the rest is the file as it is; 1, the
 * rest is the payload of a section whose frames and checksums are right, so that what is behind
 * them is reached; else it is edits of the payload of a real one, 3 bytes each: where (u16) and
 * which bits. What loads must hold what the header promises, and be the same when it was saved and
 * loaded again. */
#include "input.h"
#include "recommend/training_set.h"
#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { FRAME_HEADER = 16, ITEMS = 5, READERS = 3, DIMS = 2, ACTS = 7 };
static char *sample; /* the payload of a real one */
static size_t sample_n;

static void sample_make(void)
{
    uint32_t numbers[ITEMS] = {1, 3, 4, 7, 8};
    int64_t created[ITEMS] = {0};
    uint16_t vectors[ITEMS * DIMS] = {0x3C00, 0, 0, 0xBC00, 0, 0, 0, 0x3C00, 0x3C00, 0};
    uint64_t keys[READERS] = {2, 1000, 1000000};
    size_t start[READERS + 1] = {0, 3, 3, ACTS};
    struct training_act acts[ACTS] = {{0, 1, 1, 1}, {1, 1, 2, 1},   {2, -1, 2, 1}, {4, 1, 0, 0},
                                      {0, 2, 9, 0}, {3, .5f, 9, 5}, {1, 1, 10, 5}};
    struct training_set s = {ITEMS, READERS, DIMS, numbers, created, vectors, keys, start, acts, 9};
    char *all;
    uint32_t bytes;
    size_t n;
    if (training_set_save(&s, fuzz_path, NULL) ||
        file_read_all(fuzz_path, 1u << 20, &all, &n, NULL))
        abort();
    memcpy(&bytes, all, sizeof bytes);
    sample = xmalloc(bytes);
    sample_n = bytes;
    memcpy(sample, all + FRAME_HEADER, bytes);
    free(all);
}

static void sample_free(void)
{
    free(sample);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    fuzz_file_name("training-set");
    atexit(sample_free);
    sample_make();
    return 0;
}

static void check(const struct training_set *s)
{
    for (uint32_t i = 1; i < s->items; i++)
        if (s->numbers[i] <= s->numbers[i - 1])
            abort();
    for (uint32_t r = 0; r < s->readers; r++)
        for (size_t k = s->start[r]; k < s->start[r + 1]; k++)
            if (s->acts[k].item >= s->items || !isfinite(s->acts[k].weight) ||
                (k > s->start[r] && s->acts[k].time_us < s->acts[k - 1].time_us))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct training_set *s = NULL, *again = NULL;
    if (!n)
        return 0;
    if (data[0] > 1) {
        uint8_t *payload = fuzz_edited(sample, sample_n, data + 1, n - 1);
        file_close(fuzz_file_put(NULL, 0, payload, sample_n, false));
        free(payload);
    } else {
        file_close(fuzz_file_put(NULL, 0, data + 1, n - 1, data[0] == 0));
    }
    if (training_set_load(fuzz_path, &s, NULL))
        return 0;
    check(s);
    if (training_set_save(s, fuzz_path, NULL) || training_set_load(fuzz_path, &again, NULL) ||
        s->items != again->items || s->readers != again->readers ||
        memcmp(s->acts, again->acts, s->start[s->readers] * sizeof *s->acts) != 0)
        abort();
    training_set_free(s);
    training_set_free(again);
    return 0;
}

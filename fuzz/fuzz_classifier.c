/* The files of a classifier and of a labelled set from any bytes. First byte: bit 0 says that the
 * rest is the file as it is, else the payload of a section whose frame and checksums are right; bit
 * 1 that it is a labelled set. What loads is asked, and is the same when saved and loaded. */
#include "input.h"
#include "classify/classifier.h"
#include "math/simd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_file_name("classifier");
    return simd_setup(NULL) ? abort(), 1 : 0;
}

static void ask(const struct classifier *m)
{
    float *v = calloc(m->dims, sizeof *v), *p = calloc(m->classes, sizeof *p);
    uint32_t *out = calloc(m->classes, sizeof *out);
    v[0] = 1;
    classifier_probabilities(m, v, p);
    if (classifier_choose(m, p, m->about.min_probability, m->classes, out) > m->classes ||
        classifier_rank(m, p, 3, out) > 3)
        abort();
    free(v);
    free(p);
    free(out);
}

static void classifier(void)
{
    struct classifier *m = NULL, *again = NULL;
    if (classifier_load(fuzz_path, &m, NULL))
        return;
    ask(m);
    if (classifier_save(m, fuzz_path, NULL) || classifier_load(fuzz_path, &again, NULL) ||
        again->classes != m->classes ||
        memcmp(again->weights, m->weights, (size_t)m->classes * m->dims * sizeof *m->weights) != 0)
        abort();
    classifier_free(m);
    classifier_free(again);
}

static void labelled(void)
{
    struct labelled_set *s = NULL;
    size_t sum = 0;
    if (labelled_load(fuzz_path, &s, NULL))
        return;
    for (size_t i = 0; i < s->start[s->documents]; i++)
        sum += strlen(s->names[s->labels[i]]);
    if (sum > s->start[s->documents] * LABEL_NAME_MAX)
        abort();
    labelled_set_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char head[16] = {'A', 'K', 'C', 'L', 'A', 'S', 'S', 'I', 1};
    if (!n)
        return 0;
    file_close(fuzz_file_put(head, data[0] & 2 ? 0 : sizeof head, data + 1, n - 1, data[0] & 1));
    if (data[0] & 2)
        labelled();
    else
        classifier();
    return 0;
}

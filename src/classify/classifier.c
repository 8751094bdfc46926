/* The file of a classifier. Numbers little-endian.
 *
 *   0   8  "AKCLASSI"
 *   8   4  format: 1
 *   12  4  0
 *   16     one section (base/section.h):
 *            u64 position, u64 seed, f64 held_out, f64 min_probability, u32 version, u32 dims,
 *            u32 classes, u32 boolean, u32 multiple, u32 bytes of the path, the path,
 *            classes x (u32 bytes, the name), classes x float32 bias,
 *            classes x dims float32 weights
 *
 * and nothing behind it. */
#include "classify/classifier.h"

#include "base/arena.h"
#include "base/section.h"
#include "base/section_file.h"
#include "math/dot.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT 1u
#define VALIDATION .2 /* of what is not held out */
static const struct section_file file_kind = {
    .magic = {'A', 'K', 'C', 'L', 'A', 'S', 'S', 'I'},
    .formats = FORMAT,
    .what = "a classifier of akin",
};

/* ---- the object ---- */

struct classifier *classifier_new(const struct labelled_about *about, uint32_t dims,
                                  uint32_t classes)
{
    struct classifier *m = xcalloc(1, sizeof *m);
    assert(dims > 0 && dims <= LABELLED_DIMS_MAX && classes <= CLASSIFIER_CLASSES_MAX);
    m->about = *about;
    m->dims = dims;
    m->classes = classes;
    m->names = xcalloc(classes + 1u, sizeof *m->names);
    m->weights = xcalloc((size_t)classes * dims + 1, sizeof *m->weights);
    m->bias = xcalloc(classes + 1u, sizeof *m->bias);
    m->bytes = sizeof *m + (size_t)classes * (dims * sizeof *m->weights + sizeof *m->bias + 64);
    return m;
}

void classifier_name_set(struct classifier *m, uint32_t class, struct str name)
{
    assert(class < m->classes && name.n <= LABEL_NAME_MAX);
    free(m->names[class]);
    m->names[class] = xcalloc(name.n + 1, 1);
    memcpy(m->names[class], name.s, name.n);
}

void classifier_free(struct classifier *m)
{
    if (!m)
        return;
    for (uint32_t k = 0; k < m->classes; k++)
        free(m->names[k]);
    free(m->names);
    free(m->weights);
    free(m->bias);
    free(m);
}

/* ---- what it says ---- */

static void softmax(float *p, uint32_t n)
{
    float most = p[0];
    double sum = 0;
    for (uint32_t k = 1; k < n; k++)
        most = p[k] > most ? p[k] : most;
    for (uint32_t k = 0; k < n; k++)
        sum += p[k] = expf(p[k] - most);
    for (uint32_t k = 0; k < n; k++)
        p[k] = (float)((double)p[k] / sum);
}

void classifier_probabilities(const struct classifier *m, const float *v, float *p)
{
    for (uint32_t k = 0; k < m->classes; k++)
        p[k] = m->bias[k] + dot_f32(m->weights + (size_t)k * m->dims, v, m->dims);
    for (uint32_t k = 0; k < m->classes && m->about.multiple; k++)
        p[k] = 1 / (1 + expf(-p[k]));
    if (!m->about.multiple && m->classes)
        softmax(p, m->classes);
}

static uint32_t best(const struct classifier *m, const float *p, double least, uint32_t max,
                     uint32_t *out)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < m->classes && max; k++) {
        if (!((double)p[k] >= least) || (n == max && !(p[k] > p[out[n - 1]])))
            continue;
        n += n < max;
        uint32_t at = n - 1;
        for (; at > 0 && p[k] > p[out[at - 1]]; at--)
            out[at] = out[at - 1];
        out[at] = k;
    }
    return n;
}

uint32_t classifier_choose(const struct classifier *m, const float *p, double least, uint32_t max,
                           uint32_t *out)
{
    return best(m, p, least, m->about.multiple || !max ? max : 1, out);
}

uint32_t classifier_rank(const struct classifier *m, const float *p, uint32_t max, uint32_t *out)
{
    return best(m, p, -1, max, out);
}

/* A mixer of 64 bits (Stafford 2011, variant 13, as in splitmix64). */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

static double unit(uint64_t x)
{
    return (double)(x >> 11) * 0x1p-53;
}

enum label_part label_part_of(uint64_t key, uint64_t seed, double held_out)
{
    uint64_t a = mix(key + mix(seed + UINT64_C(0x9E3779B97F4A7C15)));
    if (unit(a) < held_out)
        return LABEL_TEST;
    return unit(mix(a + UINT64_C(0x9E3779B97F4A7C15))) < VALIDATION ? LABEL_VALIDATION : LABEL_FIT;
}

/* ---- the file ---- */

static void text_put(struct section_writer *w, const char *text)
{
    section_put_u32(w, (uint32_t)strlen(text));
    section_put(w, text, strlen(text));
}

static void classifier_put(const void *ctx, struct section_writer *w)
{
    const struct classifier *m = ctx;
    section_put_u64(w, m->about.position);
    section_put_u64(w, m->seed);
    section_put(w, &m->held_out, sizeof m->held_out);
    section_put(w, &m->about.min_probability, sizeof m->about.min_probability);
    section_put_u32(w, m->about.version);
    section_put_u32(w, m->dims);
    section_put_u32(w, m->classes);
    section_put_u32(w, m->about.boolean);
    section_put_u32(w, m->about.multiple);
    text_put(w, m->about.path);
    for (uint32_t k = 0; k < m->classes; k++)
        text_put(w, m->names[k]);
    section_put(w, m->bias, m->classes * sizeof *m->bias);
    section_put(w, m->weights, (size_t)m->classes * m->dims * sizeof *m->weights);
}

enum err classifier_save(const struct classifier *m, const char *path, struct err_info *e)
{
    return section_file_save(&file_kind, FORMAT, path, classifier_put, m, e);
}

/* At most `max` bytes without a NUL into `out`, which has one more. */
static void text_get(struct section_reader *r, char *out, uint32_t max)
{
    uint32_t n = section_get_u32(r);
    if (n > max) {
        section_corrupt(r, "a name of it is too long");
        n = 0;
    }
    section_get(r, out, n);
    out[n] = 0;
    if (memchr(out, 0, n))
        section_corrupt(r, "a name of it is wrong");
}

static bool share(double x)
{
    return x >= 0 && x <= 1; /* NaN is not */
}

static void classifier_get(void *ctx, uint32_t format, struct section_reader *r)
{
    struct classifier **out = ctx;
    struct labelled_about about = {.position = section_get_u64(r)};
    char name[LABEL_NAME_MAX + 1];
    double held_out;
    uint64_t seed = section_get_u64(r);
    section_get(r, &held_out, sizeof held_out);
    section_get(r, &about.min_probability, sizeof about.min_probability);
    about.version = section_get_u32(r);
    uint32_t dims = section_get_u32(r), classes = section_get_u32(r);
    about.boolean = section_get_u32(r) != 0;
    about.multiple = section_get_u32(r) != 0;
    text_get(r, about.path, LABEL_PATH_MAX);
    if (dims == 0 || dims > LABELLED_DIMS_MAX || classes == 0 || classes > CLASSIFIER_CLASSES_MAX ||
        !share(held_out) || !share(about.min_probability) ||
        section_left(r) < (uint64_t)classes * (dims + 1) * sizeof(float))
        section_corrupt(r, "its head is wrong");
    if (section_error(r))
        return;
    struct classifier *m = *out = classifier_new(&about, dims, classes);
    m->seed = seed;
    m->held_out = held_out;
    for (uint32_t k = 0; k < classes; k++) {
        text_get(r, name, LABEL_NAME_MAX);
        classifier_name_set(m, k, str_c(name));
    }
    section_get_finite(r, m->bias, classes);
    section_get_finite(r, m->weights, (size_t)classes * dims);
}

enum err classifier_load(const char *path, struct classifier **out, struct err_info *e)
{
    struct classifier *m = NULL;
    enum err err = section_file_load(&file_kind, path, classifier_get, &m, e);
    if (err)
        classifier_free(m);
    else
        *out = m;
    return err;
}

/* Sections of a snapshot from any bytes. The first byte says how: odd, the rest is the file as it
 * is; even, the rest is the payload of a section whose frame and checksums are right, so that the
 * reader behind them is reached; with bit 3 it is edits of the payload of a real one, 3 bytes each:
 * where (u16) and which bits. What loads must hold its own check,
 * and survive being saved and loaded again. */
#include "base/arena.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "index/duplicates.h"
#include "index/filter.h"
#include "base/section.h"
#include "index/vectors.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static char path[64];

static struct file *file_made(void)
{
    struct file *f = NULL;
    if (file_open(path, FILE_CREATE, &f, NULL))
        abort();
    return f;
}

/* ---- real ones ---- */

enum { ATTRIBUTES, VECTORS, DUPLICATES, KINDS };
#define FRAME_HEADER 16
#define DIMS 8

static struct sample {
    char *payload;
    size_t n;
} samples[KINDS];

/* The payload of the one frame that was written. */
static void sample_take(struct file *f, struct sample *out)
{
    char *all;
    size_t n;
    file_close(f);
    if (file_read_all(path, 1u << 20, &all, &n, NULL) || n <= 2 * FRAME_HEADER)
        abort();
    out->n = n - 2 * FRAME_HEADER;
    out->payload = xmalloc(out->n);
    memcpy(out->payload, all + FRAME_HEADER, out->n);
    free(all);
}

static bool words_read(void *ctx, uint32_t number, const uint64_t **words, size_t *count)
{
    (void)number;
    *words = ctx;
    *count = 20;
    return true;
}

static void sample_vectors(void)
{
    struct vectors *v = vectors_new(DIMS);
    for (uint32_t i = 1; i <= 40; i++) {
        uint16_t rows[2 * DIMS] = {0}; /* some are copies of others */
        rows[i % DIMS] = rows[DIMS + i * i % DIMS] = 0x3C00;
        if (vectors_put(v, i, i, rows, 1 + i % 2, NULL))
            abort();
    }
    vectors_delete(v, 7);
    struct file *f = file_made();
    if (vectors_save(v, f, NULL))
        abort();
    sample_take(f, &samples[VECTORS]);
    vectors_free(v);
}

static void sample_attributes(void)
{
    struct attributes *x = attributes_new();
    for (uint32_t i = 1; i <= 20; i++) {
        char text[128];
        snprintf(text, sizeof text, "{\"attributes\":{\"a\":%u,\"b\":\"t%u\",\"c\":[true,%u.5]}}",
                 i, i % 3, i);
        json_t *d = json_loads(text, 0, NULL);
        attributes_put(x, i, d);
        json_decref(d);
    }
    struct file *f = file_made();
    if (attributes_save(x, f, NULL))
        abort();
    sample_take(f, &samples[ATTRIBUTES]);
    attributes_free(x);
}

static void sample_duplicates(void)
{
    struct duplicates *d = duplicates_new();
    uint64_t words[20];
    for (uint32_t i = 1; i <= 20; i++) {
        for (uint32_t k = 0; k < 20; k++)
            words[k] = (i / 4 * 100 + k) * UINT64_C(0x9E3779B97F4A7C15);
        duplicates_put(d, i, words, 20, words_read, words);
    }
    struct file *f = file_made();
    if (duplicates_save(d, f, NULL))
        abort();
    sample_take(f, &samples[DUPLICATES]);
    duplicates_free(d);
}

static void samples_make(void)
{
    sample_attributes();
    sample_vectors();
    sample_duplicates();
}

static void remove_file(void)
{
    unlink(path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    json_setup();
    snprintf(path, sizeof path, "/dev/shm/akin-fuzz-%ld", (long)getpid());
    atexit(remove_file);
    samples_make();
    return 0;
}

/* `whole`: not if the values themselves were edited, which only a checksum can tell. */
static void check_vectors(struct file *f, bool whole)
{
    struct vectors *v = NULL, *again = NULL;
    uint64_t offset = 0;
    if (vectors_load(f, &offset, &v, NULL)) {
        file_close(f);
        return;
    }
    file_close(f);
    f = file_made();
    offset = 0;
    if ((whole && vectors_check(v, NULL)) || vectors_save(v, f, NULL) ||
        vectors_load(f, &offset, &again, NULL) || vectors_count(v) != vectors_count(again) ||
        vectors_documents(v) != vectors_documents(again))
        abort();
    file_close(f);
    vectors_free(v);
    vectors_free(again);
}

static void check_attributes(struct file *f)
{
    struct attributes *x = NULL, *again = NULL;
    uint64_t offset = 0;
    if (attributes_load(f, &offset, &x, NULL)) {
        file_close(f);
        return;
    }
    file_close(f);
    f = file_made();
    offset = 0;
    if (attributes_save(x, f, NULL) || attributes_load(f, &offset, &again, NULL) ||
        !attributes_equal(x, again) || !attributes_equal(again, x))
        abort();
    file_close(f);
    attributes_free(x);
    attributes_free(again);
}

static void check_duplicates(struct file *f)
{
    struct duplicates *d = NULL, *again = NULL;
    uint64_t offset = 0;
    if (duplicates_load(f, &offset, &d, NULL)) {
        file_close(f);
        return;
    }
    file_close(f);
    f = file_made();
    offset = 0;
    if (duplicates_check(d, NULL) || duplicates_save(d, f, NULL) ||
        duplicates_load(f, &offset, &again, NULL) || !duplicates_equal(d, again))
        abort();
    file_close(f);
    duplicates_free(d);
    duplicates_free(again);
}

static struct file *input(const uint8_t *data, size_t n, bool raw)
{
    struct file *f = file_made();
    if (raw) {
        if (n && file_write(f, data, n, NULL))
            abort();
        return f;
    }
    struct section_writer *w = section_writer_new(f);
    section_put(w, data, n);
    if (section_writer_end(w, NULL))
        abort();
    return f;
}

static struct file *edited(const struct sample *s, const uint8_t *data, size_t n)
{
    uint8_t *payload = xmalloc(s->n);
    memcpy(payload, s->payload, s->n);
    for (; n >= 3; data += 3, n -= 3)
        payload[(data[0] | (size_t)data[1] << 8) % s->n] ^= data[2];
    struct file *f = input(payload, s->n, false);
    free(payload);
    return f;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (!n)
        return 0;
    unsigned kind = data[0] & 4 ? DUPLICATES : data[0] & 2 ? VECTORS : ATTRIBUTES;
    struct file *f =
        data[0] & 8 ? edited(&samples[kind], data + 1, n - 1) : input(data + 1, n - 1, data[0] & 1);
    if (kind == DUPLICATES)
        check_duplicates(f);
    else if (kind == VECTORS)
        check_vectors(f, !(data[0] & 8));
    else
        check_attributes(f);
    return 0;
}

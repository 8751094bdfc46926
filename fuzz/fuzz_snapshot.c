/* Sections of a snapshot from any bytes. The first byte says how: odd, the rest is the file as it
 * is; even, the rest is the payload of a section whose frame and checksums are right, so that the
 * reader behind them is reached. What loads must hold its own check, and survive being saved and
 * loaded again. */
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "index/duplicates.h"
#include "index/filter.h"
#include "index/section.h"
#include "index/vectors.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static char path[64];

static void remove_file(void)
{
    unlink(path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    json_setup();
    snprintf(path, sizeof path, "/dev/shm/akin-fuzz-%ld", (long)getpid());
    atexit(remove_file);
    return 0;
}

static struct file *file_made(void)
{
    struct file *f = NULL;
    if (file_open(path, FILE_CREATE, &f, NULL))
        abort();
    return f;
}

static void check_vectors(struct file *f)
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
    if (vectors_check(v, NULL) || vectors_save(v, f, NULL) ||
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (!n)
        return 0;
    struct file *f = input(data + 1, n - 1, data[0] & 1);
    if (data[0] & 4)
        check_duplicates(f);
    else if (data[0] & 2)
        check_vectors(f);
    else
        check_attributes(f);
    return 0;
}

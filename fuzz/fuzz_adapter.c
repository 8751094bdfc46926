/* The file of an adapter from any bytes. First byte odd: the rest is the file as it is; even: the
 * rest is the payload of a section whose frame and checksums are right. What loads is applied, and
 * is the same when saved and loaded. */
#include "base/file.h"
#include "base/section.h"
#include "math/adapter.h"
#include "math/simd.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    (void)argc;
    (void)argv;
    snprintf(path, sizeof path, "/dev/shm/akin-fuzz-adapter-%ld", (long)getpid());
    atexit(remove_file);
    return simd_setup(NULL) ? abort(), 1 : 0;
}

static void input(const uint8_t *data, size_t n, bool raw)
{
    struct file *f = NULL;
    if (file_open(path, FILE_CREATE, &f, NULL))
        abort();
    if (raw ? n && file_write(f, data, n, NULL) : file_write(f, "AKADAPT1", 8, NULL))
        abort();
    if (!raw) {
        struct section_writer *w = section_writer_new(f);
        section_put(w, data, n);
        if (section_writer_end(w, NULL))
            abort();
    }
    file_close(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct adapter *a = NULL, *again = NULL;
    if (!n)
        return 0;
    input(data + 1, n - 1, data[0] & 1);
    if (adapter_load(path, &a, NULL))
        return 0;
    float *row = calloc(a->dims, sizeof *row);
    row[0] = 1;
    adapter_apply(a, row, 1);
    free(row);
    if (adapter_save(a, path, NULL) || adapter_load(path, &again, NULL) ||
        strcmp(a->digest, again->digest) != 0)
        abort();
    adapter_free(a);
    adapter_free(again);
    return 0;
}

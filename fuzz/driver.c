/* Runs the seeds of a fuzz target as an ordinary test (after zstd's
 * tests/fuzz/regression_driver.c). */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static int run_file(const char *dir, const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        return 1;
    uint8_t *data = malloc(1 << 20);
    size_t n = fread(data, 1, 1 << 20, f);
    fclose(f);
    LLVMFuzzerTestOneInput(data, n);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    if (LLVMFuzzerInitialize)
        LLVMFuzzerInitialize(&argc, &argv);
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    DIR *d = argc > 1 ? opendir(argv[1]) : NULL;
    for (struct dirent *x; d && (x = readdir(d));)
        if (x->d_name[0] != '.') {
            if (run_file(argv[1], x->d_name))
                return 1;
            count++;
        }
    if (d)
        closedir(d);
    printf("%u seeds\n", count);
    return 0;
}

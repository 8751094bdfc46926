/* Private to file*.c. */
#ifndef BASE_FILE_IMPL_H
#define BASE_FILE_IMPL_H

#include "base/file.h"

/* Ask the hook: 0, or the errno value to fail with. */
int file_before(enum file_op op, const char *path, uint64_t offset, size_t n, size_t *torn);
void file_after(enum file_op op, const char *path, uint64_t offset, const void *data, size_t n);
/* fsync of the folder that `path` is an entry of. */
enum err file_sync_folder(const char *path, struct err_info *e) MUST_CHECK;

#endif

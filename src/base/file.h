/* Files. All disk access of akin goes through here (SQLite's through sqlite.h, whose VFS asks the
 * same hook), so that a test can make any operation fail, tear or be recorded. Any thread. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum file_op {
    FILE_OPEN,
    FILE_READ,
    FILE_WRITE,
    FILE_SYNC,
    FILE_TRUNCATE,
    FILE_RENAME,
    FILE_REMOVE
};

/* The seam. `before` runs before each operation, on the calling thread: 0 lets it go on, an
 * errno value makes it fail; a positive `*torn` (FILE_WRITE) writes only so many bytes first.
 * `after` sees each operation that succeeded; of FILE_RENAME `path` is the old name and `data` the
 * new one (n bytes and a NUL), of FILE_TRUNCATE `offset` is the new size, of FILE_SYNC the path may
 * be a folder's. NULL restores. Set before threads start. */
struct file_hook {
    int (*before)(void *ctx, enum file_op op, const char *path, uint64_t offset, size_t n,
                  size_t *torn);
    void (*after)(void *ctx, enum file_op op, const char *path, uint64_t offset, const void *data,
                  size_t n);
    void *ctx;
};
void file_hook(const struct file_hook *hook);
const struct file_hook *file_hook_get(void);

struct file; /* one open file; not shared between threads without the caller's lock */

enum file_mode { FILE_READ_ONLY, FILE_READ_WRITE, FILE_CREATE /* or empty it */, FILE_APPEND };
/* New files have mode 0600. All descriptors are close-on-exec. */
enum err file_open(const char *path, enum file_mode mode, struct file **out,
                   struct err_info *e) MUST_CHECK;
void file_close(struct file *f); /* NULL is allowed; does not sync */
enum err file_size(struct file *f, uint64_t *out, struct err_info *e) MUST_CHECK;
/* All n bytes or an error; reading past the end is ERR_CORRUPT ("truncated"). */
enum err file_pread(struct file *f, uint64_t offset, void *buf, size_t n,
                    struct err_info *e) MUST_CHECK;
/* At most n bytes from the current position; *got 0 at the end. */
enum err file_read(struct file *f, void *buf, size_t n, size_t *got, struct err_info *e) MUST_CHECK;
enum err file_pwrite(struct file *f, uint64_t offset, const void *buf, size_t n,
                     struct err_info *e) MUST_CHECK;
enum err file_write(struct file *f, const void *buf, size_t n, struct err_info *e) MUST_CHECK;
enum err file_sync(struct file *f, struct err_info *e) MUST_CHECK;
const char *file_path(const struct file *f);

/* The whole file, NUL behind it; free(*out). ERR_TOO_LARGE over `max` bytes. */
enum err file_read_all(const char *path, size_t max, char **out, size_t *n,
                       struct err_info *e) MUST_CHECK;
/* Written beside the old one, synced, renamed over it, folder synced: old or new, never half. */
enum err file_write_atomic(const char *path, const void *buf, size_t n, unsigned mode,
                           struct err_info *e) MUST_CHECK;
enum err file_rename(const char *from, const char *to,
                     struct err_info *e) MUST_CHECK;                   /* and syncs the folder */
enum err file_remove(const char *path, struct err_info *e) MUST_CHECK; /* absent is 0 */
enum err file_remove_tree(const char *path,
                          struct err_info *e) MUST_CHECK; /* absent is 0; follows no links */
enum err file_mkdirs(const char *path, unsigned mode, struct err_info *e) MUST_CHECK;
bool file_exists(const char *path);
bool file_is_dir(const char *path);
/* That a path is a file with an end, or a link to one: to open a pipe may wait for ever, and a
 * device may never end. ERR_INVALID otherwise. */
enum err file_regular(const char *path, struct err_info *e) MUST_CHECK;
/* Names in a folder (not . and ..), sorted bytewise; free each and *names. */
enum err file_list(const char *dir, char ***names, size_t *count, struct err_info *e) MUST_CHECK;
enum err file_copy(const char *from, const char *to, struct err_info *e) MUST_CHECK;

/* Advisory lock on a file that is created if need be (flock): ERR_CONFLICT if held elsewhere.
 * Keep the returned file open for as long as the lock is wanted. */
enum err file_lock(const char *path, struct file **out, struct err_info *e) MUST_CHECK;

/* What tells one state of a file from another without reading it. */
struct file_stamp {
    uint64_t bytes, inode;
    int64_t changed_ns; /* of its content */
};
enum err file_stamp(const char *path, struct file_stamp *out, struct err_info *e) MUST_CHECK;

/* The whole file as memory that is read only: for caches that are written once and renamed into
 * place. A page that the disk cannot give, or a file cut short by somebody else, is SIGBUS and not
 * an error, so nothing that cannot be made anew is read like this. */
enum err file_map(const char *path, const void **out, size_t *bytes, struct err_info *e) MUST_CHECK;
void file_unmap(const void *p, size_t bytes); /* NULL is allowed */

/* SHA-256 of a file in lower-case hex (65 bytes with the NUL). */
enum err file_sha256(const char *path, char out[65], struct err_info *e) MUST_CHECK;

#endif

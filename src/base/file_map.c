/* Files as memory, and what is known of them without reading. */
#include "base/file.h"
#include "base/file_impl.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum err file_stamp(const char *path, struct file_stamp *out, struct err_info *e)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return err_errno(e, errno, "stat", path);
    *out = (struct file_stamp){
        .bytes = (uint64_t)st.st_size,
        .inode = (uint64_t)st.st_ino,
        .changed_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
    };
    return ERR_OK;
}

enum err file_regular(const char *path, struct err_info *e)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return err_errno(e, errno, "stat", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_INVALID, NULL, "%s is no regular file", path);
    return ERR_OK;
}

static int map_fd(int fd, const void **out, size_t *bytes)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return errno;
    if (!S_ISREG(st.st_mode) || st.st_size <= 0)
        return EINVAL;
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return errno;
    *out = p;
    *bytes = (size_t)st.st_size;
    return 0;
}

enum err file_map(const char *path, const void **out, size_t *bytes, struct err_info *e)
{
    int fault = file_before(FILE_OPEN, path, 0, 0, NULL), fd = -1;
    if (!fault && (fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)) < 0)
        fault = errno;
    if (!fault)
        fault = map_fd(fd, out, bytes);
    if (fd >= 0)
        close(fd);
    if (fault)
        return err_errno(e, fault, "map", path);
    file_after(FILE_OPEN, path, 0, NULL, 0);
    return ERR_OK;
}

void file_unmap(const void *p, size_t bytes)
{
    if (p)
        munmap((void *)p, bytes);
}

/* The part of file.h that deals with folders. */
#include "base/arena.h"
#include "base/file.h"
#include "base/file_impl.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TREE_DEPTH_MAX = 128 }; /* each level holds a descriptor */

bool file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

bool file_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static enum err mkdir_one(const char *path, unsigned mode, struct err_info *e)
{
    if (file_is_dir(path))
        return ERR_OK;
    int fault = file_before(FILE_OPEN, path, 0, 0, NULL);
    if (!fault && mkdir(path, mode) < 0)
        fault = errno;
    if (fault == EEXIST && file_is_dir(path))
        return ERR_OK;
    if (fault)
        return err_errno(e, fault, "create folder", path);
    file_after(FILE_OPEN, path, 0, NULL, 0);
    return file_sync_folder(path, e);
}

enum err file_mkdirs(const char *path, unsigned mode, struct err_info *e)
{
    char *part = xstrdup(path);
    enum err rc = ERR_OK;
    size_t n = strlen(part);
    while (n > 1 && part[n - 1] == '/')
        part[--n] = 0;
    for (size_t i = 1; i < n && !rc; i++) {
        if (part[i] == '/' && part[i - 1] != '/') {
            part[i] = 0;
            rc = mkdir_one(part, mode, e);
            part[i] = '/';
        }
    }
    if (!rc)
        rc = mkdir_one(part, mode, e);
    free(part);
    return rc;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int name_cmp(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum err file_list(const char *dir, char ***names, size_t *count, struct err_info *e)
{
    size_t n = 0, cap = 0;
    char **list = NULL;
    int fault = file_before(FILE_OPEN, dir, 0, 0, NULL);
    DIR *d = fault ? NULL : opendir(dir);
    if (!d)
        return err_errno(e, fault ? fault : errno, "list", dir);
    for (struct dirent *entry; errno = 0, (entry = readdir(d));) {
        if (is_dots(entry->d_name))
            continue;
        if (n == cap) {
            cap = cap ? 2 * cap : 16;
            list = xrealloc(list, cap * sizeof *list);
        }
        list[n++] = xstrdup(entry->d_name);
    }
    fault = errno;
    closedir(d);
    if (fault) {
        for (size_t i = 0; i < n; i++)
            free(list[i]);
        free(list);
        return err_errno(e, fault, "list", dir);
    }
    if (n)
        qsort(list, n, sizeof *list, name_cmp);
    *names = list ? list : xcalloc(1, sizeof *list);
    *count = n;
    return ERR_OK;
}

static enum err remove_at(int parent, const char *name, struct strbuf *path, int depth,
                          struct err_info *e);

static enum err remove_entries(int fd, struct strbuf *path, int depth, struct err_info *e)
{
    enum err rc = ERR_OK;
    DIR *d = fdopendir(fd);
    if (!d) {
        rc = err_errno(e, errno, "list", path->buf);
        close(fd);
        return rc;
    }
    for (struct dirent *entry; !rc && (entry = readdir(d));)
        if (!is_dots(entry->d_name))
            rc = remove_at(dirfd(d), entry->d_name, path, depth + 1, e);
    closedir(d);
    return rc;
}

static enum err unlink_at(int parent, const char *name, const char *path, int flags,
                          struct err_info *e)
{
    int fault = file_before(FILE_REMOVE, path, 0, 0, NULL);
    if (!fault && unlinkat(parent, name, flags) < 0)
        fault = errno;
    if (fault == ENOENT)
        return ERR_OK;
    if (fault)
        return err_errno(e, fault, "remove", path);
    file_after(FILE_REMOVE, path, 0, NULL, 0);
    return ERR_OK;
}

/* `name` in the folder `parent`, whose path stands in `path` (for the hook and for messages). */
static enum err remove_at(int parent, const char *name, struct strbuf *path, int depth,
                          struct err_info *e)
{
    size_t was = path->n;
    enum err rc;
    if (was)
        strbuf_add_char(path, '/');
    strbuf_add_c(path, name);
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && (errno == ENOTDIR || errno == ELOOP)) {
        rc = unlink_at(parent, name, path->buf, 0, e);
    } else if (fd < 0) {
        rc = errno == ENOENT ? ERR_OK : err_errno(e, errno, "open", path->buf);
    } else if (depth >= TREE_DEPTH_MAX) {
        close(fd);
        rc = err_set(e, ERR_TOO_LARGE, path->buf, "%s lies deeper than %d folders", path->buf,
                     TREE_DEPTH_MAX);
    } else {
        rc = remove_entries(fd, path, depth, e);
        if (!rc)
            rc = unlink_at(parent, name, path->buf, AT_REMOVEDIR, e);
    }
    path->n = was;
    path->buf[was] = 0;
    return rc;
}

enum err file_remove_tree(const char *path, struct err_info *e)
{
    struct strbuf full;
    char *name = xstrdup(path);
    size_t n = strlen(name);
    while (n > 1 && name[n - 1] == '/') /* "link/" would follow the link */
        name[--n] = 0;
    strbuf_init(&full, 0);
    enum err rc = remove_at(AT_FDCWD, name, &full, 0, e);
    strbuf_release(&full);
    free(name);
    return rc;
}

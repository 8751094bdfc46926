#include "base/file.h"
#include "base/file_impl.h"
#include "base/arena.h"
#include "base/hash.h"
#include "base/rng.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
    int fd;
    uint64_t position; /* of file_read and file_write, for the hook */
    char *path;
};

static struct file_hook hook;

void file_hook(const struct file_hook *h)
{
    hook = h ? *h : (struct file_hook){0};
}

const struct file_hook *file_hook_get(void)
{
    return &hook;
}

int file_before(enum file_op op, const char *path, uint64_t offset, size_t n, size_t *torn)
{
    size_t unused = 0;
    return hook.before ? hook.before(hook.ctx, op, path, offset, n, torn ? torn : &unused) : 0;
}

void file_after(enum file_op op, const char *path, uint64_t offset, const void *data, size_t n)
{
    if (hook.after)
        hook.after(hook.ctx, op, path, offset, data, n);
}

static enum err open_flags(const char *path, int flags, unsigned mode, struct file **out,
                           struct err_info *e)
{
    int fault = file_before(FILE_OPEN, path, 0, 0, NULL), fd = -1;
    if (!fault) {
        do
            fd = open(path, flags | O_CLOEXEC | O_NOCTTY, mode);
        while (fd < 0 && errno == EINTR);
        fault = fd < 0 ? errno : 0;
    }
    if (fault)
        return err_errno(e, fault, "open", path);
    struct file *f = xcalloc(1, sizeof *f);
    f->fd = fd;
    f->path = xstrdup(path);
    file_after(FILE_OPEN, path, 0, NULL, 0);
    *out = f;
    return ERR_OK;
}

enum err file_open(const char *path, enum file_mode mode, struct file **out, struct err_info *e)
{
    static const int flags[] = {
        [FILE_READ_ONLY] = O_RDONLY,
        [FILE_READ_WRITE] = O_RDWR,
        [FILE_CREATE] = O_RDWR | O_CREAT | O_TRUNC,
        [FILE_APPEND] = O_WRONLY | O_CREAT | O_APPEND,
    };
    struct file *f = NULL;
    enum err rc = open_flags(path, flags[mode], 0600, &f, e);
    if (rc)
        return rc;
    if (mode == FILE_APPEND && (rc = file_size(f, &f->position, e))) {
        file_close(f);
        return rc;
    }
    *out = f;
    return ERR_OK;
}

void file_close(struct file *f)
{
    if (f) {
        close(f->fd);
        free(f->path);
        free(f);
    }
}

const char *file_path(const struct file *f)
{
    return f->path;
}

enum err file_size(struct file *f, uint64_t *out, struct err_info *e)
{
    struct stat st;
    if (fstat(f->fd, &st) < 0)
        return err_errno(e, errno, "stat", f->path);
    *out = (uint64_t)st.st_size;
    return ERR_OK;
}

enum err file_pread(struct file *f, uint64_t offset, void *buf, size_t n, struct err_info *e)
{
    int fault = file_before(FILE_READ, f->path, offset, n, NULL);
    if (fault)
        return err_errno(e, fault, "read", f->path);
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(f->fd, (char *)buf + done, n - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(e, errno, "read", f->path);
        if (got == 0)
            return err_set(e, ERR_CORRUPT, f->path,
                           "%s is truncated: %zu bytes at %llu end after %zu", f->path, n,
                           (unsigned long long)offset, done);
        done += (size_t)got;
    }
    file_after(FILE_READ, f->path, offset, buf, n);
    return ERR_OK;
}

enum err file_read(struct file *f, void *buf, size_t n, size_t *got, struct err_info *e)
{
    int fault = file_before(FILE_READ, f->path, f->position, n, NULL);
    ssize_t r = 0;
    if (!fault) {
        do
            r = read(f->fd, buf, n);
        while (r < 0 && errno == EINTR);
        fault = r < 0 ? errno : 0;
    }
    if (fault)
        return err_errno(e, fault, "read", f->path);
    file_after(FILE_READ, f->path, f->position, buf, (size_t)r);
    f->position += (size_t)r;
    *got = (size_t)r;
    return ERR_OK;
}

/* All of it, at `offset` or (offset < 0) at the descriptor's own position. */
static int write_all(int fd, int64_t offset, const char *p, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t put = offset < 0 ? write(fd, p + done, n - done)
                                 : pwrite(fd, p + done, n - done, (off_t)offset + (off_t)done);
        if (put < 0 && errno != EINTR)
            return errno;
        if (put == 0)
            return EIO;
        if (put > 0)
            done += (size_t)put;
    }
    return 0;
}

static enum err write_hooked(struct file *f, uint64_t at, bool positioned, const void *buf,
                             size_t n, struct err_info *e)
{
    size_t torn = 0;
    int64_t offset = positioned ? (int64_t)at : -1;
    int fault = file_before(FILE_WRITE, f->path, at, n, &torn);
    if (fault && torn)
        (void)write_all(f->fd, offset, buf, torn < n ? torn : n);
    if (!fault)
        fault = write_all(f->fd, offset, buf, n);
    if (fault)
        return err_errno(e, fault, "write", f->path);
    file_after(FILE_WRITE, f->path, at, buf, n);
    return ERR_OK;
}

enum err file_pwrite(struct file *f, uint64_t offset, const void *buf, size_t n, struct err_info *e)
{
    assert(offset <= INT64_MAX - n);
    return write_hooked(f, offset, true, buf, n, e);
}

enum err file_write(struct file *f, const void *buf, size_t n, struct err_info *e)
{
    enum err rc = write_hooked(f, f->position, false, buf, n, e);
    if (!rc)
        f->position += n;
    return rc;
}

static int sync_fd(int fd)
{
    int rc;
    do
        rc = fsync(fd);
    while (rc < 0 && errno == EINTR);
    return rc < 0 ? errno : 0;
}

enum err file_sync(struct file *f, struct err_info *e)
{
    int fault = file_before(FILE_SYNC, f->path, 0, 0, NULL);
    if (!fault)
        fault = sync_fd(f->fd);
    if (fault)
        return err_errno(e, fault, "sync", f->path);
    file_after(FILE_SYNC, f->path, 0, NULL, 0);
    return ERR_OK;
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return xstrdup(".");
    return (char *)str_dup((struct str){path, slash == path ? 1 : (size_t)(slash - path)}).s;
}

enum err file_sync_folder(const char *path, struct err_info *e)
{
    char *folder = folder_of(path);
    int fault = file_before(FILE_SYNC, folder, 0, 0, NULL);
    if (!fault) {
        int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        fault = fd < 0 ? errno : sync_fd(fd);
        if (fd >= 0)
            close(fd);
    }
    enum err rc = fault ? err_errno(e, fault, "sync folder", folder) : ERR_OK;
    if (!rc)
        file_after(FILE_SYNC, folder, 0, NULL, 0);
    free(folder);
    return rc;
}

/* The file may be a pipe or lie about its size (/proc), so its end decides. */
static enum err read_to_end(struct file *f, size_t max, struct strbuf *b, struct err_info *e)
{
    char *chunk = xmalloc(64 << 10);
    size_t got = 1;
    enum err rc = ERR_OK;
    while (!rc && got) {
        rc = file_read(f, chunk, 64 << 10, &got, e);
        if (!rc && got > max - b->n)
            rc = err_set(e, ERR_TOO_LARGE, f->path, "%s is larger than %zu bytes", f->path, max);
        if (!rc)
            strbuf_add(b, chunk, got);
    }
    free(chunk);
    return rc;
}

enum err file_read_all(const char *path, size_t max, char **out, size_t *n, struct err_info *e)
{
    struct file *f = NULL;
    struct strbuf b;
    strbuf_init(&b, 0);
    enum err rc = file_open(path, FILE_READ_ONLY, &f, e);
    if (!rc)
        rc = read_to_end(f, max, &b, e);
    file_close(f);
    if (rc) {
        strbuf_release(&b);
        return rc;
    }
    strbuf_add(&b, "", 0); /* an empty file is an empty string, not NULL */
    size_t bytes = b.n;
    *out = strbuf_detach(&b, NULL);
    if (n)
        *n = bytes;
    return ERR_OK;
}

enum err file_write_atomic(const char *path, const void *buf, size_t n, unsigned mode,
                           struct err_info *e)
{
    char nonce[17];
    struct strbuf temporary;
    struct file *f = NULL;
    rng_hex(nonce, 16);
    strbuf_init(&temporary, 0);
    strbuf_printf(&temporary, "%s.%s.tmp", path, nonce);
    enum err rc = open_flags(temporary.buf, O_RDWR | O_CREAT | O_EXCL, mode, &f, e);
    bool made = !rc;
    if (!rc)
        rc = file_write(f, buf, n, e);
    if (!rc)
        rc = file_sync(f, e);
    file_close(f);
    if (!rc)
        rc = file_rename(temporary.buf, path, e);
    if (rc && made)
        unlink(temporary.buf); /* gone already if only the folder's sync failed */
    strbuf_release(&temporary);
    return rc;
}

enum err file_rename(const char *from, const char *to, struct err_info *e)
{
    int fault = file_before(FILE_RENAME, from, 0, 0, NULL);
    if (!fault && rename(from, to) < 0)
        fault = errno;
    if (fault)
        return err_errno(e, fault, "rename to", to);
    file_after(FILE_RENAME, from, 0, to, strlen(to));
    return file_sync_folder(to, e);
}

enum err file_remove(const char *path, struct err_info *e)
{
    int fault = file_before(FILE_REMOVE, path, 0, 0, NULL);
    if (!fault && unlink(path) < 0)
        fault = errno;
    if (fault == ENOENT)
        return ERR_OK;
    if (fault)
        return err_errno(e, fault, "remove", path);
    file_after(FILE_REMOVE, path, 0, NULL, 0);
    return ERR_OK;
}

static enum err copy_bytes(struct file *in, struct file *out, struct err_info *e)
{
    char *chunk = xmalloc(64 << 10);
    size_t got = 1;
    enum err rc = ERR_OK;
    while (!rc && got) {
        rc = file_read(in, chunk, 64 << 10, &got, e);
        if (!rc && got)
            rc = file_write(out, chunk, got, e);
    }
    free(chunk);
    return rc;
}

enum err file_copy(const char *from, const char *to, struct err_info *e)
{
    struct file *in = NULL, *out = NULL;
    enum err rc = file_open(from, FILE_READ_ONLY, &in, e);
    if (!rc)
        rc = file_open(to, FILE_CREATE, &out, e);
    if (!rc)
        rc = copy_bytes(in, out, e);
    if (!rc)
        rc = file_sync(out, e);
    file_close(in);
    file_close(out);
    return rc;
}

enum err file_lock(const char *path, struct file **out, struct err_info *e)
{
    struct file *f = NULL;
    int rc;
    enum err err = open_flags(path, O_RDWR | O_CREAT, 0600, &f, e);
    if (err)
        return err;
    do
        rc = flock(f->fd, LOCK_EX | LOCK_NB);
    while (rc < 0 && errno == EINTR);
    if (rc < 0) {
        err = errno == EWOULDBLOCK
                  ? err_set(e, ERR_CONFLICT, path, "%s is locked by another process", path)
                  : err_errno(e, errno, "lock", path);
        file_close(f);
        return err;
    }
    *out = f;
    return ERR_OK;
}

enum err file_sha256(const char *path, char out[65], struct err_info *e)
{
    struct file *f = NULL;
    struct sha256 s;
    uint8_t digest[32];
    size_t got = 1;
    enum err rc = file_open(path, FILE_READ_ONLY, &f, e);
    if (rc)
        return rc;
    char *chunk = xmalloc(256 << 10);
    sha256_init(&s);
    while (!rc && got) {
        rc = file_read(f, chunk, 256 << 10, &got, e);
        if (!rc)
            sha256_add(&s, chunk, got);
    }
    free(chunk);
    file_close(f);
    if (rc)
        return rc;
    sha256_end(&s, digest);
    sha256_hex(digest, out);
    return ERR_OK;
}

/* Errors: what can fail returns `enum err`, 0 or a negative code.
 *
 * Where a person will want the reason, the last argument is `struct err_info *e`: filled in
 * once, where the failure is known; NULL means that nobody asks. Out-arguments are set on
 * success only. api/ has the only table from codes to HTTP statuses. Bugs are not errors:
 * they are asserts, and asserts stay on in release. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/banned.h"
#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))

enum err {
    ERR_OK = 0,
    ERR_SYNTAX = -1,  /* unreadable: broken JSON, UTF-8, file format */
    ERR_INVALID = -2, /* readable but wrong: type, bound, unknown name */
    ERR_NOT_FOUND = -3,
    ERR_CONFLICT = -4,     /* exists already, or was changed meanwhile */
    ERR_PRECONDITION = -5, /* If-Match and the like did not hold */
    ERR_TOO_LARGE = -6,    /* over a stated bound */
    ERR_UNSUPPORTED = -7,  /* media type, model architecture, feature */
    ERR_UNAUTHENTICATED = -8,
    ERR_DENIED = -9,
    ERR_GONE = -10,    /* a cursor or position that was pruned */
    ERR_BUSY = -11,    /* a bounded queue is full: try again later */
    ERR_TIMEOUT = -12, /* the deadline passed */
    ERR_FULL = -13,    /* no space left on the disk */
    ERR_IO = -14,
    ERR_CORRUPT = -15,     /* a checksum or an invariant of stored data does not hold */
    ERR_CANCELLED = -16,   /* stopping, or the peer has left */
    ERR_UNAVAILABLE = -17, /* a part that is needed is not ready */
    ERR_NO_MEMORY = -18,   /* a bounded allocation was refused */
    ERR_QUOTA = -19,       /* it would grow over a stated quota */
};

struct err_info {
    enum err code;
    char field[160];   /* JSON pointer ("/limit"), configuration key or file name; "" if none */
    char message[480]; /* one sentence: what is wrong, and what would be right */
};

/* Fill in `e` (may be NULL; the first failure wins, a second call changes nothing) and return
 * `code`. `field` may be NULL. The message is cut at its bound, never in a UTF-8 sequence. */
enum err err_set(struct err_info *e, enum err code, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* ERR_FULL for ENOSPC and EDQUOT, ERR_NOT_FOUND for ENOENT, ERR_DENIED for EACCES and EPERM,
 * else ERR_IO; the message is "`what` `path`: strerror". */
enum err err_errno(struct err_info *e, int errnum, const char *what, const char *path);

/* "not_found", "too_large" ...: stable names, used as the `code` of a problem document. */
const char *err_name(enum err code);

void err_clear(struct err_info *e);

#endif

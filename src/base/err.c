#include "base/err.h"
#include "base/str.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Copy what fits, ending at the end of a UTF-8 sequence. */
static void text_cut(char *out, size_t cap, const char *in)
{
    size_t n = str_utf8_cut(str_c(in), cap - 1);
    memcpy(out, in, n);
    out[n] = 0;
}

enum err err_set(struct err_info *e, enum err code, const char *field, const char *fmt, ...)
{
    if (!e || e->code)
        return code;
    char message[2 * sizeof e->message];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    e->code = code;
    text_cut(e->field, sizeof e->field, field ? field : "");
    text_cut(e->message, sizeof e->message, message);
    return code;
}

static enum err errno_code(int errnum)
{
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
        return ERR_FULL;
    case ENOENT:
        return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
        return ERR_DENIED;
    default:
        return ERR_IO;
    }
}

enum err err_errno(struct err_info *e, int errnum, const char *what, const char *path)
{
    char buf[128];
    const char *reason = strerror_r(errnum, buf, sizeof buf);
    return err_set(e, errno_code(errnum), path, "%s %s: %s", what, path ? path : "", reason);
}

const char *err_name(enum err code)
{
    switch (code) {
    case ERR_OK:
        return "ok";
    case ERR_SYNTAX:
        return "syntax";
    case ERR_INVALID:
        return "invalid";
    case ERR_NOT_FOUND:
        return "not_found";
    case ERR_CONFLICT:
        return "conflict";
    case ERR_PRECONDITION:
        return "precondition";
    case ERR_TOO_LARGE:
        return "too_large";
    case ERR_UNSUPPORTED:
        return "unsupported";
    case ERR_UNAUTHENTICATED:
        return "unauthenticated";
    case ERR_DENIED:
        return "denied";
    case ERR_GONE:
        return "gone";
    case ERR_BUSY:
        return "busy";
    case ERR_TIMEOUT:
        return "timeout";
    case ERR_FULL:
        return "full";
    case ERR_QUOTA:
        return "quota_exceeded";
    case ERR_IO:
        return "io";
    case ERR_CORRUPT:
        return "corrupt";
    case ERR_CANCELLED:
        return "cancelled";
    case ERR_UNAVAILABLE:
        return "unavailable";
    case ERR_NO_MEMORY:
        return "no_memory";
    }
    return "unknown";
}

void err_clear(struct err_info *e)
{
    if (e) {
        e->code = ERR_OK;
        e->field[0] = 0;
        e->message[0] = 0;
    }
}

/* DATA/SECRET: 32 random bytes of this data directory's own, by which what is given to clients and
 * comes back is known to be ours. Made when it is missing or damaged: what was given before is
 * refused then, nothing else is lost. */
#include "base/file.h"
#include "base/rng.h"
#include "engine/internal.h"
#include <stdlib.h>
#include <string.h>

enum err secret_open(struct engine *x, struct err_info *e)
{
    struct strbuf path;
    char *bytes = NULL;
    size_t n = 0;
    strbuf_init(&path, 0);
    strbuf_printf(&path, "%s/SECRET", x->data_dir);
    enum err err = file_exists(path.buf) ? file_read_all(path.buf, 4096, &bytes, &n, e) : 0;
    if (!err && n == sizeof x->secret) {
        memcpy(x->secret, bytes, n);
    } else if (!err) {
        rng_bytes(x->secret, sizeof x->secret);
        err = file_write_atomic(path.buf, x->secret, sizeof x->secret, 0600, e);
    }
    free(bytes);
    strbuf_release(&path);
    return err;
}

const uint8_t *engine_secret(const struct engine *x)
{
    return x->secret;
}

/* Reading what a remote provider answered (private). Nothing in it is believed: counts, sizes,
 * numbers and order are all held to what was asked. Any thread. */
#ifndef EMBED_REMOTE_ANSWER_H
#define EMBED_REMOTE_ANSWER_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REMOTE_DIMS_MAX 16384
#define REMOTE_OTHER_DIMS                                                                          \
    "dims" /* the field of the error of a vector that has other dimensions                         \
            */

struct remote_answer {
    float *vectors; /* count x dims, each of length 1; free() */
    unsigned dims;
    uint64_t tokens; /* what "usage" says; 0: nothing that can be believed */
};
/* `count`: of the texts that were sent; `dims`: expected of each vector, 0: whatever it is, the
 * same for all. The rows come in the order of the texts, whatever order the answer has them in.
 * ERR_SYNTAX, ERR_INVALID: the message goes on from "its answer ...". */
enum err remote_answer_parse(struct str body, size_t count, unsigned dims,
                             struct remote_answer *out, struct err_info *e) MUST_CHECK;

/* The reason that a failed answer gives, in one line of printable text, without the `key` (NULL:
 * none). "" if there is none. */
#define REMOTE_REASON 200
void remote_answer_reason(struct str body, const char *key, char out[REMOTE_REASON]);

#endif

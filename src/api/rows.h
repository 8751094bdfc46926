/* A body that is a list of rows, each judged alone: those that are sound go to the engine together,
 * the answer tells of each that came. All of it in the request's arena. */
#ifndef API_ROWS_H
#define API_ROWS_H

#include "api/call.h"
#include "api/faults.h"

struct rows {
    size_t count;
    struct faults **faults; /* by row; NULL: it is sound */
    size_t *index;          /* by row: its place among the sound ones, or where it would stand */
    const json_t **sound;
    size_t sound_count;
};
/* Of the body, an array; `row`: what each must be. */
void rows_judge(struct call *c, const struct schema *row, struct rows *out);

#endif

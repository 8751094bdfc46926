#include "api/rows.h"
#include <stdio.h>

void rows_judge(struct call *c, const struct schema *row, struct rows *out)
{
    size_t count = json_array_size(c->body);
    char pointer[32];
    *out = (struct rows){.count = count,
                         .faults = arena_array(c->arena, count + 1, sizeof *out->faults),
                         .index = arena_array(c->arena, count + 1, sizeof *out->index),
                         .sound = arena_array(c->arena, count + 1, sizeof *out->sound)};
    for (size_t i = 0; i < count; i++) {
        const json_t *v = json_array_get(c->body, i);
        struct faults f;
        faults_init(&f, c->arena);
        snprintf(pointer, sizeof pointer, "/%zu", i);
        validate_value(row, v, pointer, &f);
        out->index[i] = out->sound_count;
        if (f.total) {
            out->faults[i] = arena_alloc(c->arena, sizeof f);
            *out->faults[i] = f;
        } else {
            out->sound[out->sound_count++] = v;
        }
    }
}

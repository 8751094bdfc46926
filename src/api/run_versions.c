/* Embedding versions: made, looked at, compared, promoted, rolled back, deleted. */
#include "api/render.h"
#include "api/server.h"

void input_version_choice(const json_t *v, struct version_choice *out)
{
    *out = (struct version_choice){
        .model = input_str(v, "model"),
        .precision = input_str(v, "precision"),
        .dimensions = (unsigned)input_int(v, "dimensions", 0),
    };
}

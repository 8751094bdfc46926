/* Which model a request means: by its name, by an alias, or the default; and the inputs that the
 * embedding routes share. */
#ifndef API_SERVED_H
#define API_SERVED_H

#include "api/response.h"
#include "api/call.h"

struct served {
    const struct model_out *model;
    bool alias_of_openai; /* ids that come with such a name are of another vocabulary */
};
/* `name` empty: the default. Replies and is false if there is no such model; `field`: where the
 * name stood. */
bool served_find(struct call *c, struct str name, const char *field, struct served *out);
void served_model_write(struct json_writer *w, const struct call *c, const struct model_out *m);

/* {"object": "list", "data": [: the lists of OpenAI's shape. */
struct json_writer *served_list_begin(struct response *x);

/* "query", "passage", "document"; empty: as it is. */
enum embed_as served_as(struct str name);

#endif

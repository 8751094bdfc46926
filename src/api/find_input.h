/* The one place where the input of a search, a POST's body or a GET's parameters, becomes what the
 * engine is asked. The input is checked already; what it names lives as long as the arena and the
 * input. */
#ifndef API_FIND_INPUT_H
#define API_FIND_INPUT_H

#include "api/call.h"
#include "api/render.h"

#define REACH_MAX 2000 /* offset + limit, engine.h */

struct find_input {
    struct arena *arena;
    const json_t *input;
    bool body;        /* errors name a pointer; else a parameter */
    uint64_t binding; /* what its cursors belong to */
    const uint8_t *secret;
};
enum err search_input(const struct find_input *in, struct find_request *out,
                      struct err_info *e) MUST_CHECK;
enum err similar_input(const struct find_input *in, struct find_request *out,
                       struct err_info *e) MUST_CHECK;
struct hit_style style_input(const json_t *input);
/* The answer as one JSON object (run_find.c). */
void find_answer_put(struct json_writer *w, const struct find_input *in,
                     const struct find_request *r, const struct find_answer *a, double took_ms);
/* The page that is asked for: `limit`, and `offset` or a cursor instead. */
enum err page_input(const struct find_input *in, size_t *offset, size_t *limit,
                    struct err_info *e) MUST_CHECK;

struct find_input find_input_of(struct call *c);
/* The member `next_cursor`. `after`: where it goes on; one that is too long for a cursor (texts of
 * an order) goes on by `offset` (0: not). */
void next_cursor_put(struct json_writer *w, const struct find_input *in, struct str after,
                     size_t offset);
double call_took_ms(const struct call *c);

#endif

#include "api/schema_table.h"
#include "api/schemas.h"

/* Readers and what they do: what is sent. */

static const struct schema feedback_type = {
    .type = SCHEMA_STRING,
    .count_min = 1,
    .count_max = 32,
    .help = "view, click, like, save, read, rate (value 1 to 5), dislike, custom, or one of the "
            "collection's settings"};
static const struct schema feedback_position = {.type = SCHEMA_INTEGER,
                                                .bounded = true,
                                                .min = 0,
                                                .max = 1000000,
                                                .help = "the place in the list it came from"};
static const struct schema feedback_value = {
    .type = SCHEMA_NUMBER, .bounded = true, .min = -1e9, .max = 1e9};
const struct schema schema_feedback = {
    .name = "Feedback",
    .type = SCHEMA_OBJECT,
    .fields =
        FIELDS({"event_id", &schema_id, .help = "the same one again changes nothing"},
               {"user", &schema_id, .required = true}, {"document", &schema_id, .required = true},
               {"type", &feedback_type, .required = true}, {"value", &feedback_value},
               {"time", &schema_time, .help = "now if missing"}, {"session", &schema_id},
               {"recommendation_id", &schema_id}, {"position", &feedback_position}),
    .example = "{\"event_id\":\"e1\",\"user\":\"u1\",\"document\":\"a1\",\"type\":\"like\"}",
};
static const struct schema feedback_array = {
    .type = SCHEMA_ARRAY, .items = &schema_feedback, .deferred = true, .count_max = ROWS_MAX};
const struct schema schema_feedback_rows = {
    .type = SCHEMA_ONE_OF,
    .help = "one row, or an array of up to 1,000; each row is judged alone",
    .alternatives = (const struct schema *const[]){&schema_feedback, &feedback_array, NULL},
};
const struct schema schema_user = {
    .name = "User",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"attributes", &schema_open_object}, {"labels", &schema_text_list}),
    .example = "{\"labels\":[\"cook\"]}",
};

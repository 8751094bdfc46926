#include "api/schemas.h"

/* Values that bodies, parameters and answers are made of. */

const struct schema schema_any = {.type = SCHEMA_ANY};
const struct schema schema_string = {.type = SCHEMA_STRING};
const struct schema schema_integer = {.type = SCHEMA_INTEGER};
const struct schema schema_number = {.type = SCHEMA_NUMBER};
const struct schema schema_boolean = {.type = SCHEMA_BOOLEAN};
const struct schema schema_flag = {.type = SCHEMA_BOOLEAN};
const struct schema schema_id = {
    .name = "Id",
    .type = SCHEMA_ID,
    .format = FORMAT_ID,
    .count_min = 1,
    .count_max = 255,
    .help = "1 to 255 bytes without control characters, not . or ..; an integer becomes a string",
    .example = "\"a1\"",
};
const struct schema schema_path_id = {
    .type = SCHEMA_STRING,
    .format = FORMAT_ID,
    .count_min = 1,
    .count_max = 255,
    .example = "\"a1\"",
};
const struct schema schema_path_name = {
    .type = SCHEMA_STRING,
    .format = FORMAT_NAME,
    .count_min = 1,
    .count_max = 64,
    .help = "a-z, 0-9, _ and -, first a letter or digit, at most 64",
    .example = "\"news\"",
};
const struct schema schema_limit = {.type = SCHEMA_INTEGER,
                                    .bounded = true,
                                    .min = 1,
                                    .max = LIMIT_MAX,
                                    .help = "how many at most"};
const struct schema schema_offset = {.type = SCHEMA_INTEGER,
                                     .bounded = true,
                                     .min = 0,
                                     .max = OFFSET_MAX,
                                     .help = "how many to pass over; a cursor goes further"};
const struct schema schema_cursor = {
    .type = SCHEMA_STRING,
    .nullable = true,
    .count_max = 8192,
    .help = "next_cursor of the answer before, unchanged, with the same request but limit. "
            "422: of another request or not ours; 410: too old"};
const struct schema schema_filter = {
    .type = SCHEMA_STRING,
    .count_max = 65536,
    .help = FILTER_HELP,
    .example = "\"lang = \\\"en\\\"\"",
};
const struct schema schema_position = {.type = SCHEMA_STRING,
                                       .pattern = "^([0-9a-f]{12}-(0|[1-9][0-9]{0,17}))?$",
                                       .count_max = 40,
                                       .help = "a place in the order of all changes",
                                       .example = "\"b04fd0a41255-17\""};
const struct schema schema_text_list = {.type = SCHEMA_ARRAY, .items = &schema_string};

const struct schema schema_field_paths = {
    .type = SCHEMA_ARRAY,
    .items = &schema_nonempty,
    .count_max = 64,
    .help = "what of each document comes back beside its id: title, attributes.year, revision; "
            "without it everything, [] for nothing. What a document does not have is left out",
    .example = "[\"title\",\"attributes.year\"]"};
const struct schema schema_nonempty = {.type = SCHEMA_STRING, .count_min = 1, .count_max = 255};
const struct schema schema_share = {.type = SCHEMA_NUMBER, .bounded = true, .min = 0, .max = 1};
const struct schema schema_ids = {.type = SCHEMA_ARRAY, .items = &schema_id, .count_max = ROWS_MAX};
const struct schema schema_ids_some = {
    .type = SCHEMA_ARRAY, .items = &schema_id, .count_min = 1, .count_max = ROWS_MAX};
const struct schema schema_open_object = {.type = SCHEMA_OBJECT, .open = true};
const struct schema schema_time = {
    .type = SCHEMA_STRING, .format = FORMAT_TIME, .example = "\"2026-11-22T16:09:02Z\""};

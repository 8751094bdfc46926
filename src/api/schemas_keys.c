#include "access/grant.h"
#include "api/schema_table.h"
#include "api/schemas.h"
#include "engine/keys.h"

/* Keys: what is sent and what is answered. */

static const struct schema title = {.type = SCHEMA_STRING, .count_max = 100};
static const struct schema description = {.type = SCHEMA_STRING, .count_max = 1000};
static const struct schema scope = {
    .type = SCHEMA_STRING,
    .choices = "documents.read|documents.write|search|recommend|feedback.write|users.read|"
               "users.write|embed|train|models|events|backup|metrics|collections|keys|admin"};
static const struct schema scopes = {
    .type = SCHEMA_ARRAY, .items = &scope, .count_min = 1, .count_max = SCOPE_COUNT};
static const struct schema collections = {
    .type = SCHEMA_ARRAY, .items = &schema_path_name, .count_max = GRANT_COLLECTIONS_MAX};
static const struct schema filter = {
    .type = SCHEMA_STRING, .count_max = 10000, .example = "\"tenant = \\\"acme\\\"\""};
static const struct schema address = {
    .type = SCHEMA_STRING, .count_min = 2, .count_max = 60, .example = "\"192.0.2.0/24\""};
static const struct schema addresses = {
    .type = SCHEMA_ARRAY, .items = &address, .count_max = GRANT_ADDRESSES_MAX};
static const struct schema expires = {.type = SCHEMA_STRING,
                                      .format = FORMAT_TIME,
                                      .nullable = true,
                                      .example = "\"2030-01-01T00:00:00Z\""};
static const struct schema limit = {
    .type = SCHEMA_STRING,
    .pattern =
        "^ *[1-9][0-9]{0,8}(\\.[0-9]+)? */ *[smhd] *(burst +[1-9][0-9]{0,8}(\\.[0-9]+)? *)?$",
    .count_max = 40,
    .nullable = true,
    .example = "\"100/s burst 200\""};
static const struct schema limits = {
    .name = "KeyLimits",
    .type = SCHEMA_OBJECT,
    .nullable = true,
    .fields = FIELDS({"requests", &limit,
                      .help = "so many a second, minute, hour or day (s, m, h, d), and so many at "
                              "once; null: the limit of all keys"},
                     {"tokens", &limit, .help = "the same of texts that are embedded"}),
    .example = "{\"requests\":\"100/s burst 200\"}",
};
static const struct schema time_text = {
    .type = SCHEMA_STRING, .format = FORMAT_TIME, .example = "\"2026-11-22T16:09:02Z\""};
static const struct schema grace = {
    .type = SCHEMA_INTEGER, .bounded = true, .min = 0, .max = KEY_GRACE_SECONDS_MAX};

#define WHAT_IT_ALLOWS                                                                             \
    {"name", &title}, {"description", &description},                                               \
        {"collections", &collections, .help = "the only ones that are there for it; none: all"},   \
        {"filter", &filter,                                                                        \
         .help = "the only documents that are there for it, as in searches; empty: all"},          \
        {"addresses", &addresses,                                                                  \
         .help = "IP addresses or ranges that it is taken from; none: any"},                       \
        {"limits", &limits,                                                                        \
         .help = "its own in place of those of all keys; wider ones only of an admin. What a "     \
                 "key makes takes of its limits too, unless it is an admin's"},                    \
    {                                                                                              \
        "expires", &expires, .help = "null: never"                                                 \
    }

const struct schema schema_key_new = {
    .name = "Key",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"scopes", &scopes, NEED}, WHAT_IT_ALLOWS),
    .example = "{\"name\":\"shop\",\"scopes\":[\"search\",\"recommend\"]}",
};
const struct schema schema_key_patch = {
    .name = "KeyChange",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"scopes", &scopes}, WHAT_IT_ALLOWS),
    .example = "{\"description\":\"of the new shop\"}",
};
const struct schema schema_key_rotate = {
    .name = "KeyRotation",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"grace_seconds", &grace, .fallback = "0",
                      .help = "so long the secret before works too; 0: it is void at once"}),
    .example = "{\"grace_seconds\":3600}",
};
#define STORED                                                                                     \
    {"id", &schema_string, NEED}, {"scopes", &scopes, NEED}, WHAT_IT_ALLOWS,                       \
        {"created", &time_text, NEED}, {"updated", &time_text, NEED},                              \
        {"created_by", &schema_string, .help = "the key that made it: its id, or admin"},          \
        {"last_used", &time_text, .help = "to the second; absent: never"},                         \
    {                                                                                              \
        "old_secret_until", &time_text, .help = "while the secret before a rotation works too"     \
    }
const struct schema schema_key_out = {
    .name = "StoredKey", .type = SCHEMA_OBJECT, .fields = FIELDS(STORED)};
const struct schema schema_key_secret = {
    .name = "NewKey",
    .type = SCHEMA_OBJECT,
    .fields =
        FIELDS({"key", &schema_string, NEED, .help = "the key itself, shown this once"}, STORED),
};
static const struct schema key_list = {.type = SCHEMA_ARRAY, .items = &schema_key_out};
static const struct schema next_cursor = {.type = SCHEMA_STRING, .nullable = true};
const struct schema schema_keys = {
    .name = "Keys",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"data", &key_list, NEED}, {"next_cursor", &next_cursor, NEED}),
};
const struct schema schema_key_id = {
    .type = SCHEMA_STRING, .count_min = 1, .count_max = 100, .example = "\"k3v7q2mxa5bd\""};

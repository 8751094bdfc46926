/* How much a collection may hold: a part of its settings, kept by the store's writer. */
#ifndef ENGINE_SETTINGS_QUOTA_H
#define ENGINE_SETTINGS_QUOTA_H

#include "base/err.h"
#include "base/json.h"
#include <stdint.h>

#define QUOTA_MAX 9007199254740991 /* the largest number that all readers of JSON agree on */
struct quota_settings {
    uint64_t documents, bytes; /* 0: none */
};

/* As settings_merge, of its object; null: none at all. */
enum err quota_settings_merge(struct quota_settings *q, const json_t *object,
                              struct err_info *e) MUST_CHECK;
void quota_settings_print(const struct quota_settings *q, struct json_writer *w);

#endif

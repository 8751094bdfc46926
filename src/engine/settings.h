/* The settings of a collection: how documents are read and cut into passages, what its words mean.
 */
#ifndef ENGINE_SETTINGS_H
#define ENGINE_SETTINGS_H

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/settings_feedback.h"
#include "engine/settings_quota.h"
#include "engine/settings_recommend.h"
#include "engine/settings_training.h"
#include <stdbool.h>

/* Fields that akin itself knows; everything else in a document is an attribute. */
enum document_field {
    FIELD_ID,
    FIELD_TITLE,
    FIELD_TEXT,
    FIELD_URL,
    FIELD_LANG,
    FIELD_TAGS,
    FIELD_EXPIRES,
    FIELD_COUNT
};
extern const char *const document_field_names[FIELD_COUNT];

#define FIELD_NAME_MAX 128
#define TENANT_BYTES_MAX 255 /* of a tenant's name */
#define SYNONYMS_MAX 5000
#define SYNONYM_WORDS_MAX 32 /* of one side */
#define STOP_WORDS_MAX 5000
#define RULE_WORD_MAX 255 /* bytes */

struct settings {
    unsigned passage_tokens; /* of a passage, the first with the title in front, without special
                                tokens */
    unsigned overlap_tokens;
    bool extra_fields_refused;
    char tenant_field[FIELD_NAME_MAX + 1]; /* the attribute that names whose a document is, "":
                                              none; as the collection was made with */
    unsigned versions_kept;                /* retired embedding versions, for rollback */
    char mapping[FIELD_COUNT][FIELD_NAME_MAX + 1]; /* "": found under its own name */
    struct feedback_settings feedback;
    struct training_settings training;
    struct recommend_settings recommend;
    struct quota_settings quota;
    /* Arrays, checked; NULL: none. Borrowed from what was merged. */
    const json_t *synonyms; /* of {"words":[..]} or {"words":[..],"means":[..]} */
    const json_t *stop_words;
};

/* What a model that was trained for `tokens_best` tokens wants, of which `specials` are its own. */
void settings_default(struct settings *s, unsigned tokens_best, unsigned specials);
/* The string that it says, if it can be a tenant's name: not empty, and no date, since dates are
 * equal that are written differently. Else empty. */
struct str tenant_name(const json_t *v);
/* Lays a JSON object (NULL: nothing; it must live as long as `s`) over `s`; on an error `s` is as
 * before. ERR_INVALID with the pointer. */
enum err settings_merge(struct settings *s, const json_t *object, unsigned tokens_max,
                        struct err_info *e) MUST_CHECK;
/* Every setting spelled out, as JSON with sorted keys: what the store keeps. */
void settings_print(const struct settings *s, struct strbuf *out);

#endif

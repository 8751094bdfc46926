/* When a collection is trained by itself: its setting `training` (training_due.c). Plain data. */
#ifndef ENGINE_SETTINGS_TRAINING_H
#define ENGINE_SETTINGS_TRAINING_H

#include "base/err.h"
#include "base/json.h"

enum training_schedule { TRAINING_AUTOMATIC, TRAINING_PERIODIC, TRAINING_MANUAL };
struct training_settings {
    enum training_schedule schedule;
    double every_hours; /* no more often */
    double min_changes; /* automatic: share of the acts that the last training knew */
};

/* automatic, 1 hour, .1 */
void training_settings_default(struct training_settings *t);
/* As settings_merge, of the value at /training. */
enum err training_settings_merge(struct training_settings *t, const json_t *object,
                                 struct err_info *e) MUST_CHECK;
void training_settings_print(const struct training_settings *t, struct json_writer *w);

#endif

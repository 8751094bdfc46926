/* Past sessions for the session model (recommend/session_model.h): what a reader liked under one
 * session's name; and where none was given, what was liked with no pause of more than half an hour
 * between, as Ludewig and Jannach cut theirs (UMUAI 2018, section 4.1). Those of one document are
 * left out. */
#ifndef TRAIN_SESSIONS_H
#define TRAIN_SESSIONS_H

#include "recommend/session_model.h"
#include "recommend/training_set.h"

#define SESSIONS_MIN 100

struct sessions_options {
    int64_t pause_us;      /* 0: 30 minutes */
    uint32_t sessions_max; /* the newest; 0: SESSION_COUNT_MAX, which is the most */
};
/* Items are places in the set. NULL: fewer than SESSIONS_MIN. Cost: sorting the acts. */
struct session_model *sessions_train(const struct training_set *s,
                                     const struct sessions_options *o);
/* What training takes at most, with what it makes. */
size_t sessions_train_bytes(const struct training_set *s);

#endif

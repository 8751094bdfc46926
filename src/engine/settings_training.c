#include "engine/settings_training.h"
#include <string.h>

#define HOURS_MIN .01
#define HOURS_MAX 8760

static const char *const schedules[] = {[TRAINING_AUTOMATIC] = "automatic",
                                        [TRAINING_PERIODIC] = "periodic",
                                        [TRAINING_MANUAL] = "manual"};

void training_settings_default(struct training_settings *t)
{
    *t = (struct training_settings){
        .schedule = TRAINING_AUTOMATIC, .every_hours = 1, .min_changes = .1};
}

static enum err read_schedule(enum training_schedule *out, const json_t *v, struct err_info *e)
{
    for (unsigned i = 0; i < sizeof schedules / sizeof *schedules; i++)
        if (str_eq_c(json_str(v), schedules[i])) {
            *out = (enum training_schedule)i;
            return 0;
        }
    return err_set(e, ERR_INVALID, "/training/schedule",
                   "must be \"automatic\", \"periodic\" or \"manual\"");
}

static enum err read_number(double *out, const json_t *v, const char *pointer, double min,
                            double max, struct err_info *e)
{
    double x = json_number_value(v);
    if (!json_is_number(v) || !(x >= min && x <= max))
        return err_set(e, ERR_INVALID, pointer, "must be a number from %g to %g", min, max);
    *out = x;
    return 0;
}

enum err training_settings_merge(struct training_settings *t, const json_t *object,
                                 struct err_info *e)
{
    struct training_settings new = *t;
    const char *key;
    json_t *v;
    if (!json_is_object(object))
        return err_set(e, ERR_INVALID, "/training",
                       "must be an object such as {\"schedule\":\"manual\"}");
    json_object_foreach((json_t *)object, key, v)
    {
        enum err err;
        char pointer[96];
        snprintf(pointer, sizeof pointer, "/training/%.80s", key);
        if (strcmp(key, "schedule") == 0)
            err = read_schedule(&new.schedule, v, e);
        else if (strcmp(key, "every_hours") == 0)
            err = read_number(&new.every_hours, v, pointer, HOURS_MIN, HOURS_MAX, e);
        else if (strcmp(key, "min_changes") == 0)
            err = read_number(&new.min_changes, v, pointer, 0, 1, e);
        else
            err = err_set(e, ERR_INVALID, pointer,
                          "unknown; there are schedule, every_hours and min_changes");
        if (err)
            return err;
    }
    *t = new;
    return 0;
}

void training_settings_print(const struct training_settings *t, struct json_writer *w)
{
    json_object_begin(w);
    json_key_double(w, "every_hours", t->every_hours);
    json_key_double(w, "min_changes", t->min_changes);
    json_key_c(w, "schedule", schedules[t->schedule]);
    json_object_end(w);
}

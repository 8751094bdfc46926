/* The collection's own blend, and its gate. Scores that were brought were made by an algorithm that
 * may have seen any act, so readers held out of a training say nothing fair of them; readers
 * themselves do. A new blend passes if an experiment has it as what a variant changes, against a
 * control that serves as the collection does now, and found it to be no worse: the interval of the
 * difference, which holds whenever one looks, ends above -5 % of what the control has. */
#include "base/clock.h"
#include "engine/experiments.h"
#include "engine/recommend_impl.h"
#include <string.h>

#define MARGIN .05
#define RESULTS_NS 2000000000LL

struct str collection_blend(struct collection *c, struct arena *a)
{
    lock_take(&c->lock);
    struct str blend = arena_str(a, str_c(c->settings.recommend.blend));
    lock_drop(&c->lock);
    return blend;
}

/* The variant that has this blend and nothing else beside the control; 0: none. */
static unsigned variant_of(const struct experiment *x, struct str blend, struct str now)
{
    const struct variant *control = &x->variants[0];
    bool same = control->fields == 0 ||
                (control->fields == VARIANT_BLEND && str_eq(str_trim(control->blend), now));
    for (unsigned i = 1; i < x->variant_count && same; i++)
        if (x->variants[i].fields == VARIANT_BLEND && str_eq(str_trim(x->variants[i].blend), blend))
            return i;
    return 0;
}

/* Of results as experiment_results.c writes them. `verdict` into `why`. */
static bool no_worse(struct str results, const struct experiment *x, unsigned variant,
                     struct err_info *why)
{
    json_t *v = NULL;
    if (json_parse_stored(results, &v, NULL))
        return false;
    const json_t *all = json_object_get(v, "variants");
    const json_t *against = json_object_get(json_array_get(all, variant), "versus_control");
    const json_t *control =
        json_object_get(json_array_get(all, 0), experiment_metric_names[x->metric]);
    const char *verdict = json_string_value(json_object_get(against, "verdict"));
    double low = json_number_value(json_object_get(against, "low"));
    double rate = json_number_value(json_object_get(control, "rate"));
    bool passes = verdict && json_is_number(json_object_get(against, "low")) && rate > 0 &&
                  low >= -MARGIN * rate;
    err_clear(why);
    err_set(why, ERR_CONFLICT, "",
            "experiment \"%s\" says \"%s\" (at worst %+.4f of a rate of %.4f; it may lose 5 %% of "
            "that): let it run on, or set gate to false",
            x->name, verdict ? verdict : "nothing yet", low, rate);
    json_decref(v);
    return passes;
}

enum err collection_blend_check(struct collection *c, struct str blend, struct arena *a,
                                struct err_info *e)
{
    struct experiment_record *rows;
    size_t n;
    struct str now = collection_blend(c, a);
    struct err_info why = {0};
    enum err err = store_experiment_list(c->engine->store, a, c->id, &rows, &n, e);
    if (err)
        return err;
    err_set(&why, ERR_CONFLICT, "",
            "no experiment has tried it: run one with a variant that sets this blend and nothing "
            "else against a control as it is now, or set gate to false");
    for (size_t i = 0; i < n; i++) {
        struct experiment x;
        struct str results = STR("");
        unsigned variant;
        if (experiment_stored(&rows[i], a, &x, &results, NULL) ||
            !(variant = variant_of(&x, blend, now)))
            continue;
        if (x.state == EXPERIMENT_RUNNING &&
            (err = experiment_results(c, &x, clock_mono_ns() + RESULTS_NS, a, &results, e)))
            return err;
        if (no_worse(results, &x, variant, &why))
            return 0;
    }
    return err_set(e, ERR_CONFLICT, "/recommend/blend", "%s", why.message);
}

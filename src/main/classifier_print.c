#include "main/classifier_print.h"

#include "main/answer.h"
#include <stdio.h>
#include <string.h>

#define LABELS_SHOWN 40

void classifier_print_line(const json_t *r)
{
    const json_t *report = json_object_get(r, "report");
    const json_t *metrics = json_object_get(report, "metrics");
    const json_t *accuracy = json_object_get(metrics, "accuracy");
    printf("%-4.0f %-9s %-10s %.19s  %s: accuracy %.4f (%.4f to %.4f), macro-F1 %.4f%s\n",
           number_of(r, "id"), text_of(r, "state"), text_of(r, "kind"), text_of(r, "created"),
           text_of(r, "label"), number_of(accuracy, "mean"), number_of(accuracy, "low"),
           number_of(accuracy, "high"), number_of(metrics, "macro_f1"),
           json_is_true(json_object_get(r, "serving")) ? "  serves" : "");
    if (*text_of(r, "error"))
        printf("     %s\n", text_of(r, "error"));
}

static void print_left_out(const json_t *report)
{
    const json_t *list = json_object_get(report, "left_out");
    double all = number_of(report, "left_out_count");
    size_t i;
    json_t *x;
    if (!(all > 0))
        return;
    printf("  left out, too few documents:");
    json_array_foreach((json_t *)list, i, x)
        printf("%s %s (%.0f)", i ? "," : "", text_of(x, "label"), number_of(x, "documents"));
    printf("%s\n", all > (double)json_array_size(list) ? ", and more" : "");
}

static void print_labels(const json_t *report)
{
    const json_t *list = json_object_get(report, "classes");
    size_t i;
    json_t *x;
    printf("  %-32s %8s %9s %9s %9s\n", "label", "support", "precision", "recall", "F1");
    json_array_foreach((json_t *)list, i, x)
    {
        if (i < LABELS_SHOWN)
            printf("  %-32s %8.0f %9.4f %9.4f %9.4f\n", text_of(x, "label"),
                   number_of(x, "support"), number_of(x, "precision"), number_of(x, "recall"),
                   number_of(x, "f1"));
    }
    if (json_array_size(list) > LABELS_SHOWN)
        printf("  and %zu more (--json)\n", json_array_size(list) - LABELS_SHOWN);
}

void classifier_print(const json_t *r)
{
    const json_t *report = json_object_get(r, "report");
    const json_t *counts = json_object_get(report, "counts");
    const json_t *majority = json_object_get(report, "majority");
    const json_t *parameters = json_object_get(report, "parameters");
    classifier_print_line(r);
    printf("  learned %.0f labels from %.0f documents, judged on %.0f others\n",
           number_of(counts, "classes"), number_of(counts, "fitted"), number_of(counts, "test"));
    print_left_out(report);
    printf("  parameters: penalty %g temperature %.3f; probabilities are off by %.3f on average\n",
           number_of(parameters, "penalty"), number_of(parameters, "temperature"),
           number_of(json_object_get(report, "metrics"), "calibration_error"));
    printf("  majority: accuracy %.4f (always %s)\n", number_of(majority, "accuracy"),
           text_of(majority, "label"));
    print_labels(report);
    printf("  %s: %s\n",
           strcmp(text_of(r, "state"), "active") == 0 ? "is the active one" : "not active",
           text_of(report, "reason"));
}

/* What is known of a model without running it, and the texts by which the rest is found out. */
#include "embed/model.h"
#include "embed/remote.h"
#include <stdio.h>
#include <string.h>

/* mean_cosine: of all pairs of 1,500 Debian package summaries (xquad-en .020, cranfield .288). */
static const struct model_known known[] = {
    {"53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db", "all-MiniLM-L6-v2", .112f},
};

const struct model_known *model_known_by_weights(const char *sha256)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].weights_sha256, sha256) == 0)
            return &known[i];
    return NULL;
}

const struct model_known *model_known_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0)
            return &known[i];
    return NULL;
}

void model_name_from_dir(const char *dir, char *out, size_t cap)
{
    size_t n = strlen(dir);
    while (n > 1 && dir[n - 1] == '/')
        n--;
    size_t start = n;
    while (start > 0 && dir[start - 1] != '/')
        start--;
    snprintf(out, cap, "%.*s", (int)(n - start), dir + start);
}

const char *const sample_texts[SAMPLE_TEXTS] = {
    "The tram to the harbour leaves every ten minutes.",
    "Add two eggs, a pinch of salt and stir until smooth.",
    "A library for reading and writing compressed archives",
    "The committee postponed the vote on the budget.",
    "Whales communicate over hundreds of kilometres.",
    "Screenshot tool for the terminal",
    "She won the match in three sets.",
    "Antibiotics do not help against viruses.",
    "How do I reset my password?",
    "The castle was built in the twelfth century.",
    "Interest rates rose by a quarter of a point.",
    "Python bindings for the graphics toolkit",
};

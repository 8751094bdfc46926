/* akin backup, restore, config: care for the data directory. */
#include "base/file.h"
#include "main/session.h"
#include "main/settings.h"
#include <stdio.h>
#include <string.h>

static const struct command_option backup_options[] = {
    OPTION_JSON,
    OPTIONS_SESSION,
    {0},
};
static const struct command_option care_options[] = {
    OPTION_JSON,
    OPTIONS_DATA,
    OPTION_MODEL,
    {0},
};

/* The server writes into its own backups/ and never where a request says; the file is moved from
 * there. */
static int run_backup(const struct args *a)
{
    struct err_info e = {0};
    struct session *s = NULL;
    json_t *answer = NULL;
    struct str body = STR("{}");
    if (a->word_count != 1)
        return command_wrong(&command_backup, "wants one file to write");
    if (file_exists(a->words[0]))
        return command_wrong(&command_backup, "%s exists already; name a new file", a->words[0]);
    enum err rc = session_open(a, &s, &e);
    if (rc == ERR_OK)
        rc = session_call(s, "POST", "/v1/backups", "application/json", &body, &answer, &e);
    const char *path = json_string_value(json_object_get(answer, "path"));
    if (rc == ERR_OK && !path)
        rc = err_set(&e, ERR_UNSUPPORTED, NULL, "the server gave no path of its backup");
    if (rc == ERR_OK && rename(path, a->words[0]) != 0) { /* another file system */
        rc = file_copy(path, a->words[0], &e);
        if (rc == ERR_OK)
            rc = file_remove(path, &e);
    }
    if (rc == ERR_OK && args_has(a, "--json"))
        json_dumpf(answer, stdout, JSON_COMPACT), putchar('\n');
    else if (rc == ERR_OK)
        printf("%s: %lld bytes, position %s\n", a->words[0],
               (long long)json_integer_value(json_object_get(answer, "bytes")),
               json_string_value(json_object_get(answer, "position")));
    json_decref(answer);
    session_close(s);
    return rc == ERR_OK ? 0 : command_fail(&e, 1);
}

static int run_restore(const struct args *a)
{
    struct err_info e = {0};
    struct config *c = NULL;
    if (a->word_count != 1)
        return command_wrong(&command_restore, "wants the backup file");
    enum err rc = settings_load(a, &c, &e);
    if (rc == ERR_OK) {
        settings_log(c, true);
        rc = engine_restore(config_str(c, "data.dir"), a->words[0], &e);
    }
    if (rc == ERR_OK)
        printf("%s: restored from %s; indexes are made anew at the next start\n",
               config_str(c, "data.dir"), a->words[0]);
    config_free(c);
    return rc == ERR_OK ? 0 : command_fail(&e, 1);
}

static int run_config(const struct args *a)
{
    struct err_info e = {0};
    struct config *c = NULL;
    struct strbuf out;
    if (a->word_count != 1 || strcmp(a->words[0], "print") != 0)
        return command_wrong(&command_config, "wants: print");
    enum err rc = settings_load(a, &c, &e);
    if (rc != ERR_OK)
        return command_fail(&e, 1);
    strbuf_init(&out, 0);
    config_print(c, args_has(a, "--json"), &out);
    fwrite(out.buf, 1, out.n, stdout);
    strbuf_release(&out);
    config_free(c);
    return 0;
}

const struct command command_backup = {
    .name = "backup",
    .summary = "a consistent copy of everything, while the server works",
    .usage = "akin backup [options] FILE",
    .example = "  akin backup monday.akin\n",
    .options = backup_options,
    .run = run_backup,
};
const struct command command_restore = {
    .name = "restore",
    .summary = "put a backup back (no server may be running on the data)",
    .usage = "akin restore [options] FILE",
    .text = "The backup is verified first. A database that is there is kept beside it.",
    .example = "  akin restore --data ./news monday.akin\n",
    .options = care_options,
    .run = run_restore,
};
const struct command command_config = {
    .name = "config",
    .summary = "show every setting and where it came from",
    .usage = "akin config print [options]",
    .example = "  AKIN_SERVER__PORT=9000 akin config print\n",
    .options = care_options,
    .run = run_config,
};

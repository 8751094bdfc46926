#include "test.h"
#include "test_folder.h"
#include "base/config.h"
#include "base/json.h"

static const struct setting table[] = {
    {"server.port", SETTING_INT, "8000", 0, 65535, NULL, false, "port"},
    {"server.hosts", SETTING_LIST, "", 0, 0, NULL, false, "names"},
    {"server.admin_key", SETTING_STRING, "", 0, 0, NULL, true, "key"},
    {"embed.precision", SETTING_ENUM, "auto", 0, 0, "fp32|bf16|auto", false, "precision"},
    {"embed.share", SETTING_FLOAT, "0.5", 0, 1, NULL, false, "share"},
    {"embed.seed", SETTING_INT, "-1", 0, 0, NULL, false, "any"},
    {"server.open", SETTING_BOOL, "false", 0, 0, NULL, false, "open"},
    {"data.dir", SETTING_STRING, ".akin", 0, 0, NULL, false, "folder"},
};

static struct err_info e;

static struct config *fresh(void)
{
    err_clear(&e);
    return config_new(table, sizeof table / sizeof *table);
}

static enum err yaml(struct config *c, const char *text)
{
    err_clear(&e);
    assert_int_equal(file_write_atomic(path_of("akin.yaml"), text, strlen(text), 0600, NULL), 0);
    return config_read_yaml(c, path_of("akin.yaml"), &e);
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static void defaults(void **state)
{
    struct config *c = fresh();
    unsigned n = 9;
    assert_int_equal(config_int(c, "server.port"), 8000);
    assert_int_equal(config_int(c, "embed.seed"), -1);
    assert_string_equal(config_str(c, "embed.precision"), "auto");
    assert_string_equal(config_str(c, "data.dir"), ".akin");
    assert_true(config_float(c, "embed.share") == .5);
    assert_false(config_bool(c, "server.open"));
    config_list(c, "server.hosts", &n);
    assert_int_equal(n, 0);
    assert_string_equal(config_origin(c, "server.port"), "default");
    config_free(c);
}

static void yaml_is_read(void **state)
{
    struct config *c = fresh();
    unsigned n;
    const char *text = "# a comment\nserver:\n  port: 80\n  hosts:\n    - a.example\n    - 'b,c'\n"
                       "  open: yes\nembed.share: 0.25\nembed:\n  precision: bf16\n  seed: ~\n"
                       "data:\n";
    if (yaml(c, text))
        fail_msg("%s", e.message);
    assert_int_equal(config_int(c, "server.port"), 80);
    assert_has(config_origin(c, "server.port"), "akin.yaml:3");
    const char *const *hosts = config_list(c, "server.hosts", &n);
    assert_int_equal(n, 2);
    assert_string_equal(hosts[0], "a.example");
    assert_string_equal(hosts[1], "b,c");
    assert_true(config_bool(c, "server.open"));
    assert_true(config_float(c, "embed.share") == .25);
    assert_string_equal(config_str(c, "embed.precision"), "bf16");
    assert_string_equal(config_origin(c, "embed.seed"), "default");
    assert_int_equal(yaml(c, ""), ERR_OK);
    assert_int_equal(yaml(c, "server: {hosts: 'x, y'}"), ERR_OK);
    config_list(c, "server.hosts", &n);
    assert_int_equal(n, 2);
    config_free(c);
}

static void yaml_faults_name_line_and_key(void **state)
{
    static const struct {
        const char *text;
        enum err rc;
        const char *line, *says;
    } cases[] = {
        {"server:\n  prot: 1\n", ERR_INVALID, ":2:", "did you mean \"server.port\"?"},
        {"servr:\n  port: 1\n", ERR_INVALID, ":2:", "unknown setting \"servr\""},
        {"precision: fp32\n", ERR_INVALID, ":1:", "did you mean \"embed.precision\"?"},
        {"\nserver:\n  port: x\n", ERR_INVALID, ":3:", "whole number from 0 to 65535, not \"x\""},
        {"server:\n  port: 65536\n", ERR_INVALID, ":2:", "from 0 to 65535"},
        {"server:\n  port: 1.5\n", ERR_INVALID, ":2:", "whole number"},
        {"server:\n  port: [1]\n", ERR_INVALID, ":2:", "not a list"},
        {"server:\n  port: {a: 1}\n", ERR_INVALID, ":2:", "not a section"},
        {"server: 1\n", ERR_INVALID, ":1:", "is a section"},
        {"embed: {precision: fp64}\n", ERR_INVALID, ":1:", "one of fp32|bf16|auto"},
        {"server:\n  open: maybe\n", ERR_INVALID, ":2:", "true or false"},
        {"embed: {seed: 1}\nembed.seed: 2\n", ERR_INVALID, ":2:", "set twice"},
        {"server:\n  hosts: [[a]]\n", ERR_INVALID, ":2:", "list of plain values"},
        {"- a\n", ERR_INVALID, ":1:", "sections"},
        {"server: [\n", ERR_SYNTAX, ":2:", "YAML"},
        {"a: \t- }\n", ERR_SYNTAX, ":1:", "YAML"},
        {"data: {dir: a}\n---\ndata: {dir: b}\n", ERR_INVALID, ":3:", "second document"},
        {"&a server: &b {x: *b}\n", ERR_INVALID, ":1:", "unknown"},
        {"? [a]\n: 1\n", ERR_INVALID, ":1:", "not a name"},
        {"data: {dir: \"a\\0b\"}\n", ERR_INVALID, ":1:", "NUL"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config *c = fresh();
        assert_int_equal(yaml(c, cases[i].text), cases[i].rc);
        assert_has(e.message, "akin.yaml");
        assert_has(e.message, cases[i].line);
        assert_has(e.message, cases[i].says);
        config_free(c);
    }
    struct config *c = fresh();
    assert_int_equal(config_read_yaml(c, path_of("none.yaml"), &e), ERR_NOT_FOUND);
    config_free(c);
}

static enum err env(struct config *c, const char *a, const char *b)
{
    char *list[] = {(char *)"HOME=/", (char *)a, (char *)b, NULL};
    err_clear(&e);
    return config_read_env(c, list, &e);
}

static void environment_is_read(void **state)
{
    struct config *c = fresh();
    assert_int_equal(yaml(c, "server: {port: 1}"), ERR_OK);
    assert_int_equal(env(c, "AKIN_SERVER__PORT=81", "AKIN_SERVER__HOSTS=a, b,"), ERR_OK);
    assert_int_equal(config_int(c, "server.port"), 81);
    assert_string_equal(config_origin(c, "server.port"), "environment AKIN_SERVER__PORT");
    unsigned n;
    assert_string_equal(config_list(c, "server.hosts", &n)[1], "b");
    assert_int_equal(n, 2);
    config_free(c);

    c = fresh();
    assert_int_equal(env(c, "AKIN_SERVER__PORT=81", "PORT=82"), ERR_OK);
    assert_int_equal(config_int(c, "server.port"), 81);
    assert_int_equal(env(c, "PORT=82", "AKIN_SIMD=scalar"), ERR_OK);
    assert_string_equal(config_origin(c, "server.port"), "environment PORT");
    assert_int_equal(env(c, "PORT=", "DATABASE_URL=x"), ERR_OK);
    assert_int_equal(env(c, "AKIN_SERVER__PROT=1", NULL), ERR_INVALID);
    assert_has(e.message, "AKIN_SERVER__PROT");
    assert_has(e.message, "server.port");
    assert_int_equal(env(c, "PORT=http", NULL), ERR_INVALID);
    assert_has(e.message, "environment PORT");
    config_free(c);
}

static void secrets_come_from_files(void **state)
{
    struct config *c = fresh();
    char name[300];
    assert_int_equal(file_write_atomic(path_of("key"), "s3cret\n", 7, 0600, NULL), ERR_OK);
    snprintf(name, sizeof name, "AKIN_SERVER__ADMIN_KEY_FILE=%s", path_of("key"));
    assert_int_equal(env(c, name, NULL), ERR_OK);
    assert_string_equal(config_str(c, "server.admin_key"), "s3cret");
    config_free(c);

    c = fresh();
    assert_int_equal(env(c, name, "AKIN_SERVER__ADMIN_KEY=x"), ERR_INVALID);
    assert_has(e.message, "keep one");
    assert_null(strstr(e.message, "s3cret"));
    assert_int_equal(env(c, "AKIN_DATA__DIR_FILE=/etc/passwd", NULL), ERR_INVALID);
    assert_has(e.message, "data.dir_file");
    assert_int_equal(env(c, "AKIN_SERVER__ADMIN_KEY_FILE=/nowhere", NULL), ERR_INVALID);
    config_free(c);

    c = fresh();
    assert_int_equal(env(c, "AKIN_SERVER__ADMIN_KEY_FILE=/nowhere", NULL), ERR_NOT_FOUND);
    config_free(c);
}

static void flags_win(void **state)
{
    struct config *c = fresh();
    assert_int_equal(env(c, "AKIN_SERVER__PORT=81", NULL), ERR_OK);
    assert_int_equal(config_set_flag(c, "server.port", "83", &e), ERR_OK);
    assert_int_equal(config_int(c, "server.port"), 83);
    assert_string_equal(config_origin(c, "server.port"), "flag");
    assert_int_equal(config_set_flag(c, "server.port", "-1", &e), ERR_INVALID);
    assert_int_equal(config_int(c, "server.port"), 83);
    err_clear(&e);
    assert_int_equal(config_set_flag(c, "zzz", "1", &e), ERR_INVALID);
    assert_has(e.message, "akin config print");
    config_free(c);
}

static void print_masks_secrets(void **state)
{
    struct config *c = fresh();
    struct strbuf out;
    strbuf_init(&out, 0);
    assert_int_equal(config_set_flag(c, "server.admin_key", "s3cret", NULL), ERR_OK);
    assert_int_equal(config_set_flag(c, "data.dir", "a b: \"c\"", NULL), ERR_OK);
    assert_int_equal(config_set_flag(c, "server.hosts", "x,y z", NULL), ERR_OK);
    config_print(c, false, &out);
    assert_string_equal(out.buf, "server:\n"
                                 "  port: 8000  # default\n"
                                 "  hosts: [x, \"y z\"]  # flag\n"
                                 "  admin_key: \"********\"  # flag\n"
                                 "  open: false  # default\n"
                                 "embed:\n"
                                 "  precision: auto  # default\n"
                                 "  share: 0.5  # default\n"
                                 "  seed: -1  # default\n"
                                 "data:\n"
                                 "  dir: \"a b: \\\"c\\\"\"  # flag\n");
    struct config *again = fresh(); /* what was printed can be read */
    if (yaml(again, out.buf))
        fail_msg("%s", e.message);
    assert_string_equal(config_str(again, "data.dir"), "a b: \"c\"");
    strbuf_clear(&out);
    config_print(c, true, &out);
    json_t *v = NULL;
    assert_int_equal(json_parse(strbuf_str(&out), &v, NULL), ERR_OK);
    assert_null(strstr(out.buf, "s3cret"));
    json_t *port = json_object_get(v, "server.port");
    assert_int_equal(json_integer_value(json_object_get(port, "value")), 8000);
    assert_string_equal(json_string_value(json_object_get(port, "origin")), "default");
    json_decref(v);
    strbuf_release(&out);
    config_free(again);
    config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(yaml_is_read),
        cmocka_unit_test(yaml_faults_name_line_and_key),
        cmocka_unit_test(environment_is_read),
        cmocka_unit_test(secrets_come_from_files),
        cmocka_unit_test(flags_win),
        cmocka_unit_test(print_masks_secrets),
    };
    json_setup();
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}

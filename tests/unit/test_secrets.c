/* Secrets enter a request where its own marks stand and nowhere else, and do not come back. */
#include "exec/executor.h"
#include "exec/secrets.h"

#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "exec_world.h"

#define MARK "00112233445566778899aabbccddeeff"

static Attempt attempt(const char *request) {
    Attempt a = { .secret_mark = STR(MARK) };
    arena_init(&a.arena, 0);
    assert_int_equal(json_read_copy(&a.arena, str_from(request), &a.request, NULL), 0);
    return a;
}

#define assert_request(a, z)                                                                       \
    assert_string_equal(arena_str(&(a)->arena, value_text(&(a)->arena, (a)->request)).p, z)
#define assert_hidden(a, fn, given, z)                                                             \
    assert_string_equal(arena_str(&(a)->arena, fn(a, STR(given))).p, z)

static void marks_become_values(void **state) {
    (void)state;
    const Secret *lacks;
    Attempt a = attempt("{\"headers\":{\"A\":\"Bearer <secret:T_ONE:" MARK ">, "
                        "<secret:T_TWO:" MARK ">\"},\"list\":[\"<secret:T_ONE:" MARK ">\",7]}");
    assert_int_equal(secrets_fill(&a, &lacks), SECRET_THERE);
    assert_request(&a, "{\"headers\":{\"A\":\"Bearer one, two\"},\"list\":[\"one\",7]}");
    arena_deinit(&a.arena);
}

static void what_only_looks_like_a_mark_stays(void **state) {
    (void)state;
    const Secret *lacks;
    Attempt a = attempt("{\"x\":\"<secret:T_ONE> <secret:T_ONE:> <secret:T_ONE:00> <secret:\","
                        "\"y\":\"<secret:T_ONE:00 <secret:T_TWO:" MARK ">\"}");
    assert_int_equal(secrets_fill(&a, &lacks), SECRET_THERE);
    assert_request(&a, "{\"x\":\"<secret:T_ONE> <secret:T_ONE:> <secret:T_ONE:00> <secret:\","
                       "\"y\":\"<secret:T_ONE:00 two\"}");
    arena_deinit(&a.arena);
}

static void one_that_is_not_set_is_named(void **state) {
    (void)state;
    const Secret *lacks;
    Attempt a = attempt("{\"x\":\"<secret:T_ONE:" MARK "><secret:T_NONE:" MARK ">\"}");
    assert_int_equal(secrets_fill(&a, &lacks), SECRET_MISSING);
    assert_true(str_is(lacks->name, "T_NONE"));
    arena_deinit(&a.arena);
}

static void a_value_holds_no_mark_of_another(void **state) {
    (void)state;
    const Secret *lacks;
    setenv("T_EVIL", "<secret:T_ONE:" MARK ">", 1);
    Attempt a = attempt("{\"x\":\"<secret:T_EVIL:" MARK ">\"}");
    assert_int_equal(secrets_fill(&a, &lacks), SECRET_THERE);
    assert_request(&a, "{\"x\":\"<secret:T_ONE:" MARK ">\"}");
    arena_deinit(&a.arena);
}

static void values_do_not_come_back(void **state) {
    (void)state;
    const Secret *lacks;
    Attempt a = attempt("{\"x\":\"<secret:T_QUOTE:" MARK "> <secret:T_PIN:" MARK ">\"}");
    assert_int_equal(secrets_fill(&a, &lacks), SECRET_THERE);
    assert_hidden(&a, secrets_hide_text, "it was a\"b c, a\\\"b c and a%22b%20c",
                  "it was [secret T_QUOTE], [secret T_QUOTE] and [secret T_QUOTE]");
    assert_hidden(&a, secrets_hide_json, "{\"a\\\"b c\":[\"xa\\\"b cx\",4711,47110,true]}",
                  "{\"[secret T_QUOTE]\":[\"x[secret T_QUOTE]x\",\"[secret T_PIN]\","
                  "\"[secret T_PIN]0\",true]}");
    assert_hidden(&a, secrets_hide_json, "{\"b\": 1.0}", "{\"b\": 1.0}");
    assert_hidden(&a, secrets_hide_json, "no JSON with 4711", "no JSON with [secret T_PIN]");
    arena_deinit(&a.arena);
}

static void without_a_mark_nothing_is_looked_for(void **state) {
    (void)state;
    const Secret *lacks;
    Attempt a = attempt("{\"x\":\"<secret:T_ONE:" MARK ">\"}");
    a.secret_mark = STR("");
    assert_int_equal(secrets_fill(&a, &lacks), SECRET_THERE);
    assert_int_equal(a.n_secrets, 0);
    arena_deinit(&a.arena);
}

/* ---- files ----------------------------------------------------------------------------------------------------------- */

#define assert_in_text(text, name, z)                                                              \
    do {                                                                                           \
        Str _v;                                                                                    \
        size_t _bad;                                                                               \
        assert_true(secret_in_text(STR(text), STR(name), &_v, &_bad));                             \
        assert_str_is(_v, z);                                                                      \
    } while (0)

static void a_file_has_lines_of_names_and_values(void **state) {
    (void)state;
    assert_in_text("# A=0\n\n A = x y \r\nB=2", "A", "x y");
    assert_in_text("A=\"x \"\nB=' y'", "A", "x ");
    assert_in_text("A=\"x \"\nB=' y'", "B", " y");
    assert_in_text("A=a\"b\nB=\"", "A", "a\"b");
    assert_in_text("A=a\"b\nB=\"", "B", "\"");
    assert_in_text("A=1=2\nA=x#y", "A", "x#y");
    assert_in_text("A=", "A", "");
}

static void a_line_that_is_none_is_named(void **state) {
    (void)state;
    Str value;
    size_t bad;
    assert_false(secret_in_text(STR("AB=1\n\nnonsense\nmore\n"), STR("A"), &value, &bad));
    assert_int_equal(bad, 3);
    assert_false(secret_in_text(STR("AB=1\n"), STR("A"), &value, &bad));
    assert_int_equal(bad, 0);
}

static const char *const file_path = "test_secrets.env";

static SecretFound in_file(const char *text, mode_t mode, Arena *a, Str *ret, Str *ret_problem) {
    unlink(file_path);
    FILE *f = fopen(file_path, "wb");
    fputs(text, f);
    fclose(f);
    chmod(file_path, mode);
    SecretsFrom from = { .file = str_from(file_path) };
    SecretFound found = secret_look(&from, STR("."), STR("T_KEY"), a, ret, ret_problem);
    unlink(file_path);
    return found;
}

static void a_file_is_its_owners_alone(void **state) {
    (void)state;
    Arena a = ARENA_NULL;
    Str value, problem;
    assert_int_equal(in_file("T_KEY=hush\n", 0600, &a, &value, &problem), SECRET_THERE);
    assert_str_is(value, "hush");
    for (mode_t mode = 0601; mode <= 0640; mode += 037) { /* of others, of the group */
        assert_int_equal(in_file("T_KEY=hush\n", mode, &a, &value, &problem), SECRET_MISSING);
        assert_str_has(problem, "chmod 600");
    }
    assert_int_equal(in_file("T_OTHER=hush\nT_KEY=\n", 0600, &a, &value, &problem), SECRET_MISSING);
    assert_str_has(problem, "has no value for it");
    assert_int_equal(in_file("T_KEY=\xff\n", 0600, &a, &value, &problem), SECRET_MISSING);
    assert_str_has(problem, "is no text");
    arena_deinit(&a);
}

/* ---- commands -------------------------------------------------------------------------------------------------------- */

static SecretFound from_shell(const char *script, Str name, Arena *a, Str *ret, Str *ret_problem) {
    Str words[] = { STR("sh"), STR("-c"), str_from(script), STR("sh") };
    SecretsFrom from = { .command = words, .n_command = ARRAY_LEN(words) };
    return secret_ask(&from, STR("/tmp"), name, a, ret, ret_problem);
}

#define assert_refused(script, says)                                                               \
    do {                                                                                           \
        Str _v, _p;                                                                                \
        assert_int_equal(from_shell(script, STR("T"), &a, &_v, &_p), SECRET_MISSING);              \
        assert_str_is(_v, "");                                                                     \
        assert_str_is(_p, says);                                                                   \
    } while (0)

static void a_command_prints_a_value(void **state) {
    (void)state;
    Arena a = ARENA_NULL;
    Str value, problem;
    const char *script = "echo \"$1 in $PWD\"; echo; echo warned >&2; sleep 60 &";
    assert_int_equal(from_shell(script, STR("T_ONE"), &a, &value, &problem), SECRET_THERE);
    assert_str_is(value, "T_ONE in /tmp\n");
    assert_refused("echo half; echo 'no half' >&2; exit 3", "`sh` failed with exit code 3");
    assert_refused("printf 'not\\033 in\\nx' >&2; exit 3", "`sh` failed with exit code 3: not? in");
    assert_refused("echo", "`sh` printed nothing");
    assert_refused("kill -9 $$", "`sh` was ended by signal 9");
    assert_refused("printf 'a\\0b'", "what `sh` printed is no text");
    assert_refused("yes", "`sh` prints more than 64 KiB");
    assert_refused("head -c 65537 /dev/zero | tr '\\0' x", "`sh` prints more than 64 KiB");
    script = "head -c 65536 /dev/zero | tr '\\0' x; echo";
    assert_int_equal(from_shell(script, STR("T"), &a, &value, &problem), SECRET_THERE);
    assert_int_equal(value.len, 65536);
    Str none = STR("/no/such");
    SecretsFrom from = { .command = &none, .n_command = 1 };
    assert_int_equal(secret_ask(&from, STR("."), STR("T"), &a, &value, &problem), SECRET_MISSING);
    assert_str_has(problem, "cannot start `/no/such`");
    arena_deinit(&a);
}

static void a_command_is_asked_once(void **state) {
    (void)state;
    Arena a = ARENA_NULL;
    Str value, again, problem;
    const char *script = "date +%s%N";
    assert_int_equal(from_shell(script, STR("T"), &a, &value, &problem), SECRET_THERE);
    assert_int_equal(from_shell(script, STR("T"), &a, &again, &problem), SECRET_THERE);
    assert_true(str_eq(value, again));
    assert_int_equal(from_shell(script, STR("T_OTHER"), &a, &again, &problem), SECRET_THERE);
    assert_false(str_eq(value, again));
    arena_deinit(&a);
}

/* ---- attempts that wait for a command ---------------------------------------------------------------------------------- */

static Attempt *asking(Str *words, const char *script) {
    Attempt *a =
        attempt_new(CALLEE_ECHO, "{\"x\":\"<secret:T_ONE:" MARK "> <secret:T_B:" MARK ">\"}");
    words[0] = STR("sh"), words[1] = STR("-c"), words[2] = str_from(script), words[3] = STR("sh");
    a->secret_mark = STR(MARK);
    a->secrets_from = (SecretsFrom){ .command = words, .n_command = 4 };
    return a;
}

static void an_attempt_waits_for_its_secrets(void **state) {
    (void)state;
    World w;
    Str words[4];
    world_open(&w, (ExecOptions){ 0 });
    Attempt *a = asking(words, "echo \"of $1\"");
    exec_start(w.exec, a);
    assert_int_equal(w.completions, 0);
    world_wait(&w, 1);
    assert_ended(&w, OUTCOME_OK, SENT_YES, 0);
    assert_str_is(w.last.payload, "{\"x\":\"[secret T_ONE] [secret T_B]\"}");
    attempt_free(a);
    perform(&w, a = asking(words, "exit 5"));
    assert_ended(&w, OUTCOME_FAILED, SENT_NO, KIND_DENIED);
    assert_str_is(w.last.message, "secret `T_ONE`: `sh` failed with exit code 5");
    attempt_free(a);
    world_close(&w);
}

static void one_that_is_stopped_does_not_wait(void **state) {
    (void)state;
    World w;
    Str words[4];
    world_open(&w, (ExecOptions){ 0 });
    Attempt *a = asking(words, "sleep 0.2; echo x"), *b = asking(words, "sleep 0.3; echo y");
    exec_start(w.exec, a);
    exec_start(w.exec, b);
    exec_stop(w.exec, a);
    assert_ended(&w, OUTCOME_FAILED, SENT_NO, KIND_CANCELLED);
    attempt_free(a);
    world_close(&w); /* forgets the other */
    attempt_free(b);
}

int main(void) {
    setenv("T_ONE", "one", 1);
    setenv("T_TWO", "two", 1);
    setenv("T_QUOTE", "a\"b c", 1);
    setenv("T_PIN", "4711", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_become_values),
        cmocka_unit_test(what_only_looks_like_a_mark_stays),
        cmocka_unit_test(one_that_is_not_set_is_named),
        cmocka_unit_test(a_value_holds_no_mark_of_another),
        cmocka_unit_test(values_do_not_come_back),
        cmocka_unit_test(without_a_mark_nothing_is_looked_for),
        cmocka_unit_test(a_file_has_lines_of_names_and_values),
        cmocka_unit_test(a_line_that_is_none_is_named),
        cmocka_unit_test(a_file_is_its_owners_alone),
        cmocka_unit_test(a_command_prints_a_value),
        cmocka_unit_test(a_command_is_asked_once),
        cmocka_unit_test(an_attempt_waits_for_its_secrets),
        cmocka_unit_test(one_that_is_stopped_does_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

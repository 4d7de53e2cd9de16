/* The language as a whole: its table is sound and printed, and whole files that use all of it are good.
 *
 * Some come from BATON_LANGUAGE, or are ../shared/language beside the source; without them that test skips. */
#include "base/limits.h"
#include "spec/language.h"
#include "spec/plan.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define FILES_MAX 64

static Arena arena;

static Str read_whole(const char *path) {
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *p = arena_alloc(&arena, 256 * KIB);
    size_t n = fread(p, 1, 256 * KIB, f);
    fclose(f);
    return (Str){ p, n };
}

/* ---- the table ------------------------------------------------------------------------------------------------------- */

static void assert_form(Str form) {
    static const char *const plain[] = {
        "pattern", "text",    "id",      "bool", "count", "number", "share", "duration",
        "money",   "percent", "pattern", "rate", "type",  "value",  "data",  "expr",
        "agent",   "tool",    "model",   "step", "task",  "state",  "steps", "workflow",
    };
    Str one, inner;
    size_t n = 0;
    for (size_t at = 0; form_next(form, &at, &one); n++) {
        bool known = false;
        FormKind kind = form_kind(one, &inner);
        for (size_t i = 0; i < ARRAY_LEN(plain); i++)
            known |= str_is(inner, plain[i]);
        known |= kind == FORM_WORD || (kind == FORM_BLOCK && language_block(inner));
        if (kind == FORM_LIST || kind == FORM_MAP)
            assert_form(inner);
        else if (!known)
            fail_msg("no form `%.*s`", STR_FMT(one));
    }
    assert_true(n > 0);
}

static void assert_words(const Block *b, const char *words) {
    while (*words) {
        size_t n = strcspn(words, " ");
        if (!language_word(b, (Str){ words, n }))
            fail_msg("%s asks for `%.*s`, which it does not have", b->name, (int)n, words);
        words += n + (words[n] == ' ');
    }
}

static void every_row_of_the_table_is_sound(void **state) {
    (void)state;
    const Block *b;
    for (size_t i = 0; (b = language_block_at(i)); i++) {
        assert_ptr_equal(language_block(str_from(b->name)), b);
        assert_words(b, b->required);
        assert_words(b, b->one_of);
        for (size_t k = 0; k < b->n; k++) {
            const Keyword *w = &b->words[k];
            assert_ptr_equal(language_word(b, str_from(w->word)), w);
            assert_true(w->says[0]);
            assert_form(str_from(w->form));
        }
    }
}

/* ---- the page -------------------------------------------------------------------------------------------------------- */

static void write_form(Buf *b, Str form) {
    for (size_t i = 0; i < form.len; i++)
        if (form.p[i] == '|')
            buf_fmt(b, "or");
        else
            buf_char(b, form.p[i]);
}

static void write_block(Buf *b, const Block *block) {
    buf_fmt(b, "\n## %s: %s\n\n", block->name, block->what);
    if (block->required[0])
        buf_fmt(b, "Needs `%s`.%s", block->required, block->one_of[0] ? " " : "\n\n");
    if (block->one_of[0])
        buf_fmt(b, "One of `%s`.\n\n", block->one_of);
    buf_fmt(b, "| word | written | |\n|---|---|---|\n");
    for (size_t i = 0; i < block->n; i++) {
        const Keyword *w = &block->words[i];
        buf_fmt(b, "| `%s`%s | `", w->word, w->since == LATER ? " (later)" : "");
        write_form(b, str_from(w->form));
        buf_fmt(b, "` | %s |\n", w->says);
    }
}

static void write_foreign(Buf *b) {
    const Foreign *words;
    size_t n = foreign_words(&words);
    buf_fmt(b, "\n## Words of other systems\n\n| word | met in | instead |\n|---|---|---|\n");
    for (size_t i = 0; i < n; i++)
        buf_fmt(b, "| `%s` | %s | %s |\n", words[i].word, words[i].met_in, words[i].instead);
}

static void every_word_of_another_system_has_its_test(void **state) {
    (void)state;
    const Foreign *words;
    size_t n = foreign_words(&words);
    for (size_t i = 0; i < n; i++) {
        bool camel = strcmp(words[i].word, "dependsOn") == 0;
        char path[600], word[40];
        snprintf(word, sizeof word, "%s", camel ? "depends_on_camel" : words[i].word);
        for (char *at = word; *at; at++)
            *at = *at == '-' ? '_' : *at;
        snprintf(path, sizeof path, SOURCE_ROOT "/tests/bad/foreign_%s.yaml", word);
        Str text = read_whole(path);
        if (str_find(text, arena_fmt(&arena, "%s: ", words[i].word)) < 0)
            fail_msg("%s does not try `%s`", path, words[i].word);
    }
}

/* What the page says is in docs/words.md; on a difference the right text is left in the file it names. */
static void the_page_of_words_is_the_table(void **state) {
    (void)state;
    Str page = read_whole(SOURCE_ROOT "/docs/words.md");
    ptrdiff_t from = str_find(page, STR("\n## Workflow: "));
    const Block *block;
    Buf b = BUF_INIT(MIB);
    for (size_t i = 0; (block = language_block_at(i)); i++)
        write_block(&b, block);
    write_foreign(&b);
    bool same = from >= 0 && str_eq(str_slice(page, (size_t)from, page.len), buf_str(&b));
    if (!same) {
        FILE *f = fopen("words.md.right", "wb");
        assert_non_null(f);
        fwrite(buf_str(&b).p, 1, buf_str(&b).len, f);
        fclose(f);
        print_message("the tables of docs/words.md should be those of ./words.md.right\n");
    }
    buf_deinit(&b);
    assert_true(same);
}

/* ---- a file of every word -------------------------------------------------------------------------------------------- */

static bool names_word(Str text, const char *word) {
    Str key = arena_fmt(&arena, "%s: ", word), block = arena_fmt(&arena, "%s:\n", word);
    return str_find(text, key) >= 0 || str_find(text, block) >= 0;
}

static void a_file_of_every_verb_is_good_and_does_not_run(void **state) {
    (void)state;
    Str text = read_whole(SOURCE_ROOT "/tests/language/whole.yaml"), name = STR("whole.yaml");
    Str project = STR("baton: 1\ngroups: { leads: [ann] }\n");
    Str closure =
        closure_make(&arena, name, (Str[]){ name, STR("baton.yaml") }, (Str[]){ text, project }, 2);
    Diags checked = { .arena = &arena }, refused = { .arena = &arena };
    Plan *plan = NULL;
    const Block *step = language_block(STR("Step"));
    for (size_t i = 0; i < step->n; i++)
        if (step->words[i].since == LATER && strcmp(step->words[i].word, "capabilities") != 0 &&
            !names_word(text, step->words[i].word))
            fail_msg("tests/language/whole.yaml does not try `%s`", step->words[i].word);
    assert_int_equal(plan_check(closure, &plan, &checked, NULL), 0);
    assert_int_equal(checked.n, 0);
    assert_true(plan->n_later > 0);
    plan_free(plan);
    assert_int_equal(plan_compile(closure, &plan, &refused), PLAN_E_REFUSED);
    for (size_t i = 0; i < refused.n; i++)
        assert_true(str_is(refused.items[i].code, "later"));
}

static void a_byte_order_mark_says_nothing(void **state) {
    (void)state;
    Str text = STR("\xef\xbb\xbf"
                   "baton: 1\nsteps: [{ tool: ehco }]\n"),
        name = STR("bom.yaml");
    Diags diags = { .arena = &arena };
    Plan *plan = NULL;
    assert_int_equal(plan_check(closure_make(&arena, name, &name, &text, 1), &plan, &diags, NULL),
                     PLAN_E_REFUSED);
    assert_int_equal(diags.n, 1);
    assert_int_equal(diags.items[0].pos.line, 2);
    assert_int_equal(diags.items[0].pos.column, 17);
}

/* ---- whole files ----------------------------------------------------------------------------------------------------- */

typedef struct Folder {
    Str names[FILES_MAX], texts[FILES_MAX];
    size_t n;
} Folder;

static void read_folder(Folder *f, const char *root, const char *inside) {
    DIR *dir = opendir(arena_fmt(&arena, "%s/%s", root, inside).p);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        const char *name = arena_fmt(&arena, "%s%s", inside, e->d_name).p;
        if (e->d_name[0] == '.')
            continue;
        if (e->d_type == DT_DIR) {
            read_folder(f, root, arena_fmt(&arena, "%s/", name).p);
            continue;
        }
        assert_true(f->n < FILES_MAX);
        f->names[f->n] = str_from(name);
        f->texts[f->n++] = read_whole(arena_fmt(&arena, "%s/%s", root, name).p);
    }
    if (dir)
        closedir(dir);
}

static bool is_good(const Folder *f, Str name) {
    Diags diags = { .arena = &arena };
    Plan *plan = NULL;
    Str closure = closure_make(&arena, name, f->names, f->texts, f->n);
    int r = plan_check(closure, &plan, &diags, NULL);
    Buf b = BUF_INIT(MIB);
    for (size_t i = 0; i < diags.n; i++)
        diag_write(&b, &diags.items[i]);
    fprintf(stderr, "%.*s", STR_FMT(buf_str(&b)));
    buf_deinit(&b);
    plan_free(plan);
    return r == 0 && diags.n == 0;
}

static void whole_files_are_good_and_nothing_is_to_be_said_of_them(void **state) {
    (void)state;
    const char *root = getenv("BATON_LANGUAGE");
    static Folder folder;
    size_t good = 0, all = 0;
    if (!root)
        root = SOURCE_ROOT "/../shared/language";
    read_folder(&folder, root, "");
    if (folder.n == 0) {
        print_message("%s: no files, nothing to check\n", root);
        skip();
    }
    for (size_t i = 0; i < folder.n; i++) {
        Str name = folder.names[i];
        if (!str_ends(name, STR(".yaml")))
            continue;
        all++;
        good += is_good(&folder, name);
    }
    assert_int_equal(good, all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_the_table_is_sound),
        cmocka_unit_test(the_page_of_words_is_the_table),
        cmocka_unit_test(a_file_of_every_verb_is_good_and_does_not_run),
        cmocka_unit_test(a_byte_order_mark_says_nothing),
        cmocka_unit_test(whole_files_are_good_and_nothing_is_to_be_said_of_them),
        cmocka_unit_test(every_word_of_another_system_has_its_test),
    };
    arena_init(&arena, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The language as a whole: its table is sound and printed. */
#include "base/limits.h"
#include "spec/language.h"
#include "spec/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

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
        "text",    "id",   "bool", "count", "number", "share",    "duration", "money",
        "percent", "rate", "type", "value", "data",   "expr",     "agent",    "tool",
        "model",   "step", "task", "state", "steps",  "workflow",
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
    Str closure = closure_make(&arena, name, &name, &text, 1);
    Diags checked = { .arena = &arena }, refused = { .arena = &arena };
    Plan *plan = NULL;
    const Block *step = language_block(STR("Step"));
    for (size_t i = 0; i < step->n; i++)
        if (step->words[i].since == LATER && strcmp(step->words[i].word, "capabilities") != 0 &&
            !names_word(text, step->words[i].word))
            fail_msg("tests/language/whole.yaml does not try `%s`", step->words[i].word);
    assert_int_equal(plan_check(closure, &plan, &checked, NULL), 0);
    assert_int_equal(checked.n, 0);
    assert_true(plan->n_later > 40);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_the_table_is_sound),
        cmocka_unit_test(the_page_of_words_is_the_table),
        cmocka_unit_test(a_file_of_every_verb_is_good_and_does_not_run),
        cmocka_unit_test(a_byte_order_mark_says_nothing),
        cmocka_unit_test(every_word_of_another_system_has_its_test),
    };
    arena_init(&arena, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The local embedding: the same numbers for ever, since what a router chose by them is derived again. */
#include "spec/embed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static Embedding of(const char *text) {
    Embedding e;
    embed_text(str_from(text), &e);
    return e;
}

static double near(const char *a, const char *b) {
    Embedding x = of(a), y = of(b);
    return embed_cosine(&x, &y);
}

/* FNV-1a over the numbers of a vector. */
static uint64_t mark_of(const char *text) {
    Embedding e = of(text);
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < EMBED_SIZE; i++)
        h = (h ^ (uint32_t)e.of[i]) * UINT64_C(1099511628211);
    return h;
}

static void a_vector_never_changes(void **state) {
    static const struct {
        const char *text;
        uint64_t mark;
    } golden[] = {
        { "", UINT64_C(0x51d88627df287325) },
        { "a", UINT64_C(0x566b1bb871f13325) },
        { "Where is my order?", UINT64_C(0xc35c9237c2047d69) },
        { "What are the API rate limits?", UINT64_C(0x1885881c8fde1c1f) },
        { "Ärger mit der Überweisung", UINT64_C(0x859c72c49479a5eb) },
        { "где мой заказ", UINT64_C(0x23a07944233c46b0) },
        { "我的订单在哪里", UINT64_C(0x6a3077075c90f990) },
        { "broken \xff\xc3 bytes", UINT64_C(0xd79a24c33180dd0e) },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(golden); i++)
        if (mark_of(golden[i].text) != golden[i].mark)
            fail_msg("%s: 0x%016llx", golden[i].text, (unsigned long long)mark_of(golden[i].text));
}

static void texts_that_differ_in_case_and_marks_only_are_the_same(void **state) {
    (void)state;
    assert_true(near("Where is my ORDER", "where is: my order?!") > 0.9);
    assert_true(near("ÜBERWEISUNG", "überweisung") > 0.999);
    assert_true(near("ЗАКАЗ", "заказ") > 0.999);
}

static void words_are_near_to_their_other_forms(void **state) {
    (void)state;
    assert_true(near("refund", "refunded") > 0.5);
    assert_true(near("webhook", "webhooks") > 0.5);
    assert_true(near("recieve", "receive") > 0.1);
    assert_true(near("我的订单在哪里", "我的订单呢") > 0.3);
}

static void unlike_texts_are_far(void **state) {
    (void)state;
    assert_true(near("Where is my order?", "Please fix the build") < 0.1);
    assert_true(near("How do I configure SSO?", "How do I cook pasta?") < 0.5);
}

static void a_text_that_says_nothing_is_near_to_nothing(void **state) {
    (void)state;
    assert_true(near("", "anything") == 0);
    assert_true(near("?! …", "?! …") == 0);
    Centre c;
    embed_centre(NULL, 0, &c);
    Embedding e = of("anything");
    assert_true(embed_nearness(&e, &c) == 0);
}

static void a_target_is_as_near_to_its_own_texts_however_many_it_has(void **state) {
    const Str one[] = { STR("Where is my order?") };
    const Str three[] = { STR("Where is my order?"), STR("The parcel has not arrived"),
                          STR("Tracking shows nothing") };
    Centre c1, c3;
    Embedding e = of("Where is my order?");
    (void)state;
    embed_centre(one, 1, &c1);
    embed_centre(three, 3, &c3);
    assert_true(embed_nearness(&e, &c1) == 1);
    assert_true(embed_nearness(&e, &c3) > 0.9);
    assert_true(embed_cosine(&e, &c3.sum) < 0.7); /* what it would be without */
}

static void a_long_text_costs_no_more_than_its_beginning(void **state) {
    size_t n = 8 << 20;
    char *text = malloc(n);
    Embedding a, b;
    (void)state;
    for (size_t i = 0; i < n; i++)
        text[i] = "order parcel "[i % 13];
    embed_text((Str){ text, n }, &a);
    embed_text((Str){ text, EMBED_BYTES_MAX }, &b);
    assert_memory_equal(&a, &b, sizeof a);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_vector_never_changes),
        cmocka_unit_test(texts_that_differ_in_case_and_marks_only_are_the_same),
        cmocka_unit_test(words_are_near_to_their_other_forms),
        cmocka_unit_test(unlike_texts_are_far),
        cmocka_unit_test(a_text_that_says_nothing_is_near_to_nothing),
        cmocka_unit_test(a_target_is_as_near_to_its_own_texts_however_many_it_has),
        cmocka_unit_test(a_long_text_costs_no_more_than_its_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Strings, memory, buffers, hashes and ids. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/mutant.h"
#include "base/str.h"
#include "base/uuid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define assert_str(s, z) assert_str_at((s), (z), __LINE__)
static void assert_str_at(Str s, const char *z, int line) {
    if (!str_is(s, z))
        fail_msg("line %d: \"%.*s\" is not \"%s\"", line, STR_FMT(s), z);
}

static void an_absent_text_is_not_an_empty_one(void **state) {
    (void)state;
    assert_null(STR_NULL.p);
    assert_non_null(STR("").p);
    assert_true(str_eq(STR_NULL, STR("")));
    assert_null(str_from(NULL).p);
    assert_true(str_is(STR_NULL, ""));
}

static void strings_order_by_bytes_and_then_length(void **state) {
    (void)state;
    assert_true(str_cmp(STR("a"), STR("b")) < 0);
    assert_true(str_cmp(STR("a"), STR("ab")) < 0);
    assert_true(str_cmp(STR("\xC3\xA9"), STR("z")) > 0);
    assert_int_equal(str_cmp(STR("a\0b"), STR("a\0b")), 0);
    assert_true(str_cmp(STR("a\0b"), STR("a\0c")) < 0);
    assert_true(str_cmp(STR(""), STR("a")) < 0);
}

static void find_gives_the_first_place_or_minus_one(void **state) {
    (void)state;
    assert_int_equal(str_find(STR("banana"), STR("an")), 1);
    assert_int_equal(str_find(STR("banana"), STR("nan")), 2);
    assert_int_equal(str_find(STR("banana"), STR("nab")), -1);
    assert_int_equal(str_find(STR("aab"), STR("ab")), 1);
    assert_int_equal(str_find(STR("banana"), STR("")), 0);
    assert_int_equal(str_find(STR(""), STR("a")), -1);
    assert_int_equal(str_find(STR("a"), STR("aa")), -1);
    assert_int_equal(str_find(STR("a"), STR("a")), 0);
    assert_true(str_starts(STR("banana"), STR("ban")));
    assert_false(str_starts(STR("ba"), STR("ban")));
    assert_true(str_ends(STR("banana"), STR("nana")));
    assert_false(str_ends(STR("banana"), STR("nan")));
}

static void text_becomes_an_integer_only_as_a_whole_and_in_range(void **state) {
    (void)state;
    int64_t i = 7;
    uint64_t u = 7;
    assert_true(str_to_i64(STR("-9223372036854775808"), &i));
    assert_true(i == INT64_MIN);
    assert_true(str_to_i64(STR("9223372036854775807"), &i));
    assert_true(i == INT64_MAX);
    assert_true(str_to_u64(STR("18446744073709551615"), &u));
    assert_true(u == UINT64_MAX);
    i = 7;
    const Str bad[] = { STR("9223372036854775808"),
                        STR("-9223372036854775809"),
                        STR(""),
                        STR("-"),
                        STR("+1"),
                        STR("1 "),
                        STR(" 1"),
                        STR("1a"),
                        STR("--1"),
                        STR("99999999999999999999") };
    for (size_t n = 0; n < ARRAY_LEN(bad); n++)
        assert_false(str_to_i64(bad[n], &i));
    assert_true(i == 7);
    assert_false(str_to_u64(STR("18446744073709551616"), &u));
    assert_false(str_to_u64(STR("-1"), &u));
}

static void utf8_is_checked_at_its_edges(void **state) {
    (void)state;
    const Str good[] = { STR(""),
                         STR("plain ascii, more than eight"),
                         STR("\xC2\x80"),
                         STR("\xDF\xBF"),
                         STR("\xE0\xA0\x80"),
                         STR("\xED\x9F\xBF"),
                         STR("\xEE\x80\x80"),
                         STR("\xF0\x90\x80\x80"),
                         STR("\xF4\x8F\xBF\xBF"),
                         STR("a\0b") };
    const Str bad[] = { STR("\x80"),
                        STR("\xC0\x80"),
                        STR("\xC1\xBF"),
                        STR("\xE0\x9F\xBF"),
                        STR("\xED\xA0\x80"),
                        STR("\xF0\x8F\xBF\xBF"),
                        STR("\xF4\x90\x80\x80"),
                        STR("\xF5\x80\x80\x80"),
                        STR("\xFF"),
                        STR("\xE2\x82"),
                        STR("12345678\xC3"),
                        STR("\xE2\x82x") };
    for (size_t n = 0; n < ARRAY_LEN(good); n++)
        assert_true(str_is_utf8(good[n]));
    for (size_t n = 0; n < ARRAY_LEN(bad); n++)
        assert_false(str_is_utf8(bad[n]));
}

static void codepoints_are_decoded_one_by_one(void **state) {
    (void)state;
    Str s = STR("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xFF!");
    const uint32_t expected[] = { 'a', 0xE9, 0x20AC, 0x1F600, 0xFFFD, '!' };
    size_t at = 0;
    for (size_t n = 0; n < ARRAY_LEN(expected); n++)
        assert_int_equal(str_next_codepoint(s, &at), expected[n]);
    assert_int_equal(at, s.len);
    assert_int_equal(str_codepoints(STR("a\xC3\xA9\xF0\x9F\x98\x80")), 3);
}

static void distance_counts_changes_and_swaps(void **state) {
    (void)state;
    assert_int_equal(str_distance(STR("plan"), STR("plan"), 3), 0);
    assert_int_equal(str_distance(STR("plan"), STR("plann"), 3), 1);
    assert_int_equal(str_distance(STR("plan"), STR("lpan"), 3), 1);
    assert_int_equal(str_distance(STR("plan"), STR("pan"), 3), 1);
    assert_int_equal(str_distance(STR("kitten"), STR("sitting"), 5), 3);
    assert_int_equal(str_distance(STR("kitten"), STR("sitting"), 2), 3);
    assert_int_equal(str_distance(STR("abcd"), STR("badc"), 2), 2);
    assert_int_equal(str_distance(STR(""), STR("ab"), 2), 2);
    assert_int_equal(str_distance(STR("a"), STR("abcdef"), 2), 3);
}

static void distance_agrees_with_itself_whatever_the_bound(void **state) {
    (void)state;
    /* Every pair of words of up to five letters out of two: the early exits must not change an answer below the bound. */
    Str words[62];
    char texts[62][5];
    size_t n = 0;
    for (size_t len = 1; len <= 5; len++)
        for (unsigned bits = 0; bits < 1u << len; bits++, n++) {
            for (size_t i = 0; i < len; i++)
                texts[n][i] = bits >> i & 1 ? 'b' : 'a';
            words[n] = (Str){ texts[n], len };
        }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            unsigned exact = str_distance(words[i], words[j], 10);
            assert_int_equal(exact, str_distance(words[j], words[i], 10));
            for (unsigned max = 0; max < 6; max++)
                assert_int_equal(str_distance(words[i], words[j], max), MIN(exact, max + 1));
        }
}

static void nearest_name_is_offered_only_if_near(void **state) {
    (void)state;
    const Str names[] = { STR("instructions"), STR("output"), STR("input"), STR("if") };
    assert_str(str_nearest(STR("instrutcions"), names, 4), "instructions");
    assert_str(str_nearest(STR("ouput"), names, 4), "output");
    assert_str(str_nearest(STR("inputs"), names, 4), "input");
    assert_null(str_nearest(STR("timeout"), names, 4).p);
    assert_null(str_nearest(STR("x"), names, 4).p);
    assert_null(str_nearest(STR(""), names, 4).p);
    assert_null(str_nearest(STR("output"), NULL, 0).p);
}

static void arena_allocations_are_aligned_and_apart(void **state) {
    (void)state;
    Arena a;
    arena_init(&a, 0);
    char *before = NULL;
    for (size_t size = 0; size < 3000; size = size * 3 / 2 + 1) {
        char *p = arena_alloc(&a, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        assert_ptr_not_equal(p, before);
        memset(p, 0xAB, size);
        before = p;
    }
    arena_deinit(&a);
}

static void a_big_allocation_leaves_the_free_part_in_use(void **state) {
    (void)state;
    Arena a;
    arena_init(&a, 0);
    char *first = arena_alloc(&a, 16);
    char *big = arena_alloc(&a, 100000);
    memset(big, 1, 100000);
    assert_ptr_equal(arena_alloc(&a, 16), first + 16);
    arena_deinit(&a);
}

static void a_small_arena_holds_one_kilobyte_and_a_large_one_few_chunks(void **state) {
    (void)state;
    Arena a;
    arena_init(&a, 0);
    assert_int_equal(arena_footprint(&a), 0);
    arena_alloc(&a, 10);
    assert_in_range(arena_footprint(&a), 16, 1024);
    for (int i = 0; i < 100000; i++)
        arena_alloc(&a, 64);
    assert_in_range(arena_footprint(&a), 6400000, 6400000 + 2 * 256 * 1024);
    arena_deinit(&a);
    assert_int_equal(arena_footprint(&a), 0);
}

static void an_arena_over_its_cap_says_so_and_still_serves(void **state) {
    (void)state;
    Arena a;
    arena_init(&a, 100);
    arena_alloc(&a, 96);
    assert_false(arena_over(&a));
    assert_non_null(arena_alloc(&a, 96));
    assert_true(arena_over(&a));
    arena_reset(&a);
    assert_false(arena_over(&a));
    arena_deinit(&a);
}

static void a_reset_arena_uses_its_newest_chunk_again(void **state) {
    (void)state;
    Arena a;
    arena_init(&a, 0);
    for (int i = 0; i < 1000; i++)
        arena_alloc(&a, 64);
    arena_reset(&a);
    size_t kept = arena_footprint(&a);
    assert_true(kept > 0);
    for (size_t i = 0; i < kept / 64 - 1; i++)
        arena_alloc(&a, 64);
    assert_int_equal(arena_footprint(&a), kept);
    arena_deinit(&a);
    arena_init(&a, 0);
    arena_alloc(&a, 10 * 1000 * 1000);
    arena_reset(&a);
    assert_int_equal(arena_footprint(&a), 0);
    arena_deinit(&a);
}

static void arena_texts_are_terminated(void **state) {
    (void)state;
    Arena a;
    arena_init(&a, 0);
    Str s = arena_str(&a, STR("abc"));
    assert_string_equal(s.p, "abc");
    assert_string_equal(arena_str(&a, STR_NULL).p, "");
    s = arena_fmt(&a, "%d-%s", 7, "x");
    assert_string_equal(s.p, "7-x");
    assert_int_equal(s.len, 3);
    s = arena_fmt(&a, "%0300d", 1);
    assert_int_equal(s.len, 300);
    assert_int_equal(strlen(s.p), 300);
    arena_deinit(&a);
}

static void a_buffer_past_its_cap_drops_everything_after(void **state) {
    (void)state;
    Buf b = BUF_INIT(10);
    buf_str_add(&b, STR("12345678"));
    assert_false(buf_over(&b));
    buf_str_add(&b, STR("901"));
    assert_true(buf_over(&b));
    buf_char(&b, 'x');
    buf_fmt(&b, "%d", 1);
    assert_str(buf_str(&b), "12345678");
    buf_reset(&b);
    buf_str_add(&b, STR("0123456789"));
    assert_false(buf_over(&b));
    assert_null(buf_room(&b, SIZE_MAX));
    assert_true(buf_over(&b));
    buf_deinit(&b);
}

static void a_buffer_grows_and_gives_its_bytes_away(void **state) {
    (void)state;
    Buf b = BUF_INIT(1 << 20);
    for (int i = 0; i < 1000; i++)
        buf_fmt(&b, "%d,", i);
    buf_fmt(&b, "%01000d", 5);
    size_t len = b.len, taken = 0;
    char *p = buf_take(&b, &taken);
    assert_int_equal(taken, len);
    assert_int_equal(strlen(p), len);
    assert_int_equal(b.len, 0);
    free(p);
    p = buf_take(&b, NULL);
    assert_string_equal(p, "");
    free(p);
}

static void varints_come_back_as_they_were(void **state) {
    (void)state;
    const uint64_t values[] = { 0,     1,          127,       128,        16383,
                                16384, UINT32_MAX, INT64_MAX, UINT64_MAX, UINT64_C(1) << 63 };
    Buf b = BUF_INIT(1000);
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        buf_varint(&b, values[i]);
        buf_svarint(&b, (int64_t)values[i]);
        buf_svarint(&b, (int64_t)(0 - values[i]));
    }
    buf_u8(&b, 200);
    buf_blob(&b, STR("blob"));
    buf_blob(&b, STR_NULL);
    Cursor c = cursor_on(buf_str(&b));
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        assert_true(cursor_varint(&c) == values[i]);
        assert_true(cursor_svarint(&c) == (int64_t)values[i]);
        assert_true(cursor_svarint(&c) == (int64_t)(0 - values[i]));
    }
    assert_int_equal(cursor_u8(&c), 200);
    assert_str(cursor_blob(&c), "blob");
    assert_false(cursor_done(&c));
    assert_str(cursor_blob(&c), "");
    assert_true(cursor_done(&c));
    buf_deinit(&b);
}

static void a_cursor_that_failed_once_stays_failed(void **state) {
    (void)state;
    Cursor c = cursor_on(STR("\x05\x61\x62"));
    assert_str(cursor_blob(&c), "");
    assert_true(c.bad);
    assert_int_equal(cursor_u8(&c), 0);
    assert_int_equal(cursor_varint(&c), 0);
    assert_false(cursor_done(&c));
    c = cursor_on(STR("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02"));
    assert_int_equal(cursor_varint(&c), 0);
    assert_true(c.bad);
    c = cursor_on(STR("\x80"));
    cursor_varint(&c);
    assert_true(c.bad);
    c = cursor_on(STR_NULL);
    assert_true(cursor_done(&c));
}

static void assert_hex(Hash h, const char *hex) {
    char text[HASH_BYTES * 2 + 1];
    hash_hex(&h, text);
    assert_string_equal(text, hex);
}

/* FIPS 180-2, appendix B, and RFC 4231, case 2. */
static void hashes_match_the_published_vectors(void **state) {
    (void)state;
    assert_hex(hash_bytes(STR("abc")),
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_hex(hash_bytes(STR("")),
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_hex(hash_hmac(STR("Jefe"), STR("what do ya want for nothing?")),
               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    Hash whole = hash_bytes(STR("abc"));
    Hash parts = hash_parts((Str[]){ STR("a"), STR(""), STR("bc"), STR_NULL }, 4);
    assert_true(hash_eq(&whole, &parts));
    hash_hmac(STR_NULL, STR("an empty key is a key"));
}

/* A key is padded with zeros to a block, so a key of 32 bytes and the same with 32 zeros are one. The start of the last
 * such key is kept: keys in turns must not be mixed up. */
static void keys_of_any_length_and_in_turns_give_their_own_hmac(void **state) {
    (void)state;
    char longer[131], block[64] = { 0 };
    memset(longer, 0xaa, sizeof longer);
    assert_hex(
        hash_hmac((Str){ longer, sizeof longer },
                  STR("Test Using Larger Than Block-Size Key - Hash Key First")),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"); /* RFC 4231, case 6 */
    for (int i = 0; i < 6; i++) {
        memset(block, 'a' + i % 2, HASH_BYTES);
        Hash kept = hash_hmac((Str){ block, HASH_BYTES }, STR("m"));
        Hash fresh = hash_hmac((Str){ block, sizeof block }, STR("m"));
        assert_true(hash_eq(&kept, &fresh));
    }
}

static void hash_texts_read_back(void **state) {
    (void)state;
    Hash h = hash_bytes(STR("abc")), back;
    char hex[HASH_BYTES * 2 + 1], text[60];
    hash_hex(&h, hex);
    assert_true(hash_from_hex(str_from(hex), &back));
    assert_true(hash_eq(&h, &back));
    hex[10] = 'g';
    assert_false(hash_from_hex(str_from(hex), &back));
    assert_false(hash_from_hex(STR("ab"), &back));
    /* RFC 4648, section 10, in lower case and without padding. */
    memcpy(h.b, "foobar", 6);
    assert_int_equal(hash_base32(&h, 6, text, sizeof text), 10);
    assert_string_equal(text, "mzxw6ytboi");
    assert_int_equal(hash_base32(&h, 5, text, sizeof text), 8);
    assert_string_equal(text, "mzxw6ytb");
    assert_int_equal(hash_base32(&h, 1, text, sizeof text), 2);
    assert_string_equal(text, "my");
    assert_int_equal(hash_base32(&h, 32, text, sizeof text), 52);
}

static void the_fast_hash_is_fixed_and_depends_on_its_seed(void **state) {
    (void)state;
    assert_true(hash_fast(STR("step"), 1) == hash_fast(STR("step"), 1));
    assert_true(hash_fast(STR("step"), 1) != hash_fast(STR("step"), 2));
    /* What was jittered must be jittered the same way by every later version. */
    assert_true(hash_fast(STR("step"), 0) == UINT64_C(0x7ca3219175ce87bf));
    unsigned top_bits = 0;
    for (const char *c = "abcdefghijklmnopqrstuvwxyz"; *c; c++)
        top_bits |= 1u << (hash_fast((Str){ c, 1 }, 0) >> 60);
    assert_true(__builtin_popcount(top_bits) >= 8);
}

static void uuids_carry_time_version_and_variant(void **state) {
    (void)state;
    /* RFC 9562, appendix A.6. */
    const uint8_t random[10] = { 0x0C, 0xC3, 0x18, 0xC4, 0xDC, 0x0C, 0x0C, 0x07, 0x39, 0x8F };
    char text[UUID_CHARS + 1], later[UUID_CHARS + 1];
    uuid7(0x017F22E279B0, random, text);
    assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    uuid7(0x017F22E279B1, (const uint8_t[10]){ 0 }, later);
    assert_true(strcmp(text, later) < 0);
}

static void a_mutant_is_on_only_when_chosen(void **state) {
    (void)state;
    assert_false(MUTANT(ack_before_commit));
    mutant_choose("ack_before_commit");
    assert_true(MUTANT(ack_before_commit));
    assert_false(MUTANT(another));
    mutant_choose(NULL);
    assert_false(MUTANT(ack_before_commit));
}

static void error_codes_have_texts(void **state) {
    (void)state;
    assert_string_equal(err_text(-ERR_FULL), "no space left");
    assert_string_equal(err_text(-ERR_INTERNAL), "internal error of a library");
    assert_string_equal(err_text(-99), "unknown error");
    assert_string_equal(err_text(INT32_MIN), "unknown error");
}

typedef char *Text;
static int freed;
static void text_free(Text t) {
    freed++;
    free(t);
}
DEFINE_CLEANUP(Text, text_free)

static Text keep(bool take) {
    _cleanup_(text_freep)
    Text t = xstrndup("kept", 4);
    return take ? TAKE(t) : NULL;
}

static void what_is_taken_is_not_cleaned_up(void **state) {
    (void)state;
    freed = 0;
    Text t = keep(true);
    assert_int_equal(freed, 0);
    assert_string_equal(t, "kept");
    free(t);
    assert_null(keep(false));
    assert_int_equal(freed, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_absent_text_is_not_an_empty_one),
        cmocka_unit_test(strings_order_by_bytes_and_then_length),
        cmocka_unit_test(find_gives_the_first_place_or_minus_one),
        cmocka_unit_test(text_becomes_an_integer_only_as_a_whole_and_in_range),
        cmocka_unit_test(utf8_is_checked_at_its_edges),
        cmocka_unit_test(codepoints_are_decoded_one_by_one),
        cmocka_unit_test(distance_counts_changes_and_swaps),
        cmocka_unit_test(distance_agrees_with_itself_whatever_the_bound),
        cmocka_unit_test(nearest_name_is_offered_only_if_near),
        cmocka_unit_test(arena_allocations_are_aligned_and_apart),
        cmocka_unit_test(a_big_allocation_leaves_the_free_part_in_use),
        cmocka_unit_test(a_small_arena_holds_one_kilobyte_and_a_large_one_few_chunks),
        cmocka_unit_test(an_arena_over_its_cap_says_so_and_still_serves),
        cmocka_unit_test(a_reset_arena_uses_its_newest_chunk_again),
        cmocka_unit_test(arena_texts_are_terminated),
        cmocka_unit_test(a_buffer_past_its_cap_drops_everything_after),
        cmocka_unit_test(a_buffer_grows_and_gives_its_bytes_away),
        cmocka_unit_test(varints_come_back_as_they_were),
        cmocka_unit_test(a_cursor_that_failed_once_stays_failed),
        cmocka_unit_test(hashes_match_the_published_vectors),
        cmocka_unit_test(keys_of_any_length_and_in_turns_give_their_own_hmac),
        cmocka_unit_test(hash_texts_read_back),
        cmocka_unit_test(the_fast_hash_is_fixed_and_depends_on_its_seed),
        cmocka_unit_test(uuids_carry_time_version_and_variant),
        cmocka_unit_test(a_mutant_is_on_only_when_chosen),
        cmocka_unit_test(error_codes_have_texts),
        cmocka_unit_test(what_is_taken_is_not_cleaned_up),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}

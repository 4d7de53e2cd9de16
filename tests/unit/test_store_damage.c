/* Flips bits in the files of a SQLite store and cuts them short, everywhere. Each time, one of these must hold:
 *
 *   refused    the store does not open, says what is damaged, and has changed no byte
 *   found      it opens, and check, or reading, names the damage
 *   harmless   it answers exactly what it answered before
 *   window     commits of the last second, which the side file did not know yet, are gone: the stated limit
 *
 * What must never happen is an answer that differs and nobody who says so. */
#include "store/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define BATCHES 40
#define SEED 77
#define BATCH_MS 300
#define FILES 3

static const char *const file_names[FILES] = { "baton.db", "baton.db-wal", "high" };
enum { DB, WAL, HIGH };

/* What a store looked like at some moment, and what it held. */
typedef struct Image {
    Str files[FILES]; /* STR_NULL: there was none */
    size_t batches;
    size_t surely; /* batches that the side file vouches for */
} Image;

static Arena arena;
static Hash expected[BATCHES + 1];
static Image closed_image, crashed_images[3];

static const char *dir_of(const char *name) {
    static char path[400];
    snprintf(path, sizeof path, "%s/%s", test_dir("damage"), name);
    return path;
}

static Str read_whole(const char *name) {
    FILE *f = fopen(dir_of(name), "rb");
    if (!f)
        return STR_NULL;
    char *p = arena_alloc(&arena, 4 * MIB);
    size_t n = fread(p, 1, 4 * MIB, f);
    fclose(f);
    assert_true(n < 4 * MIB);
    return (Str){ p, n };
}

static Image take_image(size_t batches, size_t surely) {
    Image image = { .batches = batches, .surely = surely };
    for (size_t i = 0; i < FILES; i++)
        image.files[i] = read_whole(file_names[i]);
    return image;
}

static void put_image(const Image *image) {
    remove_store(test_dir("damage"));
    assert_int_equal(mkdir(test_dir("damage"), 0700), 0);
    for (size_t i = 0; i < FILES; i++) {
        if (!image->files[i].p)
            continue;
        FILE *f = fopen(dir_of(file_names[i]), "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(image->files[i].p, 1, image->files[i].len, f), image->files[i].len);
        assert_int_equal(fclose(f), 0);
    }
}

/* An empty file is as good as none. */
static bool is_unchanged(const Image *image) {
    bool same = true;
    Arena kept = arena;
    arena_init(&arena, 0);
    for (size_t i = 0; i < FILES; i++) {
        Str now = read_whole(file_names[i]);
        same = same && now.len == image->files[i].len && (!now.len || str_eq(now, image->files[i]));
    }
    arena_deinit(&arena);
    arena = kept;
    return same;
}

static int open_store(Store **ret, char *problem) {
    StoreSqliteOptions options = { .install_key = test_key, .wal_pages = 150, .sweep_rows = 25 };
    return store_sqlite_open(test_dir("damage"), &options, ret, problem);
}

static int make_images(void **state UNUSED) {
    char problem[STORE_PROBLEM_BYTES];
    Store *s;
    StoreLease lease;
    Load l;
    size_t taken = 0, surely = 0;
    arena_init(&arena, 0);
    load_init(&l, SEED);
    remove_store(test_dir("damage"));
    assert_int_equal(open_store(&s, problem), 0);
    assert_int_equal(s->ops->enter(s, 0, 1000, &lease), 0);
    Str high = read_whole("high");
    for (size_t i = 0; i < BATCHES; i++) {
        assert_int_equal(digest(s, &expected[i]), 0);
        StoreBatch batch = load_batch(&l, 4, 1000 + BATCH_MS * (int64_t)i);
        assert_int_equal(s->ops->append(s, &batch), 0);
        Str now = read_whole("high");
        surely = str_eq(now, high) ? surely : i + 1;
        high = now;
        if (i == 6 || i == 24 || i == BATCHES - 2)
            crashed_images[taken++] = take_image(i + 1, surely);
    }
    assert_int_equal(digest(s, &expected[BATCHES]), 0);
    assert_int_equal(s->ops->leave(s, 1000), 0);
    store_close(s);
    closed_image = take_image(BATCHES, BATCHES);
    load_deinit(&l);
    return 0;
}

static int clean_up(void **state UNUSED) {
    remove_store(test_dir("damage"));
    arena_deinit(&arena);
    return 0;
}

/* ---- One damage, judged ---- */

typedef struct Tally {
    size_t tried, refused, found, harmless, window, wrong;
    size_t most_lost; /* batches, in `window` */
} Tally;

static void note_problem(void *ctx, Str text) {
    bool *named = ctx;
    *named = text.len > 0;
}

static int batches_held(const Hash *now) {
    for (int i = BATCHES; i >= 0; i--)
        if (hash_eq(now, &expected[i]))
            return i;
    return -1;
}

static void wrong(Tally *t, const char *what, const char *how) {
    t->wrong++;
    print_error("%s: %s\n", what, how);
}

static void judge_opened(Tally *t, const Image *image, Store *s, const char *what) {
    Hash now;
    uint64_t rows;
    bool named = false;
    int checked = s->ops->check(s, note_problem, &named, &rows);
    int read = digest(s, &now);
    int held = read ? -1 : batches_held(&now);
    if (checked == STORE_E_DAMAGED && named)
        t->found++;
    else if (checked || read)
        wrong(t, what, "check is clean, reading fails");
    else if (held == (int)image->batches)
        t->harmless++;
    else if (held >= (int)image->surely) {
        t->window++;
        t->most_lost = MAX(t->most_lost, image->batches - (size_t)held);
    } else
        wrong(t, what, "it answers something else and does not know");
}

static void judge(Tally *t, const Image *original, size_t file, Str damaged, const char *what) {
    Image image = *original;
    Store *s = NULL;
    char problem[STORE_PROBLEM_BYTES] = "";
    image.files[file] = damaged;
    put_image(&image);
    t->tried++;
    int r = open_store(&s, problem);
    if (r == 0) {
        judge_opened(t, &image, s, what);
        store_close(s);
    } else if (r != STORE_E_DAMAGED || !*problem) {
        print_error("%d %s\n", r, problem);
        wrong(t, what, "refused, but not by name");
    } else if (!is_unchanged(&image)) {
        wrong(t, what, "refused, but something was written");
    } else {
        t->refused++;
    }
}

static void judge_flip(Tally *t, const Image *image, size_t file, size_t bit) {
    char what[80];
    Str original = image->files[file];
    char *copy = xstrndup(original.p, original.len);
    copy[bit / 8] = (char)((unsigned char)copy[bit / 8] ^ (1u << (bit % 8)));
    snprintf(what, sizeof what, "%s of %zu batches, byte %zu, bit %zu flipped", file_names[file],
             image->batches, bit / 8, bit % 8);
    judge(t, image, file, (Str){ copy, original.len }, what);
    free(copy);
}

static void judge_cut(Tally *t, const Image *image, size_t file, size_t len) {
    char what[80];
    snprintf(what, sizeof what, "%s of %zu batches, cut to %zu bytes", file_names[file],
             image->batches, len);
    judge(t, image, file, (Str){ image->files[file].p, len }, what);
}

static void print_tally(const char *name, const Tally *t) {
    print_message(
        "%s: %zu tried: %zu refused, %zu found, %zu harmless, %zu lost within the window (%zu batches at most), "
        "%zu WRONG\n",
        name, t->tried, t->refused, t->found, t->harmless, t->window, t->most_lost, t->wrong);
}

static uint64_t random_state = 5;
static size_t below(size_t n) {
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(random_state >> 33) % n;
}

/* ---- Everywhere ---- */

static void flipped_bits_in_every_page_of_the_database_are_named(void **state UNUSED) {
    Tally t = { 0 };
    size_t pages = closed_image.files[DB].len / 4096;
    for (size_t bit = 0; bit < 100 * 8; bit += 3) /* the header of the file */
        judge_flip(&t, &closed_image, DB, bit);
    for (size_t page = 0; page < pages; page++)
        for (size_t i = 0; i < 20; i++) {
            size_t region = i < 8    ? 12
                            : i < 12 ? 200
                                     : 4096; /* the page's header, its pointers, all of it */
            judge_flip(&t, &closed_image, DB, (page * 4096 + below(region)) * 8 + below(8));
        }
    print_tally("bits of the database", &t);
    assert_int_equal(t.wrong, 0);
    assert_int_equal(t.window, 0);
    assert_true(t.refused + t.found > t.tried / 4);
}

static void database_cut_at_every_page_is_named(void **state UNUSED) {
    Tally t = { 0 };
    size_t len = closed_image.files[DB].len;
    for (size_t page = 0; page < len / 4096; page++) {
        judge_cut(&t, &closed_image, DB, page * 4096);
        judge_cut(&t, &closed_image, DB, page * 4096 + 1 + below(4095));
    }
    print_tally("cuts of the database", &t);
    assert_int_equal(t.wrong + t.window + t.harmless, 0);
}

/* A flip that hides the end of the last commit but one makes two look like one that was torn. */
static void flipped_bits_in_every_frame_of_the_log_lose_two_commits_at_most(void **state UNUSED) {
    Tally t = { 0 };
    for (size_t k = 0; k < ARRAY_LEN(crashed_images); k++) {
        const Image *image = &crashed_images[k];
        for (size_t at = 32; at < image->files[WAL].len; at += 24 + 4096) {
            for (size_t i = 0; i < 4; i++)
                judge_flip(&t, image, WAL, (at + below(24)) * 8 + below(8));
            for (size_t i = 0; i < 2; i++)
                judge_flip(&t, image, WAL, (at + 24 + below(4096)) * 8 + below(8));
        }
    }
    print_tally("bits of the log", &t);
    assert_int_equal(t.wrong, 0);
    assert_true(t.most_lost <= 2);
    assert_true(t.refused > t.tried / 3);
}

static void flipped_bits_in_the_header_of_the_log_lose_the_last_second_at_most(
    void **state UNUSED) {
    Tally t = { 0 };
    for (size_t k = 0; k < ARRAY_LEN(crashed_images); k++)
        for (size_t bit = 0; bit < 32 * 8; bit++)
            judge_flip(&t, &crashed_images[k], WAL, bit);
    print_tally("bits of the log's header", &t);
    assert_int_equal(t.wrong, 0);
    assert_true(t.most_lost <= 1000 / BATCH_MS);
}

static void log_cut_at_every_frame_loses_the_last_second_at_most(void **state UNUSED) {
    Tally t = { 0 };
    for (size_t k = 0; k < ARRAY_LEN(crashed_images); k++)
        for (size_t at = 0; at < crashed_images[k].files[WAL].len; at += at ? 24 + 4096 : 32) {
            judge_cut(&t, &crashed_images[k], WAL, at);
            judge_cut(&t, &crashed_images[k], WAL, at + 1 + below(24));
        }
    print_tally("cuts of the log", &t);
    assert_int_equal(t.wrong, 0);
    assert_true(t.window > 0 && t.most_lost <= 1000 / BATCH_MS);
}

static void damaged_side_file_is_named_or_harmless(void **state UNUSED) {
    Tally t = { 0 };
    for (size_t slot = 0; slot < 2; slot++)
        for (size_t byte = 0; byte < 96; byte++)
            judge_flip(&t, &closed_image, HIGH, (slot * 4096 + byte) * 8 + below(8));
    for (size_t len = 0; len < closed_image.files[HIGH].len; len += 61)
        judge_cut(&t, &closed_image, HIGH, len);
    judge(&t, &closed_image, HIGH, STR_NULL, "high removed");
    print_tally("the side file", &t);
    assert_int_equal(t.wrong + t.window, 0);
    assert_true(t.refused > 0);
}

static void an_older_copy_of_the_database_is_refused(void **state UNUSED) {
    Tally t = { 0 };
    Image older = crashed_images[0];
    older.files[HIGH] = closed_image.files[HIGH];
    judge(&t, &older, DB, older.files[DB], "an older copy");
    older.files[DB] = older.files[WAL] = STR_NULL;
    judge(&t, &older, DB, STR_NULL, "no database");
    assert_int_equal(t.refused, 2);
}

static void the_side_file_of_another_store_is_refused(void **state UNUSED) {
    static const uint8_t other_key[32] = "some other key of thirty-two by";
    char problem[STORE_PROBLEM_BYTES];
    Tally t = { 0 };
    Store *s;
    StoreSqliteOptions options = { .install_key = other_key };
    remove_store(test_dir("damage"));
    assert_int_equal(store_sqlite_open(test_dir("damage"), &options, &s, problem), 0);
    store_close(s);
    Str other = read_whole("high");
    judge(&t, &closed_image, HIGH, other, "the side file of another store");
    assert_int_equal(t.refused, 1);
}

static void what_is_no_database_is_refused(void **state UNUSED) {
    Tally t = { 0 };
    char *noise = xstrndup(closed_image.files[DB].p, closed_image.files[DB].len);
    memset(noise, 'x', 4096);
    judge(&t, &closed_image, DB, (Str){ noise, 8192 }, "noise");
    free(noise);
    assert_int_equal(t.refused, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flipped_bits_in_every_page_of_the_database_are_named),
        cmocka_unit_test(database_cut_at_every_page_is_named),
        cmocka_unit_test(flipped_bits_in_every_frame_of_the_log_lose_two_commits_at_most),
        cmocka_unit_test(flipped_bits_in_the_header_of_the_log_lose_the_last_second_at_most),
        cmocka_unit_test(log_cut_at_every_frame_loses_the_last_second_at_most),
        cmocka_unit_test(damaged_side_file_is_named_or_harmless),
        cmocka_unit_test(an_older_copy_of_the_database_is_refused),
        cmocka_unit_test(the_side_file_of_another_store_is_refused),
        cmocka_unit_test(what_is_no_database_is_refused),
    };
    return cmocka_run_group_tests(tests, make_images, clean_up);
}

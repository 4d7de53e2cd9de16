/* Maps by tables of keys, and the small values of the language with its units. */
#include "spec/read.h"

#include "base/money.h"

#include "base/limits.h"
#include "base/time.h"

/* ---- maps ------------------------------------------------------------------------------------------------------------ */

bool enough_said(const Reader *r) { return r->diags->errors >= DIAGS_MAX; }

const char *near_remedy(Reader *r, Str word, const Str *names, size_t n) {
    if (enough_said(r))
        return NULL;
    Str near = str_nearest(word, names, n);
    return near.p ? arena_fmt(&r->scratch, "did you mean `%.*s`?", STR_FMT(near)).p : NULL;
}

static void refuse_key(Reader *r, const Yaml *key, const KeyRow *rows, size_t n, const char *what) {
    Str *words = ARENA_ARRAY(&r->scratch, Str, n), word = key->text;
    for (size_t i = 0; i < n; i++)
        words[i] = str_from(rows[i].word);
    const char *remedy = foreign_remedy(r, word);
    if (!remedy)
        remedy = near_remedy(r, word, words, n);
    error_at(r, key, "unknown_key", remedy, "unknown key `%.*s` in %s", (int)MIN(word.len, 80),
             word.p, what);
}

/* Words of the file end with a NUL, like every text of the tree. */
static const KeyRow *row_of(const KeyRow *rows, size_t n, Str word) {
    for (size_t i = 0; i < n; i++)
        if (rows[i].word[0] == word.p[0] && str_is(word, rows[i].word))
            return &rows[i];
    return NULL;
}

void read_map(Reader *r, const Yaml *map, const KeyRow *rows, size_t n, const char *what,
              void *target) {
    for (size_t i = 0; i < map->n; i++) {
        const Yaml *key = map->entries[i].key;
        const KeyRow *row = row_of(rows, n, key->text);
        if (!row)
            refuse_key(r, key, rows, n, what);
        else if (!row->read)
            error_at(r, key, "later", "this version does not have it yet",
                     "`%s` is part of the language and comes later", row->word);
        else
            row->read(r, key, map->entries[i].value, target);
    }
}

/* ---- texts ----------------------------------------------------------------------------------------------------------- */

static bool refuse_kind(Reader *r, const Yaml *y, const char *what, const char *wanted) {
    static const char *const kinds[] = { "a value", "a list", "a map" };
    error_at(r, y, "value", NULL, "%s is %s, not %s", what, wanted, kinds[y->kind]);
    return false;
}

bool read_is_map(Reader *r, const Yaml *y, const char *what) {
    return y->kind == YAML_MAP || refuse_kind(r, y, what, "a map");
}

bool text_has_expression(Str text) {
    for (size_t i = 0; i + 3 <= text.len; i++) {
        if (text.p[i] != '$' || memcmp(text.p + i, "${{", 3) != 0)
            continue;
        if (i == 0 || text.p[i - 1] != '$')
            return true;
    }
    return false;
}

bool read_text(Reader *r, const Yaml *y, const char *what, Str *ret_text) {
    if (y->kind != YAML_SCALAR)
        return refuse_kind(r, y, what, "a text");
    if (text_has_expression(y->text)) {
        error_at(r, y, "expression", NULL, "%s is a fixed text: no expression can stand here",
                 what);
        return false;
    }
    if (y->style == YAML_PLAIN && value_is(yaml_scalar(y, r->arena), V_NULL)) {
        error_at(r, y, "value", NULL, "%s is empty", what);
        return false;
    }
    *ret_text = y->text;
    return true;
}

static bool is_id(Str s) {
    if (s.len == 0 || s.p[0] < 'a' || s.p[0] > 'z')
        return false;
    for (size_t i = 1; i < s.len; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return true;
}

bool read_id(Reader *r, const Yaml *y, const char *what, Str *ret_id) {
    Str s;
    if (!read_text(r, y, what, &s))
        return false;
    if (!is_id(s))
        error_at(r, y, "name", "a lower-case letter, then lower-case letters, digits and _",
                 "`%.*s` cannot be %s", (int)MIN(s.len, 80), s.p, what);
    else if (s.len > LIMIT_ID_BYTES)
        error_at(r, y, "name", "at most 64 characters", "%s is too long", what);
    else if (cel_reserved(s))
        error_at(r, y, "name", "choose another word",
                 "`%.*s` cannot be %s: it is a word of the expression language", STR_FMT(s), what);
    else {
        *ret_id = s;
        return true;
    }
    return false;
}

static const char *all_of(Reader *r, const Str *names, size_t n) {
    Str text = STR("");
    for (size_t i = 0; i < n; i++)
        text = arena_fmt(&r->scratch, "%.*s%s`%.*s`", STR_FMT(text),
                         i == 0      ? ""
                         : i + 1 < n ? ", "
                                     : " or ",
                         STR_FMT(names[i]));
    return text.p;
}

bool read_choice(Reader *r, const Yaml *y, const char *what, const char *const *words, size_t n,
                 size_t *ret_which) {
    Str word, *names = ARENA_ARRAY(&r->scratch, Str, n);
    if (!read_text(r, y, what, &word))
        return false;
    for (size_t i = 0; i < n; i++) {
        names[i] = str_from(words[i]);
        if (str_is(word, words[i])) {
            *ret_which = i;
            return true;
        }
    }
    const char *near = near_remedy(r, word, names, n);
    error_at(r, y, "value", near ? near : all_of(r, names, n), "%s cannot be `%.*s`", what,
             (int)MIN(word.len, 80), word.p);
    return false;
}

bool read_texts(Reader *r, const Yaml *y, const char *what, Str **ret_texts, size_t *ret_n) {
    const Yaml *one[] = { y };
    const Yaml **items = y->kind == YAML_LIST ? y->items : one;
    size_t n = y->kind == YAML_LIST ? y->n : 1;
    Str *texts = ARENA_ARRAY(r->arena, Str, n);
    for (size_t i = 0; i < n; i++)
        if (!read_text(r, items[i], what, &texts[i]))
            return false;
    *ret_texts = texts;
    *ret_n = n;
    return true;
}

bool read_bool(Reader *r, const Yaml *y, const char *what, bool *ret_value) {
    Value v = y->kind == YAML_SCALAR ? yaml_scalar(y, r->arena) : VALUE_NULL;
    if (v.type != V_BOOL) {
        error_at(r, y, "value", "write `true` or `false`", "%s is true or false", what);
        return false;
    }
    *ret_value = v.b;
    return true;
}

/* ---- numbers and units ----------------------------------------------------------------------------------------------- */

/* A plain scalar, because "3" in quotes is a text; units are texts either way. */
static bool number_text(Reader *r, const Yaml *y, const char *what, Str *ret_text) {
    return read_text(r, y, what, ret_text);
}

bool read_count(Reader *r, const Yaml *y, const char *what, int64_t min, int64_t max,
                int64_t *ret_count) {
    Str s;
    int64_t v;
    if (!number_text(r, y, what, &s))
        return false;
    if (!count_parse(s, &v)) {
        error_at(r, y, "value", "like 12, 400k or 2M", "%s is a whole number, not `%.*s`", what,
                 (int)MIN(s.len, 80), s.p);
        return false;
    }
    if (v < min || v > max) {
        error_at(r, y, "value", NULL, "%s is from %lld to %lld, not %lld", what, (long long)min,
                 (long long)max, (long long)v);
        return false;
    }
    *ret_count = v;
    return true;
}

bool read_int32(Reader *r, const Yaml *y, const char *what, int32_t min, int32_t max,
                int32_t *ret_count) {
    int64_t v;
    if (!read_count(r, y, what, min, max, &v))
        return false;
    *ret_count = (int32_t)v;
    return true;
}

bool read_number(Reader *r, const Yaml *y, const char *what, double *ret_number) {
    Value v = y->kind == YAML_SCALAR ? yaml_scalar(y, r->arena) : VALUE_NULL;
    if (v.type != V_INT && v.type != V_DOUBLE) {
        error_at(r, y, "value", NULL, "%s is a number", what);
        return false;
    }
    *ret_number = v.type == V_INT ? (double)v.i : v.d;
    return true;
}

bool read_duration(Reader *r, const Yaml *y, const char *what, int64_t *ret_ms) {
    Str s;
    int64_t bare;
    if (!read_text(r, y, what, &s))
        return false;
    if (duration_parse(s, ret_ms) && *ret_ms >= 0)
        return true;
    if (str_to_i64(s, &bare))
        error_at(r, y, "unit", "like 250ms, 30s, 5m, 24h, 7d, 1h30m", "%.*s what? %s needs a unit",
                 STR_FMT(s), what);
    else
        error_at(r, y, "unit", "like 250ms, 30s, 5m, 24h, 7d, 1h30m",
                 "%s is a duration, not `%.*s`", what, (int)MIN(s.len, 80), s.p);
    return false;
}

/* Digits with at most nine behind the point. */
bool read_money(Reader *r, const Yaml *y, int64_t *ret_nano) {
    Str s;
    if (!read_text(r, y, "an amount of money", &s))
        return false;
    if (money_parse(s, ret_nano))
        return true;
    error_at(r, y, "unit", "like 2.50, with at most nine decimals and no currency",
             "`%.*s` is no amount of money", (int)MIN(s.len, 80), s.p);
    return false;
}

bool read_percent(Reader *r, const Yaml *y, const char *what, int32_t *ret_percent) {
    Str s;
    int64_t v = -1;
    if (!read_text(r, y, what, &s))
        return false;
    if (str_ends(s, STR("%")) && str_to_i64(str_slice(s, 0, s.len - 1), &v) && v >= 0 && v <= 100) {
        *ret_percent = (int32_t)v;
        return true;
    }
    error_at(r, y, "unit", "like 20%", "%s is a percentage, not `%.*s`", what, (int)MIN(s.len, 80),
             s.p);
    return false;
}

/* ---- data ------------------------------------------------------------------------------------------------------------ */

static bool data_list(Reader *r, const Yaml *y, const char *what, Value *ret_value) {
    Value *items = ARENA_ARRAY(r->arena, Value, y->n);
    for (size_t i = 0; i < y->n; i++)
        if (!read_data(r, y->items[i], what, &items[i]))
            return false;
    *ret_value = value_list(items, y->n);
    return true;
}

static bool data_map(Reader *r, const Yaml *y, const char *what, Value *ret_value) {
    MapBuilder m = map_builder(r->arena);
    for (size_t i = 0; i < y->n; i++) {
        Value v;
        if (!read_data(r, y->entries[i].value, what, &v))
            return false;
        map_adds(&m, y->entries[i].key->text, v);
    }
    *ret_value = map_done(&m, NULL);
    return true;
}

bool read_data(Reader *r, const Yaml *y, const char *what, Value *ret_value) {
    if (y->kind == YAML_LIST)
        return data_list(r, y, what, ret_value);
    if (y->kind == YAML_MAP)
        return data_map(r, y, what, ret_value);
    if (text_has_expression(y->text)) {
        error_at(r, y, "expression", NULL, "%s is fixed data: no expression can stand here", what);
        return false;
    }
    *ret_value = yaml_scalar(y, r->arena);
    return true;
}

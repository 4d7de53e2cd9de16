/* The table of the language, put together from its parts, and how its forms are taken apart. */
#include "spec/language_tables.h"

static const struct {
    const Block *blocks;
    const size_t *n;
} parts[] = {
    { language_files, &n_language_files },
    { language_steps, &n_language_steps },
    { language_shapes, &n_language_shapes },
    { language_definitions, &n_language_definitions },
};

const Block *language_block_at(size_t i) {
    for (size_t part = 0; part < ARRAY_LEN(parts); part++) {
        if (i < *parts[part].n)
            return &parts[part].blocks[i];
        i -= *parts[part].n;
    }
    return NULL;
}

const Block *language_block(Str name) {
    const Block *b;
    for (size_t i = 0; (b = language_block_at(i)); i++)
        if (str_is(name, b->name))
            return b;
    return NULL;
}

const Keyword *language_word(const Block *b, Str word) {
    for (size_t i = 0; i < b->n; i++)
        if (str_is(word, b->words[i].word))
            return &b->words[i];
    return NULL;
}

/* ---- forms ----------------------------------------------------------------------------------------------------------- */

/* How far the form goes until a `|` that no bracket holds. */
static size_t length_of_one(Str form) {
    size_t n = 0;
    int open = 0;
    for (; n < form.len && (open || form.p[n] != '|'); n++) {
        char c = form.p[n];
        open += (c == '[' || c == '{') - (c == ']' || c == '}');
    }
    return n;
}

bool form_next(Str form, size_t *at, Str *ret_one) {
    while (*at < form.len && (form.p[*at] == ' ' || form.p[*at] == '|'))
        ++*at;
    if (*at == form.len)
        return false;
    size_t from = *at;
    *at += length_of_one(str_slice(form, from, form.len));
    Str one = str_slice(form, from, *at);
    while (one.len && one.p[one.len - 1] == ' ')
        one.len--;
    *ret_one = one;
    return true;
}

FormKind form_kind(Str one, Str *ret_inner) {
    Str inner = one.len > 2 ? str_slice(one, 1, one.len - 1) : STR("");
    char first = one.len ? one.p[0] : 0;
    bool bracket = first == '\'' || first == '[' || first == '{';
    *ret_inner = bracket ? inner : one;
    return first == '\''                  ? FORM_WORD
           : first == '['                 ? FORM_LIST
           : first == '{'                 ? FORM_MAP
           : first >= 'A' && first <= 'Z' ? FORM_BLOCK
                                          : FORM_PLAIN;
}

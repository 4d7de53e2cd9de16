/* The parts of the language's table; language.c puts them together. */
#ifndef BATON_SPEC_LANGUAGE_TABLES_H
#define BATON_SPEC_LANGUAGE_TABLES_H

#include "spec/language.h"

#define BLOCK(name, what, words, required, one_of, like)                                           \
    { name, what, words, ARRAY_LEN(words), required, one_of, like }

extern const Block language_files[], language_steps[], language_shapes[], language_definitions[];
extern const size_t n_language_files, n_language_steps, n_language_shapes, n_language_definitions;

#endif

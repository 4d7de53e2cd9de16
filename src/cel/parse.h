/* From source to tree. */
#ifndef BATON_CEL_PARSE_H
#define BATON_CEL_PARSE_H

#include "cel/node.h"

/* Parses the whole of `source`, which must outlive the tree. NULL after a report in *error (which must be zeroed). */
Node *cel_parse(Arena *a, Str source, bool by_the_book, CelError *error);

/* A node with room for n arguments, all NULL; also for check.c. */
Node *node_new(Arena *a, NodeKind kind, size_t offset, size_t n_args);

#endif

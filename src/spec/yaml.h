/* A workflow file as a tree: strict YAML 1.2 (or JSON, which is YAML) of one document, read from memory. What a workflow
 * has no use for and what surprises people (anchors, aliases, tags, merge keys, duplicate keys, directives) is refused
 * with words of our own. Every node knows its place, and every place inside a scalar can be found again. */
#ifndef BATON_SPEC_YAML_H
#define BATON_SPEC_YAML_H

#include "base/value.h"
#include "spec/diag.h"

typedef enum YamlKind { YAML_SCALAR, YAML_LIST, YAML_MAP } YamlKind;
typedef enum YamlStyle {
    YAML_PLAIN,
    YAML_SINGLE,  /* 'quoted' */
    YAML_DOUBLE,  /* "quoted" */
    YAML_LITERAL, /* | */
    YAML_FOLDED,  /* > */
    YAML_RAW,     /* a file of its own, as it is */
} YamlStyle;

typedef struct Yaml Yaml;
typedef struct YamlFile YamlFile;
typedef struct YamlEntry {
    const Yaml *key, *value; /* keys are scalars */
} YamlEntry;
struct Yaml {
    const YamlFile *file; /* it stands in */
    YamlKind kind;
    YamlStyle style;       /* scalars */
    bool flow;             /* stands inside { } or [ ], or is one */
    unsigned line, column; /* of its first character, from 1 */
    unsigned end_line;
    Str text; /* scalar: its content */
    size_t n;
    union {
        const Yaml **items;       /* list */
        const YamlEntry *entries; /* map, in file order */
    };
};

struct YamlFile {
    Str name, text;
    const uint32_t *lines; /* offset of each line's first byte */
    unsigned n_lines;
    const Yaml *root;
};

enum { YAML_E_REFUSED = 1 };
/* Reads `text`, which must outlive the tree; so must ret_file, where its nodes say that they stand. On YAML_E_REFUSED `diags` says why; ret_file is filled as far as positions
 * need it. Warnings (a `#` that cut a text off) may be there when good. */
int yaml_read(Arena *a, Str name, Str text, Diags *diags, YamlFile *ret_file);

static inline Pos yaml_pos(const Yaml *y) { return (Pos){ y->file->name, y->line, y->column }; }
/* The same for a file that is text: a scalar with all of it but the blanks at its end. */
int yaml_read_text(Arena *a, Str name, Str text, Diags *diags, YamlFile *ret_file,
                   const Yaml **ret_body);
/* The same for text with front matter: the root is what stands between two lines `---`, the body what follows. */
int yaml_read_card(Arena *a, Str name, Str text, Diags *diags, YamlFile *ret_file,
                   const Yaml **ret_body);
/* Before reading: name, text and lines; false if the bytes cannot be read. */
bool yaml_open(Arena *a, Str name, Str text, Diags *diags, YamlFile *ret_file);

/* The place of byte `offset` of a scalar's text: exact through quotes and escapes, and in a block by its lines. */
Pos yaml_pos_within(const Yaml *scalar, size_t offset);
/* The value of a map's key, or NULL. */
const Yaml *yaml_get(const Yaml *map, const char *key);
/* What a scalar means by the core schema of YAML 1.2: quoted is text; plain may be null, a boolean, a number (yes, no and
 * on are text; 012 is 12). Borrows the text. */
Value yaml_scalar(const Yaml *scalar, Arena *a);
/* The same of any node. */
Value yaml_value(const Yaml *y, Arena *a);

#endif

/* What is wrong with the YAML itself, in words that help: libyaml's own say what its scanner expected. */
#ifndef BATON_SPEC_YAML_TROUBLE_H
#define BATON_SPEC_YAML_TROUBLE_H

#include "spec/yaml.h"

struct yaml_parser_s;
/* The error the parser stopped at. */
void yaml_report(const struct yaml_parser_s *parser, const YamlFile *file, Diags *diags);
/* A tag at this place: `if: !x`. */
void yaml_report_tag(const YamlFile *file, Diags *diags, Pos pos);
/* The bytes libyaml should not see: ill-formed UTF-8, control characters, line breaks YAML 1.2 does not know. */
bool yaml_check_bytes(const YamlFile *file, Diags *diags);
/* Warns if a comment without a space after its `#` follows here: `read issue #5` ends at "issue". */
void yaml_warn_cut(const YamlFile *file, Diags *diags, Pos end);
/* The byte at a line and a column of code points. */
size_t yaml_offset(const YamlFile *file, unsigned line, unsigned column);
/* The rest of the line that begins at `offset`, without its break. */
Str yaml_line_rest(const YamlFile *file, size_t offset);

#endif

/* baton schema: the words of the files for editors. */
#include "cli/command.h"
#include "cli/say.h"
#include "spec/language_schema.h"

int cmd_schema(Args *args) {
    out_json(language_schema(args->arena));
    return EXIT_OK;
}

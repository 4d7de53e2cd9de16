#include "cli/command.h"
#include "cli/say.h"

int cmd_version(Args *args) {
    if (args->json) {
        MapBuilder m = map_builder(args->arena);
        map_addz(&m, "version", value_str(STR(BATON_VERSION)));
        out_json(map_done(&m, NULL));
    } else {
        out_str(STR("baton " BATON_VERSION "\n"));
    }
    return EXIT_OK;
}

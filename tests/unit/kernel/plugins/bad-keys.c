#define PLAIN_ID "bad-keys"
#define PLAIN_KEYS                                                                                           \
    {.name = "library", .type = PLEXUS_KEY_TEXT}, {.name = "Limit", .type = PLEXUS_KEY_TEXT},                \
        {.name = "wait", .type = PLEXUS_KEY_DURATION, .preset = "10"}, {                                     \
        .name = "odd", .type = 99                                                                            \
    }
#include "plain.h"

/* A plugin that has nothing to say. */
#include "plexus/abi/plugin.h"

PLEXUS_EXPORT const plexus_descriptor* plexus_plugin_entry(void);
const plexus_descriptor* plexus_plugin_entry(void) { return NULL; }

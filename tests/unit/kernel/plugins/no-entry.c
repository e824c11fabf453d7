/* A library without the one symbol that makes a plugin. */
#include "plexus/abi/base.h"

PLEXUS_EXPORT int32_t plexus_plugin_entri(void);
int32_t plexus_plugin_entri(void) { return 0; }

#define PLAIN_ID "undeclared"
#define PLAIN_REQUIRES "plexus.resolver/1"
#include "plain.h"

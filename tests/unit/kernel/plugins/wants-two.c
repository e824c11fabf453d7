#define PLAIN_ID "wants-two"
#define PLAIN_REQUIRES "test.echo/1", "test.missing/1"
#include "plain.h"

#define PLAIN_ID "cycle-a"
#define PLAIN_PROVIDES "test.a/1"
#define PLAIN_REQUIRES "test.b/1"
#include "plain.h"

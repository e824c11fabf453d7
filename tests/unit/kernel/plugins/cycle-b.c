#define PLAIN_ID "cycle-b"
#define PLAIN_PROVIDES "test.b/1"
#define PLAIN_REQUIRES "test.c/1"
#include "plain.h"

#define PLAIN_ID "cycle-c"
#define PLAIN_PROVIDES "test.c/1"
#define PLAIN_REQUIRES "test.a/1"
#include "plain.h"

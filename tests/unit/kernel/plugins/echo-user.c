#define PLAIN_ID "echo-user"
#define PLAIN_REQUIRES "test.echo/1"
#include "plain.h"

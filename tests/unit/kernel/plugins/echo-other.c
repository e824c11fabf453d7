#define PLAIN_ID "echo-other"
#define PLAIN_PROVIDES "test.echo/1"
#include "plain.h"

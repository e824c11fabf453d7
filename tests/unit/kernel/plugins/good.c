#define PLAIN_ID "good"
#define PLAIN_PROVIDES "test.echo/1"
#include "plain.h"

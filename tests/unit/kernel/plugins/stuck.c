#define PLAIN_ID "stuck"
#define PLAIN_STOP plain_never
#include "plain.h"

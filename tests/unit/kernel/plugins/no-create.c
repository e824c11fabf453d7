#define PLAIN_ID "no-create"
#define PLAIN_CREATE NULL
#include "plain.h"

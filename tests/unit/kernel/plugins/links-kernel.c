#define PLAIN_ID "links-kernel"
#include "plain.h"

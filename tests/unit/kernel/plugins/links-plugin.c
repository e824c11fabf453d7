#define PLAIN_ID "links-plugin"
#include "plain.h"

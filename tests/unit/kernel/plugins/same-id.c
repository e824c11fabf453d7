#define PLAIN_ID "good"
#include "plain.h"

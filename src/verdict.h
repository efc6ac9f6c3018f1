/*
 * verdict.h - what libtls's error texts mean: a code, and words for people.
 * libtls has no codes of its own that are exported.
 */
#ifndef SK_VERDICT_H
#define SK_VERDICT_H

#include "io.h"

/*
 * The code of a failed handshake, read or write, and in *words a text
 * without numbers and names of functions, which lives as long as the
 * argument.
 */
enum sk_code sk_verdict(const char *text, const char **words);

#endif

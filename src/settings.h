/*
 * settings.h - TLS settings: from our plain struct to libtls's. What the
 * linked libtls cannot do is an error.
 */
#ifndef SK_SETTINGS_H
#define SK_SETTINGS_H

#include "conf.h"

struct tls;
struct tls_config;

/* Fills a configuration for either role: 0 or SK_FAIL. */
int sk_settings_client(struct tls_config *, const struct sk_conf_spec *,
    struct sk_err *);
int sk_settings_server(struct tls_config *, const struct sk_conf_spec *,
    struct sk_err *);

/* Which pair it was that tls_configure() refused, and why; SK_FAIL. */
int sk_settings_blame(const struct sk_conf_spec *, struct tls *failed,
    struct sk_err *);

#endif

/*
 * plain_client.c - a client on plain libtls, as its manual shows it: the
 * yardstick for our verdicts. plain_client CAFILE NAME PORT: 0 where libtls
 * accepts the server on 127.0.0.1, 1 where it does not.
 */
#include <stdio.h>
#include <tls.h>

int
main(int argc, char **argv)
{
	struct tls_config *config;
	struct tls *tls;
	int r;

	if (argc != 4 || (config = tls_config_new()) == NULL ||
	    (tls = tls_client()) == NULL ||
	    tls_config_set_ca_file(config, argv[1]) != 0 ||
	    tls_configure(tls, config) != 0 ||
	    tls_connect_servername(tls, "127.0.0.1", argv[3], argv[2]) != 0)
		return 2;
	do
		r = tls_handshake(tls);
	while (r == TLS_WANT_POLLIN || r == TLS_WANT_POLLOUT);
	if (r != 0)
		(void)fprintf(stderr, "%s\n", tls_error(tls));
	(void)tls_close(tls);
	tls_free(tls);
	tls_config_free(config);
	return r != 0;
}

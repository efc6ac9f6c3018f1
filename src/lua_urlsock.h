/*
 * lua_urlsock.h - what the files that know Lua share.
 */
#ifndef SK_LUA_URLSOCK_H
#define SK_LUA_URLSOCK_H

#include "addr.h"
#include "buf.h"
#include "conf.h"
#include "fd.h"
#include "lua_compat.h"

#define SK_TYPE_STREAM "urlsock.stream"
#define SK_TYPE_LISTENER "urlsock.listener"
#define SK_TYPE_DATAGRAM "urlsock.datagram"
#define SK_TYPE_TLS "urlsock.tls"
#define SK_TYPE_SESSION "urlsock.session"
#define SK_TYPE_ADDRESSES "urlsock.addresses"
#define SK_TYPE_ALARM "urlsock.alarm"
#define SK_TYPE_RESOLVER "urlsock.resolver"

/* Pushes nil, message, code; clears the record; returns 3. */
int sk_lua_fail(lua_State *, struct sk_err *);

/*
 * The same for a socket: the message begins with what it is about.
 */
int sk_lua_fail_on(lua_State *, const char *what, struct sk_err *);

/*
 * A metatable by that type name, on top of the stack, made where it is not
 * there yet: a state may open the module more than once. 1 when it is new.
 */
int sk_lua_metatable(lua_State *, const char *type);

/*
 * A class: a table of functions, left on top of the stack, whose first
 * upvalue is the metatable of the type; what meta holds is set in that one.
 * The table has the metatable as its field "metatable".
 */
void sk_lua_class(lua_State *, const char *type, const luaL_Reg *functions,
    const luaL_Reg *meta);

/*
 * The userdata at index 1 of a function of a class: compares the metatable
 * with the function's upvalue, which costs less than a look-up by name.
 */
void *sk_lua_self(lua_State *, const char *type);

/* A new userdata of that size, all zero, with the metatable of the type. */
void *sk_lua_new(lua_State *, size_t, const char *type);

/* The userdata of that type at that index, or NULL. */
void *sk_lua_test(lua_State *, int, const char *type);

/* The state's shelf, without a reference. */
struct sk_shelf *sk_lua_shelf(lua_State *);

/*
 * Raises for a wrong argument of a method, as luaL_argerror() does for a
 * function: a step is called by the method around it, and Lua would name that
 * call, and its line. arg counts from 1, without the object.
 */
int sk_lua_badarg(lua_State *, int arg, const char *method, const char *why);

/* The string or number at index arg + 1, as a string; raises for others. */
const char *sk_lua_bytes(lua_State *, int arg, const char *method,
    size_t *n);

/* The name at index arg + 1 in the list, its place there; raises for others. */
int sk_lua_choice(lua_State *, int arg, const char *method,
    const char *const *names);

/* A whole number from lo to hi at index arg + 1; raises for anything else. */
double sk_lua_count(lua_State *, int arg, const char *method, double lo,
    double hi);

/* Up to here every whole number is a number of Lua 5.1. */
#define SK_LUA_HUGE 9007199254740992.0

/* A whole number from lo to hi at that index; raises for anything else. */
double sk_lua_whole(lua_State *, int, double lo, double hi);

/*
 * Seconds at that index, finite and not negative, in *seconds; 0 for nil,
 * which means for ever. Raises for anything else.
 */
int sk_lua_seconds(lua_State *, int, double *seconds);

/* How long calls may take, and how much an item may gather. */
struct sk_lua_bounds {
	double timeout;			/* seconds */
	unsigned char forever;		/* no timeout */
	unsigned char limited;		/* limit was given: holds for "a" too */
	size_t limit;
};

/* settimeout and gettimeout of any socket. */
int sk_lua_settimeout(lua_State *, struct sk_lua_bounds *);
int sk_lua_gettimeout(lua_State *, const struct sk_lua_bounds *);

/*
 * Socket options from the table at that index (nil: defaults), checked
 * before by the Lua layer. The address of bind goes to *local.
 */
int sk_lua_options(lua_State *, int, struct sk_fd_options *,
    struct sk_addr *local, struct sk_err *);

/*
 * The addresses of a URL: numeric ones and paths at once, in a new array of
 * one; a name's from the urlsock.addresses object at that index, copied. The
 * count, 0 for a name without such an object, or SK_FAIL.
 */
int sk_lua_addresses(lua_State *, int, const struct sk_url *,
    struct sk_addr **, struct sk_err *);

/* getoption and setoption of any socket: arguments 2 and 3. */
int sk_lua_getoption(lua_State *, int fd, const char *what);
int sk_lua_setoption(lua_State *, int fd, const char *what);

/* Pushes the local or the peer's URL under that scheme, or nil. */
int sk_lua_name(lua_State *, int fd, int peer, const char *scheme);

/* What a stream knows for the loop around it; see lua_stream.c. */
struct sk_lua_stream;
struct sk_lua_stream *sk_lua_stream_new(lua_State *);
void sk_lua_stream_start(struct sk_lua_stream *, struct sk_layer *,
    const struct sk_scheme *, char *url, int accepted);
int sk_lua_stream_tls(struct sk_lua_stream *, struct sk_conf *,
    struct sk_err *);

/*
 * The descriptor of a listener or datagram socket at that index: -1 where it
 * is closed, -2 for anything else.
 */
int sk_lua_listener_fd(lua_State *, int);
int sk_lua_datagram_fd(lua_State *, int);

/* The registration functions: each adds its functions to the table on top. */
void sk_lua_open_url(lua_State *);		/* parse, transports */
void sk_lua_open_tls(lua_State *);		/* tls */
void sk_lua_open_resolver(lua_State *);
void sk_lua_open_alarm(lua_State *);
void sk_lua_open_socket(lua_State *);		/* select, options */
void sk_lua_open_stream(lua_State *);
void sk_lua_open_listener(lua_State *);
void sk_lua_open_datagram(lua_State *);
void sk_lua_open_multicast(lua_State *);
void sk_lua_open_stdio(lua_State *);		/* stdio */

/* The conf of a urlsock.tls object at that index; raises for anything else. */
struct sk_conf *sk_lua_conf(lua_State *, int);

#endif

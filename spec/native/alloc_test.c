/*
 * alloc_test.c - a Lua state whose allocator fails at the n-th allocation,
 * for every n: "not enough memory" or success, and when the state is closed
 * no descriptor and no block of the C part is left. Then the same for the
 * allocations of the C part, under Lua.
 *
 *	alloc_test [script]
 */
#include "fault.h"

#include <dirent.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <signal.h>
#include <unistd.h>

#include "check.h"

#define LOADING 41	/* a stride: to load the modules is not our subject */

int luaopen_urlsock_core(lua_State *);

/* An allocator that fails at number left, and at as many after it. */
struct meter {
	int left;
	int strikes;		/* Lua collects garbage and tries once more */
	int armed;		/* it counts only then */
	int hit;
};

static struct meter meter;

static void *
allocate(void *arg, void *p, size_t have, size_t n)
{
	struct meter *m = arg;

	if (n == 0) {
		__real_free(p);
		return NULL;
	}
	if (m->armed && (p == NULL || n > have) && --m->left <= 0 &&
	    m->left > -m->strikes) {
		m->hit = 1;
		return NULL;
	}
	return __real_realloc(p, n);
}

/* arm(): from here on it counts. */
static int
arm(lua_State *L)
{
	struct meter *m = lua_touserdata(L, lua_upvalueindex(1));

	m->armed = 1;
	return 0;
}

/* close(fd): for a descriptor that no object has. */
static int
close_fd(lua_State *L)
{
	(void)close((int)lua_tointeger(L, 1));
	return 0;
}

static int
descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	if (dir == NULL)
		return 0;
	while (readdir(dir) != NULL)
		n++;
	(void)closedir(dir);
	return n;
}

/* Everything that may raise; the script's name is at index 1. */
static int
play(lua_State *L)
{
	luaL_openlibs(L);
	luaL_requiref(L, "urlsock.core", luaopen_urlsock_core, 0);
	lua_pushlightuserdata(L, &meter);
	lua_pushcclosure(L, arm, 1);
	lua_setglobal(L, "arm");
	lua_register(L, "close", close_fd);
	lua_getglobal(L, "package");
	lua_pushliteral(L, "lua/?.lua");
	lua_setfield(L, -2, "path");
	if (luaL_loadfile(L, lua_tostring(L, 1)) != LUA_OK)
		return lua_error(L);
	lua_call(L, 0, 0);
	return 0;
}

/* Is it what a lack of memory is told by? C's comes with a message. */
static int
is_told(const char *text)
{
	return text != NULL && (strstr(text, "not enough memory") != NULL ||
	    strstr(text, "out of memory") != NULL);
}

/* Plays the script in a state of its own; 0, or -1 where memory ran out. */
static int
stage(const char *script, int strikes, int left, int at_once)
{
	lua_State *L;
	int r = -1;

	memset(&meter, 0, sizeof(meter));
	meter.left = left;
	meter.strikes = strikes;
	meter.armed = at_once;
	if ((L = lua_newstate(allocate, &meter)) == NULL)
		return -1;
	lua_pushcfunction(L, play);
	if (lua_checkstack(L, 10)) {
		/* This pushes a string, and nobody would catch the error. */
		int armed = meter.armed;

		meter.armed = 0;
		lua_pushstring(L, script);
		meter.armed = armed;
		r = lua_pcall(L, 1, 0, 0) == LUA_OK ? 0 : -1;
	}
	meter.armed = 0;
	fault_off();
	if (r != 0 && !is_told(lua_tostring(L, -1))) {
		fprintf(stderr, "allocation %d: %s\n", left,
		    lua_tostring(L, -1));
		check(0);
	}
	lua_close(L);
	return r;
}

static const char *script = "spec/native/alloc.lua";

/* Counts what is left behind by one run. */
static int
leaves(int strikes, int left, int at_once)
{
	int fds = descriptors(), live = fault_live, r;

	r = stage(script, strikes, left, at_once);
	check(descriptors() == fds);
	check(fault_live == live);
	return r;
}

static void
needs_nothing(void)
{
	check(leaves(0, 0, 0) == 0);
	check(leaves(0, 0, 0) == 0);
}

/* Twice in a row: once would only be a call for the garbage collector. */
static void
survives_one(void)
{
	int n = 0;

	do {
		n++;
		(void)leaves(2, n, 0);
	} while (meter.hit && check_bad == 0);
	check(n > 100);
}

static void
survives_all(void)
{
	int n = 0;

	do {
		n++;
		check(leaves(1 << 30, n, 0) == -1 || !meter.hit);
	} while (meter.hit && check_bad == 0);
	check(n > 100);
}

static void
survives_the_loading(void)
{
	int n = 1;

	do {
		n += LOADING;
		(void)leaves(2, n, 1);
	} while (meter.hit && check_bad == 0);
	check(n > 1000);
}

static void
survives_in_c(void)
{
	int n = 0;

	do {
		n++;
		fault_at(n);
		(void)leaves(0, 0, 0);
	} while (fault_hit && check_bad == 0);
	check(n > 50);
}

int
main(int argc, char **argv)
{
	if (argc > 1)
		script = argv[1];
	(void)alarm(300);
	fault_off();
	(void)stage(script, 0, 0, 0);	/* what libraries keep for good */
	run(needs_nothing);
	run(survives_one);
	run(survives_all);
	run(survives_the_loading);
	run(survives_in_c);
	return report("alloc");
}

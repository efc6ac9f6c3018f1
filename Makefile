# make              builds for every Lua whose headers are installed
# make demo         installs what is missing, builds, shows a STARTTLS exchange
# make test         installs what is missing, builds, runs all tests
# make install      PREFIX=/usr/local LUA_VERSION=5.4
# make lint         luacheck, formatters, clang-tidy, cppcheck, the arrows
# make asan         the tests again under AddressSanitizer and UBSan
# make fuzz         the fuzzers, each for FUZZ_SECONDS
# make doc bench clean

CC ?= cc
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
LUA_VERSION ?= 5.4
TLS_DIR ?=

WARN = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla
CFLAGS ?= -O2 -g
TLS_CFLAGS = $(if $(TLS_DIR),-I$(TLS_DIR)/include)
TLS_LIBS = $(if $(TLS_DIR),-L$(TLS_DIR)/lib -Wl$(comma)-rpath$(comma)$(TLS_DIR)/lib) -ltls
comma = ,
# -shared and undefined symbols: the interpreter brings Lua's.
SHARED = $(if $(filter Darwin,$(shell uname -s)),-bundle -undefined dynamic_lookup,-shared)

LUAS = 5.1 5.2 5.3 5.4
# The headers of a Lua, by pkg-config; LuaJIT's serve 5.1 where 5.1 has none.
lua_cflags = $(shell $(PKG_CONFIG) --cflags lua$(1) 2>/dev/null || \
	$(PKG_CONFIG) --cflags lua-$(1) 2>/dev/null || \
	{ [ $(1) = 5.1 ] && $(PKG_CONFIG) --cflags luajit 2>/dev/null; } || echo none)
HERE = $(foreach v,$(LUAS),$(if $(filter none,$(call lua_cflags,$(v))),,$(v)))

CORE = err clock buf url addr resolve sock fd dgram opt conf trust seal greeting peer stream item file
GLUE = lua_core lua_url lua_resolver lua_socket lua_tls lua_stream lua_stream_io \
	lua_stream_facts lua_listener lua_dgram
HEADERS = $(wildcard src/*.h)
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE $(WARN) $(WERROR) $(CFLAGS) -fPIC -fvisibility=hidden \
	-pthread $(TLS_CFLAGS) $(CPPFLAGS)

all: $(foreach v,$(HERE),build/$(v)/urlsock/core.so)

build/obj/%.o: src/%.c $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

define for_lua
build/$(1)/obj/%.o: src/%.c $$(HEADERS)
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) $$(call lua_cflags,$(1)) -c -o $$@ $$<

build/$(1)/urlsock/core.so: $$(GLUE:%=build/$(1)/obj/%.o) $$(CORE:%=build/obj/%.o)
	@mkdir -p $$(@D)
	$$(CC) $$(SHARED) $$(CFLAGS) $$(LDFLAGS) -pthread -o $$@ $$^ $$(TLS_LIBS)
endef
$(foreach v,$(LUAS),$(eval $(call for_lua,$(v))))

# Native tests: the seams of the C part, without any Lua.
NATIVE = $(patsubst spec/native/%.c,build/native/%,$(wildcard spec/native/*_test.c))
build/native/%_test: spec/native/%_test.c spec/native/check.h $(CORE:%=build/obj/%.o)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Isrc $(LDFLAGS) -o $@ $< $(CORE:%=build/obj/%.o) $(TLS_LIBS)

native: $(NATIVE)
	@for t in $(NATIVE); do $$t || exit 1; done

clean:
	rm -rf build

.PHONY: all native clean
.SECONDARY:

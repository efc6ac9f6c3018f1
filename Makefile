# make              builds for every Lua whose headers are installed
# make demo         installs what is missing, builds, shows a STARTTLS exchange
# make test         installs what is missing, builds, runs all tests
# make install      PREFIX=/usr/local LUA_VERSION=5.4
# make chunk        the tests with reads and writes of 23 bytes
# make asan         the tests under AddressSanitizer and UBSan
# make valgrind     the tests that start no other program, under valgrind
# make soak         100,000 connections, STARTTLS and the end of it; what is left then
# make tsan         threads under ThreadSanitizer
# make lint         layout, arrows, luacheck, cppcheck, clang-tidy, gcc and clang -Werror
# make doc          the reference as HTML, in build/doc
# make fuzz         the parsers, for FUZZ_SECONDS=60 each (clang)
# make clean

CC ?= cc
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
LUA_VERSION ?= 5.4
TLS_DIR ?=

WARN = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla
CFLAGS ?= -O2 -g
TLS_CFLAGS = $(if $(TLS_DIR),-I$(TLS_DIR)/include)
TLS_LIBS = $(if $(TLS_DIR),-L$(TLS_DIR)/lib -Wl$(comma)-rpath$(comma)$(TLS_DIR)/lib) -ltls -lm
comma = ,
# -shared and undefined symbols: the interpreter brings Lua's.
SHARED = $(if $(filter Darwin,$(shell uname -s)),-bundle -undefined dynamic_lookup,-shared)

LUAS = 5.1 5.2 5.3 5.4
BUILD = build
# The headers of a Lua, by pkg-config; LuaJIT's serve 5.1 where 5.1 has none.
lua_cflags = $(shell $(PKG_CONFIG) --cflags lua$(1) 2>/dev/null || \
	$(PKG_CONFIG) --cflags lua-$(1) 2>/dev/null || \
	{ [ $(1) = 5.1 ] && $(PKG_CONFIG) --cflags luajit 2>/dev/null; } || echo none)
HERE = $(foreach v,$(LUAS),$(if $(filter none,$(call lua_cflags,$(v))),,$(v)))

CORE = err clock buf url addr thread errand alarm resolve sock dial fd pass dgram opt der cert pem scratch \
	trust session keypair settings conf greeting hello opening verdict identity seal \
	peer proxy stream item file rest
GLUE = lua_core lua_alarm lua_url lua_resolver lua_socket lua_tls lua_stream lua_stream_io \
	lua_stream_facts lua_stream_tls lua_pass lua_listener lua_dgram lua_dgram_io \
	lua_multicast lua_stdio
HEADERS = $(wildcard src/*.h)
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE $(WARN) $(WERROR) $(CFLAGS) -fPIC -fvisibility=hidden \
	-pthread $(TLS_CFLAGS) $(CPPFLAGS)

all: $(foreach v,$(HERE),build/$(v)/urlsock/core.so)

$(BUILD)/obj/%.o: src/%.c $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

define for_lua
$$(BUILD)/$(1)/obj/%.o: src/%.c $$(HEADERS)
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) $$(call lua_cflags,$(1)) -c -o $$@ $$<

$$(BUILD)/$(1)/urlsock/core.so: $$(GLUE:%=$$(BUILD)/$(1)/obj/%.o) $$(CORE:%=$$(BUILD)/obj/%.o)
	@mkdir -p $$(@D)
	$$(CC) $$(SHARED) $$(CFLAGS) $$(LDFLAGS) -pthread -o $$@ $$^ $$(TLS_LIBS)
endef
$(foreach v,$(LUAS),$(eval $(call for_lua,$(v))))

# Native tests: the seams of the C part, without any Lua.
NATIVE = $(patsubst spec/native/%.c,$(BUILD)/native/%,$(filter-out \
	$(if $(filter 5.4,$(HERE)),,%/alloc_test.c),$(wildcard spec/native/*_test.c)))
$(BUILD)/native/%_test: spec/native/%_test.c spec/native/pipe.c $(wildcard spec/native/*.h) \
		$(CORE:%=$(BUILD)/obj/%.o)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Isrc $(LDFLAGS) $(SEAM) -o $@ $< spec/native/pipe.c \
		$(CORE:%=$(BUILD)/obj/%.o) $(TLS_LIBS)

# Whose allocations can fail: calls of our objects only.
WRAP = $(foreach f,malloc calloc realloc strdup free,-Wl,--wrap=$(f))
$(BUILD)/native/memory_test: SEAM = $(WRAP)

# The one that has a Lua state in it.
ALLOC_LIBS = $(shell $(PKG_CONFIG) --libs lua5.4 2>/dev/null || $(PKG_CONFIG) --libs lua-5.4)
$(BUILD)/native/alloc_test: spec/native/alloc_test.c $(wildcard spec/native/*.h) \
		$(GLUE:%=$(BUILD)/5.4/obj/%.o) $(CORE:%=$(BUILD)/obj/%.o)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(call lua_cflags,5.4) -Isrc $(LDFLAGS) $(WRAP) -o $@ \
		$(filter %.c %.o,$^) $(TLS_LIBS) $(ALLOC_LIBS)

# In a program that embeds Lua; it loads the module as any does.
EMBED_LIBS = $(shell $(PKG_CONFIG) --libs lua5.4 2>/dev/null || $(PKG_CONFIG) --libs lua-5.4)
$(BUILD)/native/embed_test: spec/native/embed_test.c spec/native/check.h src/urlsock.h \
		$(BUILD)/5.4/urlsock/core.so
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Isrc $(call lua_cflags,5.4) $(LDFLAGS) -o $@ $< $(EMBED_LIBS)

# The same tests with another build of the C part, on Lua 5.4. In pieces, other
# people's programs would not follow: many take a packet for a message.
chunk: .prepared
	@$(MAKE) --no-print-directory -s BUILD=build/chunk CPPFLAGS=-DSK_CHUNK=23 seams
	@BUILD=build/chunk LUAS=lua5.4 SPECS="spec/*_spec.lua" .ci/test

SANITIZE = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined
asan: .prepared
	@$(MAKE) --no-print-directory -s BUILD=build/asan CFLAGS="$(SANITIZE)" seams
	@spec/support/asan.sh build/asan/bin lua5.4
	@BUILD=build/asan LUAS=lua5.4 PATH="$(CURDIR)/build/asan/bin:$$PATH" .ci/test

# Without the specs whose subject is time, other programs or many connections.
VALGRIND = valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite
VALGRIND_SPECS = url stream listener datagram tls tls_options hello pass proxy
valgrind: .prepared
	@LUAS=lua5.4 SPECS="$(VALGRIND_SPECS:%=spec/%_spec.lua)" PREFIX="$(VALGRIND)" \
		LIMIT=3000 .ci/test

CYCLES = 100000
soak: .prepared
	@env -u SSL_CERT_FILE -u SSL_CERT_DIR LUA_PATH="lua/?.lua;./?.lua;;" \
		LUA_CPATH="build/5.4/?.so;;" lua5.4 spec/support/soak.lua $(CYCLES)

.prepared:
	@.ci/packages test
	@$(MAKE) --no-print-directory -s all native
	@spec/support/ca.sh build/ca

seams: $(BUILD)/5.4/urlsock/core.so native

# Data races, with a Lua state in each of several threads.
tsan:
	$(MAKE) BUILD=build/tsan CFLAGS="-O1 -g -fsanitize=thread" build/tsan/5.4/urlsock/core.so
	$(CC) $(ALL_CFLAGS) -fsanitize=thread -g -Isrc $(call lua_cflags,5.4) \
		-o build/tsan/embed_test spec/native/embed_test.c $(EMBED_LIBS)
	env -u SSL_CERT_FILE LUA_CPATH_5_4="build/tsan/5.4/?.so;;" build/tsan/embed_test

# The yardstick of the specs: plain libtls.
build/native/plain_client: spec/native/plain_client.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $< $(TLS_LIBS)

# System calls that fail by a plan.
build/native/shim.so: spec/native/shim.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Wno-pedantic -shared $(LDFLAGS) -o $@ $< -ldl

native: $(NATIVE) build/native/plain_client build/native/shim.so

# The packages are looked for first: the variables above see what is there
# when make starts, so what follows is another make.
demo:
	@.ci/packages demo
	@$(MAKE) --no-print-directory -s build/5.4/urlsock/core.so
	@LUA_PATH="lua/?.lua;;" LUA_CPATH="build/5.4/?.so;;" \
		lua5.4 examples/starttls.lua

test: .prepared
	@.ci/test

# Fuzzers: what strangers write and we read. Seeds are made from the tests'.
FUZZ_SECONDS ?= 60
FUZZ = clang -g -O1 -D_GNU_SOURCE -Isrc -fsanitize=fuzzer,address,undefined
fuzz:
	@spec/support/ca.sh build/ca
	@mkdir -p build/fuzz/seeds build/fuzz/seeds-proxy
	@for f in build/ca/server.pem build/ca/chain.pem; do \
		{ printf '\002'; cat $$f; } >build/fuzz/seeds/$$(basename $$f); \
		{ printf '\001'; openssl x509 -in $$f -outform DER; } \
			>build/fuzz/seeds/$$(basename $$f).der; done
	$(FUZZ) -o build/fuzz/url fuzz/url_fuzz.c src/url.c src/err.c
	$(FUZZ) -o build/fuzz/parse fuzz/parse_fuzz.c src/cert.c src/der.c src/err.c \
		src/hello.c src/pem.c src/scratch.c src/sock.c src/url.c
	$(FUZZ) -o build/fuzz/proxy fuzz/proxy_fuzz.c src/proxy.c src/addr.c src/err.c \
		src/greeting.c src/url.c
	printf 'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n' >build/fuzz/seeds-proxy/v1
	printf '\r\n\r\n\0\r\nQUIT\n\041\021\0\0141234567890ab' >build/fuzz/seeds-proxy/v2
	build/fuzz/proxy -max_total_time=$(FUZZ_SECONDS) -max_len=600 build/fuzz/seeds-proxy
	build/fuzz/url -max_total_time=$(FUZZ_SECONDS) -max_len=400
	build/fuzz/parse -max_total_time=$(FUZZ_SECONDS) -max_len=4000 build/fuzz/seeds

# What is not installed is named and left out.
lint:
	@mkdir -p build
	@.ci/arrows
	@.ci/luaformat
	@set -e; for tool in luacheck cppcheck clang-format clang-tidy mandoc ldoc gcc clang; do \
		if command -v $$tool >/dev/null; then \
			$(MAKE) --no-print-directory -s lint-$$tool; \
		else echo "lint: $$tool is not installed"; fi; \
	done
	@echo "lint: all right"

lint-luacheck:
	@luacheck -q lua spec examples bin/urlsock
lint-mandoc:
	@mandoc -T lint -W warning doc/*.1
lint-ldoc:
	@cd doc && $(LDOC) -c config.ld --fatalwarnings . >../build/ldoc.log 2>&1 || \
		{ cat ../build/ldoc.log; exit 1; }
lint-cppcheck:
	@cppcheck --quiet --error-exitcode=1 --std=c11 -D_GNU_SOURCE -Isrc src
lint-clang-format:
	@.ci/cformat
lint-clang-tidy:
	@clang-tidy --quiet src/*.c -- -std=c11 -D_GNU_SOURCE -Isrc $(TLS_CFLAGS) \
		$(call lua_cflags,$(lastword $(HERE))) 2>/dev/null
lint-gcc lint-clang: lint-%:
	@for v in $(HERE); do \
		$(MAKE) --no-print-directory -s CC=$* WERROR=-Werror \
		BUILD=build/lint-$* build/lint-$*/$$v/urlsock/core.so || exit 1; \
	done

LDOC ?= ldoc
doc:
	cd doc && $(LDOC) -c config.ld .

# All of lua/, whatever directories there are; the program gets the Lua that
# it is installed for.
LUA_DIR = $(DESTDIR)$(PREFIX)/share/lua/$(LUA_VERSION)
LUA ?= lua$(LUA_VERSION)
install: build/$(LUA_VERSION)/urlsock/core.so
	install -d $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/lib/lua/$(LUA_VERSION)/urlsock $(LUA_DIR) \
		$(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 755 build/$(LUA_VERSION)/urlsock/core.so \
		$(DESTDIR)$(PREFIX)/lib/lua/$(LUA_VERSION)/urlsock/
	install -m 644 src/urlsock.h $(DESTDIR)$(PREFIX)/include/
	install -m 644 lua/urlsock.lua $(LUA_DIR)/
	cd lua && for d in $$(find urlsock -type d); do install -d $(LUA_DIR)/$$d && \
		install -m 644 $$d/*.lua $(LUA_DIR)/$$d/ || exit 1; done
	sed '1s|lua$$|$(LUA)|' bin/urlsock >build/urlsock
	install -m 755 build/urlsock $(DESTDIR)$(PREFIX)/bin/
	install -m 644 doc/urlsock.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 doc/urlsock.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/urlsock

clean:
	rm -rf build


.PHONY: all doc native seams .prepared chunk asan valgrind soak tsan demo test fuzz lint lint-luacheck lint-cppcheck lint-clang-format \
	lint-clang-tidy lint-gcc lint-clang install clean
.SECONDARY:

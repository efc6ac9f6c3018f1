#!/bin/sh
# asan.sh DIR LUA: DIR/LUA, an interpreter that runs under AddressSanitizer as the module is built
# for it, as do those that it starts by its own name. (Leaks are for the native tests: an
# interpreter has some of its own.)
set -eu
mkdir -p "$1"
${CC:-cc} -shared -fPIC -o "$1/alone.so" spec/native/alone.c
cat >"$1/$2" <<END
#!/bin/bash
LD_PRELOAD="$(${CC:-cc} -print-file-name=libasan.so) $PWD/$1/alone.so \${LD_PRELOAD:-}" \\
ASAN_OPTIONS=detect_leaks=0 exec -a "\$0" $(command -v "$2") "\$@"
END
chmod +x "$1/$2"

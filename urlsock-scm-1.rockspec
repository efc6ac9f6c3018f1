rockspec_format = "3.0"
package = "urlsock"
version = "scm-1"
source = { url = "git+file://." }
description = {
  summary = "Sockets from transport URLs, with TLS and STARTTLS on libtls",
  license = "MIT",
}
supported_platforms = { "unix" }
dependencies = { "lua >= 5.1, < 5.6" }
external_dependencies = { TLS = { header = "tls.h", library = "tls" } }
build = {
  type = "builtin",
  modules = {
    ["urlsock"] = "lua/urlsock.lua",
    ["urlsock.choose"] = "lua/urlsock/choose.lua",
    ["urlsock.datagram"] = "lua/urlsock/datagram.lua",
    ["urlsock.host"] = "lua/urlsock/host.lua",
    ["urlsock.host.copas"] = "lua/urlsock/host/copas.lua",
    ["urlsock.host.cqueues"] = "lua/urlsock/host/cqueues.lua",
    ["urlsock.host.luv"] = "lua/urlsock/host/luv.lua",
    ["urlsock.host.nginx"] = "lua/urlsock/host/nginx.lua",
    ["urlsock.host.plain"] = "lua/urlsock/host/plain.lua",
    ["urlsock.listener"] = "lua/urlsock/listener.lua",
    ["urlsock.loop"] = "lua/urlsock/loop.lua",
    ["urlsock.nginx"] = "lua/urlsock/nginx.lua",
    ["urlsock.options"] = "lua/urlsock/options.lua",
    ["urlsock.resolve"] = "lua/urlsock/resolve.lua",
    ["urlsock.select"] = "lua/urlsock/select.lua",
    ["urlsock.starttls"] = "lua/urlsock/starttls.lua",
    ["urlsock.starttls.address"] = "lua/urlsock/starttls/address.lua",
    ["urlsock.starttls.bytes"] = "lua/urlsock/starttls/bytes.lua",
    ["urlsock.starttls.ftp"] = "lua/urlsock/starttls/ftp.lua",
    ["urlsock.starttls.imap"] = "lua/urlsock/starttls/imap.lua",
    ["urlsock.starttls.irc"] = "lua/urlsock/starttls/irc.lua",
    ["urlsock.starttls.ldap"] = "lua/urlsock/starttls/ldap.lua",
    ["urlsock.starttls.lmtp"] = "lua/urlsock/starttls/lmtp.lua",
    ["urlsock.starttls.mysql"] = "lua/urlsock/starttls/mysql.lua",
    ["urlsock.starttls.nntp"] = "lua/urlsock/starttls/nntp.lua",
    ["urlsock.starttls.pop3"] = "lua/urlsock/starttls/pop3.lua",
    ["urlsock.starttls.postgres"] = "lua/urlsock/starttls/postgres.lua",
    ["urlsock.starttls.sieve"] = "lua/urlsock/starttls/sieve.lua",
    ["urlsock.starttls.smtp"] = "lua/urlsock/starttls/smtp.lua",
    ["urlsock.starttls.talk"] = "lua/urlsock/starttls/talk.lua",
    ["urlsock.starttls.telnet"] = "lua/urlsock/starttls/telnet.lua",
    ["urlsock.starttls.xml"] = "lua/urlsock/starttls/xml.lua",
    ["urlsock.starttls.xmpp"] = "lua/urlsock/starttls/xmpp.lua",
    ["urlsock.starttls.xmpp_server"] = "lua/urlsock/starttls/xmpp_server.lua",
    ["urlsock.stream"] = "lua/urlsock/stream.lua",
    ["urlsock.upgrade"] = "lua/urlsock/upgrade.lua",
    ["urlsock.core"] = {
      sources = {
        "src/addr.c", "src/alarm.c", "src/buf.c", "src/cert.c", "src/clock.c", "src/conf.c", "src/der.c",
        "src/dgram.c", "src/dial.c", "src/err.c", "src/fd.c", "src/file.c", "src/greeting.c", "src/hello.c",
        "src/identity.c", "src/item.c", "src/keypair.c", "src/opening.c", "src/opt.c",
        "src/peer.c", "src/pem.c", "src/resolve.c", "src/scratch.c", "src/seal.c",
        "src/session.c", "src/settings.c", "src/sock.c", "src/stream.c", "src/thread.c",
        "src/trust.c", "src/url.c", "src/verdict.c",
        "src/lua_alarm.c", "src/lua_core.c", "src/lua_dgram.c", "src/lua_listener.c", "src/lua_resolver.c",
        "src/lua_socket.c", "src/lua_stream.c", "src/lua_stream_facts.c", "src/lua_stream_io.c",
        "src/lua_tls.c", "src/lua_url.c",
      },
      defines = { "_GNU_SOURCE" },
      libraries = { "tls", "pthread" },
      incdirs = { "src", "$(TLS_INCDIR)" },
      libdirs = { "$(TLS_LIBDIR)" },
    },
  },
}

--- STARTTLS by protocol: what is said in the clear before TLS begins.
--
--    local s = assert(urlsock.connect("tcp://mail.example.org:587", {starttls = "smtp"}))
--
-- A dialogue is strict. It takes the exact code or tag for an answer and nothing else, it reads
-- not a byte further, and whatever it learns in the clear it forgets.
-- @module urlsock.starttls

local core = require "urlsock.core"

local starttls = {}

local files = {
  smtp = "smtp", lmtp = "lmtp", pop3 = "pop3", imap = "imap", ftp = "ftp", nntp = "nntp",
  sieve = "sieve", xmpp = "xmpp", ["xmpp-server"] = "xmpp_server", irc = "irc", ldap = "ldap",
  postgres = "postgres", mysql = "mysql", telnet = "telnet",
}

--- The names of the protocols, sorted.
-- @treturn table
function starttls.protocols()
  local names = {}
  for name in pairs(files) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function find(name) return require("urlsock.starttls." .. files[name]) end

--- What is wrong with the options of a dialogue; nil where nothing is.
-- @tparam table o
-- @tparam boolean server
-- @treturn ?string
function starttls.check(o, server)
  if not o.protocol then return ("option '%s' goes with a protocol"):format(next(o)) end
  if not files[o.protocol] then
    return ("unknown protocol '%s' (%s)"):format(o.protocol,
      table.concat(starttls.protocols(), ", "))
  end
  local known = server and { name = true } or find(o.protocol).options
  for key in pairs(o) do
    if key ~= "protocol" and not known[key] then
      return ("option '%s' does not go with %s%s"):format(key, o.protocol,
        server and " on the server's side" or "")
    end
  end
end

--- Has one side of a dialogue.
-- @treturn table the talk: `code` and `message` of a failure, `offers` is false where the server
-- has said that it does not do TLS
-- @treturn boolean whether TLS is to begin now
-- @treturn ?table what was heard for later
function starttls.talk(socket, o, server, deadline, host)
  local talk = require("urlsock.starttls.talk")
    .new(socket, o.protocol, server and "client" or "server", deadline, host)
  local agreed, heard = find(o.protocol)[server and "server" or "client"](talk, o)
  return talk, agreed == true and talk.code == nil, heard
end

--- Raises for the argument of `server` that is of a wrong type.
local function expect(ok, n, what, value)
  if ok then return end
  error(("bad argument #%d to 'server' (%s expected, got %s)"):format(n, what, type(value)), 3)
end

--- The server's side: greets, offers, waits for the request, and upgrades.
--
-- Commands other than those that lead there get the protocol's way to say "STARTTLS first"; what
-- is pipelined behind the request is refused, a ClientHello excepted. A failure closes the stream.
-- @tparam string protocol
-- @tparam stream stream in the clear
-- @tparam[opt] table options `tls` (a table of TLS options or a `urlsock.tls`), `name` (what the
-- server calls itself), `timeout`
-- @treturn[1] stream the same one, under TLS
-- @treturn[1] ?table the greeting that a login refers to (mysql)
-- @treturn[2] nil, message, code
function starttls.server(protocol, stream, options)
  -- without a protocol there would be no dialogue, but a handshake at once
  expect(type(protocol) == "string", 1, "protocol's name", protocol)
  expect(core.stream.type(stream), 2, "stream", stream)
  expect(options == nil or type(options) == "table", 3, "table", options)
  local given = { protocol = protocol, role = "server" }
  for key, value in pairs(options or {}) do
    if key ~= "tls" and key ~= "name" and key ~= "timeout" then
      error(("unknown option '%s' to 'server'"):format(tostring(key)), 2)
    end
    given[key] = value
  end
  return stream:starttls(given)
end

return starttls

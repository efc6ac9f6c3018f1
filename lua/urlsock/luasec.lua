--- What `require "ssl"` gives, on the sockets of this library: for code that is written for LuaSec.
--
-- Three things differ. A client verifies its server, whatever `verify` says, unless the parameters
-- say `verify = "none"` and `insecure = true`. It verifies a name: that of `conn:sni(name)`, of the
-- parameter `servername` (or `host`), or the host that the socket was connected to. And plaintext
-- that is waiting when the handshake begins is refused.
-- @module urlsock.luasec

local base = require "urlsock.luasocket.base"
local bytes = require "urlsock.luasocket.bytes"
local choose = require "urlsock.choose"
local context = require "urlsock.luasec.context"
local core = require "urlsock.core"
local loop = require "urlsock.loop"
local urlsock = require "urlsock"
local words = require "urlsock.luasocket.words"
local x509 = require "urlsock.luasec.x509"

local stream = core.stream
local methods, new, only = base.class("SSL", "SSL connection: %s")

--- LuaSec's words; a time-out is what the engine waits for.
local function word(message, code, how)
  if code == "timeout" then return how == "write" and "wantwrite" or "wantread" end
  if code == "truncated" then return "unexpected eof while reading" end
  if code == "verify" then return "certificate verify failed" end
  if code == "tls" or code == "plaintext" or code == "injected" then return message end
  return words.of(message, code)
end

--- The name to verify, and why there is none.
local function name_of(self)
  local name = self.servername or self.context.servername or self.host
  if name or self.context.server or self.context.insecure then return name end
  return nil, "no name to verify the server by: say it with sni(), or with the parameter servername"
end

--- Shakes hands. After `"wantread"` and `"wantwrite"` it is to be called again.
-- @treturn[1] boolean true
-- @treturn[2] boolean false
-- @treturn[2] string LuaSec's word
-- @treturn[2] string our sentence
function methods:dohandshake()
  local s = self.socket
  if not s then return false, "closed" end
  if self.done then return true end
  local ctx, name, message = self.context, name_of(self)
  if message then return false, message, message end
  base.start(self)
  local chooser = self.chooser or ctx.chooser
  if chooser and not self.begun then choose.set(s, chooser) end
  self.begun = true
  local deadline = loop.deadline(base.left(self))
  local ok, code
  ok, message, code = loop.finish(stream, "starttls", s, deadline, true, true,
    not chooser and ctx.config or nil, ctx.server and "server" or "client",
    not ctx.server and name or nil)
  if ok then
    self.done = true
    return true
  end
  if code == "timeout" then return false, s:want() == "w" and "wantwrite" or "wantread", message end
  stream.kill(s, message, code) -- what this call answers is what every later one does
  return false, word(message, code), message
end

--- Nothing passes before the handshake is done.
local function after(f, nothing)
  return function(self, ...)
    if not self.done then return nil, "closed", nothing end
    return f(self, ...)
  end
end

only("any", "send", after(bytes.send, 0))
only("any", "receive", after(bytes.receive, ""))
only("any", "getstats", bytes.getstats)
only("any", "setstats", bytes.setstats)

--- A server's function of the ClientHello, where each name has a context of its own.
local function by_name(names, strict, otherwise)
  return function(hello)
    local ctx = names[hello.servername or ""]
    if not ctx and strict then return nil, "unrecognized name" end
    ctx = ctx or otherwise
    if ctx.chooser then return ctx.chooser(hello) end
    return ctx.config
  end
end

--- Of a client: the name of the server, which is sent to it and verified. Of a server: contexts by
-- the names that clients may ask for; with strict, no other name is served.
function methods:sni(name, strict)
  if self.context.server and type(name) == "table" then
    self.chooser = by_name(name, strict, self.context)
    return
  end
  if type(name) ~= "string" then
    error(("bad argument #1 to 'sni' (string expected, got %s)"):format(type(name)), 2)
  end
  self.servername = name
end

--- What the last call waits for: `"read"`, `"write"` or `"nothing"`.
function methods:want()
  local want = self.socket and self.socket:want()
  return want == "r" and "read" or want == "w" and "write" or "nothing"
end

local function facts(self)
  return self.done and self.socket and self.socket:info() or {}
end

function methods:getalpn() return facts(self).alpn end
function methods:getsniname() return facts(self).servername or self.servername end

--- The certificates of the peer, its own first.
function methods:getpeerchain()
  local known = facts(self)
  local pem = known.peer and self.socket:peerchain()
  return pem and x509.list(pem, known.peer) or {}
end

--- The n-th of the chain, from 1.
function methods:getpeercertificate(n)
  return self:getpeerchain()[n or 1]
end

--- A handshake that is done has verified the peer, unless that was switched off.
function methods:getpeerverification()
  if self.done and not self.context.insecure then return true end
  return false, { { self.done and "verification is switched off" or "no handshake yet" } }
end

--- What was agreed on: `protocol`, `cipher`, `bits`, `algbits`, `compression` (there is none).
function methods:info(field)
  local known = facts(self)
  if not known.version then return nil end
  local info = {
    protocol = known.version:gsub("^TLSv1$", "TLSv1.0"), cipher = known.cipher, bits = known.bits,
    algbits = known.bits, export = false,
  }
  if field then return info[field] end
  return info
end

--- The socket of ours in an object, or one around the descriptor that it gives away.
-- @treturn[1] stream
-- @treturn[1] ?string the host that it was connected to
-- @treturn[2] nil, message
local function take(object)
  if urlsock.type(object) == "stream" then return object end
  local inside = type(object) == "table" and rawget(object, "socket")
  if inside and urlsock.type(inside) == "stream" then
    base.hold(object, nil)
    return inside, object.host
  end
  local fd = object:getfd()
  if not fd or fd < 0 then return nil, "the socket is not connected" end
  local adopted, why = urlsock.adopt(fd)
  if not adopted then return nil, why end
  object:setfd(-1)
  return adopted
end

local luasec = {
  _VERSION = "1.2.0", _COPYRIGHT = "LuaSec's interface on urlsock",
  config = {
    algorithms = { alpn = true, dane = false, ec = true },
    capabilities = { curves_list = true, dane = false, ecdh_auto = true },
    protocols = { any = true, tlsv1_2 = true, tlsv1_3 = true }, options = {}, curves = {},
  },
}

--- A context of LuaSec's parameters.
-- @treturn[1] context
-- @treturn[2] nil, message
luasec.newcontext = context.new

--- Lays TLS over a connected socket, which is the connection's from now on.
-- @param socket an object of the LuaSocket facade, a stream of ours, or anything with `getfd()` and
-- `setfd()`
-- @tparam table given parameters or a context
-- @treturn[1] connection whose handshake is still to be done
-- @treturn[2] nil, message
function luasec.wrap(socket, given)
  local ctx, why
  if context.is(given) then
    ctx = given
  else
    ctx, why = context.new(given)
  end
  if not ctx then return nil, why end
  local s, host = take(socket)
  if not s then return nil, host end
  return base.hold(new("connection", { context = ctx, word = word, host = host }), s)
end

function luasec.loadcertificate() return nil, "libtls shows no certificates but a peer's" end

--- Takes LuaSec's place for every `require` to come.
function luasec.install()
  package.loaded["ssl"] = luasec
  return luasec
end

return luasec

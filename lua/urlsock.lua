--- Sockets for Lua, opened from transport URLs, on libtls.
-- @module urlsock

local choose = require "urlsock.choose"
local core = require "urlsock.core"
local host = require "urlsock.host"
local loop = require "urlsock.loop"
local options = require "urlsock.options"
local resolve = require "urlsock.resolve"
local upgrade = require "urlsock.upgrade"
local via = require "urlsock.via"

require "urlsock.stream"
require "urlsock.listener"
require "urlsock.datagram"

local urlsock = { _NAME = "urlsock", _VERSION = "urlsock 0.1.0" }
local type = type
local timeout = 60

--- Parses a transport URL.
-- @function parse
-- @tparam string url
-- @tparam[opt] number port where the URL has none
-- @treturn[1] table `{scheme, host, port, zone, path, url}`, only the fields that apply
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string code `"url"`, `"scheme"`, `"removed"`
urlsock.parse = core.parse

--- The names of the schemes that this build can open, sorted.
-- @function transports
-- @treturn table
urlsock.transports = core.transports

--- Monotonic seconds.
-- @function now
-- @treturn number
urlsock.now = core.now

--- Waits until sockets are ready; what is buffered or decrypted counts as readable.
-- @function select
-- @tparam ?table readers
-- @tparam ?table writers
-- @tparam[opt] number seconds nil waits for ever
-- @treturn table those that can be read
-- @treturn table those that can be written
urlsock.select = require "urlsock.select"

--- Sets the default timeout of sockets made later.
-- @tparam ?number seconds nil waits for ever
function urlsock.settimeout(seconds)
  if seconds ~= nil then options.seconds(seconds, "settimeout", 3) end
  timeout = seconds
end

--- What kind of socket a value is.
-- @treturn ?string `"stream"`, `"listener"`, `"datagram"`, with `"closed "` before it after close
function urlsock.type(v)
  return core.stream.type(v) or core.listener.type(v) or core.datagram.type(v)
end

--- Sets how calls wait: `"plain"`, `"cqueues"`, `"copas"`, `"luv"`, `"nginx"`, or a table `{wait =,
-- closing =, sleep =}`; nil: found out again, as at first.
-- `wait(socket, "r" | "w", seconds | nil)` may return early; `closing(socket)` is called before a
-- descriptor is closed by its owner, and wakes whoever waits for it; `sleep(seconds)` is for
-- `select`, which else waits in poll(2).
-- @tparam ?string|table given
-- @tparam[opt] table settings of nginx: `blocking`, `pool`
function urlsock.use(given, settings)
  local problem = host.use(given, settings)
  if problem then error(problem, 2) end
end

--- A reusable, immutable TLS configuration: all is read and checked here.
-- @tparam table given TLS options
-- @treturn[1] urlsock.tls
-- @treturn[2] nil
-- @treturn[2] string message that begins with the option's name
-- @treturn[2] string code `"tls"`, `"removed"`, `"memory"`
function urlsock.tls(given)
  if type(given) ~= "table" then
    error(("bad argument #1 to 'tls' (table expected, got %s)"):format(type(given)), 2)
  end
  return core.tls.new(options.tls(given, "tls", 3))
end

--- What a client keeps of its TLS connections to one peer, to resume them: the option `session`.
-- libtls resumes with TLS 1.2 only.
-- @treturn[1] urlsock.session
-- @treturn[2] nil, message, code
urlsock.session = core.session.new

--- The arguments of connect and listen: url [, port] [, options].
local function arguments(where, url, port, given)
  if type(port) == "table" then
    given, port = port, nil
  end
  if type(url) ~= "string" then
    error(("bad argument #1 to '%s' (string expected, got %s)"):format(where, type(url)), 3)
  end
  if port ~= nil and type(port) ~= "number" then
    error(("bad argument #2 to '%s' (number expected, got %s)"):format(where, type(port)), 3)
  end
  given = options.socket(given, where, 4)
  if given.tls ~= nil then options.tls(given.tls, where, 4, where == "listen") end
  if type(given.via) == "table" then options.tls(given.via.tls, where, 4) end
  local u, message, code = core.parse(url, port)
  return u, message or given, code
end

--- The local address of the option bind as a canonical URL; port 0 where it has none.
local function with_bind(given, u)
  local text = given.bind
  if not text then return given end
  if not text:find("://", 1, true) then text = u.scheme .. "://" .. text end
  local local_url, message, code = core.parse(text)
  if not local_url then
    local again = core.parse(text, 0)
    if not again then return nil, "bind: " .. message, code end
    local_url = again
  end
  local t = {}
  for k, v in pairs(given) do t[k] = v end
  t.bind = local_url.url
  return t
end

local function seconds_of(given)
  if given.timeout ~= nil then return given.timeout end
  return timeout
end

local function bound(socket, class, seconds, limit)
  class.settimeout(socket, seconds)
  if limit then class.setlimit(socket, limit) end
end

--- TLS for a scheme: false in the clear, else a configuration.
local function scheme_config(u, given, at_once)
  local scheme = core.schemes[u.scheme]
  if given.starttls then
    if scheme.tls then
      return nil, ("%s: starttls begins in the clear: tcp:// or unix://"):format(u.url), "url"
    end
    return options.config(given.tls, nil, at_once)
  end
  if not scheme.tls then
    if given.tls then
      return nil, ("%s: the option tls is for tls:// and its like"):format(u.url), "url"
    end
    return false
  end
  if (core.tls.is(given.tls) or type(given.tls) == "function") and scheme.version then
    return nil, ("%s: give the options as a table: an object or a function has its own protocols")
      :format(u.url), "tls"
  end
  return options.config(given.tls, scheme.version, at_once)
end

--- Connects to a peer itself; config is false in the clear.
local function dial(u, given, config, name, deadline)
  local class = core.stream
  local addresses, message, code = resolve(u, given.family, deadline)
  if addresses == nil then return nil, message, code end
  local s
  s, message, code = class.dial(u.url, addresses or nil, given)
  if not s then return nil, message, code end
  bound(s, class, seconds_of(given), given.limit)
  if config then
    local ok
    ok, message, code = class.tls(s, config, name)
    if not ok then return nil, message, code end
  end
  local ok
  ok, message, code = loop.finish(class, "open", s, deadline, true, true)
  if ok then return s end
  loop.closing(s)
  class.close(s)
  return nil, message, code
end

--- Connects by way of a proxy. What it sends behind its answer, before TLS, is refused.
local function dial_via(u, given, config, name, deadline)
  local class = core.stream
  local s, message, code = via.connect(u, given.via, function(place, proxy_config, proxy_name)
    return dial(place, given, proxy_config, proxy_name, deadline)
  end, deadline)
  if not s or not config then return s, message, code end
  local ok
  ok, message, code =
    loop.finish(class, "starttls", s, deadline, true, true, config, "client", name)
  if ok then return s end
  loop.closing(s)
  class.close(s)
  return nil, message, code
end

--- Connects; o is what a dialogue in the clear needs, where one comes first.
local function connect_stream(u, given, o, deadline)
  local config, message, code = scheme_config(u, given, true)
  if config == nil then return nil, message, code end
  if o then o.tls, config = config, false end
  local name = type(given.tls) == "table" and given.tls.servername or u.host
  local s
  s, message, code = (given.via and dial_via or dial)(u, given, config, name, deadline)
  if not s or not o then return s, message, code end
  local ok, heard
  ok, heard, code = upgrade(s, o, deadline, u.url)
  if ok then return s, heard end
  loop.closing(s)
  core.stream.close(s)
  return nil, heard, code
end

--- Refuses options that would have no effect on what is to be opened.
local function misplaced(what, given, names)
  for _, name in ipairs(names) do
    if given[name] ~= nil then
      return nil, ("%s: the option %s is not for this"):format(what, name), "unsupported"
    end
  end
  return true
end

-- Where an option means nothing: what connects, what listens, each of a stream and of datagrams;
-- and what is opened already.
local foreign = {
  connect = {
    stream = { "proxy", "backlog" }, datagram = { "proxy", "via", "backlog", "limit" },
  },
  listen = {
    stream = { "bind", "via" }, datagram = { "bind", "via", "proxy", "backlog", "limit" },
  },
  adopt = {
    "bind", "nodelay", "keepalive", "reuseport", "ipv6only", "broadcast", "backlog", "mode",
    "family", "via",
  },
}

--- Connects. A TLS scheme returns when the handshake is done and the peer verified; so does the
-- option starttls (a protocol's name, or a table with `protocol`; see `urlsock.starttls`).
-- @tparam string url
-- @tparam[opt] number port where the URL has none
-- @tparam[opt] table given options
-- @treturn[1] stream or a datagram socket for `udp` and `udg`
-- @treturn[1] ?table what a starttls dialogue has heard for later (mysql)
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string code `"url"`, `"scheme"`, `"removed"`, `"resolve"`, `"refused"`,
-- `"unreachable"`, `"denied"`, `"timeout"`, `"verify"`, `"tls"`, `"plaintext"`, `"truncated"`...
function urlsock.connect(url, port, given)
  local u, o, code = arguments("connect", url, port, given)
  if not u then return nil, o, code end
  local dialogue = options.upgrade(o, "connect", 3)
  if u.port == 0 then return nil, ("%s: port 0 is only to listen"):format(u.url), "url" end
  local message
  o, message, code = with_bind(o, u)
  if not o then return nil, message, code end
  local deadline = loop.deadline(seconds_of(o))
  local kind = core.schemes[u.scheme].kind
  local ok
  ok, message, code = misplaced(u.url, o, foreign.connect[kind])
  if ok and not o.bind then ok, message, code = misplaced(u.url, o, { "mode" }) end
  if not ok then return nil, message, code end
  if kind == "stream" then return connect_stream(u, o, dialogue, deadline) end
  if dialogue then return nil, ("%s: starttls is for streams"):format(u.url), "url" end
  ok, message, code = scheme_config(u, o)
  if ok == nil then return nil, message, code end
  local addresses
  addresses, message, code = resolve(u, o.family, deadline)
  if addresses == nil then return nil, message, code end
  local d
  d, message, code = core.datagram.connect(u.url, addresses or nil, o)
  if not d then return nil, message, code end
  bound(d, core.datagram, seconds_of(o))
  return d
end

--- Listens, or binds a datagram socket.
-- @tparam string url port 0 lets the system choose
-- @tparam[opt] number port where the URL has none
-- @tparam[opt] table given options
-- @treturn[1] listener or a datagram socket for `udp` and `udg`
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string code `"url"`, `"inuse"`, `"denied"`, `"tls"`...
function urlsock.listen(url, port, given)
  local u, o, code = arguments("listen", url, port, given)
  if not u then return nil, o, code end
  local seconds = seconds_of(o)
  local kind = core.schemes[u.scheme].kind
  local ok, config, addresses, message
  ok, message, code = misplaced(u.url, o, foreign.listen[kind])
  if not ok then return nil, message, code end
  config, message, code = scheme_config(u, o)
  if config == nil then return nil, message, code end
  addresses, message, code = resolve(u, o.family, loop.deadline(seconds))
  if addresses == nil then return nil, message, code end
  if kind == "datagram" then
    local d
    d, message, code = core.datagram.bind(u.url, addresses or nil, o)
    if not d then return nil, message, code end
    bound(d, core.datagram, seconds)
    return d
  end
  local l
  local chosen = type(config) == "function"
  l, message, code = core.listener.listen(u.url, addresses or nil, o, chosen or config or nil)
  if not l then return nil, message, code end
  if chosen then choose.set(l, config) end
  core.listener.settimeout(l, seconds)
  core.listener.inherit(l, seconds, o.limit, o.proxy ~= nil)
  return l
end

--- Two sockets that are connected with each other.
-- @tparam[opt="stream"] string kind or `"datagram"`
-- @treturn[1] stream or datagram
-- @treturn[1] stream or datagram
-- @treturn[2] nil, message, code
function urlsock.pair(kind)
  if kind ~= nil and kind ~= "stream" and kind ~= "datagram" then
    error('bad argument #1 to \'pair\' ("stream" or "datagram" expected)', 2)
  end
  local class = kind == "datagram" and core.datagram or core.stream
  local a, b, code = class.pair()
  if not a then return nil, b, code end
  bound(a, class, timeout)
  bound(b, class, timeout)
  return a, b
end

--- A socket around an inherited descriptor, whose kind is found out.
-- @tparam number fd the caller's again if this fails
-- @tparam[opt] table given options: `timeout`, `limit`, `tls` (a listener's), `url` (a stream's:
-- what messages call it, and whose host `starttls` verifies)
-- @treturn[1] stream, listener or datagram
-- @treturn[2] nil, message, code
function urlsock.adopt(fd, given)
  if not options.is_whole(fd) then
    error(("bad argument #1 to 'adopt' (descriptor expected, got %s)"):format(
      type(fd) == "number" and tostring(fd) or type(fd)), 2)
  end
  local o = options.socket(given, "adopt", 3)
  local kind, scheme, code = core.examine(fd)
  if not kind then return nil, scheme, code end
  local ok, message
  ok, message, code = misplaced("adopt", o, foreign.adopt)
  if ok and kind ~= "listener" then ok, message, code = misplaced("adopt", o, { "proxy" }) end
  if ok and kind == "datagram" then ok, message, code = misplaced("adopt", o, { "limit" }) end
  if not ok then return nil, message, code end
  local class, config = core[kind], nil
  if kind == "listener" then
    if o.tls then
      config, message, code = options.config(options.tls(o.tls, "adopt", 3, true))
      if not config then return nil, message, code end
      scheme = scheme == "tcp" and "tls" or scheme
    end
  elseif o.tls then
    return nil, "adopt: TLS on a connection begins with starttls()", "unsupported"
  end
  local origin
  if o.url then
    if kind ~= "stream" then return nil, "adopt: url is for a stream", "unsupported" end
    origin, message, code = core.parse(o.url)
    if not origin then return nil, message, code end
  end
  local chosen = type(config) == "function"
  local s
  s, message, code = class.adopt(fd, scheme, chosen or config, origin and origin.url)
  if not s then return nil, message, code end
  if chosen then choose.set(s, config) end
  if kind == "listener" then
    class.settimeout(s, seconds_of(o))
    class.inherit(s, seconds_of(o), o.limit, o.proxy ~= nil)
  else
    bound(s, class, seconds_of(o), kind == "stream" and o.limit)
  end
  return s
end

return urlsock

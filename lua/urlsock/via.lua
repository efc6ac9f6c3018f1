--- A way to a peer through a proxy: the option `via`.
--
-- `socks5://[user:password@]host[:1080]`, `http://[user:password@]host:port` (CONNECT) and
-- `https://[user:password@]host[:443]`, the same under TLS. The proxy resolves the peer's name.
-- @module urlsock.via

local core = require "urlsock.core"
local loop = require "urlsock.loop"
local options = require "urlsock.options"

local class, finish = core.stream, loop.finish
local via = {}

-- Proxies for HTTP do not agree on a port, and that of the scheme is none of theirs.
local kinds = {
  socks5 = { port = 1080, protocol = "socks5" },
  socks5h = { port = 1080, protocol = "socks5" },
  http = { protocol = "http" },
  https = { port = 443, protocol = "http", tls = true },
}

--- Percent-decoding of what stands before the `@` (RFC 3986, section 3.2.1); nil where it is none.
local function decoded(text)
  if text:find "[^%w%-%._~!$&'()*+,;=:%%]" or text:gsub("%%%x%x", ""):find("%", 1, true) then
    return nil
  end
  local bytes = text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  if bytes:find "%c" then return nil end
  return bytes
end

--- The parts of `[user[:password]@]host[:port]`. What cannot be read is not shown: it may hold a
-- password.
local function split(rest)
  local info, place = rest:match "^([^@]*)@([^@]*)$"
  if not info then
    if rest:find("@", 1, true) then return nil end
    return rest
  end
  local user, password = info:match "^([^:]*):(.*)$"
  user, password = decoded(user or info), password and decoded(password) or password == nil and ""
  if not user or user == "" or not password then return nil end
  return place, user, password
end

--- Parses the URL of a proxy.
-- @tparam string text
-- @treturn[1] table `{url, place, protocol, tls, user, password}`: url is without the password, and
-- place the transport URL of the proxy, parsed
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string code `"url"`, `"scheme"`
function via.parse(text)
  local scheme, rest = text:match "^(%a[%w+%-.]*)://(.*)$"
  if not scheme then
    return nil, "via: a proxy is written as socks5://host, http://host:port or https://host", "url"
  end
  local kind = kinds[scheme:lower()]
  if not kind then
    return nil, ("via: there is no proxy by '%s' (there are socks5, http, https)"):format(scheme),
      "scheme"
  end
  local place, user, password = split(rest)
  if not place then
    return nil, "via: user and password are written as user:password@, other signs than letters, "
      .. "digits and -._~!$&'()*+,;= as %xx", "url"
  end
  if not place:find(":", 1, true) or place:find "^%[[^%]]*%]$" then
    if not kind.port then return nil, "via: http:// takes a port, as in http://host:3128", "url" end
    place = place .. ":" .. kind.port
  end
  local u, message, code = core.parse("tcp://" .. place)
  if not u then return nil, "via: " .. message, code end
  if u.port == 0 then return nil, "via: port 0 is only to listen", "url" end
  return {
    url = scheme:lower() .. u.url:sub(4), place = u, protocol = kind.protocol, tls = kind.tls,
    user = user, password = password,
  }
end

--- One side of a dialogue with a proxy. The first failure is kept, and whatever is called after it
-- answers nil.
local talk = {}
talk.__index = talk

--- Fails: nil, always.
function talk:fail(code, format, ...)
  if not self.code then
    self.code, self.message = code, ("%s: %s"):format(self.url, format:format(...))
  end
  return nil
end

--- Runs a step of the stream within the deadline.
local function run(self, step, what, ...)
  if self.code then return nil end
  local value, message, code =
    finish(class, step, self.stream, self.deadline, true, true, ...)
  if value then return value end
  if code == "timeout" then return self:fail(code, "timed out waiting for %s", what) end
  return self:fail(code, "%s: %s", what, (message:gsub("^%l+://%S-: ", "", 1)))
end

--- Exactly so many bytes.
function talk:take(n, what) return run(self, "read", what, n) end

--- What comes before a delimiter, which is taken too.
function talk:upto(delimiter, limit, what) return run(self, "readuntil", what, delimiter, limit) end

function talk:send(...) return run(self, "write", "the proxy to read", ...) end

--- Words of the proxy as a message may show them.
function talk.quoted(words)
  return (words:sub(1, 120):match("^[^\r\n]*"):gsub("[^ -~]", "."))
end

--- Opens a stream to a peer by its proxy, in the clear.
-- @tparam table target the parsed URL
-- @tparam string|table given the option `via`: a URL, or `{url =, tls =}`
-- @tparam function dial of the proxy's URL, parsed, a configuration or false, and the name to
-- verify: a stream
-- @tparam ?number deadline
-- @treturn[1] stream
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string code `"url"`, `"scheme"`, `"denied"`, `"refused"`, `"unreachable"`,
-- `"unsupported"`, `"timeout"`, `"limit"` and those of connecting to the proxy
function via.connect(target, given, dial, deadline)
  if type(given) == "string" then given = { url = given } end
  local proxy, message, code = via.parse(given.url)
  if not proxy then return nil, message, code end
  local config = false
  if proxy.tls then
    config, message, code = options.config(given.tls, nil, true)
    if not config then return nil, "via: " .. message, code end
  elseif given.tls ~= nil then
    return nil, "via: TLS options are for https://", "url"
  end
  if not target.host or target.zone then
    return nil, ("%s: a proxy has no way to that"):format(target.url), "unsupported"
  end
  local s
  local name = type(given.tls) == "table" and given.tls.servername or proxy.place.host
  s, message, code = dial(proxy.place, config, name)
  if s then
    local t = setmetatable({ stream = s, url = proxy.url, deadline = deadline }, talk)
    if require("urlsock.via." .. proxy.protocol)(t, target, proxy) then
      return class.arrive(s, target.url)
    end
    s:close()
    message, code = t.message, t.code
  end
  return nil, ("%s: via %s"):format(target.url, message), code
end

return via

--- What callers may say in option tables: known names, right types.
-- @module urlsock.options

local core = require "urlsock.core"

local options = {}

local function is_seconds(v)
  return type(v) == "number" and v >= 0 and v < math.huge
end

local function is_whole(v)
  return type(v) == "number" and v >= 0 and v % 1 == 0 and v < 2 ^ 31
end

local function one_of(...)
  local set = {}
  for _, v in ipairs { ... } do set[v] = true end
  return function(v) return set[v] == true end
end

local kinds = {
  seconds = { is_seconds, "seconds, finite and not negative" },
  whole = { is_whole, "whole number" },
  string = { function(v) return type(v) == "string" end, "string" },
  boolean = { function(v) return type(v) == "boolean" end, "boolean" },
  any = { function() return true end, "anything" },
  family = { one_of("inet", "inet6"), '"inet" or "inet6"' },
  role = { one_of("client", "server"), '"client" or "server"' },
  proxy = { one_of "require", '"require"' },
  tls = {
    function(v) return type(v) == "table" or type(v) == "function" or core.tls.is(v) end,
    "table, urlsock.tls or function",
  },
  session = { core.session.is, "urlsock.session" },
}

--- The option via: the URL of a proxy, or a table with it and TLS options.
function kinds.via(v)
  if type(v) == "string" then return true end
  if type(v) ~= "table" or type(v.url) ~= "string" then return false end
  for name in pairs(v) do
    if name ~= "url" and name ~= "tls" then return false end
  end
  return v.tls == nil or core.tls.is(v.tls) or type(v.tls) == "table"
end
kinds.via = { kinds.via, "URL of a proxy or table {url, tls}" }

local pair_names = { cert = "string", key = "string", password = "string", staple = "string" }

--- The list certs: tables with the options of one certificate.
local function is_pairs(v)
  if type(v) ~= "table" or #v == 0 then return false end
  for i, pair in pairs(v) do
    if not is_whole(i) or i > #v or type(pair) ~= "table" then return false end
    for name, value in pairs(pair) do
      if not pair_names[name] or type(value) ~= "string" then return false end
    end
  end
  return true
end

kinds.pairs = { is_pairs, "list of tables {cert, key, password, staple}" }

local tls_names = {
  ca = "string", crl = "string", clientca = "string", client = "string", certs = "pairs",
  servername = "string", alpn = "any", protocols = "any", ciphers = "string", curves = "string",
  pin = "any", ocsp = "string", san = "string", depth = "whole", session = "session",
  lifetime = "whole", ticket_keys = "any", insecure_noverifycert = "boolean",
  insecure_noverifyname = "boolean", insecure_noverifytime = "boolean",
}
for name, kind in pairs(pair_names) do tls_names[name] = kind end

local names = {
  timeout = "seconds", bind = "string", nodelay = "boolean", keepalive = "boolean",
  reuseport = "boolean", ipv6only = "boolean", broadcast = "boolean", backlog = "whole",
  mode = "whole", family = "family", limit = "whole", tls = "tls",
  proxy = "proxy", via = "via",
}

local function extended(base, more)
  local t = {}
  for k, v in pairs(base) do t[k] = v end
  for k, v in pairs(more) do t[k] = v end
  return t
end

local starttls_names =
  extended(tls_names, { role = "role", nested = "boolean", timeout = "seconds" })

--- Raises unless every key is known and every value of its type.
local function check(given, known, where, level)
  if type(given) ~= "table" then
    error(("bad options to '%s' (table expected, got %s)"):format(where, type(given)), level + 1)
  end
  for key, value in pairs(given) do
    local kind = kinds[known[key]]
    if not kind then
      error(("unknown option '%s' to '%s'"):format(tostring(key), where), level + 1)
    end
    if not kind[1](value) then
      error(("option '%s' to '%s': %s expected"):format(key, where, kind[2]), level + 1)
    end
  end
  return given
end

--- Checks the options of connect, listen or adopt.
function options.socket(given, where, level)
  return given == nil and {} or check(given, names, where, level + 1)
end

--- Checks TLS options: a table or an object of urlsock.tls; for servers also a function that
-- chooses one for each client.
function options.tls(given, where, level, chosen)
  if given == nil then return {} end
  if core.tls.is(given) or (chosen and type(given) == "function") then return given end
  return check(given, tls_names, where, level + 1)
end

--- Checks the options of starttls and takes them apart.
function options.starttls(given, where, level)
  if given == nil or core.tls.is(given) or type(given) == "function" then
    return { tls = given }
  end
  check(given, starttls_names, where, level + 1)
  return {
    tls = given, servername = given.servername, role = given.role, nested = given.nested,
    timeout = given.timeout,
  }
end

--- Raises unless v is a number of seconds.
function options.seconds(v, where, level)
  if not is_seconds(v) then
    error(("bad argument to '%s' (seconds expected, finite and not negative)"):format(where), level)
  end
end

local default

--- The configuration of checked TLS options; the default one is made once.
-- @treturn[1] urlsock.tls or the function that chooses one
-- @treturn[2] nil, message, code
function options.config(given, version)
  if core.tls.is(given) or type(given) == "function" then return given end
  if version then
    given = extended(given or {}, {})
    if given.protocols and given.protocols ~= version then
      return nil, ("protocols: the scheme asks for %s only"):format(version), "tls"
    end
    given.protocols = version
  end
  if given and next(given) ~= nil then return core.tls.new(given) end
  local message, code
  if not default then
    default, message, code = core.tls.new {}
  end
  return default, message, code
end

return options

--- What callers may say in option tables: known names, right types.
-- @module urlsock.options

local core = require "urlsock.core"
local starttls = require "urlsock.starttls"

local options = {}

local function is_seconds(v)
  return type(v) == "number" and v >= 0 and v < math.huge
end

local function is_whole(v)
  return type(v) == "number" and v >= 0 and v % 1 == 0 and v < 2 ^ 31
end

--- Is it a whole number from 0 up that C's int holds, as a descriptor is?
options.is_whole = is_whole

-- A name that goes into a line or an attribute of a protocol: nothing in it can end those.
local function is_label(v)
  return type(v) == "string" and #v <= 255 and v:find "^[%w_.:%-%[%]\128-\255]+$" ~= nil
end

local function one_of(...)
  local set = {}
  for _, v in ipairs { ... } do set[v] = true end
  return function(v) return set[v] == true end
end

local kinds = {
  seconds = { is_seconds, "seconds, finite and not negative" },
  whole = { is_whole, "whole number" },
  limit = { function(v) return is_whole(v) and v > 0 end, "whole number above 0" },
  string = { function(v) return type(v) == "string" end, "string" },
  boolean = { function(v) return type(v) == "boolean" end, "boolean" },
  label = { is_label, "host name" },
  dialogue = {
    function(v) return type(v) == "string" or type(v) == "table" end, "protocol's name or table",
  },
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

--- A list of names or keys: an empty one, or one with other keys, would pass for none at all.
local function is_list(v)
  if type(v) == "string" then return true end
  if type(v) ~= "table" then return false end
  local n = 0
  for _ in pairs(v) do n = n + 1 end
  for i = 1, n do
    if type(v[i]) ~= "string" then return false end
  end
  return n > 0
end

kinds.list = { is_list, "string or list of strings" }
kinds.pairs = { is_pairs, "list of tables {cert, key, password, staple}" }

local tls_names = {
  ca = "string", crl = "string", clientca = "string", client = "string", certs = "pairs",
  servername = "string", alpn = "list", protocols = "list", ciphers = "string", curves = "string",
  pin = "list", ocsp = "string", san = "string", depth = "whole", session = "session",
  lifetime = "whole", ticket_keys = "list", insecure_noverifycert = "boolean",
  insecure_noverifyname = "boolean", insecure_noverifytime = "boolean",
}
for name, kind in pairs(pair_names) do tls_names[name] = kind end

local names = {
  timeout = "seconds", bind = "string", nodelay = "boolean", keepalive = "boolean",
  reuseport = "boolean", ipv6only = "boolean", broadcast = "boolean", backlog = "whole",
  mode = "whole", family = "family", limit = "limit", tls = "tls",
  proxy = "proxy", via = "via",
  starttls = "dialogue", url = "string",
}

local dialogue_names = {
  protocol = "string", name = "label", domain = "label", greeted = "boolean",
  optional = "boolean", capabilities = "whole",
}

local function extended(base, more)
  local t = {}
  for k, v in pairs(base) do t[k] = v end
  for k, v in pairs(more) do t[k] = v end
  return t
end

local starttls_names = extended(extended(tls_names, dialogue_names),
  { role = "role", nested = "boolean", timeout = "seconds", tls = "tls" })

--- Raises unless every key is known and every value of its type.
local function check(given, known, where, level)
  if type(given) ~= "table" then
    error(("bad options to '%s' (table expected, got %s)"):format(where, type(given)), level)
  end
  for key, value in pairs(given) do
    local kind = kinds[known[key]]
    if not kind then
      error(("unknown option '%s' to '%s'"):format(tostring(key), where), level)
    end
    if not kind[1](value) then
      error(("option '%s' to '%s': %s expected"):format(key, where, kind[2]), level)
    end
  end
  return given
end

--- Checks the options of connect, listen or adopt.
function options.socket(given, where, level)
  if given == nil then return {} end
  check(given, names, where, level + 1)
  if given.starttls ~= nil and where ~= "connect" then
    error(("option 'starttls' to '%s': it is for connect"):format(where), level)
  end
  if given.url ~= nil and where ~= "adopt" then
    error(("option 'url' to '%s': it is for adopt"):format(where), level)
  end
  return given
end

--- Checks TLS options: a table or an object of urlsock.tls; for servers also a function that
-- chooses one for each client.
function options.tls(given, where, level, chooses)
  if given == nil then return {} end
  if core.tls.is(given) or (chooses and type(given) == "function") then return given end
  check(given, tls_names, where, level + 1) -- no tail call: a level counts frames
  return given
end

--- The options of a table that have these names; nil where there are none.
local function chosen(given, known)
  local t = {}
  for key, value in pairs(given) do
    if known[key] then t[key] = value end
  end
  return next(t) ~= nil and t or nil
end

--- Checks the options of a dialogue against its protocol.
-- @treturn ?table nil where none is asked for
local function dialogue(given, server, where, level)
  if given == nil then return nil end
  local problem = starttls.check(given, server)
  if problem then error(("options to '%s': %s"):format(where, problem), level) end
  return given
end

--- Checks the options of starttls and takes them apart.
-- @param given
-- @tparam boolean accepted whether the socket came from a listener
-- @tparam string where the method that they were given to, for messages
-- @tparam number level where it was called, as for `error`
function options.starttls(given, accepted, where, level)
  if given == nil or core.tls.is(given) then return { tls = given, server = accepted } end
  if type(given) == "function" then return { tls = given, server = true } end
  check(given, starttls_names, where, level + 1)
  local server = accepted
  if given.role then server = given.role == "server" end
  local tls = chosen(given, tls_names)
  if tls and given.tls then
    error(("options to '%s': tls options beside tls"):format(where), level)
  end
  tls = given.tls and options.tls(given.tls, where, level + 1, server) or tls
  return {
    tls = tls, servername = type(tls) == "table" and tls.servername or nil, server = server,
    nested = given.nested, timeout = given.timeout,
    dialogue = dialogue(chosen(given, dialogue_names), server, where, level + 1),
  }
end

--- Checks the options starttls and tls of connect: the same table, or nil.
function options.upgrade(given, where, level)
  local o = given.starttls
  if o == nil then return nil end
  if type(o) == "string" then o = { protocol = o } end
  check(o, dialogue_names, where, level + 1)
  return {
    tls = given.tls, servername = type(given.tls) == "table" and given.tls.servername or nil,
    server = false, dialogue = dialogue(o, false, where, level + 1),
  }
end

--- Raises unless v is a number of seconds.
function options.seconds(v, where, level)
  if not is_seconds(v) then
    error(("bad argument #1 to '%s' (seconds expected, finite and not negative)"):format(where),
      level)
  end
end

--- Does the option protocols name that version and no other?
local function is_only(protocols, version)
  for _, name in ipairs(type(protocols) == "table" and protocols or { protocols }) do
    if name:lower() ~= version then return false end
  end
  return true
end

local default

--- The configuration of checked TLS options; the default one is made once.
-- @treturn[1] urlsock.tls or the function that chooses one
-- @treturn[2] nil, message, code
function options.config(given, version)
  if core.tls.is(given) or type(given) == "function" then return given end
  if version then
    given = extended(given or {}, {})
    if given.protocols and not is_only(given.protocols, version) then
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

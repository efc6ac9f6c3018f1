--- Look-ups, as LuaSocket's `socket.dns` has them.
-- @module urlsock.luasocket.dns

local base = require "urlsock.luasocket.base"
local core = require "urlsock.core"
local loop = require "urlsock.loop"
local resolve = require "urlsock.resolve"
local services = require "urlsock.luasocket.services"
local urlsock = require "urlsock"
local words = require "urlsock.luasocket.words"

local dns = {}

--- The addresses of a host: a list of `{family =, addr =}`.
function dns.getaddrinfo(host)
  local url, word = base.url("tcp", base.string(host, 1, "getaddrinfo"), 1)
  if not url then return nil, word end
  local u = urlsock.parse(url)
  local addresses, message, code = resolve(u, nil, nil)
  if addresses == nil then return nil, words.of(message, code) end
  local list = {}
  for i, name in ipairs(addresses and core.resolver.names(addresses) or { url }) do
    local address, _, family = base.address(name)
    list[i] = { family = family, addr = address }
  end
  return list
end

--- The first IPv4 address of a host, and a table `{name, alias, ip}` of them all.
function dns.toip(host)
  local list = dns.getaddrinfo(host)
  local ip = {}
  for _, entry in ipairs(list or {}) do
    if entry.family == "inet" then ip[#ip + 1] = entry.addr end
  end
  if not ip[1] then return nil, "host not found" end
  return ip[1], { name = host, alias = {}, ip = ip }
end

--- The name of an address, and of a port as a service; numbers in text where there are none.
-- @treturn[1] string
-- @treturn[1] string
-- @treturn[2] nil, message, code
local function names_of(host, port)
  local class = core.resolver
  local lookup, message, code = class.start(host, port, nil, "stream", true)
  if not lookup then return nil, message, code end
  local found
  found, message, code = loop.finish(class, "step", lookup, nil, true, false)
  local name, service
  if found then name, service = class.found(lookup) end
  class.close(lookup)
  if found then return name, service end
  return nil, message, code
end

--- The name of a host or address of IPv4, and a table `{name, alias, ip}`.
function dns.tohostname(host)
  local first, of = dns.toip(host)
  if not first then return nil, of end
  local name = host
  if first == host then name = names_of(host, 0) end
  if not name or name == host and first == host then return nil, "host not found" end
  of.name = name
  return name, of
end

--- A port from a number or the name of a service.
local function port_of(service)
  local port = service == nil and 0 or tonumber(service) or services.port(service)
  if port and port >= 0 and port <= 65535 and port % 1 == 0 then return port end
end

--- The names of a host's addresses, and the name of a service; one of the two may be nil.
function dns.getnameinfo(host, service)
  if host == nil and service == nil then error("host and serv cannot be both nil", 2) end
  local port = port_of(service)
  if not port then return nil, "service not supported for socket type" end
  local names = {}
  if host ~= nil then
    local list, word = dns.getaddrinfo(host)
    if not list then return nil, word end
    for i, entry in ipairs(list) do names[i] = names_of(entry.addr, 0) or entry.addr end
  end
  if service == nil then return names end
  return names, (select(2, names_of("127.0.0.1", port)))
end

--- What this machine is called.
function dns.gethostname()
  local f = io.open("/proc/sys/kernel/hostname", "r") or io.popen("uname -n", "r")
  local name = f and f:read "*l"
  if f then f:close() end
  return name
end

return dns

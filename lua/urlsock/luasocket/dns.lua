--- Look-ups, as LuaSocket's `socket.dns` has them. Addresses have no names here: what would need a
-- reverse look-up fails.
-- @module urlsock.luasocket.dns

local base = require "urlsock.luasocket.base"
local core = require "urlsock.core"
local resolve = require "urlsock.resolve"
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

function dns.tohostname() return nil, "host not found" end
dns.getnameinfo = dns.tohostname

--- What this machine is called.
function dns.gethostname()
  local f = io.open("/proc/sys/kernel/hostname", "r") or io.popen("uname -n", "r")
  local name = f and f:read "*l"
  if f then f:close() end
  return name
end

return dns

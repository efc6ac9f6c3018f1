-- What the specs of LuaSocket's interface share: the real one is the oracle, where it is installed.
local assert = require "luassert"
local facade = require "urlsock.luasocket"

local kit = { facade = facade }

local has_real, real = pcall(require, "socket")
if has_real and real == facade then has_real = false end
kit.real = has_real and real or nil

kit.pack = table.pack or function(...) return { n = select("#", ...), ... } end

function kit.second(_, v) return v end

local alive -- the sockets of a test: the collector must not close a peer

--- A server of that implementation, a client of it, and what accept gave.
function kit.connected(socket)
  local server = assert(socket.bind("127.0.0.1", 0))
  local client = assert(socket.connect("127.0.0.1", kit.second(server:getsockname())))
  server:settimeout(5)
  local accepted = assert(server:accept())
  accepted:settimeout(5)
  client:settimeout(5)
  alive = { client, accepted, server, alive }
  return client, accepted, server
end

--- Waits until bytes or an end have arrived.
function kit.arrived(socket, object) assert(#socket.select({ object }, nil, 5) == 1) end

function kit.port_of(object) return tonumber((kit.second(object:getsockname()))) end

--- The path of a Unix socket that is not there yet.
function kit.path()
  local path = os.tmpname()
  os.remove(path)
  return path
end

--- Results that can be compared: objects by their names without an address.
local function comparable(v)
  if type(v) == "userdata" or (type(v) == "table" and getmetatable(v)) then
    return (tostring(v):gsub(": 0x%x+", ""))
  end
  if type(v) ~= "table" then return v end
  local t = {}
  for key, value in pairs(v) do t[key] = comparable(value) end
  return t
end

--- A test for each of a table's functions, which take an implementation and return what is
-- compared. The first two are busted's, which only spec files see.
function kit.compare(it, pending, battery)
  local names = {}
  for name in pairs(battery) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    it("answers as LuaSocket does: " .. name, function()
      if not kit.real then return pending "LuaSocket is not installed" end
      local expected = comparable(kit.pack(battery[name](kit.real)))
      assert.same(expected, comparable(kit.pack(battery[name](facade))))
      alive = nil
    end)
  end
end

return kit

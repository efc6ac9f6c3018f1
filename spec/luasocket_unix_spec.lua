-- LuaSocket's Unix sockets.
local facade = require "urlsock.luasocket"
local kit = require "spec.support.luasocket"

local has_unix, real = pcall(require, "socket.unix")

--- The module of an implementation.
local function unix_of(socket) return socket == facade and facade.unix or real end

--- A datagram object that is bound, and its path.
local function bound(socket)
  local u, path = unix_of(socket).dgram(), kit.path()
  assert(u:bind(path))
  u:settimeout(5)
  return u, path
end

local battery = {
  ["streams"] = function(socket)
    local unix, path = unix_of(socket), kit.path()
    local server, client = unix(), unix.stream()
    local binds, listens = server:bind(path), server:listen()
    local connects = client:connect(path)
    local accepted = server:accept()
    accepted:settimeout(5)
    client:send "hello\nxy"
    local results = { binds, listens, connects, server, client, accepted, server.class,
      server:getsockname() == path, accepted:getsockname() == path, client:getsockname(),
      accepted:receive(), accepted:receive(2), accepted:shutdown "send", client:receive() }
    client:close()
    accepted:close()
    server:close()
    os.remove(path)
    return results
  end,
  ["a stream that cannot connect"] = function(socket)
    local client = unix_of(socket).stream()
    local ok, word = client:connect(kit.path())
    return ok, word, client
  end,
  ["a path that is too long"] = function(socket)
    local unix, path = unix_of(socket), ("x"):rep(200)
    local u = unix.dgram()
    return unix():connect(path), (select(2, unix():bind(path))), (select(2, u:bind(path))),
      (select(2, u:connect(path))), (select(2, u:sendto("x", path)))
  end,
  ["options of a stream"] = function(socket)
    local u = unix_of(socket)()
    return u:setoption("linger", { on = true, timeout = 1 }), u:setoption("keepalive", true),
      (pcall(function() u:setoption("tcp-nodelay", true) end))
  end,
  ["a new datagram object"] = function(socket)
    local u = unix_of(socket).dgram()
    return u, u.class, u:dirty(), u:settimeout(1), u:gettimeout()
  end,
  ["datagrams there and back"] = function(socket)
    local a, path = bound(socket)
    local b, back = bound(socket)
    local sent = b:sendto("hi", path)
    local data, from = a:receivefrom()
    local results = { sent, data, from == back, a:sendto("yo", back), b:receive(),
      a:getsockname() == path }
    a:close()
    b:close()
    os.remove(path)
    os.remove(back)
    return results
  end,
  ["datagrams of a nameless sender"] = function(socket)
    local a, path = bound(socket)
    local b = unix_of(socket).udp()
    local results = { b:getsockname(), b:sendto("hi", path), kit.pack(a:receivefrom()) }
    a:close()
    os.remove(path)
    return results
  end,
  ["datagrams of a connected sender"] = function(socket)
    local a, path = bound(socket)
    local b = unix_of(socket).udp()
    local results = { b:connect(path), b, b.class, b:send "hello", a:receive(2), b:send "",
      a:receive(), (pcall(function() b:sendto("x", path) end)),
      (pcall(function() b:receivefrom() end)), (pcall(function() b:bind "x" end)) }
    a:close()
    results[#results + 1] = kit.pack(b:send "x")
    os.remove(path)
    return results
  end,
  ["datagrams of a sender that is bound and connected"] = function(socket)
    local a, path = bound(socket)
    local b, back = bound(socket)
    local results = { b:connect(path), b:send "hi", (select(2, a:receivefrom())) == back,
      a:sendto("yo", back), b:receive() }
    a:close()
    b:close()
    os.remove(path)
    os.remove(back)
    return results
  end,
  ["datagrams that go nowhere, or do not come"] = function(socket)
    local a, path = bound(socket)
    local b, nowhere = unix_of(socket).dgram(), kit.path()
    a:settimeout(0)
    local results = { kit.pack(a:receive()), kit.pack(a:receivefrom()),
      kit.pack(b:sendto("x", nowhere)), kit.pack(b:connect(nowhere)), b, b:close(),
      kit.pack(unix_of(socket).dgram():bind(path)) }
    a:close()
    os.remove(path)
    return results
  end,
  ["a closed datagram object"] = function(socket)
    local u = unix_of(socket).dgram()
    return u:close(), u:close(), u:getfd(), u:dirty(), u:sendto("x", "/nowhere")
  end,
}

describe("a Unix socket of LuaSocket's interface", function()
  if has_unix then kit.compare(it, pending, battery) end

  it("removes its file", function()
    for _, make in ipairs { facade.unix.stream, facade.unix.dgram } do
      local u, path = make(), kit.path()
      assert(u:bind(path))
      u:close()
      assert.is_nil(io.open(path))
    end
  end)

  it("waits in vain where it has no name", function()
    local u = facade.unix.dgram()
    u:settimeout(0.01)
    assert.same({ nil, "timeout" }, { u:receive() })
  end)
end)

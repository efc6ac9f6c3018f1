-- LuaSocket's datagram objects.
local kit = require "spec.support.luasocket"

local port_of = kit.port_of

local battery = {
  ["udp names its state"] = function(socket) return socket.udp() end,
  ["udp setsockname"] = function(socket)
    local u = socket.udp()
    return u:setsockname("127.0.0.1", 0), (u:getsockname())
  end,
  ["udp setsockname twice"] = function(socket)
    local u = socket.udp()
    u:setsockname("127.0.0.1", 0)
    return u:setsockname("127.0.0.1", 0)
  end,
  ["udp there and back"] = function(socket)
    local a, b = socket.udp(), socket.udp()
    a:settimeout(5)
    b:settimeout(5)
    a:setsockname("127.0.0.1", 0)
    local connects = b:setpeername(a:getsockname())
    local sent = b:send "hello"
    local data, host, port = a:receivefrom()
    local back = a:sendto("yo", host, port)
    return connects, b, sent, data, host, port == port_of(b), back, (b:receive())
  end,
  ["udp of nothing"] = function(socket)
    local a, b = socket.udp(), socket.udp()
    a:settimeout(5)
    a:setsockname("127.0.0.1", 0)
    b:setpeername(a:getsockname())
    return b:send "", a:receive()
  end,
  ["udp that is cut"] = function(socket)
    local a, b = socket.udp(), socket.udp()
    a:settimeout(5)
    a:setsockname("127.0.0.1", 0)
    b:sendto("abcdef", "127.0.0.1", port_of(a))
    return a:receive(3)
  end,
  ["udp that does not come"] = function(socket)
    local u = socket.udp()
    u:setsockname("127.0.0.1", 0)
    u:settimeout(0)
    return u:receive()
  end,
  ["udp without a peer again"] = function(socket)
    local u = socket.udp()
    u:setpeername("127.0.0.1", 9)
    return u:setpeername "*", u
  end,
  ["udp peer"] = function(socket)
    local u = socket.udp()
    u:setpeername("127.0.0.1", 9)
    return u:getpeername()
  end,
  ["udp that is too long"] = function(socket)
    local u = socket.udp()
    u:setpeername("127.0.0.1", 9)
    return u:send(("x"):rep(70000))
  end,
  ["udp refused"] = function(socket)
    local u = socket.udp()
    u:setpeername("127.0.0.1", 1)
    u:settimeout(5)
    u:send "x"
    return u:receive()
  end,
  ["udp to no host"] = function(socket) return socket.udp():setpeername("no such host", 1) end,
  ["udp methods of another state raise"] = function(socket)
    local u, v = socket.udp(), socket.udp()
    v:setpeername("127.0.0.1", 9)
    return (pcall(function() u:send "x" end)), (pcall(function() u:getpeername() end)),
      (pcall(function() v:sendto("x", "127.0.0.1", 9) end)),
      (pcall(function() v:receivefrom() end))
  end,
  ["udp options"] = function(socket)
    local u = socket.udp()
    u:setsockname("127.0.0.1", 0)
    local results = {}
    for _, name in ipairs { "broadcast", "dontroute", "reuseaddr", "reuseport",
      "ip-multicast-loop" } do
      results[#results + 1] = u:setoption(name, true)
      results[#results + 1] = u:getoption(name)
    end
    return results
  end,
  ["udp groups of IPv4"] = function(socket)
    local u = socket.udp()
    u:setsockname("*", 0)
    local group = { multiaddr = "224.0.0.251", interface = "127.0.0.1" }
    local results = { kit.pack(u:setoption("ip-add-membership", group)),
      kit.pack(u:setoption("ip-add-membership", group)),
      kit.pack(u:setoption("ip-drop-membership", group)),
      kit.pack(u:setoption("ip-drop-membership", group)),
      u:getoption "ip-multicast-if", u:setoption("ip-multicast-if", "127.0.0.1"),
      u:getoption "ip-multicast-if", u:setoption("ip-multicast-if", "*") }
    for _, bad in ipairs { { interface = "*" }, { multiaddr = "224.0.0.251" },
      { multiaddr = "x", interface = "*" }, { multiaddr = "224.0.0.251", interface = "x" } } do
      results[#results + 1] = pcall(function() u:setoption("ip-add-membership", bad) end)
    end
    return results
  end,
  ["udp groups of IPv6"] = function(socket)
    local u = socket.udp6()
    u:setsockname("::", 0)
    local group = { multiaddr = "ff02::fb", interface = 1 }
    return u:setoption("ipv6-add-membership", group), u:setoption("ipv6-drop-membership", group),
      (pcall(function() u:setoption("ipv6-add-membership", { multiaddr = "x" }) end))
  end,
  ["udp that a group's members receive"] = function(socket)
    local u, v = socket.udp4(), socket.udp4()
    u:setsockname("*", 0)
    u:setoption("ip-add-membership", { multiaddr = "224.0.0.251", interface = "127.0.0.1" })
    v:setoption("ip-multicast-if", "127.0.0.1")
    v:setoption("ip-multicast-loop", true)
    u:settimeout(2)
    local sent = v:sendto("to all", "224.0.0.251", port_of(u))
    return sent, u:receive()
  end,
  ["udp closed"] = function(socket)
    local u = socket.udp()
    u:setsockname("127.0.0.1", 0)
    return u:close(), u:close(), u:getfd(), u, u:getsockname()
  end,
  ["udp has the names of its states"] = function(socket)
    local u = socket.udp()
    local before = u.class
    u:setpeername("127.0.0.1", 9)
    return before, u.class, u:getfamily()
  end,
  ["udp of a family is unnamed until it is used"] = function(socket)
    local u = socket.udp4()
    local fd = u:getfd()
    return fd >= 0, u:getsockname()
  end,
  ["udp whose descriptor was asked for"] = function(socket)
    local u, v = socket.udp4(), socket.udp4()
    u:getfd()
    v:getfd()
    v:settimeout(5)
    return u:setsockname("127.0.0.1", 0), (u:getsockname()),
      v:setpeername("127.0.0.1", port_of(u)), v
  end,
  ["udp options of another family"] = function(socket)
    local u, v = socket.udp4(), socket.udp6()
    return u:setoption("ipv6-unicast-hops", 3), v:setoption("ipv6-unicast-hops", 3),
      v:getoption "ipv6-unicast-hops", (u:getoption "ipv6-v6only")
  end,
  ["udp options before it is used"] = function(socket)
    local u = socket.udp4()
    local before = u:getoption "broadcast"
    return before, u:setoption("broadcast", true), u:getoption "broadcast",
      u:setsockname("127.0.0.1", 0), u:getoption "broadcast"
  end,

}

describe("a datagram of LuaSocket's interface", function()
  kit.compare(it, pending, battery)

  it("has a descriptor when one asks for it", function()
    local u = kit.facade.udp()
    assert.is_true(u:getfd() >= 0)
    assert.equal(1, u:close())
    assert.equal(-1, u:getfd())
  end)
end)

-- LuaSocket's TCP objects: states, addresses, options.
local kit = require "spec.support.luasocket"

local connected, port_of = kit.connected, kit.port_of

local battery = {
  ["tcp names its state"] = function(socket) return socket.tcp() end,
  ["tcp has no descriptor at first"] = function(socket) return socket.tcp():getfd() end,
  ["tcp has no name at first"] = function(socket) return socket.tcp():getsockname() end,
  ["tcp has no peer at first"] = function(socket) return socket.tcp():getpeername() end,
  ["tcp4 has the empty name"] = function(socket) return socket.tcp4():getsockname() end,
  ["tcp6 has the empty name"] = function(socket) return socket.tcp6():getsockname() end,
  ["tcp4 has no peer"] = function(socket) return socket.tcp4():getpeername() end,
  ["settimeout"] = function(socket) return socket.tcp():settimeout(1) end,
  ["settimeout of none"] = function(socket) return socket.tcp():settimeout(nil) end,
  ["gettimeout"] = function(socket)
    local t = socket.tcp()
    t:settimeout(2)
    t:settimeout(3, "t")
    return t:gettimeout()
  end,
  ["bind"] = function(socket) return socket.tcp():bind("127.0.0.1", 0) end,
  ["bind to every address"] = function(socket)
    local t = socket.tcp()
    assert(t:bind("*", 0))
    return (t:getsockname())
  end,
  ["bind keeps the state"] = function(socket)
    local t = socket.tcp()
    t:bind("127.0.0.1", 0)
    return t
  end,
  ["bind to what is taken"] = function(socket)
    local t = socket.bind("127.0.0.1", 0)
    return socket.bind("127.0.0.1", port_of(t))
  end,
  ["bind to no address of ours"] = function(socket) return socket.tcp():bind("1.2.3.4", 0) end,
  ["bind to no host"] = function(socket) return socket.bind("no such host", 0) end,
  ["listen"] = function(socket)
    local t = socket.tcp()
    t:bind("127.0.0.1", 0)
    return t:listen(5), t
  end,
  ["listen without bind"] = function(socket) return socket.tcp():listen() end,
  ["listen without bind, of a family"] = function(socket) return socket.tcp4():listen() end,
  ["the name of a server"] = function(socket)
    local host, port, family = socket.bind("127.0.0.1", 0):getsockname()
    return host, type(port), tonumber(port) > 0, family
  end,
  ["a server has no peer"] = function(socket) return socket.bind("127.0.0.1", 0):getpeername() end,
  ["accept that times out"] = function(socket)
    local t = socket.bind("127.0.0.1", 0)
    t:settimeout(0)
    return t:accept()
  end,
  ["accept on a closed server"] = function(socket)
    local client, accepted, server = connected(socket)
    return client, accepted, server, server:close()
  end,
  ["connect"] = function(socket)
    local server, client = socket.bind("127.0.0.1", 0), socket.tcp()
    return client:connect("127.0.0.1", port_of(server)), client
  end,
  ["connect from a local address"] = function(socket)
    local server = socket.bind("127.0.0.1", 0)
    local client = socket.connect("127.0.0.1", port_of(server), "127.0.0.1", 0)
    return client, (client:getsockname())
  end,
  ["connect from what was bound"] = function(socket)
    local server, client = socket.bind("127.0.0.1", 0), socket.tcp()
    client:setoption("reuseaddr", true)
    client:bind("127.0.0.1", 0)
    local port = port_of(client)
    return client:connect("127.0.0.1", port_of(server)), port_of(client) == port
  end,
  ["connect that is refused"] = function(socket) return socket.tcp():connect("127.0.0.1", 1) end,
  ["connect that is refused, in one"] = function(socket) return socket.connect("127.0.0.1", 1) end,
  ["connect to no host"] = function(socket) return socket.tcp():connect("no such host", 1) end,
  ["connect to no service"] = function(socket) return socket.tcp():connect("127.0.0.1", "x?") end,
  ["connect to a service"] = function(socket)
    local t = socket.tcp()
    t:settimeout(5)
    return t:connect("127.0.0.1", "tcpmux")
  end,
  ["connect to another family"] = function(socket) return socket.tcp4():connect("::1", 1) end,
  ["connect with a port in a string"] = function(socket)
    local server = socket.bind("127.0.0.1", 0)
    return socket.tcp():connect("127.0.0.1", tostring(math.floor(port_of(server))))
  end,
  ["connect without waiting"] = function(socket)
    local server, client = socket.bind("127.0.0.1", 0), socket.tcp()
    client:settimeout(0)
    local ok, word = client:connect("127.0.0.1", port_of(server))
    local _, writable = socket.select(nil, { client }, 5)
    return ok, word, #writable, client:connect("127.0.0.1", port_of(server))
  end,
  ["connect twice"] = function(socket)
    local client, _, server = connected(socket)
    client:connect("127.0.0.1", port_of(server)) -- the kernel may tell how the first one went
    return client:connect("127.0.0.1", port_of(server))
  end,
  ["connect without waiting, used at once"] = function(socket)
    local server, client = socket.bind("127.0.0.1", 0), socket.tcp()
    client:settimeout(0)
    client:connect("127.0.0.1", port_of(server))
    socket.select(nil, { client }, 5)
    return client:send "x", (client:getpeername())
  end,
  ["connect without waiting that is refused"] = function(socket)
    local client = socket.tcp()
    client:settimeout(0)
    local ok, word = client:connect("127.0.0.1", 1)
    local _, writable = socket.select(nil, { client }, 5)
    return ok, word, #writable, client:connect("127.0.0.1", 1)
  end,
  ["a failed client is one"] = function(socket)
    local client = socket.tcp()
    client:connect("127.0.0.1", 1)
    return client, client:getpeername()
  end,
  ["the names of a client"] = function(socket)
    local client, accepted, server = connected(socket)
    local host, port, family = client:getpeername()
    local back, back_port = accepted:getpeername()
    return host, port == port_of(server), family, back, back_port == port_of(client)
  end,
  ["shutdown of both"] = function(socket) return connected(socket):shutdown() end,
  ["shutdown of what is none"] = function(socket)
    return (pcall(function() connected(socket):shutdown "x" end))
  end,
  ["close"] = function(socket)
    local client = connected(socket)
    return client:close(), client:close(), client:getfd(), client, client:getsockname()
  end,
  ["methods of another state raise"] = function(socket)
    local t = socket.tcp()
    local server = socket.bind("127.0.0.1", 0)
    return (pcall(function() t:send "x" end)), (pcall(function() t:accept() end)),
      (pcall(function() server:receive() end)), (pcall(function() t:shutdown() end))
  end,
  ["options of a client"] = function(socket)
    local client = connected(socket)
    local results = {}
    for _, name in ipairs { "keepalive", "reuseaddr", "tcp-nodelay" } do
      results[#results + 1] = client:setoption(name, true)
      results[#results + 1] = client:getoption(name)
      client:setoption(name, false)
      results[#results + 1] = client:getoption(name)
    end
    for _, name in ipairs { "tcp-keepidle", "tcp-keepcnt", "tcp-keepintvl" } do
      results[#results + 1] = client:setoption(name, 11)
      results[#results + 1] = client:getoption(name)
    end
    return results
  end,
  ["options of a server"] = function(socket)
    local server = socket.bind("127.0.0.1", 0)
    return server:setoption("tcp-defer-accept", true), server:setoption("tcp-fastopen", 5),
      (pcall(function() server:getoption "tcp-fastopen" end))
  end,
  ["linger"] = function(socket)
    local client = connected(socket)
    local before = client:getoption "linger"
    return before, client:setoption("linger", { on = true, timeout = 3 }), client:getoption "linger"
  end,
  ["options of a closed client"] = function(socket)
    local client = connected(socket)
    client:close()
    return client:setoption("keepalive", true), client:getoption "keepalive"
  end,
  ["no error pending"] = function(socket) return connected(socket):getoption "error" end,
  ["options that are none, or wrong"] = function(socket)
    local client = connected(socket)
    return (pcall(function() client:setoption("nonsense", true) end)),
      (pcall(function() client:getoption "nonsense" end)),
      (pcall(function() client:setoption("keepalive", 1) end)),
      (pcall(function() client:setoption("linger", true) end))
  end,
  ["classes"] = function(socket)
    local client, _, server = connected(socket)
    return socket.tcp().class, client.class, server.class
  end,
  ["settimeout by a word, and by a number in a string"] = function(socket)
    local t = socket.tcp()
    return t:settimeout(1, "total"), t:settimeout "2", t:settimeout(-3), t:gettimeout()
  end,
  ["settimeout of what is none"] = function(socket)
    return (pcall(function() socket.tcp():settimeout(1, "x") end)),
      (pcall(function() socket.tcp():settimeout {} end))
  end,
  ["families"] = function(socket)
    local client = socket.connect("::1", port_of(assert(socket.bind("::1", 0))))
    return client:getfamily(), socket.tcp():getfamily(), socket.tcp6():getfamily(),
      connected(socket):getfamily()
  end,
  ["a server of IPv6 takes nothing of IPv4"] = function(socket)
    local server = socket.bind("::", 0)
    return socket.connect("127.0.0.1", port_of(server))
  end,
  ["servers of both families share a port"] = function(socket)
    local server = assert(socket.bind("0.0.0.0", 0))
    return socket.bind("::", port_of(server))
  end,
  ["as many wait for accept as listen says"] = function(socket)
    local server = socket.tcp()
    server:bind("127.0.0.1", 0)
    server:listen(0)
    local first, second = socket.tcp(), socket.tcp()
    first:connect("127.0.0.1", port_of(server))
    second:settimeout(0.05)
    return second:connect("127.0.0.1", port_of(server))
  end,
  ["setfd of no number"] = function(socket)
    return (pcall(function() socket.tcp():setfd(nil) end))
  end,
  ["accept on what is no listener"] = function(socket)
    local server = socket.bind("127.0.0.1", 0)
    server:setfd(-1)
    local closed = server:accept()
    server:setfd(connected(socket):getfd())
    local none = server:accept()
    server:setfd(-1)
    return closed, none
  end,
  ["options of a socket of IPv4 that is not connected"] = function(socket)
    local t = socket.tcp4()
    local linger = t:getoption "linger"
    return t:getoption "keepalive", linger, t:setoption("ipv6-v6only", true)
  end,
  ["the error of a connection that was refused"] = function(socket)
    local client = socket.tcp()
    client:settimeout(0)
    client:connect("127.0.0.1", 1)
    socket.select(nil, { client }, 5)
    return client:getoption "error"
  end,
}

describe("a TCP object of LuaSocket's interface", function() kit.compare(it, pending, battery) end)

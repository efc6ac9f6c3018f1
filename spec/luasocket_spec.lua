-- LuaSocket's interface: the real one is the oracle, where it is installed.
local facade = require "urlsock.luasocket"
local support = require "spec.support.init"
local urlsock = require "urlsock"

local has_real, real = pcall(require, "socket")
if has_real and real == facade then has_real = false end

local pack = table.pack or function(...) return { n = select("#", ...), ... } end

local function second(_, v) return v end

local alive -- the sockets of a test: the collector must not close a peer

--- A server of that implementation, a client of it, and what accept gave.
local function connected(socket)
  local server = assert(socket.bind("127.0.0.1", 0))
  local client = assert(socket.connect("127.0.0.1", second(server:getsockname())))
  server:settimeout(5)
  local accepted = assert(server:accept())
  accepted:settimeout(5)
  client:settimeout(5)
  alive = { client, accepted, server, alive }
  return client, accepted, server
end

--- Waits until bytes or an end have arrived.
local function arrived(socket, object) assert(#socket.select({ object }, nil, 5) == 1) end

local function port_of(object) return tonumber((second(object:getsockname()))) end

-- Each takes an implementation, and returns what is compared.
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
  ["send"] = function(socket) return connected(socket):send "abc" end,
  ["send a number"] = function(socket) return connected(socket):send(12) end,
  ["send nothing"] = function(socket) return connected(socket):send "" end,
  ["send from"] = function(socket) return connected(socket):send("abcdef", 3) end,
  ["send from to"] = function(socket)
    local client, accepted = connected(socket)
    local a, b, c = client:send("abcdef", 2, -2)
    return a, b, c, accepted:receive(4)
  end,
  ["send from the end"] = function(socket) return connected(socket):send("abcdef", -2) end,
  ["send from beyond"] = function(socket) return connected(socket):send("abc", 5) end,
  ["send from zero to zero"] = function(socket) return connected(socket):send("abc", 0, 0) end,
  ["send from behind to before"] = function(socket) return connected(socket):send("abc", 3, 1) end,
  ["send on a closed client"] = function(socket)
    local client = connected(socket)
    client:close()
    return client:send("abc", 2)
  end,
  ["send until the peer is gone"] = function(socket)
    local client, accepted = connected(socket)
    accepted:close()
    local ok, word
    repeat ok, word = client:send "x" until not ok
    return ok, word
  end,
  ["send more than is taken"] = function(socket)
    local client = connected(socket)
    client:settimeout(0)
    local ok, word, last = client:send(("x"):rep(2 ^ 24))
    return ok, word, last > 0 and last < 2 ^ 24
  end,
  ["what was taken is what arrives"] = function(socket)
    local client, accepted = connected(socket)
    client:settimeout(0.01)
    accepted:settimeout(0)
    local _, _, last = client:send(("x"):rep(2 ^ 23))
    client:close()
    local n = 0
    repeat
      arrived(socket, accepted)
      local data, word, partial = accepted:receive(65536)
      n = n + #(data or partial)
    until word == "closed"
    return n == last
  end,
  ["receive lines"] = function(socket)
    local client, accepted = connected(socket)
    client:send "one\r\ntw\ro\r\r\n\nthree\n"
    return accepted:receive(), accepted:receive "*l", accepted:receive(), (accepted:receive())
  end,
  ["receive has three results"] = function(socket)
    local client, accepted = connected(socket)
    client:send "one\r\n"
    return accepted:receive()
  end,
  ["receive a long line"] = function(socket)
    local client, accepted = connected(socket)
    client:send(("x"):rep(5000) .. "\r" .. ("y"):rep(512) .. "\nz\n")
    return accepted:receive(), (accepted:receive())
  end,
  ["receive a line behind a prefix"] = function(socket)
    local client, accepted = connected(socket)
    client:send "one\r\n"
    return accepted:receive("*l", "pre")
  end,
  ["receive a line that is not whole"] = function(socket)
    local client, accepted = connected(socket)
    client:send "on\re"
    arrived(socket, accepted)
    accepted:settimeout(0)
    local a, b, c = accepted:receive()
    client:send "more\n"
    arrived(socket, accepted)
    return a, b, c, accepted:receive("*l", c)
  end,
  ["receive a line that never ends"] = function(socket)
    local client, accepted = connected(socket)
    client:send "one"
    client:close()
    return accepted:receive()
  end,
  ["receive bytes"] = function(socket)
    local client, accepted = connected(socket)
    client:send "abcdef"
    return accepted:receive(2), accepted:receive(4)
  end,
  ["receive many bytes"] = function(socket)
    local client, accepted = connected(socket)
    client:send(("abc"):rep(30000))
    return accepted:receive(90000)
  end,
  ["receive bytes behind a prefix"] = function(socket)
    local client, accepted = connected(socket)
    client:send "abcdef"
    return accepted:receive(5, "xy")
  end,
  ["receive no more than the prefix"] = function(socket)
    local _, accepted = connected(socket)
    return accepted:receive(2, "xy")
  end,
  ["receive less than the prefix"] = function(socket)
    local _, accepted = connected(socket)
    return accepted:receive(1, "xy")
  end,
  ["receive no byte when there is one"] = function(socket)
    local client, accepted = connected(socket)
    client:send "a"
    return accepted:receive(0)
  end,
  ["receive no byte when there is none"] = function(socket)
    local client, accepted = connected(socket)
    accepted:settimeout(0)
    return accepted:receive(0), client
  end,
  ["receive bytes that do not come"] = function(socket)
    local client, accepted = connected(socket)
    client:send "abc"
    arrived(socket, accepted)
    accepted:settimeout(0)
    return accepted:receive(5)
  end,
  ["receive bytes that end"] = function(socket)
    local client, accepted = connected(socket)
    client:send "abc"
    client:close()
    return accepted:receive(5)
  end,
  ["receive everything"] = function(socket)
    local client, accepted = connected(socket)
    client:send "abc\r\n\r"
    client:close()
    return accepted:receive "*a"
  end,
  ["receive everything behind a prefix"] = function(socket)
    local client, accepted = connected(socket)
    client:send "abc"
    client:close()
    return accepted:receive("*a", "pre")
  end,
  ["receive everything of nothing"] = function(socket)
    local client, accepted = connected(socket)
    client:close()
    return accepted:receive("*a", "pre")
  end,
  ["receive everything that does not end"] = function(socket)
    local client, accepted = connected(socket)
    client:send "abc"
    arrived(socket, accepted)
    accepted:settimeout(0.01)
    return accepted:receive("*a", "pre")
  end,
  ["receive after the end"] = function(socket)
    local client, accepted = connected(socket)
    client:close()
    return accepted:receive(), accepted:receive(3)
  end,
  ["receive on a closed client"] = function(socket)
    local client = connected(socket)
    client:close()
    return client:receive()
  end,
  ["receive by an unknown pattern"] = function(socket)
    return (pcall(function() connected(socket):receive "x" end))
  end,
  ["receive fewer than none"] = function(socket)
    return (pcall(function() connected(socket):receive(-1) end))
  end,
  ["a total time-out"] = function(socket)
    local _, accepted = connected(socket)
    accepted:settimeout(5, "b")
    accepted:settimeout(0.01, "t")
    return accepted:receive()
  end,
  ["dirty"] = function(socket)
    local client, accepted = connected(socket)
    local before = accepted:dirty()
    client:send "abc"
    accepted:receive(1)
    return before, accepted:dirty()
  end,
  ["stats"] = function(socket)
    local client, accepted = connected(socket)
    client:send "abc"
    accepted:receive(2)
    local received, sent, age = client:getstats()
    return received, sent, age < 5, client:setstats(7, 8, 100), (client:getstats())
  end,
  ["shutdown of sending"] = function(socket)
    local client, accepted = connected(socket)
    local ok = client:shutdown "send"
    local a, b = accepted:receive()
    accepted:send "x"
    return ok, a, b, (client:receive(1))
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
  ["select of nothing"] = function(socket) return socket.select({}, {}, 0) end,
  ["select of a server that is idle"] = function(socket)
    return socket.select({ socket.bind("127.0.0.1", 0) }, nil, 0)
  end,
  ["select by number and by object"] = function(socket)
    local client, accepted, server = connected(socket)
    client:send "x"
    arrived(socket, accepted)
    local r, w, word = socket.select({ server, accepted }, { client }, 5)
    return #r, r[1] == accepted, r[accepted], #w, w[1] == client, w[client], word
  end,
  ["select sees what is buffered"] = function(socket)
    local client, accepted = connected(socket)
    client:send "abc"
    accepted:receive(1)
    return #socket.select({ accepted }, nil, 0)
  end,
  ["select passes over what is not open"] = function(socket)
    local r, w, word = socket.select({ socket.tcp() }, nil, 0)
    return #r, #w, word
  end,
  ["skip"] = function(socket) return socket.skip(2, 1, 2, 3, nil) end,
  ["try"] = function(socket) return socket.try(1, nil, 3) end,
  ["protect"] = function(socket)
    local f = socket.protect(function(...)
      socket.try(...)
      return "done", nil
    end)
    return pack(f(1)), pack(f(nil, "word"))
  end,
  ["protect lets other errors through"] = function(socket)
    return pcall(socket.protect(function() error({ 1 }, 0) end))
  end,
  ["newtry finalizes"] = function(socket)
    local n = 0
    local try = socket.newtry(function() n = n + 1 end)
    local a, b = socket.protect(function() try(nil, "word") end)()
    try(true)
    return a, b, n
  end,
  ["a source and a sink"] = function(socket)
    local client, accepted = connected(socket)
    local sink = socket.sink("close-when-done", client)
    local source = socket.source("until-closed", accepted)
    local sent = sink "abc"
    return sent, sink(nil), source(), (source())
  end,
  ["a source by length"] = function(socket)
    local client, accepted = connected(socket)
    client:send "abcdef"
    local source = socket.source("by-length", accepted, 4)
    return source(), (source())
  end,
  ["toip"] = function(socket)
    local ip, all = socket.dns.toip "127.0.0.1"
    return ip, all.ip
  end,
  ["toip of no host"] = function(socket) return socket.dns.toip "no such host" end,
  ["getaddrinfo"] = function(socket) return socket.dns.getaddrinfo "127.0.0.1" end,
  ["getaddrinfo of IPv6"] = function(socket) return socket.dns.getaddrinfo "::1" end,
  ["gethostname"] = function(socket) return socket.dns.gethostname() end,

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
  ["udp closed"] = function(socket)
    local u = socket.udp()
    u:setsockname("127.0.0.1", 0)
    return u:close(), u:close(), u:getfd(), u, u:getsockname()
  end,
}

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

describe("LuaSocket's interface", function()
  local names = {}
  for name in pairs(battery) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    it("answers as LuaSocket does: " .. name, function()
      if not has_real then return pending "LuaSocket is not installed" end
      local expected = comparable(pack(battery[name](real)))
      assert.same(expected, comparable(pack(battery[name](facade))))
      alive = nil
    end)
  end

  it("has every function of LuaSocket's", function()
    if not has_real then return pending "LuaSocket is not installed" end
    for name, value in pairs(real) do
      assert.equal(type(value), type(facade[name]), name)
    end
    for _, make in ipairs { "tcp", "udp" } do
      local methods = getmetatable(real[make]()).__index
      for name in pairs(methods) do
        if name ~= "class" then assert.is_function(facade[make]()[name], name) end
      end
    end
  end)

  it("tells the time of day", function()
    assert.is_true(math.abs(facade.gettime() - os.time()) <= 1)
  end)

  it("holds the options of a socket until it is open", function()
    local server, client = facade.bind("127.0.0.1", 0), facade.tcp()
    assert.equal(1, client:setoption("keepalive", true))
    assert.equal(1, client:setoption("tcp-nodelay", true))
    assert(client:connect("127.0.0.1", port_of(server)))
    assert.is_true(client.socket:getoption "keepalive")
    assert.is_true(client.socket:getoption "nodelay")
  end)

  it("speaks over Unix sockets", function()
    local path = os.tmpname()
    os.remove(path)
    local server, client = facade.unix(), facade.unix()
    assert.equal(1, server:bind(path))
    assert.equal(1, server:listen())
    assert.equal(path, server:getsockname())
    assert.equal(1, client:connect(path))
    client:send "hello\n"
    assert.equal("hello", server:accept():receive())
    server:close()
  end)

  it("lets a descriptor go, and takes one over", function()
    local client, accepted = connected(facade)
    local fd = client:getfd()
    client:setfd(-1)
    assert.equal(-1, client:getfd())
    local other = facade.tcp()
    other:setfd(fd)
    assert.equal(fd, other:getfd())
    other.socket:write "hello\n"
    assert.equal("hello", accepted:receive())
    other:close()
  end)

  it("does not take a TLS connection that was cut off for all there is", function()
    local a, b = support.upgrade(support.client)
    assert(b:write "half")
    local client = facade.wrap(a)
    local bare = assert(urlsock.adopt(b:fd()))
    assert(bare:shutdown())
    bare:detach() -- the descriptor is still b's
    local item, word, partial = client:receive "*a"
    assert.is_nil(item)
    assert.equal("closed", word)
    assert.equal("half", partial)
    a:close()
    b:close()
  end)

  it("sleeps while others run", function()
    local order = {}
    support.together(function()
      order[#order + 1] = "one sleeps"
      facade.sleep(0.05)
      order[#order + 1] = "one wakes"
    end, function() order[#order + 1] = "another runs" end)
    assert.same({ "one sleeps", "another runs", "one wakes" }, order)
  end)
end)

-- What LuaSocket brings itself, on our sockets.

local modules = { "socket", "socket.core", "socket.unix", "socket.http", "socket.smtp",
  "socket.ftp", "socket.tp", "socket.url", "socket.headers", "ltn12", "mime" }

describe("LuaSocket's own modules on our sockets", function()
  local saved, ok = {}, true
  local http, smtp, ftp, ltn12

  setup(function()
    for _, name in ipairs(modules) do
      saved[name] = package.loaded[name]
      package.loaded[name] = nil
    end
    facade.install()
    ok, http = pcall(require, "socket.http")
    if ok then
      smtp, ftp, ltn12 = require "socket.smtp", require "socket.ftp", require "ltn12"
    end
  end)

  teardown(function()
    for _, name in ipairs(modules) do package.loaded[name] = saved[name] end
  end)

  local function listen()
    local l = assert(urlsock.listen("tcp://127.0.0.1:0", { timeout = 10 }))
    return l, urlsock.parse(l:localname()).port
  end

  --- Serves one client.
  local function serve(l, talk)
    return function()
      local s = assert(l:accept())
      talk(s)
      s:close(1)
    end
  end

  local function http_talk(s)
    local first = assert(s:read())
    repeat local line = assert(s:read()) until line == ""
    local body = "you asked for " .. first:match "^GET (%S+)"
    s:write("HTTP/1.1 200 OK\r\nContent-Length: ", #body, "\r\nX-Test: yes\r\n\r\n", body)
  end

  it("http, two at once", function()
    if not ok then return pending "LuaSocket is not installed" end
    local l, port = listen()
    local function get(path)
      return function()
        local body, code, headers = http.request("http://127.0.0.1:" .. port .. path)
        return { body, code, headers and headers["x-test"] }
      end
    end
    local a, b = support.together(get "/one", get "/two", serve(l, http_talk), serve(l, http_talk))
    assert.same({ "you asked for /one", 200, "yes" }, a[1])
    assert.same({ "you asked for /two", 200, "yes" }, b[1])
    l:close()
  end)

  it("http through create=, chunked, into a sink", function()
    if not ok then return pending "LuaSocket is not installed" end
    local l, port = listen()
    local parts = {}
    local r = support.together(function()
      local one, code = http.request { url = "http://127.0.0.1:" .. port .. "/",
        create = facade.tcp, sink = ltn12.sink.table(parts) }
      return { one, code }
    end, serve(l, function(s)
      repeat local line = assert(s:read()) until line == ""
      s:write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    end))
    assert.same({ 1, 200 }, r[1])
    assert.equal("abcde", table.concat(parts))
    l:close()
  end)

  it("http tells of a refusal by its word", function()
    if not ok then return pending "LuaSocket is not installed" end
    local body, word = http.request("http://127.0.0.1:" .. support.free_port() .. "/")
    assert.is_nil(body)
    assert.equal("connection refused", word)
  end)

  local function smtp_talk(messages)
    return function(s)
      s:write "220 test\r\n"
      local line = s:read() -- no iterator: Lua 5.1 cannot yield in one
      while line do
        local verb = line:match "^%a+"
        if verb == "DATA" then
          s:write "354 go on\r\n"
          local message = assert(s:readuntil "\r\n.\r\n")
          messages[#messages + 1] = message
          s:write "250 taken\r\n"
        elseif verb == "QUIT" then
          s:write "221 bye\r\n"
          return
        else
          s:write "250 test\r\n"
        end
        line = s:read()
      end
    end
  end

  it("smtp, two at once", function()
    if not ok then return pending "LuaSocket is not installed" end
    local l, port = listen()
    local messages = {}
    local function send(text)
      return function()
        local sent, word = smtp.send { from = "<a@example.org>", rcpt = "<b@example.org>",
          server = "127.0.0.1", port = port,
          source = smtp.message { headers = { subject = text }, body = "body of " .. text } }
        return { sent, word }
      end
    end
    local a, b = support.together(send "one", send "two", serve(l, smtp_talk(messages)),
      serve(l, smtp_talk(messages)))
    assert.same({ 1 }, a[1])
    assert.same({ 1 }, b[1])
    table.sort(messages, function(x, y) return x:match "body of.*" < y:match "body of.*" end)
    assert.matches("Subject: one\r\n.*body of one$", messages[1])
    assert.matches("Subject: two\r\n.*body of two$", messages[2])
    l:close()
  end)

  local function ftp_talk(s)
    local data
    s:write "220 test\r\n"
    local line = s:read()
    while line do
      local verb, rest = line:upper():match "^(%a+)", line:match "^%a+ (.*)"
      if verb == "USER" then
        s:write "331 password\r\n"
      elseif verb == "PASS" then
        s:write "230 in\r\n"
      elseif verb == "EPSV" then
        local port
        data, port = listen()
        s:write("229 passive (|||", port, "|)\r\n")
      elseif verb == "PASV" then
        local port
        data, port = listen()
        s:write(("227 passive (127,0,0,1,%d,%d)\r\n"):format(math.floor(port / 256), port % 256))
      elseif verb == "RETR" then
        s:write "150 here it comes\r\n"
        local d = assert(data:accept())
        d:write("contents of ", rest)
        d:close(1)
        data:close()
        s:write "226 done\r\n"
      elseif verb == "QUIT" then
        s:write "221 bye\r\n"
        return
      else
        s:write "200 all right\r\n"
      end
      line = s:read()
    end
  end

  it("ftp, two at once", function()
    if not ok then return pending "LuaSocket is not installed" end
    local l, port = listen()
    local function get(name)
      return function()
        local body, word = ftp.get("ftp://127.0.0.1:" .. port .. "/" .. name .. ";type=i")
        return { body, word }
      end
    end
    local a, b = support.together(get "one", get "two", serve(l, ftp_talk), serve(l, ftp_talk))
    assert.same({ "contents of one" }, a[1])
    assert.same({ "contents of two" }, b[1])
    l:close()
  end)
end)

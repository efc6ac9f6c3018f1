-- LuaSocket's functions, and what the objects of this library do besides.
local facade = require "urlsock.luasocket"
local kit = require "spec.support.luasocket"
local support = require "spec.support.init"
local urlsock = require "urlsock"

local arrived, connected, pack, port_of = kit.arrived, kit.connected, kit.pack, kit.port_of

local battery = {
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
  ["tohostname"] = function(socket)
    local name, all = socket.dns.tohostname "127.0.0.1"
    local known, of = socket.dns.tohostname "localhost"
    -- gethostbyname(3) of glibc tells 127.0.0.1 twice, where its file has ::1 too
    return name, all.name, all.ip, known, of.name, of.ip[1]
  end,
  ["tohostname of no host"] = function(socket) return socket.dns.tohostname "no such host" end,
  ["getnameinfo"] = function(socket)
    local names, service = socket.dns.getnameinfo("127.0.0.1", "80")
    return names, service, socket.dns.getnameinfo(nil, "25")
  end,
  ["getnameinfo without a service"] = function(socket)
    return socket.dns.getnameinfo "127.0.0.1"
  end,
  ["getnameinfo of nothing"] = function(socket) return (pcall(socket.dns.getnameinfo)) end,
  ["gethostname"] = function(socket) return socket.dns.gethostname() end,
  ["select raises where there is no list, or no number"] = function(socket)
    return (pcall(socket.select, "wrong", 1, 0)), (pcall(socket.select, {}, 1, 0)),
      (pcall(socket.select, {}, {}, "x")), (pcall(socket.select, { 1 }, {}, 0))
  end,
  ["select passes over what has no descriptor"] = function(socket)
    local r, w, word = socket.select({ {}, { getfd = function() return -1 end } }, {}, 0)
    return #r, #w, word
  end,
  ["select of any descriptor"] = function(socket)
    local client = connected(socket)
    local fd = client:getfd()
    local other = { getfd = function() return fd end }
    local _, w = socket.select({}, { other }, 0)
    return #w, w[1] == other, w[other]
  end,
  ["select of an object that says it has something"] = function(socket)
    local _, accepted = connected(socket)
    local object = { getfd = function() return accepted:getfd() end,
      dirty = function() return true end }
    local r = socket.select({ object }, nil, 5)
    return #r, r[1] == object, r[object]
  end,

}

describe("LuaSocket's interface", function()
  kit.compare(it, pending, battery)

  it("has every function of LuaSocket's", function()
    if not kit.real then return pending "LuaSocket is not installed" end
    for name, value in pairs(kit.real) do
      assert.equal(type(value), type(facade[name]), name)
    end
    for _, make in ipairs { "tcp", "udp" } do
      local methods = getmetatable(kit.real[make]()).__index
      for name in pairs(methods) do
        if name ~= "class" then assert.is_function(facade[make]()[name], name) end
      end
    end
  end)

  it("raises for a longer list than select takes, which can be changed", function()
    local list = {}
    for i = 1, facade._SETSIZE + 1 do list[i] = facade.udp() end
    assert.error_matches(function() facade.select(list, nil, 0) end, "too many sockets")
    facade._SETSIZE = facade._SETSIZE + 1
    local r = facade.select(list, nil, 0)
    facade._SETSIZE = facade._SETSIZE - 1
    assert.same({}, r)
  end)

  it("has the fourth result of a build for debugging when one asks for it", function()
    local tcp = require "urlsock.luasocket.tcp"
    local client, accepted = connected(facade)
    assert.equal(3, pack(client:send "x").n)
    assert.is_true(facade._DEBUG)
    local results = { client:send "x" }
    assert.equal(1, results[1])
    assert.is_true(results[4] >= 0)
    accepted:settimeout(0.02)
    results = { accepted:receive(3) }
    assert.same({ "timeout", "xx" }, { results[2], results[3] })
    assert.is_true(results[4] >= 0.02)
    facade._DEBUG = false
    assert.is_false(facade._DEBUG)
    assert.equal(3, pack(client:send "x").n)
    tcp.times = nil
  end)

  it("waits for a descriptor that is another's", function()
    local s = assert(kit.real or facade).bind("127.0.0.1", 0)
    local r, w, word = facade.select({ s }, nil, 0.01)
    assert.same({ 0, 0, "timeout" }, { #r, #w, word })
    local client = (kit.real or facade).connect("127.0.0.1", port_of(s))
    r = facade.select({ s }, nil, 5)
    assert.same({ s, [s] = 1 }, r)
    client:close()
    s:close()
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

  it("shares a descriptor that two objects have", function()
    local client, accepted = connected(facade)
    local other = facade.tcp()
    other:setfd(client:getfd())
    client:setfd(-1)
    assert.equal(-1, client:getfd())
    other.socket:write "hello\n"
    assert.equal("hello", accepted:receive())
    other:close()
    assert.equal("closed", (select(2, accepted:receive())))
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

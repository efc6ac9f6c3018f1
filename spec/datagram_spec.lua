local urlsock = require "urlsock"

describe("a datagram socket", function()
  it("sends and receives whole datagrams, empty ones too", function()
    local server = assert(urlsock.listen("udp://127.0.0.1:0"))
    local client = assert(urlsock.connect(server:localname()))
    assert.equal(client, client:send "")
    client:send "two"
    local data, from, cut = server:receivefrom()
    assert.equal("", data)
    assert.equal(client:localname(), from)
    assert.is_false(cut)
    assert.equal("two", server:receive())
    assert(server:sendto("answer", from))
    assert.equal("answer", client:receive())
    client:close()
    server:close()
  end)

  it("tells a datagram that was cut", function()
    local a, b = assert(urlsock.pair "datagram")
    a:send "abcdef"
    local data, cut = b:receive(3)
    assert.equal("abc", data)
    assert.is_true(cut)
    a:close()
    b:close()
  end)

  it("reports a closed port, a time-out, one that is too long", function()
    local server = assert(urlsock.listen("udp://127.0.0.1:0"))
    local client = assert(urlsock.connect(server:localname(), { timeout = 0 }))
    assert.equal("timeout", select(3, client:receive()))
    assert.equal("limit", select(3, client:send(("x"):rep(70000))))
    server:close()
    client:send "x"
    client:settimeout(1)
    assert.equal("refused", select(3, client:receive()))
    client:close()
    assert.equal("closed", select(3, client:send "x"))
    assert.equal("closed", select(3, client:fd()))
  end)

  it("names the method and the argument of a mistake", function()
    local a, b = assert(urlsock.pair "datagram")
    for mistake, message in pairs {
      [function() a:send {} end] = "#1 to 'send' %(string expected, got table%)",
      [function() a:sendto(nil, "udp://127.0.0.1:1") end] = "#1 to 'sendto' %(string expected",
      [function() a:sendto("x", 1) end] = "#2 to 'sendto' %(string expected, got number%)",
      [function() a:receive(1.5) end] = "#1 to 'receive' %(whole number",
      [function() a:receivefrom "x" end] = "#1 to 'receivefrom' %(whole number",
    } do
      local ok, problem = pcall(mistake)
      assert.is_false(ok)
      assert.matches("datagram_spec.lua:%d+: bad argument " .. message, problem)
    end
    a:close()
    b:close()
  end)

  it("refuses options that it cannot honour, TLS before all", function()
    for _, open in ipairs { urlsock.connect, urlsock.listen } do
      local d, message, code = open("udp://127.0.0.1:9", { tls = {} })
      assert.is_nil(d)
      assert.equal("url", code)
      assert.matches("the option tls is for tls://", message, 1, true)
      assert.equal("unsupported", select(3, open("udp://127.0.0.1:9", { limit = 9 })))
      assert.equal("unsupported", select(3, open("udp://127.0.0.1:9", { backlog = 9 })))
    end
    local a, b = assert(urlsock.pair "datagram")
    for name, value in pairs { limit = 9, broadcast = true, bind = "127.0.0.1" } do
      assert.equal("unsupported", select(3, urlsock.adopt(a:fd(), { [name] = value })))
    end
    a:close()
    b:close()
  end)

  it("sends by name", function()
    local server = assert(urlsock.listen("udp://127.0.0.1:0"))
    local client = assert(urlsock.listen("udp://127.0.0.1:0"))
    assert(client:sendto("x", "udp://localhost:" .. urlsock.parse(server:localname()).port))
    assert.equal("x", server:receive())
    assert.equal("unsupported", select(3, client:sendto("x", "tcp://127.0.0.1:1")))
    assert.equal("url", select(3, client:sendto("x", "udp://127.0.0.1:0")))
    assert.matches("send: there is no destination$", select(2, client:send "x"))
    client:close()
    server:close()
  end)

  it("waits for a receiver without room, and does nothing meanwhile", function()
    local name = "udg://@urlsock-" .. urlsock.now()
    local receiver = assert(urlsock.listen(name))
    local sender = assert(urlsock.listen(name .. "-b"))
    sender:settimeout(0)
    repeat until not sender:sendto("x", name)
    sender:settimeout(0.5)
    local began, work = urlsock.now(), os.clock()
    local sent, _, code = sender:sendto("x", name)
    assert.is_nil(sent)
    assert.equal("timeout", code)
    assert.is_true(urlsock.now() - began < 1)
    assert.is_true(os.clock() - work < 0.1)
    assert.equal("x", receiver:receive())
    assert(sender:sendto("x", name))
    sender:close()
    receiver:close()
  end)

  it("lives in the file system, and removes its file", function()
    local path = os.tmpname()
    os.remove(path)
    local server = assert(urlsock.listen("udg://" .. path))
    local client = assert(urlsock.connect("udg://" .. path, { bind = "udg://" .. path .. ".c" }))
    client:send "x"
    local data, from = server:receivefrom()
    assert.equal("x", data)
    assert.equal("udg://" .. path .. ".c", from)
    assert(server:sendto("y", from))
    assert.equal("y", client:receive())
    client:close()
    server:close()
    assert.is_nil(io.open(path))
    assert.is_nil(io.open(path .. ".c"))
  end)
end)

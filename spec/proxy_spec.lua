local support = require "spec.support.init"
local urlsock = require "urlsock"

local cert = support.cert
local SIGNATURE = "\r\n\r\n\0\r\nQUIT\n"

--- A header of version 2.
local function v2(command, family, body)
  return SIGNATURE .. string.char(32 + command, family, (#body - #body % 256) / 256, #body % 256)
    .. body
end

local TCP4 = "\1\2\3\4\10\0\0\1" .. "\0\80\1\187"
local TCP6 = "\32\1\13\184" .. ("\0"):rep(11) .. "\1" .. "\254\128" .. ("\0"):rep(13) .. "\2"
  .. "\0\80\1\187"
local function path(text) return text .. ("\0"):rep(108 - #text) end

describe("a listener with proxy = \"require\"", function()
  local l
  before_each(function() l = assert(urlsock.listen("tcp://127.0.0.1:0", { proxy = "require" })) end)
  after_each(function() l:close() end)

  --- A client that has said that, and our side of it.
  local function said(bytes)
    local c = assert(urlsock.connect(l:localname()))
    assert(c:write(bytes))
    local s, peer = assert(l:accept())
    s:settimeout(5)
    return s, c, peer
  end

  --- What info() tells of the proxy after a header, and that nothing behind it is taken.
  local function told(header)
    local s, c, peer = said(header .. "GET /\r\n")
    assert.is_nil(s:info().proxy)
    assert.equal(c:localname(), peer)
    assert.equal("GET /", s:read())
    assert.equal(c:localname(), s:peername())
    local proxy = assert(s:info().proxy, header)
    s:close()
    c:close()
    return proxy
  end

  it("reads version 1", function()
    assert.same({ version = 1, source = "tcp://192.0.2.1:56324",
      destination = "tcp://255.255.255.255:443" },
      told "PROXY TCP4 192.0.2.1 255.255.255.255 56324 443\r\n")
    assert.same({ version = 1, source = "tcp://[2001:db8::1]:65535",
      destination = "tcp://[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:0" },
      told("PROXY TCP6 2001:DB8:0:0:0:0:0:1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 0\r\n"))
    assert.same({ version = 1 }, told "PROXY UNKNOWN\r\n")
    assert.same({ version = 1 }, told("PROXY UNKNOWN" .. (" x"):rep(46) .. "\r\n"))
  end)

  it("reads version 2", function()
    assert.same({ version = 2, source = "tcp://1.2.3.4:80", destination = "tcp://10.0.0.1:443" },
      told(v2(1, 0x11, TCP4)))
    assert.same({ version = 2, source = "udp://1.2.3.4:80", destination = "udp://10.0.0.1:443" },
      told(v2(1, 0x12, TCP4)))
    assert.same({ version = 2, source = "tcp://[2001:db8::1]:80",
      destination = "tcp://[fe80::2]:443" }, told(v2(1, 0x21, TCP6)))
    assert.same({ version = 2, source = "unix:///run/a", destination = "unix://@b" },
      told(v2(1, 0x31, path "/run/a" .. path "\0b")))
    assert.same({ version = 2, destination = "udg://" .. ("x"):rep(108) },
      told(v2(1, 0x32, path "" .. path(("x"):rep(108)))))
    assert.same({ version = 2 }, told(v2(1, 0x31, path "a\nb" .. path "\0")))
  end)

  it("takes LOCAL and an unknown family for the proxy's own connections", function()
    assert.same({ version = 2 }, told(v2(0, 0, "")))
    assert.same({ version = 2 }, told(v2(0, 0x11, TCP4)))
    assert.same({ version = 2 }, told(v2(0, 0xff, "garbage")))
    assert.same({ version = 2 }, told(v2(1, 0, "garbage")))
  end)

  it("drops the TLVs of version 2, however many", function()
    for _, n in ipairs { 1, 3, 203, 204, 205, 500, 5000, 65535 - 12 } do
      assert.equal("tcp://1.2.3.4:80", told(v2(1, 0x11, TCP4 .. ("t"):rep(n))).source)
    end
  end)

  it("refuses what is no header, before it is all there", function()
    for _, bytes in ipairs {
      "G", "GET / HTTP/1.1\r\n\r\n", "proxy TCP4", "PROXY\tTCP4 ", "\r\n\r\n\r",
      "\r\n\r\n\0\r\nQUIT\r", "\0", "\22\3\1\2\0\1",
    } do
      local s, c = said(bytes .. ("\1"):rep(12))
      local item, message, code = s:read()
      assert.is_nil(item)
      assert.equal("denied", code, message)
      assert.equal("denied", select(3, s:write "x"))
      assert.equal("closed stream", urlsock.type(s))
      c:close()
    end
  end)

  it("refuses a malformed header", function()
    local v1 = function(rest) return "PROXY " .. rest .. "\r\n" end
    for _, header in ipairs {
      v1 "TCP4 1.2.3.4 1.2.3.4 1", v1 "TCP4 1.2.3.4 1.2.3.4 1 2 3", v1 "TCP4 1.2.3.4 1.2.3.4 1 2 ",
      v1 "TCP4  1.2.3.4 1.2.3.4 1 2", v1 "TCP4 1.2.3.4 1.2.3.4 01 2",
      v1 "TCP4 1.2.3.4 1.2.3.4 1 65536", v1 "TCP4 1.2.3.4 1.2.3.4 1 -2",
      v1 "TCP4 1.2.3.4 1.2.3.4 1 2x", v1 "TCP4 1.2.3.04 1.2.3.4 1 2", v1 "TCP4 ::1 ::1 1 2",
      v1 "TCP6 1.2.3.4 1.2.3.4 1 2", v1 "TCP6 [::1] ::1 1 2", v1 "TCP6 ::1%lo ::1 1 2",
      v1 "TCP4 localhost 1.2.3.4 1 2", v1 "TCP5 1.2.3.4 1.2.3.4 1 2", v1 "UNKNOWNS is it",
      v1 "TCP4 1.2.3.4 1.2.3.4 1 \0002", v1 "tcp4 1.2.3.4 1.2.3.4 1 2",
      "PROXY UNKNOWN " .. ("x"):rep(200), "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n" .. ("x"):rep(200),
      v2(2, 0x11, TCP4), v2(15, 0x11, TCP4), v2(1, 0x10, TCP4), v2(1, 0x13, TCP4),
      v2(1, 0x41, TCP4), v2(1, 0x01, TCP4), v2(1, 0x11, TCP4:sub(1, -2)),
      v2(1, 0x21, TCP6:sub(1, -2)), v2(1, 0x31, path "a" .. path("b"):sub(1, -2)), v2(1, 0x11, ""),
      SIGNATURE .. "\17\17\0\12" .. TCP4,
    } do
      local s, c = said(header .. "GET /\r\n")
      local item, message, code = s:read()
      assert.is_nil(item, header)
      assert.equal("denied", code, message)
      c:close()
      s:close()
    end
  end)

  it("refuses a line with half an end, and one that is too short, without waiting", function()
    for _, header in ipairs {
      "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\rx", "PROXY \r\nabcd",
      "PROXY UNKNOWN\n", "PROXY UNKNOWN\r\r", "PROXY TCP4\n\r",
    } do
      local s, c = said(header)
      assert.equal("denied", select(3, s:read()), header)
      c:close()
      s:close()
    end
  end)

  it("takes it a byte at a time, and never a byte behind it", function()
    for _, header in ipairs {
      "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", v2(1, 0x11, TCP4 .. ("t"):rep(300)),
    } do
      local c = assert(urlsock.connect(l:localname()))
      local results = support.together(function()
        local s = assert(l:accept())
        return s:readuntil "e"
      end, function()
        for i = 1, #header do
          c:write(header:sub(i, i))
          coroutine.yield()
        end
        c:write "one"
      end)
      assert.equal("on", results[1])
      c:close()
    end
  end)

  it("says so where the peer cuts it, wherever", function()
    local header = "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"
    for _, all in ipairs { header, v2(1, 0x11, TCP4) } do
      for cut = 0, #all - 1 do
        local s, c = said(all:sub(1, cut))
        c:close()
        assert.equal("truncated", select(3, s:read()))
        s:close()
      end
    end
  end)

  it("waits for it no longer than the stream does, and accept not at all", function()
    local s, c = said "PROXY TCP4 192.0.2.1"
    s:settimeout(0.05)
    assert.equal("timeout", select(3, s:read()))
    c:write " 192.0.2.2 1 2\r\nhello\n"
    s:settimeout(5)
    assert.equal("hello", s:read())
    s:close()
    c:close()
  end)

  it("does not write before it either", function()
    local s, c = said "GET / HTTP/1.1\r\n"
    assert.equal("denied", select(3, s:write "220 hello\r\n"))
    assert.is_nil((c:read()))
    c:close()
  end)

  it("detaches a descriptor behind the header only", function()
    local s, c = said "PROXY UNKNOWN\r\n"
    assert.equal("unsupported", select(3, s:detach()))
    assert(s:handshake())
    local again = assert(urlsock.adopt(assert(s:detach())))
    c:write "hello\n"
    assert.equal("hello", again:read())
    again:close()
    c:close()
  end)

  it("goes on to starttls, and back", function()
    local s, c = said "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"
    support.together(function()
      assert(s:starttls(support.server))
      assert.equal("tcp://192.0.2.1:1", s:info().proxy.source)
      assert(s:stoptls())
      assert.equal("clear", s:read())
    end, function()
      assert(c:starttls(support.client))
      assert(c:stoptls())
      c:write "clear\n"
    end)
    s:close()
    c:close()
  end)
end)

describe("the header of the PROXY protocol", function()
  it("comes before TLS", function()
    local l = assert(urlsock.listen("tls://127.0.0.1:0", { proxy = "require",
      tls = { cert = cert "server.pem", key = cert "server.key" } }))
    local url = "tcp" .. l:localname():sub(4)
    local info = support.together(function()
      local s = assert(l:accept(10))
      assert.equal("hello", s:read())
      local info = s:info()
      s:close()
      return info
    end, function()
      local c = assert(urlsock.connect(url))
      c:write(v2(1, 0x11, TCP4 .. ("t"):rep(1000)))
      assert(c:starttls(support.client))
      c:write "hello\n"
      c:close(5)
    end)[1]
    assert.is_true(info.tls)
    assert.equal("tcp://1.2.3.4:80", info.proxy.source)

    local code = support.together(function()
      return select(3, assert(l:accept(10)):handshake())
    end, function()
      local c = assert(urlsock.connect(url))
      assert.is_nil((c:starttls(support.client)))
    end)[1]
    assert.equal("denied", code)
    l:close()
  end)

  it("comes before a configuration is chosen, and to a unix socket too", function()
    local asked
    local file = os.tmpname()
    os.remove(file)
    local l = assert(urlsock.listen("unix://" .. file, { proxy = "require" }))
    local c = assert(urlsock.connect("unix://" .. file))
    c:write "PROXY UNKNOWN\r\nhello\n"
    local s = assert(l:accept())
    assert.equal("hello", s:read())
    assert.equal(1, s:info().proxy.version)
    s:close()
    c:close()
    l:close()
    l = assert(urlsock.listen("tls://127.0.0.1:0", { proxy = "require", tls = function(hello)
      asked = hello.servername
      return { cert = cert "server.pem", key = cert "server.key" }
    end }))
    support.together(function()
      assert(assert(l:accept(10)):handshake())
    end, function()
      c = assert(urlsock.connect("tcp" .. l:localname():sub(4)))
      c:write "PROXY UNKNOWN\r\n"
      assert(c:starttls(support.client))
    end)
    assert.equal("localhost", asked)
    l:close()
  end)

  it("is an option of listeners alone", function()
    assert.equal("unsupported", select(3, urlsock.connect("tcp://127.0.0.1:1",
      { proxy = "require" })))
    assert.equal("unsupported", select(3, urlsock.listen("udp://127.0.0.1:0",
      { proxy = "require" })))
    assert.has_error(function() urlsock.listen("tcp://127.0.0.1:0", { proxy = true }) end)
    local a = assert(urlsock.pair())
    assert.equal("unsupported", select(3, urlsock.adopt(a:fd(), { proxy = "require" })))
    a:close()
  end)
end)

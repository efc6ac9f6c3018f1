-- What a server hears before libtls does, and who it then is.
local support = require "spec.support.init"
local tls = require "spec.support.tls"
local urlsock = require "urlsock"

local with, cert = support.with, support.cert

--- The same for a listener, which has its role.
local function serving_of(name)
  return { cert = cert(name .. ".pem"), key = cert(name .. ".key") }
end

--- What a raw client's bytes get: the server's verdict, and the client's answer.
local function meet(bytes, server)
  local a, b = assert(urlsock.pair())
  assert(a:write(bytes))
  b:settimeout(2)
  local verdict = support.together(function()
    local ok, message, code = b:starttls(server or support.server)
    return { ok, message, code }
  end)[1]
  a:settimeout(0)
  return verdict, a:read(-100) or ""
end

describe("a server that hears a ClientHello", function()
  it("refuses a name that no host can have, and says so to the client", function()
    for _, name in ipairs {
      "../../etc/passwd", "", "\255", "a b", "local\0host", "a..b", ("x"):rep(64) .. ".test",
      ("x."):rep(200) .. "test", "-\n", "[::1]", "localhost:443", "user@localhost",
    } do
      local verdict, answer = meet(tls.record(22, tls.hello(tls.sni(name))))
      assert.is_nil(verdict[1])
      assert.equal("tls", verdict[3])
      assert.matches("server name", verdict[2])
      assert.equal(tls.alert(2, 47), answer)
    end
  end)

  it("takes an address for no name", function()
    local a, b = assert(urlsock.pair())
    assert(a:write(tls.record(22, tls.hello(tls.sni "127.0.0.1"))))
    local names = {}
    support.together(function()
      b:settimeout(0.2)
      return b:starttls(function(hello)
        names[1] = hello.servername or false
        return serving_of "server"
      end)
    end)
    -- libtls may refuse it on its own account; our function saw no name
    assert.same({ false }, names)
  end)

  it("refuses what is malformed", function()
    local good = tls.hello(tls.sni "localhost")
    for _, bytes in ipairs {
      tls.record(22, "\2" .. good:sub(2)), -- a ServerHello
      tls.record(22, good:sub(1, 4) .. good:sub(5):gsub("^\3\3", "\3\3\255", 1)),
      tls.record(22, tls.hello(tls.extension(0, ""))),
      tls.record(22, tls.hello(tls.sni "a" .. tls.sni "b")),
      tls.record(22, tls.hello(tls.extension(16, tls.vector(2, "\0")))),
      tls.record(22, tls.hello(tls.extension(16, tls.vector(2, "\5h2")))),
      tls.record(22, "\1\255\255\255" .. ("x"):rep(100)),
      tls.record(22, good:sub(1, 50)) .. tls.record(23, good:sub(51)),
    } do
      local verdict = meet(bytes)
      assert.is_nil(verdict[1])
      assert.equal("tls", verdict[3], verdict[2])
    end
  end)

  it("hears it in pieces of any size", function()
    local a, b = assert(urlsock.pair())
    local hello = tls.hello(tls.sni "LOCALHOST" .. tls.alpn("h2", "http/1.1"))
    local bytes = ""
    for i = 1, #hello, 7 do bytes = bytes .. tls.record(22, hello:sub(i, i + 6)) end
    local heard
    support.together(function()
      for i = 1, #bytes do
        assert(a:write(bytes:sub(i, i)))
        coroutine.yield()
      end
      return a:shutdown()
    end, function()
      return b:starttls(function(h)
        heard = h
        return serving_of "server"
      end)
    end)
    assert.same({ servername = "localhost", alpn = { "h2", "http/1.1" } }, heard)
  end)

  it("says when the client is cut off before and in it", function()
    for _, bytes in ipairs { "\22", "\22\3", tls.record(22, tls.hello ""):sub(1, 40) } do
      local a, b = assert(urlsock.pair())
      assert(a:write(bytes))
      a:close()
      local ok, message, code = b:starttls(support.server)
      assert.is_nil(ok)
      assert.equal("truncated", code)
      assert.matches("cut the connection", message)
    end
  end)
end)

describe("a listener that chooses a configuration for each client", function()
  local l
  after_each(function() l:close() end)

  --- Connects with options and a name; what the client got.
  local function connect(options)
    return (support.together(function()
      local c, message, code = urlsock.connect(l:localname(), { tls = options })
      if not c then return nil, message, code end
      return c:info(), c:read()
    end, function()
      local s = assert(l:accept())
      local ok, message, code = s:write("hello\n")
      s:close()
      return ok, message, code
    end))
  end

  it("asks by name and protocol, and may wait", function()
    local heard = {}
    l = assert(urlsock.listen("tls://127.0.0.1:0", { tls = function(hello)
      heard[#heard + 1] = hello
      coroutine.yield()
      if hello.servername == "wrong.test" then return serving_of "wronghost" end
      return urlsock.tls(serving_of "server")
    end }))
    local first = connect { ca = cert "ca.pem", servername = "wrong.test", alpn = { "x" } }
    assert.matches("wrong.test", first[1].peer.subject, 1, true)
    assert.equal("hello", first[2])
    local second = connect { ca = cert "ca.pem", servername = "localhost" }
    assert.matches("localhost", second[1].peer.subject, 1, true)
    assert.same({ { servername = "wrong.test", alpn = { "x" } },
      { servername = "localhost", alpn = {} } }, heard)
  end)

  it("refuses a client that it has none for, in its own words", function()
    local answer
    l = assert(urlsock.listen("tls://127.0.0.1:0", { tls = function() return nil, answer end }))
    local object = setmetatable({}, { __tostring = function() return "not today" end })
    for _, given in ipairs { false, "not today", object } do
      answer = given or nil
      local words = given and tostring(given)
      local got
      support.together(function()
        got = { urlsock.connect(l:localname(), { tls = { ca = cert "ca.pem" } }) }
      end, function()
        local s = assert(l:accept())
        local ok, message, code = s:handshake()
        assert.is_nil(ok)
        assert.equal("tls", code)
        assert.matches(words or "no configuration", message)
        assert.equal(message, select(2, s:write "x"))
      end)
      assert.is_nil(got[1])
      assert.equal("tls", got[3])
      assert.matches("unrecognized name", got[2])
    end
    -- and a configuration that is wrong, or a client's
    for _, given in ipairs { { cert = "/nonexistent" }, {} } do
      l:settls(function() return given end)
      support.together(function()
        return urlsock.connect(l:localname(), { tls = { ca = cert "ca.pem" } })
      end, function()
        local ok, message, code = assert(l:accept()):handshake()
        assert.is_nil(ok)
        assert.equal("tls", code)
        assert.matches("^%S+: handshake: cert: ", message)
      end)
    end
  end)

  it("takes another configuration for the connections that follow", function()
    l = assert(urlsock.listen("tls://127.0.0.1:0", { tls = function()
      return serving_of "server"
    end }))
    assert.is_true(l:settls(serving_of "wronghost"))
    local got = connect { ca = cert "ca.pem" }
    assert.equal("verify", got[3])
    assert.is_true(l:settls(function() return serving_of "server" end))
    assert.equal("hello", connect({ ca = cert "ca.pem" })[2])
    local none, _, code = l:settls {}
    assert.is_nil(none)
    assert.equal("tls", code)
  end)

  it("is not delayed by a client that says nothing", function()
    l = assert(urlsock.listen("tls://127.0.0.1:0", { tls = function()
      return serving_of "server"
    end }))
    local silent = assert(urlsock.connect((l:localname():gsub("^tls", "tcp"))))
    local mute = assert(l:accept())
    assert.equal("hello", connect({ ca = cert "ca.pem" })[2])
    mute:settimeout(0)
    assert.equal("timeout", select(3, mute:read()))
    silent:close()
    mute:close()
  end)
end)

describe("a handshake by a relay", function()
  --- Relays the records of a genuine TLS 1.2 server up to a type of message, then says goodbye.
  local function relay(upto, options)
    local a, b = assert(urlsock.pair())
    local x, y = assert(urlsock.pair())
    local verdict = support.together(function()
      return a:starttls(with(options, { protocols = "tlsv1.2" }))
    end, function()
      assert(x:write((assert(tls.read_record(b)))))
      for i = 1, upto do
        assert(b:write((assert(tls.read_record(x)))), i)
      end
      x:close()
      return b:write(tls.alert(1, 0))
    end, function()
      y:settimeout(1)
      return y:starttls(support.server)
    end)
    b:close()
    return verdict, a
  end

  for records = 0, 2 do
    it("is no handshake, with a genuine certificate as little: " .. records, function()
      for _, options in ipairs {
        support.client, { servername = "localhost", insecure_noverifycert = true },
      } do
        local verdict, a = relay(records, options)
        assert.is_nil(verdict[1])
        assert.equal("tls", verdict[3])
        assert.matches("before it was complete", verdict[2])
        assert.equal("closed stream", urlsock.type(a))
        assert.equal(verdict[2], select(2, a:info()))
      end
    end)
  end

  it("is none for a server", function()
    local verdict = meet(tls.record(22, tls.hello(tls.sni "localhost")) .. tls.alert(1, 0))
    assert.is_nil(verdict[1])
    assert.equal("tls", verdict[3])
  end)
end)

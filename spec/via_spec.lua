local support = require "spec.support.init"
local urlsock = require "urlsock"
local via = require "urlsock.via"

local cert = support.cert
local server_tls = { cert = cert "server.pem", key = cert "server.key" }

--- Connects to target by a proxy that behave(stream) plays; the results of connect.
-- `%s` in the URL of the proxy is its address.
local function through(proxy, target, behave, options, after)
  local tls = proxy:find "^https"
  local l = assert(urlsock.listen((tls and "tls" or "tcp") .. "://127.0.0.1:0",
    tls and { tls = server_tls } or nil))
  local address = l:localname():match "//(.*)$"
  local given = options or {}
  given.timeout = given.timeout or 5
  given.via = proxy:format(address)
  if tls then given.via = { url = given.via, tls = { ca = cert "ca.pem" } } end
  local results = support.together(function()
    local s, message, code = urlsock.connect(target, given)
    if s and after then return after(s) end
    return { s, message, code }
  end, function()
    local s = assert(l:accept(10))
    behave(s)
    return s
  end)[1]
  l:close()
  return results[1], results[2], results[3]
end

--- The other side of socks5 up to its reply.
local function greeted(s, request)
  assert.equal("\5\1\0", s:read(3))
  s:write "\5\0"
  local got = assert(s:read(#request))
  assert.equal(request, got)
end

local REQUEST = "\5\1\0\3\11example.org\0\80"
local DONE = "\5\0\0\1\0\0\0\0\0\0"

describe("the URL of a proxy", function()
  it("has user, password, host and port", function()
    local p = assert(via.parse "SOCKS5://us%45r:p%40ss:word@Proxy.Example:9050")
    assert.same({ "socks5://proxy.example:9050", "usEr", "p@ss:word", "proxy.example", 9050 },
      { p.url, p.user, p.password, p.place.host, p.place.port })
    p = assert(via.parse "socks5://[::1]")
    assert.same({ "socks5://[::1]:1080" }, { p.url, p.user })
    assert.equal("https://proxy.example:443", assert(via.parse "https://proxy.example").url)
    assert.equal("", assert(via.parse "http://user@proxy:3128").password)
  end)

  it("is refused where it is none, and no password is shown", function()
    for text, code in pairs {
      ["proxy:1080"] = "url", ["socks4://proxy"] = "scheme", ["tls://proxy:1"] = "scheme",
      ["socks5://"] = "url", ["socks5://:1080"] = "url", ["http://proxy"] = "url",
      ["http://proxy:0"] = "url", ["http://proxy:80/"] = "url", ["http://secret@b@proxy:1"] = "url",
      ["http://a:secret%@proxy:1"] = "url", ["http://a:secret%0@proxy:1"] = "url",
      ["http://a:secret%00@proxy:1"] = "url", ["http://a:secret%0d%0a@proxy:1"] = "url",
      ["http://a:sec ret@proxy:1"] = "url", ["http://:secret@proxy:1"] = "url",
      ["http://@proxy:1"] = "url", ["http://a:sec/ret@proxy:1"] = "url",
      ["socks5://a:secret@pro xy:1"] = "url", ["socks5://::1"] = "url",
    } do
      local p, message, got = via.parse(text)
      assert.is_nil(p, text)
      assert.equal(code, got, text)
      assert.is_nil(message:find("sec", 1, true), message)
    end
  end)

  it("is an option of connect alone, and of streams", function()
    local options = { via = "socks5://127.0.0.1" }
    assert.equal("unsupported", select(3, urlsock.listen("tcp://127.0.0.1:0", options)))
    assert.equal("unsupported", select(3, urlsock.connect("udp://127.0.0.1:1", options)))
    assert.equal("unsupported", select(3, urlsock.connect("unix:///tmp/x", options)))
    assert.has_error(function() urlsock.connect("a:1", { via = 1 }) end)
    assert.has_error(function() urlsock.connect("a:1", { via = { url = "x", ca = "y" } }) end)
    assert.has_error(function()
      urlsock.connect("a:1", { via = { url = "socks5://a", tls = { cafile = "y" } } })
    end)
    assert.equal("url", select(3, urlsock.connect("a:1",
      { via = { url = "socks5://127.0.0.1", tls = { ca = cert "ca.pem" } } })))
  end)
end)

describe("by a proxy", function()
  it("the proxy itself has to be there", function()
    local l = assert(urlsock.listen("tcp://127.0.0.1:0"))
    local url = "socks5" .. l:localname():sub(4)
    l:close()
    local s, message, code = urlsock.connect("example.org:80", { via = url })
    assert.is_nil(s)
    assert.equal("refused", code)
    assert.matches("^tcp://example.org:80: via tcp://127", message)
  end)
end)

describe("socks5", function()
  it("names the target, and hands out what it says first", function()
    local s = assert(through("socks5://%s", "example.org:80", function(s)
      greeted(s, REQUEST)
      s:write(DONE, "220 hello\r\n")
      assert.equal("QUIT", s:read())
    end, nil, function(s)
      local line = s:read()
      s:write "QUIT\r\n"
      return { line }
    end))
    assert.equal("220 hello", s)
  end)

  it("resolves nothing here, and spells addresses in bytes", function()
    local requests = {
      ["no.such.host.invalid:65535"] = "\3\20no.such.host.invalid\255\255",
      ["192.0.2.254:443"] = "\1\192\0\2\254\1\187",
      ["[2001:db8::1]:1"] = "\4\32\1\13\184" .. ("\0"):rep(11) .. "\1\0\1",
      ["[::]:1"] = "\4" .. ("\0"):rep(16) .. "\0\1",
      ["[1:2:3:4:5:6:7:8]:1"] = "\4\0\1\0\2\0\3\0\4\0\5\0\6\0\7\0\8\0\1",
      ["[fe80::]:1"] = "\4\254\128" .. ("\0"):rep(14) .. "\0\1",
      ["[::ffff:1.2.3.4]:1"] = "\4" .. ("\0"):rep(10) .. "\255\255\1\2\3\4\0\1",
    }
    for target, request in pairs(requests) do
      local s = assert(through("socks5://%s", target, function(s)
        greeted(s, "\5\1\0" .. request)
        s:write(DONE)
      end))
      s:close()
    end
    assert.equal("unsupported", select(3, urlsock.connect("tcp://[fe80::1%lo]:1",
      { via = "socks5://127.0.0.1:1" })))
  end)

  it("takes an answer a byte at a time, with an address of any kind", function()
    for _, bound in ipairs {
      "\1\1\2\3\4\0\0", "\3\3abc\0\0", "\3\0\0\0", "\4" .. ("\1"):rep(16) .. "\0\0",
    } do
      local line = assert(through("socks5://u:pw@%s", "example.org:80", function(s)
        local function slowly(bytes)
          for i = 1, #bytes do
            s:write(bytes:sub(i, i))
            for _ = 1, 3 do coroutine.yield() end
          end
        end
        assert.equal("\5\2\0\2", s:read(4))
        slowly "\5\2"
        assert.equal("\1\1u\2pw", s:read(6))
        slowly "\1\0"
        assert.equal(REQUEST, s:read(#REQUEST))
        slowly("\5\0\0" .. bound .. "data\n")
      end, nil, function(s) return { s:read() } end))
      assert.equal("data", line)
    end
  end)

  it("says why it refuses", function()
    for number, code in pairs {
      "refused", "denied", "unreachable", "unreachable", "refused", "unreachable", "unsupported",
      "unsupported", "refused", [255] = "refused",
    } do
      local s, message, got = through("socks5://%s", "example.org:80", function(s)
        greeted(s, REQUEST)
        s:write("\5", string.char(number))
      end)
      assert.is_nil(s)
      assert.equal(code, got, message)
      assert.matches("^tcp://example.org:80: via socks5://127.0.0.1:%d+: %a", message)
    end
  end)

  it("refuses the user, or wants one", function()
    local answers = { ["\5\255"] = "denied", ["\5\2\1\1"] = "denied", ["\5\2\1\255"] = "denied" }
    for answer, code in pairs(answers) do
      local s, message, got = through("socks5://user:secret@%s", "example.org:80", function(s)
        s:read(4)
        s:write(answer)
      end)
      assert.is_nil(s)
      assert.equal(code, got)
      assert.is_nil(message:find("secret", 1, true))
    end
    assert.equal("denied", select(3, through("socks5://%s", "example.org:80", function(s)
      s:read(3)
      s:write "\5\255"
    end)))
  end)

  it("never gets a password that it did not ask for, or that is too long", function()
    local seen
    local s = assert(through("socks5://user:secret@%s", "example.org:80", function(s)
      s:read(4)
      s:write "\5\0"
      seen = s:read(#REQUEST)
      s:write(DONE)
    end))
    s:close()
    assert.equal(REQUEST, seen)
    local function nothing(peer) assert.equal("eof", select(3, peer:read())) end
    assert.equal("url",
      select(3, through("socks5://u:" .. ("x"):rep(256) .. "@%s", "a:1", nothing)))
    assert.equal("url", select(3, through("socks5://u@%s", "a:1", nothing)))
  end)

  it("is no proxy when it talks nonsense", function()
    for _, answer in ipairs {
      "\4\0", "HTTP/1.1 400 Bad\r\n", "\5\3", "\5\1", "\0\0", "\5\2", "\21\3\3",
    } do
      local s, _, code = through("socks5://%s", "example.org:80", function(s)
        s:read(3)
        s:write(answer)
      end)
      assert.is_nil(s)
      assert.equal("refused", code, answer)
    end
    for _, reply in ipairs { "\4\0\0\1", "\5\0\0\2", "\5\0\0\0", "HTTP" } do
      local s, _, code = through("socks5://%s", "example.org:80", function(s)
        greeted(s, REQUEST)
        s:write(reply)
      end)
      assert.is_nil(s)
      assert.equal("refused", code, reply)
    end
  end)

  it("does not matter where it cuts the connection: there is no stream", function()
    local all = "\5\0" .. DONE
    for cut = 0, #all - 1 do
      local s, _, code = through("socks5://%s", "example.org:80", function(s)
        s:read(3)
        s:write(all:sub(1, cut))
        s:shutdown()
        s:read(#REQUEST)
        s:close()
      end)
      assert.is_nil(s)
      assert.is_true(code == "eof" or code == "truncated", code)
    end
  end)

  it("has one deadline, whether it is silent or trickles", function()
    for _, every in ipairs { 100, 0.02 } do
      local start = urlsock.now()
      local s, message, code = through("socks5://%s", "example.org:80", function(s)
        greeted(s, REQUEST)
        s:write "\5\0\0\3\255"
        local next_ = urlsock.now() + every
        while urlsock.now() < start + 0.4 do
          if urlsock.now() > next_ then
            s:write "x"
            next_ = next_ + every
          end
          coroutine.yield()
        end
      end, { timeout = 0.25 })
      assert.is_nil(s)
      assert.equal("timeout", code)
      assert.matches("timed out", message)
    end
  end)
end)

describe("CONNECT", function()
  it("asks as HTTP does, and hands out what the target says first", function()
    for target, host in pairs {
      ["Example.org:80"] = "example.org:80", ["192.0.2.1:443"] = "192.0.2.1:443",
      ["[2001:DB8::1]:8"] = "[2001:db8::1]:8",
    } do
      local head
      local line = assert(through("http://%s", target, function(s)
        head = assert(s:readuntil "\r\n\r\n")
        s:write "HTTP/1.1 200 Connection established\r\nContent-Length: 5\r\n\r\n220 hello\r\n"
      end, nil, function(s) return { s:read() } end))
      assert.equal("220 hello", line)
      assert.equal(("CONNECT %s HTTP/1.1\r\nHost: %s"):format(host, host), head)
    end
  end)

  it("says who asks, in base64", function()
    for user, word in pairs {
      ["Aladdin:open%20sesame"] = "QWxhZGRpbjpvcGVuIHNlc2FtZQ==", ["a:"] = "YTo=",
      ["ab:"] = "YWI6", ["%FF%FE:%ff"] = "//46/w==",
    } do
      local head
      local s = assert(through("http://" .. user:gsub("%%", "%%%%") .. "@%s", "a:1", function(s)
        head = s:readuntil "\r\n\r\n"
        s:write "HTTP/1.0 200\r\n\r\n"
      end))
      s:close()
      assert.equal(word, head:match "Proxy%-Authorization: Basic (%S+)$")
    end
    assert.equal("url", select(3, through("http://a%%3Ab:c@%s", "a:1",
      function(s) assert.equal("eof", select(3, s:read())) end)))
  end)

  local function answered(answer, target)
    return through("http://%s", target or "example.org:80", function(s)
      s:readuntil "\r\n\r\n"
      s:write(answer)
      s:shutdown()
    end)
  end

  it("says why it refuses", function()
    local s, message, code = answered "HTTP/1.1 403 Filtered \200\r\nX: y\r\n\r\n<html>"
    assert.is_nil(s)
    assert.equal("refused", code)
    assert.matches("403 Filtered %.$", message)
    assert.equal("denied", select(3, answered
      "HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm=x\r\n\r\n"))
    assert.equal("refused", select(3, answered "HTTP/1.1 502 Bad Gateway\r\n\r\n"))
    assert.equal("refused", select(3, answered "HTTP/1.1 101 Switching Protocols\r\n\r\n"))
    assert.equal("refused", select(3, answered "HTTP/1.1 302 Found\r\nLocation: x\r\n\r\n"))
  end)

  it("may clear its throat before the answer, for a while", function()
    local interim = "HTTP/1.1 103 Early Hints\r\n\r\n"
    local s = assert(answered(interim .. interim .. "HTTP/1.1 299 Fine\r\n\r\n"))
    s:close()
    assert.equal("refused", select(3, answered(interim:rep(100))))
  end)

  it("is no proxy when it talks nonsense", function()
    for _, answer in ipairs {
      "SSH-2.0-x\r\n\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n",
      "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 200 OK\n\nHTTP\r\n\r\n", "\r\n\r\n",
      "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", "HTTP/1.1 200 OK\0\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n",
      "HTTP/1.1 200OK\r\n\r\n\r\n", "\5\0\r\n\r\n",
    } do
      local s, _, code = answered(answer)
      assert.is_nil(s)
      assert.equal("refused", code, answer)
    end
  end)

  it("does not matter where it cuts the connection: there is no stream", function()
    local all = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n"
    for cut = 0, #all - 1 do
      local s, _, code = answered(all:sub(1, cut))
      assert.is_nil(s)
      assert.is_true(code == "eof" or code == "truncated", code)
    end
  end)

  it("bounds what it takes in", function()
    local s, _, code = answered("HTTP/1.1 200 OK\r\n" .. ("X: y\r\n"):rep(10000))
    assert.is_nil(s)
    assert.equal("limit", code)
  end)
end)

describe("TLS behind a proxy", function()
  local verified = { ca = cert "ca.pem" }

  local function target(s)
    s:readuntil "\r\n\r\n"
    s:write "HTTP/1.1 200 OK\r\n\r\n"
    local ok, _, code = s:starttls { cert = server_tls.cert, key = server_tls.key, nested = true }
    if ok then s:write(s:read(5) or "") end
    return code
  end

  local function talk(s)
    s:write "hello"
    local info = s:info()
    local answer = s:read(5)
    local again, message = s:starttls {}
    assert.is_nil(again)
    assert.matches("already", message)
    return { answer, info, s:peername() }
  end

  it("is with the target, whose name is verified", function()
    for _, proxy in ipairs { "http://%s", "https://%s" } do
      local answer, info, peer = through(proxy, "tls://mail.test:443", target,
        { tls = verified }, talk)
      assert.equal("hello", answer)
      assert.equal("tls://mail.test:443", info.url)
      assert.equal("mail.test", info.servername)
      assert.is_true(info.tls)
      assert.matches("^tls://127.0.0.1:", peer)
    end
  end)

  it("is not, with another name or another authority", function()
    for _, proxy in ipairs { "http://%s", "https://%s" } do
      local s, message, code = through(proxy, "tls://other.test:443", target, { tls = verified })
      assert.is_nil(s)
      assert.equal("verify", code, message)
      assert.matches("^tls://other.test:443: ", message)
      s, message, code = through(proxy, "tls://mail.test:443", target, {
        tls = { ca = cert "other-ca.pem" } })
      assert.is_nil(s)
      assert.equal("verify", code, message)
    end
  end)

  it("begins by starttls too: for the target, not the proxy", function()
    for _, proxy in ipairs { "http://%s", "https://%s" } do
      local name = through(proxy, "tcp://mail.test:25", target, nil, function(s)
          local before = s:info()
          assert.is_false(before.tls)
          assert.is_nil(before.peer)
          assert.equal("tcp://mail.test:25", before.url)
          assert.is_nil((s:peerchain()))
          assert.is_nil((s:stoptls()))
          assert(s:starttls(verified))
          local info = s:info()
          s:write "hello"
          assert.equal("hello", s:read(5))
          return { info.servername }
        end)
      assert.equal("mail.test", name)
      local code = through(proxy, "tcp://other.test:25", target, nil,
        function(s) return { select(3, s:starttls(verified)) } end)
      assert.equal("verify", code)
    end
  end)

  it("begins by a dialogue with the target", function()
    if not pcall(require, "urlsock.starttls") then
      return pending "urlsock.starttls is not there"
    end
    for _, proxy in ipairs { "http://%s", "https://%s" } do
      for host, code in pairs { ["mail.test"] = "none", ["other.test"] = "verify" } do
        local s, message, got = through(proxy, ("tcp://%s:110"):format(host), function(s)
          s:readuntil "\r\n\r\n"
          s:write "HTTP/1.1 200 OK\r\n\r\n+OK\r\n"
          repeat
            local line = assert(s:read())
            s:write(line == "CAPA" and "+OK\r\nSTLS\r\n.\r\n" or "+OK\r\n")
          until line == "STLS"
          s:starttls { cert = server_tls.cert, key = server_tls.key, nested = true }
        end, { tls = verified, starttls = "pop3" })
        assert.equal(code, got or "none", message)
        if s then assert.equal(host, s:info().servername) end
      end
    end
  end)

  it("ends by stoptls and goes on with the proxy's", function()
    local answer = through("https://%s", "tls://mail.test:443", function(s)
      s:readuntil "\r\n\r\n"
      s:write "HTTP/1.1 200 OK\r\n\r\n"
      assert(s:starttls { cert = server_tls.cert, key = server_tls.key, nested = true })
      assert(s:stoptls())
      s:write "in the clear\n"
    end, { tls = verified }, function(s)
      assert(s:stoptls())
      assert.is_false(s:info().tls)
      return { s:read() }
    end)
    assert.equal("in the clear", answer)
  end)

  it("takes nothing that the proxy sends behind its answer", function()
    for _, scheme in ipairs { "http://%s", "https://%s" } do
      local s, message, code = through(scheme, "tls://mail.test:443", function(s)
        s:readuntil "\r\n\r\n"
        s:write "HTTP/1.1 200 OK\r\n\r\ninjected"
        s:read()
      end, { tls = verified })
      assert.is_nil(s)
      assert.equal("injected", code)
      assert.matches("'inje", message)
    end
    assert.equal("injected", select(3, through("socks5://%s", "tls://example.org:80", function(s)
      greeted(s, REQUEST)
      s:write(DONE, "injected")
      s:read()
    end, { tls = verified })))
  end)

  it("is verified with the proxy as well", function()
    local l = assert(urlsock.listen("tls://127.0.0.1:0", { tls = server_tls }))
    local port = urlsock.parse(l:localname()).port
    local function attempt(host, tls)
      return support.together(function()
        return select(3, urlsock.connect("a:1", { via = { url = ("https://%s:%d"):format(host,
          port), tls = tls } }))
      end, function() assert(l:accept(10)):handshake() end)[1]
    end
    assert.equal("verify", attempt("127.0.0.1"))
    assert.equal("verify", attempt("127.0.0.1", { ca = cert "ca.pem", servername = "x.test" }))
    l:close()
  end)
end)

local support = require "spec.support.init"
local urlsock = require "urlsock"

local with, cert, upgrade = support.with, support.cert, support.upgrade

describe("starttls", function()
  for _, version in ipairs { "tlsv1.2", "tlsv1.3" } do
    it("upgrades, goes back to plain text, and upgrades again: " .. version, function()
      local a, b = upgrade(with(support.client, { protocols = version }))
      for _ = 1, 2 do
        assert.equal(version:upper():gsub("V", "v"), a:info().version)
        assert(a:write("over tls\n"))
        assert.equal("over tls", b:read())
        support.together(function() assert(a:stoptls()) return a:write("in the clear\n") end,
          function() return b:stoptls() end)
        assert.equal("in the clear", b:read())
        assert.is_false(a:info().tls)
        support.together(
          function() assert(a:starttls(with(support.client, { protocols = version }))) end,
          function() assert(b:starttls(support.server)) end)
      end
      a:close()
      assert.equal("eof", select(3, b:read()))
    end)
  end

  it("tells who the peer is", function()
    local a = upgrade(support.client)
    local info = a:info()
    assert.is_true(info.tls)
    assert.matches("localhost", info.peer.subject)
    assert.matches("^SHA256:%x+$", info.peer.hash)
    assert.matches("^%-%-%-%-%-BEGIN CERT", a:peerchain())
  end)

  for name, what in pairs {
    expired = "expired", notyet = "not yet valid", selfsigned = "self", wronghost = "localhost",
    ["chain-leaf"] = "issuer", stranger = "", badeku = "",
  } do
    it("refuses a certificate: " .. name, function()
      local server =
        { cert = cert(name .. ".pem"), key = cert(name .. ".key"), role = "server" }
      local a, _, result = upgrade(support.client, server)
      assert.is_nil(result[1])
      assert.equal("verify", result[3])
      assert.matches(what, result[2])
      assert.matches("for 'localhost'", result[2])
      -- it never falls back, and keeps the reason
      local ok, message, code = a:write "secret"
      assert.is_nil(ok)
      assert.equal("verify", code)
      assert.equal(result[2], message)
      assert.equal("closed stream", urlsock.type(a))
    end)
  end

  it("is loosened only by name", function()
    local server = { cert = cert "wronghost.pem", key = cert "wronghost.key", role = "server" }
    local _, _, result = upgrade(with(support.client, { insecure_noverifyname = true }), server)
    assert.is_truthy(result[1])
    local _, _, pinned = upgrade({
      servername = "localhost", insecure_noverifycert = true, pin = "SHA256:" .. ("0"):rep(64),
    })
    assert.equal("verify", pinned[3])
  end)

  it("needs a name to verify", function()
    local a = assert(urlsock.pair())
    local ok, _, code = a:starttls { ca = cert "ca.pem" }
    assert.is_nil(ok)
    assert.equal("verify", code)
    assert.equal("verify", select(3, a:write "x"))
  end)

  it("refuses plaintext that came before it", function()
    for _, injected in ipairs { "250 injected\r\n", "half", "\0", "\22\3" .. ("x"):rep(9) } do
      local a, b = assert(urlsock.pair())
      assert(b:write("220 go ahead\r\n", injected))
      assert.equal("220 go ahead", a:read())
      local ok, message, code = a:starttls(support.client)
      assert.is_nil(ok)
      assert.equal("injected", code)
      assert.matches("bytes of plaintext", message)
      assert.equal("injected", select(3, a:write "secret"))
      assert.equal("injected", select(3, a:read()))
      b:close()
    end
  end)

  it("takes a ClientHello that was pipelined behind the request", function()
    local a, b = assert(urlsock.pair())
    local line
    support.together(function()
      assert(a:write("STARTTLS\r\n"))
      assert(a:starttls(support.client))
      return a:write("inside\n")
    end, function()
      coroutine.yield()
      line = b:read()
      assert(b:starttls(support.server))
      line = line .. b:read()
    end)
    assert.equal("STARTTLSinside", line)
    assert.equal(#"STARTTLS\r\ninside\n", b:info().bytes_in)
    assert.equal(b:info().bytes_in, a:info().bytes_out)
  end)

  it("seeks afresh under TLS what it did not find in the ClientHello", function()
    local a, b = assert(urlsock.pair())
    local code, line
    support.together(function()
      assert(a:starttls(support.client))
      return a:write("in\r\n")
    end, function()
      b:settimeout(0.05)
      code = select(3, b:readuntil "\r\n")
      b:settimeout(5)
      assert(b:starttls(support.server))
      line = b:readuntil "\r\n"
    end)
    assert.equal("timeout", code)
    assert.equal("in", line)
  end)

  it("tells a server without a certificate at once, before a dialogue", function()
    for _, given in ipairs { { role = "server" }, { role = "server", protocol = "smtp" } } do
      local a, b = assert(urlsock.pair())
      local start = urlsock.now()
      local ok, message, code = a:starttls(given)
      assert.is_nil(ok)
      assert.equal("tls", code)
      assert.matches("cert: a server needs a certificate", message)
      assert.is_true(urlsock.now() - start < 1)
      assert.equal("tls", select(3, a:write("x")))
      assert.equal("", b:read "a")
      b:close()
    end
  end)

  it("harms nothing a second time, whatever its options", function()
    local a, b = support.upgrade(support.client)
    for _, given in ipairs { support.client, { ca = "nosuch" }, { role = "server" } } do
      local ok, message, code = a:starttls(given)
      assert.is_nil(ok)
      assert.equal("tls", code)
      assert.matches("under tls already", message)
    end
    assert(a:write("line\n"))
    assert.equal("line", b:read())
    a:close()
    b:close()
  end)

  it("shows what a peer said in plain text", function()
    local a, b = assert(urlsock.pair())
    local result = support.together(function() return a:starttls(support.client) end, function()
      support.gather(b)
      return b:write("454 TLS not available\r\n")
    end)
    assert.equal("plaintext", result[3])
    assert.matches("454 TLS not available", result[2])
  end)

  it("tells a client that speaks HTTP", function()
    local l = assert(urlsock.listen("tls://127.0.0.1:0", { tls = {
      cert = cert "server.pem", key = cert "server.key" } }))
    local c = assert(urlsock.connect((l:localname():gsub("tls", "tcp"))))
    c:write("GET / HTTP/1.0\r\n\r\n")
    local s = assert(l:accept())
    local ok, message, code = s:read()
    assert.is_nil(ok)
    assert.equal("plaintext", code)
    assert.matches("http request", message)
    c:close()
    l:close()
  end)

  it("takes no alert for a handshake", function()
    for _, alert in ipairs { "\21\3\3\0\2\1\0", "\21\3\1\0\2\1\0" } do
      local a, b = assert(urlsock.pair())
      local result = support.together(function() return a:starttls(support.client) end, function()
        support.gather(b)
        return b:write(alert)
      end)
      assert.is_nil(result[1])
      assert.equal("tls", result[3])
    end
  end)

  it("is final also when it times out", function()
    local a = assert(urlsock.pair())
    local ok, message, code = a:starttls(with(support.client, { timeout = 0.05 }))
    assert.is_nil(ok)
    assert.equal("timeout", code)
    for _, method in ipairs { "write", "read", "flush", "starttls" } do
      local again, same, code_again = a[method](a, method == "write" and "secret" or nil)
      assert.is_nil(again)
      assert.equal(message, same)
      assert.equal("timeout", code_again)
    end
  end)

  it("is final also when its options are no good", function()
    local a = assert(urlsock.pair())
    local ok, message, code = a:starttls { ca = "/nonexistent", servername = "localhost" }
    assert.is_nil(ok)
    assert.equal("tls", code)
    local again, same = a:write "secret"
    assert.is_nil(again)
    assert.equal(message, same)
  end)

  it("harms nothing the second time", function()
    local a, b = upgrade(support.client)
    local ok, _, code = a:starttls(support.client)
    assert.is_nil(ok)
    assert.equal("tls", code)
    assert(a:write("still there\n"))
    assert.equal("still there", b:read())
  end)

  it("raises for an unknown option", function()
    local a = assert(urlsock.pair())
    assert.has_error(function() a:starttls { verify = false } end)
    assert.has_error(function() a:starttls { role = "both" } end)
  end)

  it("agrees on a protocol by ALPN", function()
    local a, b = upgrade(with(support.client, { alpn = { "h2", "x/1" } }),
      with(support.server, { alpn = "x/1" }))
    assert.equal("x/1", a:info().alpn)
    assert.equal("x/1", b:info().alpn)
  end)

  it("asks a client for its certificate, and tells each client's own reason", function()
    local l = assert(urlsock.listen("tls://localhost:0", { tls = {
      cert = cert "server.pem", key = cert "server.key", client = "require",
      clientca = cert "ca.pem",
    } }))
    local function meet(name)
      local tls = { ca = cert "ca.pem" }
      if name then tls.cert, tls.key = cert(name .. ".pem"), cert(name .. ".key") end
      local s
      local _, answer = support.together(function()
        local c = urlsock.connect(l:localname(), { tls = tls })
        return c and c:read()
      end, function()
        s = assert(l:accept())
        local ok, message, code = s:handshake()
        local subject = ok and s:info().peer.subject
        s:close()
        return subject, message, code
      end)
      return answer
    end
    assert.matches("client", meet("client")[1])
    local unknown = meet "stranger"
    assert.equal("verify", unknown[3])
    assert.matches("issuer", unknown[2])
    local none = meet()
    assert.equal("verify", none[3])
    assert.is_nil(none[2]:find("issuer", 1, true))
    l:close()
  end)
end)

describe("a tls stream", function()
  it("sends what it has accepted after close, to a peer that keeps reading", function()
    for _, size in ipairs { 16384, 1000000 } do
      local a, b = support.upgrade(support.client)
      local accepted = 0
      a:settimeout(0)
      a:setvbuf("full", size)
      repeat
        local ok, _, _, count = a:write(("x"):rep(900000))
        accepted = accepted + (ok and 900000 or count)
      until not ok
      a:close()
      assert.equal(accepted, #assert(b:read "a"))
      b:close()
    end
  end)

  it("refuses to write while TLS ends, and ends it all the same", function()
    local a, b = support.upgrade(support.client)
    assert(b:write("last\n"))
    a:settimeout(0)
    assert.equal("timeout", select(3, a:stoptls()))
    local ok, message, code = a:write("x")
    assert.is_nil(ok)
    assert.equal("tls", code)
    assert.matches("stoptls has begun", message)
    a:settimeout(5)
    support.together(function() assert(a:stoptls()) end, function() assert(b:stoptls()) end)
    assert.equal("last", a:read())
    assert(a:write("clear\n"))
    assert.equal("clear", b:read())
    a:close()
    b:close()
  end)

  it("stays shut down for writing when TLS ends", function()
    local a, b = support.upgrade(support.client)
    assert(a:shutdown())
    support.together(function() assert(a:stoptls()) end, function() return b:shutdown() end)
    assert.equal("closed", select(3, a:write("x")))
    a:close()
    b:close()
  end)

  it("does not end where nothing is read any more", function()
    local a, b = support.upgrade(support.client)
    assert(a:shutdown "read")
    assert.equal("closed", select(3, a:stoptls()))
    assert.is_true(a:info().tls)
    assert.equal("eof", select(3, a:read()))
    assert(a:write "still\n")
    assert.equal("still", b:read())
    a:close()
    b:close()
  end)

  it("delivers what had arrived when a write found the peer gone", function()
    for _, version in ipairs { "tlsv1.2", "tlsv1.3" } do
      local a, b = support.upgrade(support.with(support.client, { protocols = version }))
      assert(b:write("too much\n"))
      b:close()
      for _ = 1, 2 do assert.equal("reset", select(3, a:write("more"))) end
      assert.equal("reset", select(3, a:shutdown()))
      assert.equal("too much", a:read())
      assert.equal("eof", select(3, a:read()))
      a:close()
    end
  end)

  it("tells a cut connection from a clean end", function()
    -- TLS in TLS: a clean end of the outer one cuts the inner one off
    local a, b = upgrade(support.client)
    support.together(function() assert(a:starttls(with(support.client, { nested = true }))) end,
      function() assert(b:starttls(with(support.server, { nested = true }))) end)
    assert(b:write("line\npartial"))
    assert.equal("line", a:read())
    a:close()
    assert.equal("eof", select(3, b:read()))

    -- a relay that lets the TLS through and then goes away without close_notify
    local tls = assert(urlsock.tls { cert = cert "server.pem", key = cert "server.key" })
    local l = assert(urlsock.listen("tls://127.0.0.1:0", { tls = tls }))
    local relay = assert(urlsock.listen("tcp://127.0.0.1:0"))
    local _, server, client = support.together(function()
      local left = assert(relay:accept())
      local right = assert(urlsock.connect((l:localname():gsub("tls", "tcp"))))
      left:settimeout(0)
      right:settimeout(0)
      -- longer than the kernel holds a small packet back
      local last = urlsock.now()
      while urlsock.now() - last < 0.3 do
        local up, down = left:read(-65536), right:read(-65536)
        if up then right:write(up) end
        if down then left:write(down) end
        if up or down then last = urlsock.now() end
        coroutine.yield()
      end
      left:close()
      return right:close()
    end, function()
      local s = assert(l:accept())
      assert(s:write("line\npartial"))
      return s:read()
    end, function()
      local c = assert(urlsock.connect((relay:localname():gsub("tcp", "tls")),
        { tls = { ca = cert "ca.pem" } }))
      assert.equal("line", c:read())
      local item, _, code = c:read "a"
      return item, c:read(-100), code
    end)
    assert.equal("truncated", server[3])
    assert.is_nil(client[1])
    assert.equal("partial", client[2])
    assert.equal("truncated", client[3])
    l:close()
    relay:close()
  end)

  it("tells a cut where the peer takes no answer to it", function()
    -- a unix socket refuses a write as soon as the other end is closed
    for _, version in ipairs { "tlsv1.2", "tlsv1.3" } do
      local a, left = assert(urlsock.pair())
      local right, b = assert(urlsock.pair())
      left:settimeout(0)
      right:settimeout(0)
      local cut = false
      support.together(function()
        assert(a:starttls(with(support.client, { protocols = version })))
        assert.equal("line", a:read())
        cut = true
      end, function()
        assert(b:starttls(support.server))
        return b:write("line\n")
      end, function()
        repeat
          local up, down = left:read(-65536), right:read(-65536)
          if up then right:write(up) end
          if down then left:write(down) end
          coroutine.yield()
        until cut
      end)
      left:close()
      local item, message, code = a:read()
      assert.is_nil(item)
      assert.equal("truncated", code, message)
      assert.matches("cut the connection", message)
    end
  end)

  it("is readable by what an outer layer holds, three levels deep", function()
    local a, b = upgrade(support.client)
    local x, y = assert(urlsock.pair())
    local inner = with(support.client, { nested = true })
    -- b ends the outer layer and relays what is in it
    b:settimeout(0)
    x:settimeout(0)
    local done = false
    local function relay()
      while not done do
        local up, down = b:read(-65536), x:read(-65536)
        if up then assert(x:write(up)) end
        if down then assert(b:write(down)) end
        coroutine.yield()
      end
    end
    support.together(function()
      assert(a:starttls(inner))
      assert.equal("ready", a:read())
      done = true
    end, function()
      assert(y:starttls(support.server))
      return y:write("ready\n")
    end, relay)
    assert(y:write("one\n"))
    assert(y:write("two\n"))
    local both = assert(support.gather(x))
    assert(b:write(both))
    assert.equal("one", a:read())
    assert.equal(0, a:pending())
    assert.same({ a }, (urlsock.select({ a }, {}, 0)))
    assert.equal("two", a:read())
    assert.same({}, (urlsock.select({ a }, {}, 0)))
    done = false
    support.together(function()
      assert(a:starttls(inner))
      assert.equal("third", a:read())
      done = true
    end, function()
      assert(y:starttls(with(support.server, { nested = true })))
      return y:write("third\n")
    end, relay)
    assert.is_true(a:info().tls)
  end)

  it("arrives whole when it is closed at once", function()
    local tls = assert(urlsock.tls { cert = cert "server.pem", key = cert "server.key" })
    local l = assert(urlsock.listen("tls://127.0.0.1:0", { tls = tls }))
    local _, got = support.together(function()
      local s = assert(l:accept())
      assert(s:write(("x"):rep(1048576)))
      return s:close()
    end, function()
      local c = assert(urlsock.connect(l:localname(), { tls = { ca = cert "ca.pem" } }))
      return c:read "a"
    end)
    assert.equal(1048576, #got[1])
    l:close()
  end)

  it("arrives whole when its client has left before the server shook hands", function()
    local tls = assert(urlsock.tls { cert = cert "server.pem", key = cert "server.key" })
    local l = assert(urlsock.listen("tls://127.0.0.1:0", { tls = tls }))
    local _, got = support.together(function()
      local c = assert(urlsock.connect(l:localname(), { tls = { ca = cert "ca.pem" } }))
      assert(c:write(("x"):rep(1000000)))
      return c:close()
    end, function() return assert(l:accept()):read "a" end)
    assert.equal(1000000, #got[1])
    l:close()
  end)

  it("has no end that a time-out waits for", function()
    local a, b = upgrade(support.client)
    local flood = ("x"):rep(65536)
    b:settimeout(0)
    a:settimeout(0.2)
    local start = urlsock.now()
    urlsock.use { wait = function() b:write(flood) end }
    local item, _, code = a:read "a"
    urlsock.use "plain"
    assert.is_nil(item)
    assert.equal("timeout", code)
    assert.is_true(urlsock.now() - start < 2)
  end)

  it("sends small packets at once, unless the caller has decided", function()
    local tls = { cert = cert "server.pem", key = cert "server.key" }
    for _, said in ipairs { "nothing", false, true } do
      local nodelay = nil
      if said ~= "nothing" then nodelay = said end
      local expected = said == "nothing" or said
      local l = assert(urlsock.listen("tls://127.0.0.1:0", { tls = tls, nodelay = nodelay }))
      support.together(function()
        local c = assert(urlsock.connect(l:localname(),
          { tls = { ca = cert "ca.pem" }, nodelay = nodelay }))
        assert.equal(expected, c:getoption "nodelay")
        c:close()
      end, function()
        local s = assert(l:accept())
        assert(s:handshake())
        assert.equal(expected, s:getoption "nodelay")
        s:close()
      end)
      l:close()
    end
    local l = assert(urlsock.listen "tcp://127.0.0.1:0")
    local c = assert(urlsock.connect(l:localname()))
    local s = assert(l:accept())
    assert.is_false(c:getoption "nodelay")
    support.together(function() assert(c:starttls(support.client)) end,
      function() assert(s:starttls(tls)) end)
    assert.is_true(c:getoption "nodelay")
    assert.is_true(s:getoption "nodelay")
    c:close()
    s:close()
    l:close()
  end)

  it("speaks only the version that the scheme asks for", function()
    local tls = assert(urlsock.tls {
      cert = cert "server.pem", key = cert "server.key", protocols = "tlsv1.2" })
    local l = assert(urlsock.listen("tls://127.0.0.1:0", { tls = tls }))
    local result = support.together(function()
      return urlsock.connect((l:localname():gsub("tls:", "tlsv1.3:")), { tls = {
        ca = cert "ca.pem" } })
    end, function() return assert(l:accept()):handshake() end)
    assert.is_nil(result[1])
    assert.equal("tls", result[3])
    l:close()
    -- which the option may name, too, but no other beside it
    local port = support.free_port()
    for protocols, code in pairs {
      ["TLSv1.2"] = "refused", [{ "tlsv1.2" }] = "refused", ["tlsv1.3"] = "tls",
      [{ "tlsv1.2", "tlsv1.3" }] = "tls",
    } do
      assert.equal(code, select(3,
        urlsock.connect("tlsv1.2://127.0.0.1", port, { tls = { protocols = protocols } })))
    end
  end)
end)

describe("a tls configuration", function()
  it("is checked when it is made", function()
    for option, given in pairs {
      ca = { ca = "/nonexistent" }, cert = { cert = cert "ca.key", key = cert "ca.key" },
      key = { cert = cert "server.pem", key = cert "client.key" },
      protocols = { protocols = "tlsv9" }, ciphers = { ciphers = "NOSUCH" },
      pin = { pin = "SHA256:12" }, alpn = { alpn = { "a,b" } }, curves = { curves = "nosuch" },
      client = { client = "maybe" }, clientca = { clientca = cert "ca.pem" },
    } do
      local tls, message, code = urlsock.tls(given)
      assert.is_nil(tls, option)
      assert.equal("tls", code)
      assert.matches("^" .. option, message)
    end
    assert.equal("removed", select(3, urlsock.tls { protocols = "sslv3" }))
    assert.has_error(function() urlsock.tls { ca = 1 } end)
    assert.has_error(function() urlsock.tls { nosuch = 1 } end)
  end)

  it("takes text in place of files", function()
    local function text(name)
      local f = assert(io.open(cert(name)))
      local s = f:read "*a"
      f:close()
      return s
    end
    local _, _, result = upgrade({ ca = text "ca.pem", servername = "localhost" },
      { cert = text "server.pem", key = text "server.key", role = "server" })
    assert.is_truthy(result[1])
  end)
end)

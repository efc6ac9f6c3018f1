-- What users of PHP's stream_socket_* functions rely on, as its own tests pin it, said in terms of
-- this library. Where the two differ on purpose the sentence says how.
local hostile = require "spec.support.hostile"
local support = require "spec.support.init"
local urlsock = require "urlsock"

local cert, with = support.cert, support.with
local keep = hostile.keep

-- A TLS server of one connection beside a call: what the call answers.
local function beside(options, behaviour, call)
  local results = hostile.talk(function()
    local url, server = hostile.tls_server(options, behaviour)
    return function() return call((url:gsub("^tcp", "tls"))) end, { server }
  end)
  return results[1], results[2], results[3]
end

-- Connects; true, or nil, message and code.
local function reach(url, tls)
  local s, message, code = urlsock.connect(url, { timeout = 5, tls = tls })
  if not s then return nil, message, code end
  keep(s)
  return true
end

local identity = hostile.identity "server"

describe("stream_socket_pair", function()
  it("makes two ends that talk", function()
    local a, b = assert(urlsock.pair())
    a:write "foo"
    assert.equal("foo", b:read(3))
    a:close()
    assert.equal("eof", select(3, b:read(1)))
    b:close()
  end)
end)

describe("stream_socket_client and _server", function()
  it("say a line and part; the end is an end and no error", function()
    local l = assert(urlsock.listen "tcp://127.0.0.1:0")
    local c = assert(urlsock.connect(l:localname()))
    c:write "test"
    local s = assert(l:accept())
    assert.equal("test", s:read(-1000))
    s:write "bye\n"
    s:close()
    assert.same({ c }, (urlsock.select({ c }, {}, 1)))
    assert.equal("bye\n", c:read "a")
    assert.equal("eof", select(3, c:read()))
    c:close()
    l:close()
  end)

  it("say a line under TLS, verified by default", function()
    assert.equal("hello", (beside(identity, function(s)
      s:write "hello\n"
      s:close()
    end, function(url)
      return keep(assert(urlsock.connect(url, { tls = { ca = cert "ca.pem" } }))):read()
    end)))
  end)

  it("take host and port apart, as fsockopen does", function()
    local l = assert(urlsock.listen("tcp://127.0.0.1", 0))
    local port = urlsock.parse(l:localname()).port
    local c = assert(urlsock.connect("127.0.0.1", port))
    assert.equal(l:localname(), c:peername())
    c:close()
    l:close()
  end)

  it("refuse a long unix path, where PHP cuts it with a notice", function()
    local path = "/tmp/" .. ("a"):rep(512)
    local l, message, code = urlsock.listen("unix://" .. path)
    assert.is_nil(l)
    assert.equal("url", code)
    assert.matches("517 bytes", message)
    assert.is_nil(io.open(path:sub(1, 107)))
  end)

  it("bind a client where it is told (bindto)", function()
    local l = assert(urlsock.listen "tcp://127.0.0.1:0")
    local c = assert(urlsock.connect(l:localname(), { bind = "127.0.0.1:0" }))
    assert.matches("^tcp://127%.0%.0%.1:%d+$", c:localname())
    c:close()
    l:close()
  end)

  it("wait for a client no longer than they are told", function()
    local l = assert(urlsock.listen "tcp://127.0.0.1:0")
    local start = urlsock.now()
    assert.equal("timeout", select(3, l:accept(0.05)))
    local took = urlsock.now() - start
    assert.is_true(took >= 0.05 and took < 1)
    l:close()
  end)

  it("keep no memory and no descriptor of sockets closed or forgotten", function()
    local before = hostile.descriptors()
    for i = 1, 200 do
      local s = assert(urlsock.connect("udp://127.0.0.1:9"))
      if i % 2 == 0 then s:close() end
    end
    assert.equal(before, hostile.descriptors(before))
  end)
end)

describe("stream_socket_get_name", function()
  it("tells both ends, and they agree", function()
    local l = assert(urlsock.listen "tcp://127.0.0.1:0")
    local c = assert(urlsock.connect(l:localname()))
    local s, peer = assert(l:accept())
    assert.equal(l:localname(), c:peername())
    assert.equal(c:localname(), peer)
    assert.equal(peer, s:peername())
    assert.equal(l:localname(), s:localname())
    for _, socket in ipairs { c, s, l } do socket:close() end
  end)

  it("tells the path of a unix socket; the ends of a pair have no name", function()
    local path = os.tmpname()
    os.remove(path)
    local l = assert(urlsock.listen("unix://" .. path))
    local c = assert(urlsock.connect("unix://" .. path))
    assert.equal("unix://" .. path, c:peername())
    assert.is_nil((c:localname()))
    local a = assert(urlsock.pair())
    assert.is_nil((a:localname()))
    c:close()
    l:close()
  end)
end)

describe("stream_set_timeout and stream_set_blocking", function()
  it("time out a read, which then works when data has come", function()
    local a, b = assert(urlsock.pair())
    a:settimeout(0.02)
    assert.equal("timeout", select(3, a:read(1)))
    b:write "12345"
    assert.equal("12345", a:read(5))
    assert.equal(0, a:pending())
  end)

  it("do not wait at all with 0, and wait again with a time", function()
    local a, b = assert(urlsock.pair())
    a:settimeout(0)
    assert.equal("timeout", select(3, a:read()))
    a:settimeout(5)
    assert.equal(5, a:gettimeout())
    b:write "line\n"
    assert.equal("line", a:read())
  end)
end)

describe("stream_select", function()
  it("tells those that are ready, and no others", function()
    local a, b = assert(urlsock.pair())
    local r, w = urlsock.select({ a }, { a }, 1)
    assert.same({}, r)
    assert.same({ a }, w)
    b:write "x"
    r, w = urlsock.select({ a, b }, { a }, 1)
    assert.same({ a }, r)
    assert.same({ a }, w)
  end)

  it("counts as readable what is in the buffer already", function()
    local a, b = assert(urlsock.pair())
    b:write "one\ntwo\n"
    assert.equal("one", a:read())
    assert.same({ a }, (urlsock.select({ a }, nil, 0)))
    assert.equal("two", a:read())
    assert.same({}, (urlsock.select({ a }, nil, 0)))
  end)

  it("comes back empty when its time is over", function()
    local a = assert(urlsock.pair())
    assert.same({}, (urlsock.select({ a }, nil, 0.01)))
  end)
end)

describe("stream_socket_shutdown", function()
  it("ends one direction and leaves the other", function()
    local a, b = assert(urlsock.pair())
    assert(a:shutdown "write")
    assert.equal("", b:read "a")
    b:write "still\n"
    assert.equal("still", a:read())
    assert.has_error(function() a:shutdown "nothing" end)
  end)

  it("ends both", function()
    local a, b = assert(urlsock.pair())
    assert(a:shutdown "both")
    assert.equal("eof", select(3, a:read()))
    assert.equal("closed", select(3, a:write "x"))
    assert.equal("eof", select(3, b:read()))
  end)
end)

describe("stream_socket_sendto and _recvfrom", function()
  it("name the sender, who can be answered", function()
    local server = assert(urlsock.listen "udp://127.0.0.1:0")
    local client = assert(urlsock.listen "udp://127.0.0.1:0")
    assert(client:sendto("ask", server:localname()))
    local data, from = server:receivefrom(1500)
    assert.equal("ask", data)
    assert.equal(client:localname(), from)
    assert(server:sendto("answer", from))
    assert.equal("answer", (client:receivefrom()))
    client:close()
    server:close()
  end)

  it("look at data without taking it (STREAM_PEEK)", function()
    local a, b = assert(urlsock.pair())
    b:write "data"
    assert.equal("data", a:peek())
    assert.equal("data", a:read(4))
  end)

  it("are nothing for a listener, nor is TLS", function()
    local l = assert(urlsock.listen "tcp://127.0.0.1:0")
    for _, name in ipairs { "receivefrom", "read", "write", "starttls", "peek" } do
      assert.is_nil(l[name], name)
    end
    l:close()
  end)
end)

describe("stream_socket_enable_crypto", function()
  it("is refused the second time, and all goes on under TLS", function()
    local a, b = assert(urlsock.pair())
    support.together(function() assert(a:starttls(support.client)) end,
      function() assert(b:starttls(support.server)) end)
    for _ = 1, 3 do
      local ok, message, code = a:starttls(support.client)
      assert.is_nil(ok)
      assert.equal("tls", code)
      assert.matches("already", message)
    end
    a:write "on\n"
    assert.equal("on", b:read())
    assert.is_true(a:info().tls)
  end)

  it("ends what it began, but nothing that it did not", function()
    local a, b = assert(urlsock.pair())
    local ok, _, code = a:stoptls()
    assert.is_nil(ok)
    assert.equal("tls", code)
    a:write "as before\n"
    assert.equal("as before", b:read())
  end)
end)

describe("the ssl context", function()
  local function taken(options, tls)
    return beside(options, hostile.listen_on, function(url) return reach(url, tls) end)
  end

  it("verifies unless told otherwise: verify_peer, cafile", function()
    assert.equal("verify", select(3, taken(identity, { servername = "localhost" })))
    assert.equal("verify", select(3, taken(identity, { ca = cert "other-ca.pem" })))
    assert.is_true(taken(identity, { ca = cert "ca.pem" }))
    assert.is_true(taken(hostile.identity "wronghost",
      { insecure_noverifycert = true, insecure_noverifyname = true }))
  end)

  it("still checks the name where the chain is not: verify_peer_name", function()
    local selfsigned = hostile.identity "selfsigned"
    assert.is_true(taken(selfsigned, { insecure_noverifycert = true }))
    assert.equal("verify", select(3, taken(hostile.identity "wronghost",
      { insecure_noverifycert = true })))
  end)

  it("returns nothing when the name is another: peer_name", function()
    local ok, message, code = taken(identity, { ca = cert "ca.pem", servername = "buga_buga" })
    assert.is_nil(ok)
    assert.equal("verify", code)
    assert.matches("buga_buga", message)
  end)

  for name, matches in pairs {
    ["a.mail.test.sg"] = false, ["a.mail.test"] = true, ["A.MAIL.TEST"] = true,
    ["a.b.mail.test"] = false, ["mail.test"] = false, ["amail.test"] = false,
  } do
    it(("takes *.mail.test for %s: %s"):format(name, tostring(matches)), function()
      local ok, _, code = taken(hostile.identity "wildcard",
        { ca = cert "ca.pem", servername = name })
      if matches then
        assert.is_true(ok)
      else
        assert.equal("verify", code)
      end
    end)
  end

  it("matches addresses with the certificate's addresses, however they are spelled", function()
    for _, name in ipairs { "127.0.0.1", "::1", "0:0:0:0:0:0:0:1" } do
      assert.is_true(taken(identity, { ca = cert "ca.pem", servername = name }), name)
    end
    for _, name in ipairs { "127.0.0.2", "::2" } do
      assert.equal("verify", select(3, taken(identity,
        { ca = cert "ca.pem", servername = name })), name)
    end
  end)

  it("compares the fingerprint: peer_fingerprint", function()
    local hash
    beside(identity, hostile.listen_on, function(url)
      hash = keep(assert(urlsock.connect(url, { tls = { ca = cert "ca.pem" } }))):info().peer.hash
    end)
    local good = { ca = cert "ca.pem", pin = hash:lower():gsub("^sha", "SHA") }
    assert.is_true(taken(identity, good))
    local last = hash:sub(-1) == "0" and "1" or "0"
    assert.equal("verify", select(3, taken(identity,
      with(good, { pin = hash:sub(1, -2) .. last }))))
  end)

  it("speaks the version that both sides may: crypto_method", function()
    local old = with(identity, { protocols = "tlsv1.2" })
    assert.is_true(taken(old, { ca = cert "ca.pem", protocols = "tlsv1.2" }))
    assert.is_true(taken(old, { ca = cert "ca.pem" }))
    local ok, _, code = taken(old, { ca = cert "ca.pem", protocols = "tlsv1.3" })
    assert.is_nil(ok)
    assert.equal("tls", code)
  end)

  it("tells the version that was agreed on, and each wrapper its own", function()
    for _, version in ipairs { "tlsv1.2", "tlsv1.3" } do
      beside(identity, hostile.listen_on, function(url)
        local s = keep(assert(urlsock.connect((url:gsub("^tls", version)),
          { tls = { ca = cert "ca.pem" } })))
        local info = s:info()
        assert.equal(version, info.version:lower())
        assert.equal(version, info.scheme)
        assert.is_true(info.bits >= 128)
      end)
    end
  end)
end)

describe("non-blocking TLS", function()
  it("says not yet for a record in pieces, and loses none of it", function()
    local results = hostile.talk(function()
      local target, server = hostile.tls_server(identity, function(s)
        s:read()
        hostile.pause(0.02)
        s:write "hello, world\n"
        hostile.listen_on(s)
      end)
      local n = 0
      local url, relay = hostile.relay(target, function(record, _, left)
        -- the client has shaken hands, and asked
        if n == 0 then return record end
        for i = 1, #record, 7 do
          left:write(record:sub(i, i + 6))
          hostile.pause(0.01)
        end
      end)
      return function()
        local s = keep(assert(urlsock.connect((url:gsub("^tcp", "tls")),
          { tls = { ca = cert "ca.pem" } })))
        s:write "ask\n"
        n = 1
        s:settimeout(0)
        local waited, start = 0, urlsock.now()
        while urlsock.now() - start < 5 do
          local line, message, code = s:read()
          if line then return line, waited end
          if code ~= "timeout" then return nil, message, code end
          waited = waited + 1
          coroutine.yield()
        end
      end, { server, relay[1], relay[2] }
    end)
    assert.equal("hello, world", results[1])
    assert.is_true(results[2] > 2)
  end)

  it("writes 4 MB bit by bit, and every byte arrives once", function()
    local data = {}
    for i = 1, 400000 do data[i] = ("%010d"):format(i) end
    data = table.concat(data)
    local received
    local done = beside(identity, function(s) received = s:read "a" end, function(url)
      local s = keep(assert(urlsock.connect(url, { tls = { ca = cert "ca.pem" } })))
      s:settimeout(0)
      local rest = data
      while rest ~= "" do
        local ok, message, code, count = s:write(rest)
        if ok then break end
        if code ~= "timeout" then return nil, message, code end
        rest = rest:sub(count + 1)
        coroutine.yield()
      end
      s:settimeout(10)
      assert(s:shutdown())
      while not received do coroutine.yield() end
      return true
    end)
    assert.is_true(done)
    assert.is_true(received == data)
  end)
end)

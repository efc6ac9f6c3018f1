-- LuaSec's interface: the real one is the oracle, where it is installed.
local luasec = require "urlsock.luasec"
local luasocket = require "urlsock.luasocket"
local support = require "spec.support.init"
local urlsock = require "urlsock"

local has_real, ssl = pcall(require, "ssl")
local has_socket, socket = pcall(require, "socket")
has_real = has_real and has_socket and ssl ~= luasec

local function port_of(object)
  local _, port = object:getsockname()
  return tonumber(port)
end

local client = { mode = "client", protocol = "any", cafile = support.cert "ca.pem" }
local server = { mode = "server", protocol = "any", certificate = support.cert "server.pem",
  key = support.cert "server.key" }

--- Both ends of a connection of that implementation, TLS still to begin.
local function wrapped(sockets, tls, client_params, server_params)
  local l = assert(sockets.bind("127.0.0.1", 0))
  local c = assert(sockets.connect("127.0.0.1", port_of(l)))
  l:settimeout(5)
  local s = assert(l:accept())
  l:close()
  c, s = assert(tls.wrap(c, client_params)), assert(tls.wrap(s, server_params or server))
  c:settimeout(0)
  s:settimeout(0)
  return c, s
end

--- Shakes hands without ever waiting, as LuaSec's users do; what each end answered at last.
local function shake(c, s)
  local function is_over(ok, word) return ok or (word ~= "wantread" and word ~= "wantwrite") end
  local deadline = urlsock.now() + 10
  local a, b, a_word, b_word
  repeat
    if not is_over(a, a_word) or a_word == nil then a, a_word = c:dohandshake() end
    if not is_over(b, b_word) or b_word == nil then b, b_word = s:dohandshake() end
  until is_over(a, a_word) and is_over(b, b_word) or urlsock.now() > deadline
  c:settimeout(5)
  s:settimeout(5)
  return a, a_word, b, b_word
end

local function connected(sockets, tls, params)
  local c, s = wrapped(sockets, tls, support.with(client, params or {}))
  c:sni "localhost"
  local a, word, b = shake(c, s)
  assert(a and b, word)
  return c, s
end

local battery = {
  ["before the handshake nothing passes"] = function(sockets, tls)
    local c, s = wrapped(sockets, tls, client)
    local a, b, d = c:receive()
    return { a, b, d, s, { c:send "x" } }
  end,
  ["dohandshake without waiting"] = function(sockets, tls)
    local c = wrapped(sockets, tls, client)
    c:sni "localhost"
    local ok, word = c:dohandshake()
    return { ok, word }
  end,
  ["send and receive"] = function(sockets, tls)
    local c, s = connected(sockets, tls)
    local sent = { c:send("one\r\ntwo", 1, 7) }
    return { sent, { s:receive() }, { s:receive(1) }, s:dirty(), { s:receive(0) } }
  end,
  ["a server with contexts by name"] = function(sockets, tls)
    local results = {}
    for i, case in ipairs { { "localhost", true }, { "other.test", true }, { "localhost" } } do
      local c, s = wrapped(sockets, tls, client)
      c:sni(case[1])
      s:sni({ localhost = assert(tls.newcontext(server)) }, case[2])
      local a, _, b = shake(c, s)
      results[i] = { a, b }
    end
    return results
  end,
  ["receive that has to wait"] = function(sockets, tls)
    local c, s = connected(sockets, tls)
    c:send "abc"
    s:receive(1)
    s:settimeout(0)
    return { { s:receive(5) }, s:want() }
  end,
  ["everything"] = function(sockets, tls)
    local c, s = connected(sockets, tls)
    c:send "abc"
    c:close()
    return { { s:receive "*a" }, { s:receive "*a" } }
  end,
  ["closed"] = function(sockets, tls)
    local c, s = connected(sockets, tls)
    s:close()
    local a = { c:receive() }
    c:close()
    return { a, { c:receive() }, { c:send "x" } }
  end,
  ["stats"] = function(sockets, tls)
    local c, s = connected(sockets, tls)
    c:send "abc"
    s:receive(3)
    local received, sent = s:getstats()
    return { received, sent, s:setstats(7), (s:getstats()) }
  end,
  ["the certificate of the peer"] = function(sockets, tls)
    local c, s = connected(sockets, tls)
    local cert = c:getpeercertificate()
    local names = cert:extensions()["2.5.29.17"]
    return { cert:subject(), cert:issuer(), cert:digest "sha256", cert:notbefore(),
      cert:notafter(), cert:serial(), cert:validat(os.time()), cert:validat(1), cert:pem(),
      names.dNSName, names.iPAddress, c:getpeercertificate(9) == nil,
      s:getpeercertificate() == nil, (c:getpeerverification()) }
  end,
  ["the name that the client asked for"] = function(sockets, tls)
    local _, s = connected(sockets, tls)
    return { s:getsniname() }
  end,
  ["info"] = function(sockets, tls)
    local c = connected(sockets, tls, { protocol = "tlsv1_2" })
    local info = c:info()
    return { info.protocol, info.cipher, info.bits, info.compression, c:info "protocol" }
  end,
  ["wrong protocols and options"] = function(_, tls)
    return { { tls.newcontext { mode = "client", protocol = "x" } },
      { tls.newcontext { mode = "client", protocol = "any", options = "x" } } }
  end,
}

local function comparable(v)
  if type(v) == "userdata" or (type(v) == "table" and getmetatable(v)) then
    return (tostring(v):gsub(": 0x%x+", ""))
  end
  if type(v) ~= "table" then return v end
  local t = {}
  for key, value in pairs(v) do t[key] = comparable(value) end
  return t
end

describe("LuaSec's interface", function()
  local names = {}
  for name in pairs(battery) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    it("answers as LuaSec does: " .. name, function()
      if not has_real then return pending "LuaSec is not installed" end
      local expected = comparable(battery[name](socket, ssl))
      assert.same(expected, comparable(battery[name](luasocket, luasec)))
    end)
  end

  local function refusal(params, name, certificate)
    local c, s = wrapped(luasocket, luasec, support.with(client, params),
      certificate and support.with(server, { certificate = support.cert(certificate .. ".pem"),
        key = support.cert(certificate .. ".key") }))
    if name then c:sni(name) end
    local ok, word = shake(c, s)
    return ok, word, select(3, c:dohandshake())
  end

  it("verifies whatever verify says", function()
    for _, verify in ipairs { "none", "peer" } do
      local ok, word, message = refusal({ verify = verify }, "localhost", "selfsigned")
      assert.is_false(ok)
      assert.equal("certificate verify failed", word)
      assert.matches("self.signed", message)
    end
    assert.is_false((refusal({ insecure = true }, "localhost", "selfsigned")))
    assert.is_false((refusal({ verify = "none", insecure = 1 }, "localhost", "selfsigned")))
  end)

  it("verifies the name", function()
    local ok, word = refusal({}, "other.test")
    assert.is_false(ok)
    assert.equal("certificate verify failed", word)
    assert.is_false((refusal({ servername = "other.test" })))
    assert.is_true((refusal { servername = "localhost" }))
    assert.is_true((refusal { host = "localhost" }))
  end)

  it("verifies the host that the socket was connected to where nothing else is said", function()
    local ok = refusal {} -- the certificate is for 127.0.0.1 too
    assert.is_true(ok)
    assert.is_false((refusal({}, nil, "wronghost")))
  end)

  it("verifies nothing only when told so twice", function()
    assert.is_true((refusal({ verify = "none", insecure = true }, nil, "selfsigned")))
  end)

  it("refuses a handshake with nobody", function()
    local a, b = assert(urlsock.pair())
    local c = assert(luasec.wrap(a, client))
    local ok, message = c:dohandshake()
    assert.is_false(ok)
    assert.matches("no name to verify", message)
    assert(b:settimeout(0))
    local _, _, code = b:read(1)
    assert.equal("timeout", code) -- not a byte was sent
  end)

  it("refuses plaintext that came before the handshake", function()
    local l = assert(luasocket.bind("127.0.0.1", 0))
    local c = assert(luasocket.connect("127.0.0.1", port_of(l)))
    local s = assert(l:accept())
    s:send "220 go ahead\r\ninjected\r\n"
    c:settimeout(5)
    assert.equal("220 go ahead", c:receive())
    local conn = assert(luasec.wrap(c, support.with(client, { servername = "localhost" })))
    local ok, word = conn:dohandshake()
    assert.is_false(ok)
    assert.matches("plaintext", word)
    assert.same({ nil, "closed", 0 }, { conn:send "secret" })
  end)

  it("asks clients for certificates", function()
    local strict = support.with(server, { cafile = support.cert "ca.pem",
      verify = { "peer", "fail_if_no_peer_cert" } })
    local function talk(params)
      local c, s = wrapped(luasocket, luasec, support.with(client, params), strict)
      c:sni "localhost"
      local _, _, ok = shake(c, s)
      return ok, ok and s:getpeercertificate()
    end
    assert.is_false((talk {}))
    local ok, certificate = talk { certificate = support.cert "client.pem",
      key = support.cert "client.key" }
    assert.is_true(ok)
    assert.equal("commonName", certificate:subject()[1].name)
  end)

  it("agrees on a protocol, by a list or a function", function()
    local seen
    for _, alpn in ipairs { { "h2", "http/1.1" }, function(list)
      seen = list
      return "http/1.1"
    end } do
      local c, s = wrapped(luasocket, luasec, support.with(client, { alpn = { "http/1.1" } }),
        support.with(server, { alpn = alpn }))
      c:sni "localhost"
      assert.is_true((shake(c, s)))
      assert.equal("http/1.1", c:getalpn())
      assert.equal("http/1.1", s:getalpn())
    end
    assert.same({ "http/1.1" }, seen)
  end)

  it("says what it cannot do", function()
    for name, value in pairs { ciphersuites = "x", dane = true, verifyext = "lsec_continue" } do
      local ok, message = luasec.newcontext(support.with(client, { [name] = value }))
      assert.is_nil(ok)
      assert.matches("^" .. name, message)
    end
    assert.is_nil((luasec.newcontext(support.with(client, { protocol = "tlsv1_2",
      cafile = "/nonexistent" }))))
  end)

  it("does not take a connection that was cut off for all there is", function()
    local c, s = connected(luasocket, luasec)
    s:send "half"
    local bare = assert(urlsock.adopt(s:getfd()))
    assert(bare:shutdown())
    bare:detach()
    local item, word, partial = c:receive "*a"
    assert.is_nil(item)
    assert.matches("eof", word)
    assert.equal("half", partial)
  end)

  it("wraps a real LuaSocket's socket", function()
    if not has_socket then return pending "LuaSocket is not installed" end
    local c, s = wrapped(socket, luasec, support.with(client, { servername = "localhost" }))
    assert.is_true((shake(c, s)))
    c:send "hello\n"
    assert.equal("hello", s:receive())
  end)
end)

local modules = { "socket", "socket.core", "socket.unix", "socket.http", "socket.url",
  "socket.headers", "ltn12", "mime", "ssl", "ssl.https" }

describe("LuaSec's https on our sockets", function()
  local saved, ok, https = {}, nil, nil

  setup(function()
    for _, name in ipairs(modules) do
      saved[name] = package.loaded[name]
      package.loaded[name] = nil
    end
    luasocket.install()
    luasec.install()
    ok, https = pcall(require, "ssl.https")
  end)

  teardown(function()
    for _, name in ipairs(modules) do package.loaded[name] = saved[name] end
  end)

  local function get(params)
    local l = assert(urlsock.listen("tls://127.0.0.1:0", { timeout = 10,
      tls = { cert = support.cert "server.pem", key = support.cert "server.key" } }))
    params.url = "https://localhost:" .. urlsock.parse(l:localname()).port .. "/"
    local parts = {}
    params.sink = function(chunk)
      parts[#parts + 1] = chunk
      return 1
    end
    local r = support.together(function()
      local one, code = https.request(params)
      return { one, code, table.concat(parts) }
    end, function()
      local s = assert(l:accept())
      repeat local line = s:read() until line == "" or not line
      s:write "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
      s:close(1)
    end)
    l:close()
    return r[1]
  end

  it("fetches", function()
    if not ok then return pending "LuaSec is not installed" end
    assert.same({ 1, 200, "hello" }, get { cafile = support.cert "ca.pem" })
  end)

  it("verifies, though https says verify = \"none\"", function()
    if not ok then return pending "LuaSec is not installed" end
    local r = get { cafile = support.cert "other-ca.pem" }
    assert.is_nil(r[1])
    assert.equal("certificate verify failed", r[2])
  end)
end)

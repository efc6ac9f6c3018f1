-- Hostile clients: each row is what a client does, and what the call of our server must answer.
local bytes = require "spec.support.tlsbytes"
local hostile = require "spec.support.hostile"
local support = require "spec.support.init"
local urlsock = require "urlsock"

local cert, with = support.cert, support.with
local keep, hear, pause, flood = hostile.keep, hostile.hear, hostile.pause, hostile.flood
local rows, before = 0, hostile.descriptors()
local identity = hostile.identity "server"

-- A client in the clear of whatever listens there.
local function dial(url)
  return keep(assert(urlsock.connect((url:gsub("^tls", "tcp")))))
end

-- A well-behaved one.
local function good(url, tls)
  local s = urlsock.connect(url, { tls = with({ ca = cert "ca.pem", servername = "localhost" },
    tls or {}) })
  return s and keep(s)
end

-- Accepts, says a secret as a server would that answers first, and reads a line.
local function serve(l, seconds)
  local s = keep(assert(l:accept()))
  s:settimeout(seconds or 5)
  local ok, message, code = s:write(hostile.secret, "\n")
  if not ok then return nil, message, code end
  return s:read()
end

-- Accepts, and reads a line.
local function listen_first(l)
  return keep(assert(l:accept())):read()
end

--- A row: a listener, its hostile client, what the server's call answers.
local function row(name, want, client, options)
  options = options or {}
  rows = rows + 1
  it(name, function()
    local results, seconds, heard = hostile.talk(function()
      local l = keep(assert(urlsock.listen("tls://127.0.0.1:0", {
        tls = with(identity, options.tls or {}), limit = 100000 })))
      return function() return (options.call or serve)(l, options.timeout) end,
        { function() client(l:localname()) end }
    end)
    if not want then
      assert.is_truthy(results[1], results[2])
    else
      assert.is_nil(results[1])
      assert.is_true(("|" .. want .. "|"):find("|" .. tostring(results[3]) .. "|", 1, true) ~= nil,
        ("%s: %s, and not %s"):format(tostring(results[3]), tostring(results[2]), want))
      assert.is_nil(results[2]:find "[%c\128-\255]", results[2])
      if options.message then assert.matches(options.message, results[2]) end
    end
    assert.is_true(seconds < 3, ("it took %.2f s"):format(seconds))
    assert.is_nil(heard:find(hostile.secret, 1, true), "the secret was sent")
  end)
end

local soon = { timeout = 0.2 }

-- Sends this and listens on.
local function sends(data, after)
  return function(url)
    local s = dial(url)
    s:write(data)
    if after then after(s) else hostile.listen_on(s) end
  end
end

describe("a client in place of TLS", function()
  row("speaks HTTP", "plaintext", sends "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    { message = "client sent an http request: 'GET / HTTP/1.1'" })
  row("asks for a proxy", "plaintext", sends "CONNECT mail.test:25 HTTP/1.0\r\n\r\n",
    { message = "http request" })
  row("speaks HTTP/2", "plaintext", sends "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    { message = "http request" })
  row("speaks SMTP", "plaintext", sends "EHLO x\r\n", { message = "plain text: 'EHLO x'" })
  row("speaks SSH", "plaintext", sends "SSH-2.0-x\r\n")
  row("says half a word and ends", "plaintext", sends("GE", hostile.drop))
  row("writes to the log", "plaintext", sends "GET /\27[2J\27]0;x\7\r\nX: \155\r\n")
  row("sends zeros", "tls", sends(("\0"):rep(100)))
  row("sends zeros without an end", "tls", function(url) flood(dial(url), "\0") end)
  row("sends an SSLv2 hello", "tls", sends("\128\46\1\0\2\0\21\0\0\0\16" .. ("x"):rep(37)))
  row("sends a proxy header", "plaintext", sends "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n")
  row("ends at once", "truncated|reset", sends("", hostile.drop))
  row("resets at once", "reset", sends("", hostile.reset))
  row("says nothing", "timeout", sends "", soon)
end)

describe("a ClientHello", function()
  local hello = bytes.client_hello "localhost"
  for name, after in pairs { truncated = hostile.drop, reset = hostile.reset } do
    row("is cut in half: " .. name, name, sends(hello:sub(1, 50), function(s)
      pause(0.05)
      after(s)
    end))
    row("is all there is: " .. name, name .. "|reset", sends(hello, function(s)
      pause(0.05)
      after(s)
    end))
  end
  row("is cut in half, and then nothing comes", "timeout", sends(hello:sub(1, 50)), soon)
  row("is trickled", "timeout", function(url) hostile.trickle(dial(url), hello) end, soon)
  row("is all there is, and then nothing comes", "timeout", sends(hello), soon)
  row("comes twice", "tls", sends(hello .. hello))
  row("claims 16 MiB", "tls", sends(bytes.record(22, "\1\255\255\255\3\3" ..
    ("x"):rep(16000)):rep(3)))
  row("has a record of 65535 bytes", "tls", sends(bytes.record(22, "\1\0\255\251" ..
    ("x"):rep(65531), "\3\1", 65535)))
  row("has 60 KiB of extensions", "tls|timeout", function(url)
    local body = "\3\3" .. ("c"):rep(32) .. "\0\0\2\192\47\1\0" .. bytes.u16(60004) ..
      bytes.extension(21, ("\0"):rep(60000))
    local message = "\1\0" .. bytes.u16(#body) .. body
    local s = dial(url)
    for i = 1, #message, 16000 do s:write(bytes.record(22, message:sub(i, i + 15999))) end
    hostile.listen_on(s)
  end, soon)
  row("is followed by records without an end", "tls|timeout", sends(hello:sub(1, 50), function(s)
    flood(s, bytes.record(22, ""))
  end), soon)
  row("is an alert", "tls|truncated", sends(bytes.alert(1, 0)))
  row("is an alert, and the end", "tls|truncated", sends(bytes.alert(1, 0), hostile.drop))
  row("is a ServerHello", "tls", sends(bytes.server_hello()))
  row("is a heartbeat", "tls", sends(bytes.record(24, "\1\64\0")))
  row("is of SSL 3.0", "tls", sends((hello:gsub("\3\3(c+)", "\3\0%1"))))
  row("is of TLS 1.0", "tls", sends((hello:gsub("\3\3(c+)", "\3\1%1"))))
  row("offers no cipher that we have", "tls", sends((hello:gsub("\192[\43\44\47\48]", "\0\5"))))
  for name, sni in pairs {
    ["of 255 bytes"] = ("a"):rep(255), ["of 4000 bytes"] = ("a"):rep(4000),
    ["with a NUL"] = "localhost\0.evil.test", ["that is a path"] = "../../etc/passwd",
    ["that is empty"] = "", ["with line ends"] = "localhost\r\nX: y", ["of formats"] = "%s%n%x",
    ["that is no text"] = "\255\254\27[2J", ["that is an address"] = "127.0.0.1",
  } do
    row("asks for a name " .. name, "tls|timeout", sends(bytes.client_hello(sni)), soon)
  end

  row("comes in segments of a byte", nil, function(url)
    local relayed, relay = hostile.relay((url:gsub("^tls", "tcp")),
      function(record) return record end, function(record, n, _, right)
        if n > 1 then return record end
        assert(right:setoption("nodelay", true))
        for i = 1, #record do assert(right:write(record:sub(i, i))) end
      end)
    for i = 1, 2 do relay[i] = coroutine.create(relay[i]) end
    local client = coroutine.create(function()
      local s = good((relayed:gsub("^tcp", "tls")))
      s:write("whole\n")
    end)
    while true do
      for _, thread in ipairs { relay[1], relay[2], client } do
        if coroutine.status(thread) ~= "dead" then assert(coroutine.resume(thread)) end
      end
      coroutine.yield()
    end
  end)
end)

describe("a client that shook hands", function()
  row("never reads", "timeout", function(url)
    keep(good(url))
    pause(2)
  end, { timeout = 0.3, call = function(l, seconds)
    local s = keep(assert(l:accept()))
    s:settimeout(seconds)
    local ok, message, code, count = s:write(("x"):rep(20000000))
    assert(count > 0 and count < 20000000)
    return ok, message, code
  end })
  row("sends a line without an end", "limit", function(url) flood(good(url), "x") end)
  row("trickles", "timeout", function(url) hostile.trickle(good(url), ("x"):rep(90)) end, soon)
  row("says nothing", "timeout", function(url)
    keep(good(url))
    pause(1)
  end, soon)
  row("ends within a line", "truncated", function(url)
    local s = good(url)
    s:write("half")
    s:close()
  end, { call = listen_first })
  row("ends", "eof", function(url) good(url):close() end, { call = listen_first })
  row("ends before it is answered", "eof|reset|truncated", function(url) good(url):close() end)
  row("does not trust us", "tls", function(url)
    urlsock.connect(url, { tls = { ca = cert "other-ca.pem" } })
  end)
  row("does not like our name", "tls|eof|truncated|reset", function(url)
    good(url, { servername = "wrong.test" })
  end)
  row("ends its half and reads on", nil, function(url)
    local s = good(url)
    s:write("line\n")
    s:shutdown()
    hear(s:read() and "read on")
  end)

  for name, files in pairs {
    none = {}, stranger = hostile.identity "stranger", expired = hostile.identity "client-old",
    ["a server's"] = hostile.identity "client-server",
    ["signed by itself"] = hostile.identity "selfsigned",
  } do
    row("shows a bad certificate: " .. name, "verify", function(url)
      local s = good(url, files)
      if s then s:read() end
    end, { tls = { client = "require", clientca = cert "ca.pem" } })
  end
  row("shows a bad certificate where none is needed", "verify", function(url)
    local s = good(url, hostile.identity "stranger")
    if s then s:read() end
  end, { tls = { client = "optional", clientca = cert "ca.pem" } })
end)

describe("openssl as a client", function()
  -- s_client with commands; the server reads until the end.
  local function openssl(name, arguments, input, want)
    rows = rows + 1
    it(name, function()
      local l = assert(urlsock.listen("tls://127.0.0.1:0", { tls = identity }))
      local client = io.popen(("(%s) | openssl s_client -connect 127.0.0.1:%d -CAfile %s %s " ..
        ">/dev/null 2>&1"):format(input, urlsock.parse(l:localname()).port, cert "ca.pem",
        arguments), "w")
      local s = assert(l:accept(10))
      s:settimeout(3)
      local start = urlsock.now()
      local function ending()
        local line, message, code = s:read()
        if line then return ending() end
        return message, code
      end
      local message, code = ending()
      assert.is_true(urlsock.now() - start < 3)
      assert.is_true(("|" .. want .. "|"):find("|" .. code .. "|", 1, true) ~= nil, message)
      s:close()
      l:close()
      client:close()
    end)
  end
  openssl("asks for another handshake", "-tls1_2", "sleep 0.2; echo R; sleep 0.3",
    "tls|eof|truncated")
  openssl("changes its keys again and again", "-tls1_3",
    "for i in 1 2 3 4 5 6 7 8 9; do sleep 0.02; echo K; done; echo hello; sleep 0.2",
    "eof|truncated")
  openssl("speaks TLS 1.1 only", "-tls1_1 -cipher ALL:@SECLEVEL=0", "sleep 0.2", "tls")
  openssl("offers one weak cipher", "-tls1_2 -cipher RC4-SHA:NULL-SHA:@SECLEVEL=0", "sleep 0.2",
    "tls|truncated")
end)

describe("STARTTLS, to a server", function()
  -- A client that pipelines something behind its request.
  local function pipelined(name, want, behind, after)
    rows = rows + 1
    it(name, function()
      local results, seconds = hostile.talk(function()
        local l = keep(assert(urlsock.listen("tcp://127.0.0.1:0")))
        return function()
          local s = keep(assert(l:accept()))
          s:settimeout(1)
          assert.equal("STARTTLS", s:read())
          if want then s:write("220 go ahead\r\n") end
          local ok, message, code = s:starttls(identity)
          if ok then return s:read() end
          local again, same = s:write(hostile.secret)
          assert.is_nil(again)
          assert.equal(message, same)
          assert.equal(code, select(3, s:read()))
          return nil, message, code
        end, { function()
          local s = dial(l:localname())
          s:write("STARTTLS\r\n" .. behind)
          if after then return after(s) end
          repeat local data = s:read(-65536) until not data or
            assert.is_nil(data:find(hostile.secret, 1, true))
        end }
      end)
      assert.is_true(seconds < 3)
      if not want then
        assert.is_truthy(results[1], results[2])
      else
        assert.is_true(("|" .. want .. "|"):find("|" .. results[3] .. "|", 1, true) ~= nil,
          results[2])
      end
    end)
  end
  pipelined("refuses a command behind the request", "injected", "RCPT TO:<x@y>\r\n")
  pipelined("refuses a second request", "injected", "STARTTLS\r\n")
  pipelined("refuses a blank", "injected", " ")
  pipelined("refuses an alert", "injected", bytes.alert(1, 0))
  pipelined("refuses a command behind a ClientHello", "tls|timeout|plaintext",
    bytes.client_hello "localhost" .. "RCPT TO:<x@y>\r\n")
  pipelined("refuses a command that came a moment later", "plaintext|injected", "", function(s)
    pause(0.05)
    s:write("RCPT TO:<x@y>\r\n")
    pause(0.5)
  end)
  -- (our client cannot read an answer once it has begun: there is none here)
  pipelined("takes a ClientHello behind the request", nil, "", function(s)
    assert(s:starttls { ca = cert "ca.pem", servername = "localhost", role = "client" })
    s:write("inside\n")
  end)
  pipelined("times out with a client that never begins", "timeout", "")
  pipelined("ends with a client that goes away", "truncated|eof|reset", "", hostile.drop)
end)

describe("a listener", function()
  rows = rows + 3
  it("is delayed by no silent client", function()
    local l = assert(urlsock.listen("tls://127.0.0.1:0", { tls = identity }))
    local silent = {}
    for i = 1, 40 do silent[i] = assert(urlsock.connect((l:localname():gsub("tls", "tcp")))) end
    local start = urlsock.now()
    local got, s
    support.together(function()
      local c = assert(urlsock.connect(l:localname(), { tls = { ca = cert "ca.pem" } }))
      got = c:read()
      c:close()
    end, function()
      for _ = 1, 41 do s = assert(l:accept()) end
      s:write("served\n")
      s:close()
    end)
    assert.equal("served", got)
    assert.is_true(urlsock.now() - start < 1)
    for _, c in ipairs(silent) do c:close() end
    l:close()
  end)

  it("outlives clients that reset before they are accepted", function()
    local l = assert(urlsock.listen("tcp://127.0.0.1:0"))
    for _ = 1, 20 do hostile.reset(assert(urlsock.connect(l:localname()))) end
    local c = assert(urlsock.connect(l:localname()))
    local s, peer
    repeat s, peer = assert(l:accept(1)) until peer == c:localname()
    c:write("here\n")
    assert.equal("here", s:read())
    s:close()
    c:close()
    l:close()
  end)

  it("keeps nothing of a crowd that comes and goes", function()
    local l = assert(urlsock.listen("tls://127.0.0.1:0", { tls = identity, backlog = 64 }))
    local url = l:localname():gsub("tls", "tcp")
    local function crowd()
      for i = 1, 50 do
        local c = assert(urlsock.connect(url))
        local s = assert(l:accept())
        c:write(i % 2 == 0 and "GET / HTTP/1.0\r\n\r\n" or bytes.client_hello "localhost")
        s:settimeout(0)
        s:read()
        if i % 3 == 0 then hostile.reset(c) else c:close() end
      end
      collectgarbage()
      collectgarbage()
    end
    crowd()
    local resident = hostile.memory "VmRSS"
    for _ = 1, 5 do crowd() end
    assert.is_true(hostile.memory "VmRSS" - resident < 16384)
    l:close()
  end)
end)

describe("what hostile clients leave", function()
  it("is no descriptor; and they were at least 21", function()
    assert.equal(before, hostile.descriptors(before))
    assert.is_true(rows >= 21, tostring(rows))
  end)
end)

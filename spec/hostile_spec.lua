-- Hostile servers: each row is what a server does, and what our call must answer.
local bytes = require "spec.support.tlsbytes"
local hostile = require "spec.support.hostile"
local support = require "spec.support.init"
local urlsock = require "urlsock"

local with, cert = support.with, support.cert
local pause, flood, hear = hostile.pause, hostile.flood, hostile.hear
local rows, before = 0, hostile.descriptors()

--- What a caller must never see: no answer, or one that is none of those wanted.
-- @tparam string want codes with "|" between them
local function refused(want, results, seconds, heard, within)
  local value, message, code = results[1], results[2], results[3]
  assert.is_nil(value)
  assert.is_true(("|" .. want .. "|"):find("|" .. tostring(code) .. "|", 1, true) ~= nil,
    ("%s: %s, and not %s"):format(tostring(code), tostring(message), want))
  assert.is_nil(message:find "[%c\128-\255]", message)
  assert.is_true(seconds < within, ("it took %.2f s"):format(seconds))
  assert.is_nil(heard:find(hostile.secret, 1, true), "the secret was sent")
end

--- A row: talks, and looks at the answer.
local function row(name, want, make, within)
  rows = rows + 1
  it(name, function()
    local results, seconds, heard = hostile.talk(make)
    if want then
      refused(want, results, seconds, heard, within or 3)
    else
      assert.is_truthy(results[1], results[2])
    end
  end)
end

-- Connects under TLS, says the secret and waits for an answer.
local function ask(url, options)
  local s, message, code = urlsock.connect((url:gsub("^tcp", "tls")),
    with({ timeout = 5, tls = { ca = cert "ca.pem" } }, options or {}))
  if not s then return nil, message, code end
  hostile.keep(s)
  local ok
  ok, message, code = s:write(hostile.secret, "\n")
  if not ok then return nil, message, code end
  return s:read()
end

--- A row with a server that never shakes hands.
local function raw(name, want, behaviour, options)
  row(name, want, function()
    local url, server = hostile.server(behaviour)
    return function() return ask(url, options) end, { server }
  end)
end

-- Reads the ClientHello, then sends this.
local function answer(data, after)
  return function(s)
    hear(support.gather(s))
    s:write(data)
    if after then after(s) else hostile.listen_on(s) end
  end
end

local soon = { timeout = 0.3 }

describe("a server in place of TLS", function()
  raw("ends at once", "truncated|reset", function(s) s:close() end)
  raw("ends after the ClientHello", "truncated", answer("", hostile.drop))
  raw("resets at once", "reset", hostile.reset)
  raw("resets after the ClientHello", "reset", answer("", hostile.reset))
  raw("says nothing", "timeout", hostile.listen_on, soon)
  raw("does not even read", "timeout", function() pause(2) end, soon)
  raw("sends a record's head a byte at a time", "timeout", function(s)
    hostile.trickle(s, "\22\3\3\64\0" .. ("\2"):rep(99))
  end, soon)
  raw("sends empty records a byte at a time", "timeout|tls", function(s)
    hostile.trickle(s, ("\20\3\3\0\1\1"):rep(50))
  end, soon)

  for name, banner in pairs {
    SMTP = "220 mail.test ESMTP\r\n", FTP = "220 FTP ready.\r\n", SSH = "SSH-2.0-OpenSSH_9\r\n",
    IMAP = "* OK IMAP4rev1\r\n", POP3 = "+OK ready\r\n", IRC = ":irc.test NOTICE * :hello\r\n",
    ["an HTTP error"] = "HTTP/1.1 400 Bad Request\r\n\r\nYou speak TLS to a plain port\r\n",
    HTML = "<html>", ["half a word"] = "2", ["an empty line"] = "\r\n",
    ["terminal escapes"] = "220 \27[2J\27]0;title\7\155\r\n",
    ["the word of our own client"] = "EHLO localhost\r\n", ["a long line"] = ("x"):rep(100000),
  } do
    raw("greets with " .. name, "plaintext", function(s)
      s:write(banner)
      hostile.listen_on(s)
    end)
  end
  raw("answers the hello with HTTP", "plaintext", answer "HTTP/1.0 200 OK\r\n\r\n")
  raw("answers with a banner and ends", "plaintext", answer("421 bye\r\n", hostile.drop))
  raw("answers with a banner and resets", "plaintext|reset", answer("421 bye\r\n", hostile.reset))
  raw("sends a banner without an end", "plaintext", function(s) flood(s, "220-x\r\n") end)

  for name, garbage in pairs {
    zeros = ("\0"):rep(64), ones = ("\255"):rep(64),
    ["a telnet greeting"] = "\255\253\24\255\253\32",
    ["an SSLv2 hello"] = "\128\46\4\0\1\0\2\0\21\0\16" .. ("x"):rep(37),
    ["a MySQL greeting"] = "J\0\0\0\0105.7.44\0",
    ["a BER sequence"] = "\48\12\2\1\1\97\7\10\1\0\4\0\4\0",
  } do
    raw("sends garbage: " .. name, "tls", answer(garbage))
    raw("sends garbage and ends: " .. name, "tls|truncated", answer(garbage, hostile.drop))
  end
  raw("sends zeros without an end", "tls", function(s) flood(s, "\0") end)
end)

describe("an alert in the clear", function()
  for name, description in pairs {
    ["unexpected message"] = 10, ["bad record mac"] = 20, ["record overflow"] = 22,
    ["handshake failure"] = 40, ["bad certificate"] = 42, ["certificate expired"] = 45,
    ["unknown ca"] = 48, ["access denied"] = 49, ["decode error"] = 50,
    ["protocol version"] = 70, ["insufficient security"] = 71, ["internal error"] = 80,
    ["inappropriate fallback"] = 86, ["unrecognized name"] = 112, ["certificate required"] = 116,
    ["no application protocol"] = 120, ["unheard of"] = 255,
  } do
    raw("is fatal: " .. name, "tls", answer(bytes.alert(2, description)))
  end
  for _, version in ipairs { "\3\0", "\3\1", "\3\2", "\3\3", "\3\4" } do
    raw(("is no handshake: close_notify, 3.%d"):format(version:byte(2)), "tls|truncated",
      answer(bytes.alert(1, 0, version)))
    raw(("is no handshake: close_notify and the end, 3.%d"):format(version:byte(2)),
      "tls|truncated", answer(bytes.alert(1, 0, version), hostile.drop))
  end
  raw("is no handshake: fatal close_notify", "tls|truncated", answer(bytes.alert(2, 0)))
  raw("comes before the ClientHello", "tls|truncated", function(s)
    s:write(bytes.alert(1, 0))
    hostile.listen_on(s)
  end)
  raw("is no handshake: user_canceled", "tls|timeout", answer(bytes.alert(1, 90)), soon)
  raw("is a warning, and then nothing", "tls|timeout", answer(bytes.alert(1, 112)), soon)
  raw("is a warning, again and again", "tls", answer("", function(s)
    flood(s, bytes.alert(1, 112))
  end))
  raw("is empty", "tls", answer(bytes.record(21, "")))
  raw("is half of one", "tls|timeout", answer(bytes.record(21, "\2")), soon)
  raw("is too long", "tls", answer(bytes.record(21, "\2\40\0")))
  raw("has a level that is none", "tls", answer(bytes.record(21, "\3\40")))
end)

describe("a broken handshake", function()
  local hello = bytes.server_hello
  for name, data in pairs {
    ["application data"] = bytes.record(23, "hello"),
    ["a heartbeat"] = bytes.record(24, "\1\64\0"),
    ["a record of an unknown type"] = bytes.record(25, "x"),
    ["a change of ciphers"] = bytes.record(20, "\1"):rep(40),
    ["an empty handshake record"] = bytes.record(22, ""),
    ["version 0.0"] = bytes.record(22, "x", "\0\0"),
    ["version 2.0"] = bytes.record(22, "x", "\2\0"),
    ["version 3.9"] = bytes.record(22, "xxxx", "\3\9"),
    ["version 127.28"] = bytes.record(22, "xxxx", "\127\28"),
    ["a record of 65535 bytes"] = bytes.record(22, ("x"):rep(65535), "\3\3", 65535),
    ["a record one byte too long"] = bytes.record(22, "\2" .. ("x"):rep(16384 + 2048), "\3\3"),
    ["a hello of 16 MiB"] = bytes.handshake(2, ("x"):rep(1000), 0xffffff),
    ["a hello without a body"] = bytes.handshake(2, ""),
    ["half a hello in a whole record"] = bytes.record(22, hello():sub(6, 30)) ..
      bytes.record(23, "x"),
    ["a HelloRequest"] = bytes.handshake(0, "") .. bytes.record(23, "x"),
    ["a ClientHello"] = bytes.client_hello "localhost",
    ["a certificate first"] = bytes.handshake(11, "\0\0\0"),
    ["a Finished first"] = bytes.handshake(20, ("x"):rep(12)),
    ["a NewSessionTicket first"] = bytes.handshake(4, ("x"):rep(12)),
    ["a message of an unknown type"] = bytes.handshake(99, "x"),
    ["a hello of SSL 3.0"] = hello { version = "\3\0" },
    ["a hello of TLS 1.0"] = hello { version = "\3\1" },
    ["a hello of TLS 1.1"] = hello { version = "\3\2" },
    ["a hello of TLS 9"] = hello { version = "\3\12" },
    ["a hello with a cipher not offered"] = hello { cipher = "\0\5" },
    ["a hello with no cipher"] = hello { cipher = "\0\0" },
    ["a hello with an export cipher"] = hello { cipher = "\0\3" },
    ["a hello with compression"] = hello { compression = "\1" },
    ["a hello with an extension not offered"] = hello {
      extensions = bytes.extension(0x7777, "x") },
    ["a hello with an extension twice"] = hello {
      extensions = bytes.extension(0xff01, "\0"):rep(2) },
    ["a hello with a long session"] = hello { session = ("s"):rep(33) },
    ["a hello with a foreign session"] = hello {
      cipher = "\19\1", session = ("s"):rep(32),
      extensions = bytes.extension(43, "\3\4") .. bytes.extension(51, "\0\29\0\32" ..
        ("k"):rep(32)) },
    ["a hello with extensions cut off"] = hello { extensions = "\0\43\255\255\3\4" },
  } do
    raw("is refused: " .. name, "tls", answer(data .. bytes.record(23, "x"):rep(3)))
  end

  raw("is refused: an echo of our own hello", "tls", function(s)
    s:write(support.gather(s))
    hostile.listen_on(s)
  end)

  -- a TLS 1.3 hello that is in order, but for its key
  local function hello13(record, key, random)
    return hello {
      cipher = "\19\1", session = bytes.session_of(record), random = random,
      extensions = bytes.extension(43, "\3\4") .. bytes.extension(51, key),
    }
  end
  raw("is refused: a key of zeros", "tls", function(s)
    s:write(hello13(hear(support.gather(s)), "\0\29\0\32" .. ("\0"):rep(32)))
    hostile.listen_on(s)
  end)
  raw("is refused: a key on no curve", "tls", function(s)
    s:write(hello13(hear(support.gather(s)), "\0\23\0\65\4" .. ("\1"):rep(64)))
    hostile.listen_on(s)
  end)
  raw("is refused: a second HelloRetryRequest", "tls", function(s)
    for _ = 1, 2 do
      local record = hear(support.gather(s))
      if record then s:write(hello13(record, "\0\23", bytes.retry_random)) end
    end
    hostile.listen_on(s)
  end)
  raw("is refused: a foreign key behind a good hello", "tls", function(s)
    s:write(hello13(hear(support.gather(s)), "\0\29\0\32" .. ("k"):rep(32)),
      bytes.record(20, "\1"), bytes.record(23, ("x"):rep(80)))
    hostile.listen_on(s)
  end)
  raw("times out: a good hello, and nothing more", "timeout", function(s)
    s:write(hello13(hear(support.gather(s)), "\0\29\0\32" .. ("k"):rep(32)))
    hostile.listen_on(s)
  end, soon)
  raw("ends: a good hello, and the end", "truncated", function(s)
    s:write(hello13(hear(support.gather(s)), "\0\29\0\32" .. ("k"):rep(32)))
    hostile.drop(s)
  end)
  raw("goes on for ever: empty records", "tls|timeout", answer("", function(s)
    flood(s, bytes.record(22, ""))
  end), soon)
  raw("goes on for ever: changes of ciphers", "tls|timeout", answer("", function(s)
    flood(s, bytes.record(20, "\1"))
  end), soon)
  raw("goes on for ever: a certificate that never ends", "tls|timeout", answer(
    hello {} .. bytes.handshake(11, ("\0"):rep(1000), 0xfffff0), function(s)
      flood(s, bytes.record(22, ("\0"):rep(16000)))
    end), soon)
end)

describe("a handshake in the middle", function()
  -- what is done to the n-th record that a real server sends
  local deeds = {
    ["is the last, and the end"] = { "truncated|reset", function(record, left)
      left:write(record)
      hostile.drop(left)
      return false
    end },
    ["is the last, and a reset"] = { "reset", function(record, left)
      left:write(record)
      pause(0.02)
      hostile.reset(left)
      return false
    end },
    ["is the last, and silence"] = { "timeout", function(record, left)
      left:write(record)
      pause(2)
      return false
    end, soon },
    ["is lost"] = { "tls|timeout", function() return nil end, soon },
    ["has a bit turned over"] = { "tls|verify", function(record)
      return record:sub(1, -3) .. string.char((record:byte(-2) + 1) % 256) .. record:sub(-1)
    end, soon },
    ["comes twice"] = { "tls", function(record) return record .. record end, soon },
    ["has close_notify in the clear before it"] = { "tls|truncated", function(record)
      return bytes.alert(1, 0) .. record
    end },
    ["has close_notify in its place"] = { "tls|truncated", function(_, left)
      left:write(bytes.alert(1, 0))
      return false
    end },
    ["is cut in its middle"] = { "truncated", function(record, left)
      left:write(record:sub(1, math.floor(#record / 2)))
      hostile.drop(left)
      return false
    end },
    ["has plain text in its place"] = { "tls|plaintext|truncated", function(_, left)
      left:write("500 error\r\n")
      return false
    end },
  }
  -- Those records that a client waits for: with TLS 1.2 the hello, certificate, key exchange, done,
  -- ticket, change of ciphers and Finished; with TLS 1.3 the hello, change, and encrypted ones.
  for version, numbers in pairs { ["tlsv1.2"] = { 1, 2, 3, 4 }, ["tlsv1.3"] = { 1, 3, 5 } } do
    for name, deed in pairs(deeds) do
      for _, at in ipairs(numbers) do
        row(("%s: record %d %s"):format(version, at, name), deed[1], function()
          local target, server = hostile.tls_server(
            hostile.identity("server", { protocols = version }), hostile.listen_on)
          local url, relay = hostile.relay(target, function(record, n, left)
            if n ~= at then return record end
            return deed[2](record, left)
          end)
          return function() return ask(url, deed[3]) end, { server, relay[1], relay[2] }
        end)
      end
    end
  end

  row("passes whole through a relay that does nothing", nil, function()
    local target, server = hostile.tls_server(hostile.identity "server", function(s)
      s:read()
      s:write("answer\n")
    end)
    local url, relay = hostile.relay(target, function(record) return record end)
    return function() return ask(url) end, { server, relay[1], relay[2] }
  end)

  row("is refused with an older version that a relay asked for", "tls", function()
    local target, server = hostile.tls_server(hostile.identity "server", hostile.listen_on)
    local url, relay = hostile.relay(target, function(record) return record end,
      function(record, n)
        -- the offer of TLS 1.3 is made unreadable
        return n == 1 and record:gsub("\0\43\0", "\119\119\0") or record
      end)
    return function() return ask(url) end, { server, relay[1], relay[2] }
  end)
end)

describe("a certificate", function()
  for name, want in pairs {
    expired = "verify", notyet = "verify", selfsigned = "verify", wronghost = "verify",
    wildcard = "verify", ["chain-leaf"] = "verify", badeku = "verify", stranger = "verify",
    nulname = "verify", dnsip = "verify", star = "verify", startld = "verify",
    partial = "verify", critical = "verify", noname = "verify", byleaf = "verify",
    constrained = "verify", staleca = "verify", toolong = "verify",
  } do
    row("is refused: " .. name, want, function()
      local url, server = hostile.tls_server(hostile.identity(name), hostile.listen_on)
      return function()
        return ask(url, { tls = { ca = cert "ca.pem", servername = "localhost" } })
      end, { server }
    end)
  end

  for name, peer in pairs {
    ["of a name, for an address"] = { "dnsip", "127.0.0.1" },
    ["with the address in CN only"] = { "wronghost", "127.0.0.1" },
    ["of *.mail.test, for mail.test"] = { "wildcard", "mail.test" },
    ["of *.mail.test, for a.b.mail.test"] = { "wildcard", "a.b.mail.test" },
    ["of *, for localhost"] = { "star", "localhost" },
    ["of *.test, for mail.test"] = { "startld", "mail.test" },
    ["of local*, for localhost"] = { "partial", "localhost" },
    ["of localhost NUL .evil.test, for the latter"] = { "nulname", ".evil.test" },
  } do
    row("is refused: " .. name, "verify|tls", function()
      local url, server = hostile.tls_server(hostile.identity(peer[1]), hostile.listen_on)
      return function()
        return ask(url, { tls = { ca = cert "ca.pem", servername = peer[2] } })
      end, { server }
    end)
  end

  row("is refused: one that is not pinned", "verify", function()
    local url, server = hostile.tls_server(hostile.identity "server", hostile.listen_on)
    return function()
      return ask(url, { tls = { ca = cert "ca.pem", pin = "SHA256:" .. ("ab"):rep(32) } })
    end, { server }
  end)

  for name, host in pairs { ["server"] = "MAIL.test.", ["wildcard"] = "a.mail.test",
    ["chain"] = "localhost" } do
    row(("is taken: %s, for %s"):format(name, host), nil, function()
      local url, server = hostile.tls_server(hostile.identity(name), function(s)
        s:read()
        s:write("answer\n")
      end)
      return function()
        return ask(url, { tls = { ca = cert "ca.pem", servername = host } })
      end, { server }
    end)
  end
end)

describe("STARTTLS", function()
  -- Greets, takes the request, and says what the row says.
  local function begins(behaviour)
    return function(s)
      s:write("220 ready\r\n")
      if not s:read() then return end
      behaviour(s)
    end
  end

  -- A client that goes on as if nothing were amiss.
  local function upgrade(url, options)
    local s = hostile.keep(assert(urlsock.connect(url, { timeout = 5 })))
    assert(s:read())
    s:write("STARTTLS\r\n")
    local line, message, code = s:read()
    if not line then return nil, message, code end
    local ok
    ok, message, code = s:starttls(with(support.client, options or {}))
    if ok then
      assert(s:write(hostile.secret, "\n"))
      return s:read()
    end
    -- final: one answer ever after, and not a word in the clear
    for _, method in ipairs { "write", "read", "flush", "peek", "handshake", "starttls" } do
      local again, same, same_code = s[method](s, method == "write" and hostile.secret or nil)
      assert.is_nil(again)
      assert.equal(message, same)
      assert.equal(code, same_code)
    end
    assert.equal("closed stream", urlsock.type(s))
    return nil, message, code
  end

  local function starttls(name, want, behaviour, options)
    row(name, want, function()
      local url, server = hostile.server(begins(behaviour))
      return function() return upgrade(url, options) end, { server }
    end)
  end

  for name, injected in pairs {
    ["a line"] = "250 injected\r\n", ["half a line"] = "250", ["a blank"] = " ",
    ["a line end"] = "\n", ["a NUL"] = "\0", ["an alert"] = bytes.alert(1, 0),
    ["application data"] = bytes.record(23, "x"), ["a change of ciphers"] = bytes.record(20, "\1"),
    ["a broken handshake record"] = "\22\3\3\255\255\2",
    ["a certificate"] = bytes.handshake(11, ""),
    ["64 KiB"] = ("250 x\r\n"):rep(9400),
  } do
    starttls("is refused with " .. name .. " in the same segment", "injected", function(s)
      s:write("220 go ahead\r\n" .. injected)
      hostile.listen_on(s)
    end)
  end
  for name, injected in pairs {
    ["a line"] = "250 injected\r\n", ["a blank"] = " ",
  } do
    starttls("is refused with " .. name .. " in a segment of its own", "injected|plaintext",
      function(s)
        s:write("220 go ahead\r\n")
        s:write(injected)
        hostile.listen_on(s)
      end)
    starttls("is refused with " .. name .. " behind the ClientHello", "plaintext", function(s)
      s:write("220 go ahead\r\n")
      hear(support.gather(s))
      s:write(injected)
      hostile.listen_on(s)
    end)
  end
  starttls("is refused after a refusal that nobody looked at", "plaintext|timeout", function(s)
    s:write("454 TLS not available\r\n")
    hostile.trickle(s, "500 what?\r\n", 0.01)
    hostile.listen_on(s)
  end, { timeout = 1 })
  starttls("is not begun: a server that just goes on", "timeout", function(s)
    s:write("250 ok\r\n")
    hostile.listen_on(s)
  end, { timeout = 0.3 })
  starttls("ends before the answer", "eof", function(s) s:close() end)
  starttls("ends in the answer", "truncated", function(s)
    s:write("220 go")
    s:close()
  end)
  starttls("ends behind the answer", "truncated|reset|eof", function(s)
    s:write("220 go\r\n")
    s:close()
  end)
  starttls("is reset behind the answer", "reset|truncated", function(s)
    s:write("220 go\r\n")
    hear(support.gather(s))
    hostile.reset(s)
  end)
  starttls("is answered with a close_notify", "tls|truncated", function(s)
    s:write("220 go\r\n")
    hear(support.gather(s))
    s:write(bytes.alert(1, 0))
    hostile.listen_on(s)
  end)
  starttls("is answered with our own hello", "tls", function(s)
    s:write("220 go\r\n")
    s:write(hear(support.gather(s)))
    hostile.listen_on(s)
  end)
  starttls("is trickled", "timeout", function(s)
    s:write("220 go\r\n")
    hostile.trickle(s, ("\22\3\3\64\0") .. ("\2"):rep(99))
  end, { timeout = 0.3 })
  starttls("is refused: a self-signed certificate", "verify", function(s)
    s:write("220 go\r\n")
    s:starttls(hostile.identity("selfsigned", { role = "server" }))
    hostile.listen_on(s)
  end)
  starttls("is good, and then nothing is said inside", "eof", function(s)
    s:write("220 go\r\n")
    s:starttls(hostile.identity("server", { role = "server" }))
    s:close()
  end)
end)

describe("data in the clear", function()
  -- What a call on a connected stream answers.
  local function plain(name, want, call, behaviour, options)
    row(name, want, function()
      local url, server = hostile.server(behaviour)
      return function()
        return call(hostile.keep(assert(urlsock.connect(url, options or { timeout = 0.3 }))))
      end, { server }
    end)
  end
  local function line(s) return s:read() end
  local function until_end(s) return s:readuntil "\r\n.\r\n" end
  local function all(s) return s:read "a" end
  local function ten(s) return s:read(10) end

  plain("never comes", "timeout", line, hostile.listen_on)
  plain("comes a byte at a time: a line", "timeout", line, function(s)
    hostile.trickle(s, ("x"):rep(99))
  end)
  plain("comes a byte at a time: a count", "timeout", ten, function(s)
    hostile.trickle(s, ("x"):rep(9), 0.04)
    pause(1)
  end)
  plain("comes a byte at a time: all", "timeout", all, function(s)
    hostile.trickle(s, ("x"):rep(99))
  end)
  for name, junk in pairs {
    letters = "x", NULs = "\0", returns = "\r", ["text of DATA"] = "..\r.",
  } do
    plain("has no line's end: " .. name, "limit", line, function(s) flood(s, junk) end,
      { timeout = 10 })
    plain("has no end of its delimiter: " .. name, "limit", until_end,
      function(s) flood(s, junk) end, { timeout = 10 })
  end
  plain("has no end, within a limit", "limit", all, function(s) flood(s, "x") end,
    { timeout = 10, limit = 100000 })
  plain("has no end, within a deadline", "timeout", all, function(s) flood(s, "x") end)
  plain("ends within a line", "truncated", line, function(s)
    s:write("half")
    s:close()
  end)
  plain("ends within a count", "truncated", ten, function(s)
    s:write("half")
    s:close()
  end)
  plain("ends within a delimiter", "truncated", until_end, function(s)
    s:write("text\r\n.\r")
    s:close()
  end)
  plain("is reset within a line", "reset", line, function(s)
    s:write("half")
    pause(0.05)
    hostile.reset(s)
  end)
  plain("is reset before all of it came", "reset", all, function(s)
    s:write("half\n")
    pause(0.05)
    hostile.reset(s)
  end)
  plain("is never read", "timeout", function(s)
    local ok, message, code, count = s:write(("x"):rep(8000000))
    assert(count > 0 and count < 8000000)
    return ok, message, code
  end, function() pause(2) end)
  plain("is refused in the middle of a write", "reset", function(s)
    while true do
      local ok, message, code = s:write(("x"):rep(100000))
      if not ok then return nil, message, code end
    end
  end, function(s)
    s:read(1000)
    hostile.reset(s)
  end, { timeout = 10 })
  plain("keeps a line with NULs whole", nil, function(s) return s:read() == "a\0b\r\0" or nil end,
    function(s) s:write("a\0b\r\0\r\n") end)
end)

describe("data under TLS", function()
  -- A relay that begins its deeds when the server has written what it had to say.
  local function sealed(name, want, tamper, call, version)
    row(name, want, function()
      local armed = false
      local target, server = hostile.tls_server(
        hostile.identity("server", { protocols = version or "tlsv1.3" }), function(s)
          s:read()
          pause(0.05) -- tickets have gone by
          armed = true
          s:write("line one\n")
          s:write("line two\n")
          s:close()
        end)
      local n = 0
      local url, relay = hostile.relay(target, function(record, _, left)
        if not armed then return record end
        n = n + 1
        return tamper(record, n, left)
      end)
      return function()
        local s = hostile.keep(assert(urlsock.connect((url:gsub("^tcp", "tls")),
          { timeout = 2, tls = { ca = cert "ca.pem" } })))
        assert(s:write("hello\n"))
        return (call or function() return s:read "a" end)(s)
      end, { server, relay[1], relay[2] }
    end)
  end

  for _, version in ipairs { "tlsv1.2", "tlsv1.3" } do
    sealed(version .. ": arrives whole", nil, function(record) return record end, nil, version)
    sealed(version .. ": is cut off before close_notify", "truncated", function(record, n, left)
      if n < 3 then return record end
      hostile.drop(left)
      return false
    end, nil, version)
    sealed(version .. ": is cut off within a record", "truncated", function(record, n, left)
      if n == 1 then return record end
      left:write(record:sub(1, 9))
      hostile.drop(left)
      return false
    end, nil, version)
    sealed(version .. ": is reset within a record", "reset", function(record, n, left)
      if n == 1 then return record end
      left:write(record:sub(1, 9))
      pause(0.05)
      hostile.reset(left)
      return false
    end, nil, version)
    sealed(version .. ": lacks a record", "tls", function(record, n)
      if n ~= 1 then return record end
    end, nil, version)
    sealed(version .. ": has a record twice", "tls", function(record) return record .. record end,
      nil, version)
    sealed(version .. ": has a bit turned over", "tls", function(record)
      return record:sub(1, 8) .. string.char((record:byte(9) + 128) % 256) .. record:sub(10)
    end, nil, version)
    sealed(version .. ": ends with a close_notify in the clear", "tls|truncated",
      function(_, _, left)
        left:write(bytes.alert(1, 0))
        return false
      end, nil, version)
    sealed(version .. ": goes on in the clear", "tls|truncated", function(_, _, left)
      left:write("line one\nline two\n")
      return false
    end, nil, version)
    sealed(version .. ": goes on in records in the clear", "tls|truncated", function(_, _, left)
      left:write(bytes.record(23, "line one\n"))
      return false
    end, nil, version)
    sealed(version .. ": has a record of 65535 bytes", "tls", function(_, _, left)
      left:write(bytes.record(23, ("x"):rep(65535)))
    end, nil, version)
    sealed(version .. ": goes on in empty records", "tls|timeout", function(_, _, left)
      flood(left, bytes.record(23, ""))
      return false
    end, nil, version)
    sealed(version .. ": asks for another handshake in the clear", "tls", function(record)
      return bytes.handshake(0, "") .. record
    end, nil, version)
  end
end)

describe("datagrams", function()
  -- A connected client, a server socket, and what the server does.
  local function datagram(name, want, call, behaviour)
    row(name, want, function()
      local server = hostile.keep(assert(urlsock.listen("udp://127.0.0.1:0")))
      local client = hostile.keep(assert(urlsock.connect(server:localname(), { timeout = 0.3 })))
      return function()
        client:send("ask")
        return call(client)
      end, { function()
        local data, from = server:receivefrom()
        behaviour(server, from, data)
      end }
    end)
  end
  local function one(client) return client:receive() end

  datagram("are empty", nil, one, function(server, from) server:sendto("", from) end)
  datagram("come from somebody else", "timeout", one, function(_, from)
    local other = hostile.keep(assert(urlsock.listen("udp://127.0.0.1:0")))
    other:sendto("forged", from)
  end)
  datagram("come from the same port of another address", "timeout", one, function(server, from)
    local port = urlsock.parse(server:localname()).port
    local other = hostile.keep(assert(urlsock.listen("udp://127.0.0.2:" .. port)))
    other:sendto("forged", from)
  end)
  datagram("never come", "timeout", one, function() end)
  datagram("are refused", "refused", function(client)
    local data, message, code = client:receive()
    if code ~= "timeout" then return data, message, code end
    client:send("again")
    return client:receive()
  end, function(server) server:close() end)
  datagram("are longer than was asked for", nil, function(client)
    local data, cut = client:receive(4)
    return data == "long" and cut == true or nil
  end, function(server, from) server:sendto("longer", from) end)
  datagram("are the longest that there are", nil, function(client)
    local data = client:receive()
    return #data == 65507 or nil
  end, function(server, from) server:sendto(("x"):rep(65507), from) end)
end)

describe("a whole evening of it", function()
  it("was at least 95 servers", function() assert.is_true(rows >= 95, tostring(rows)) end)
end)

describe("an address", function()
  for name, peer in pairs {
    ["of a closed port"] = { "tls://127.0.0.1:1", "refused" },
    ["of a file that is no socket"] = { "unix:///etc/passwd", "refused|denied" },
    ["of no file"] = { "unix:///nonexistent/socket", "unreachable" },
    ["of a directory"] = { "unix:///tmp", "refused|denied|unreachable" },
    ["of an interface that is not there"] = { "tls://[fe80::1%nosuch0]:443", "unreachable" },
    ["of a broadcast"] = { "tcp://255.255.255.255:1", "unreachable|denied|refused" },
    ["of a group"] = { "tcp://[ff02::1]:1", "unreachable|refused|system" },
  } do
    it("answers at once: " .. name, function()
      local start = urlsock.now()
      local s, message, code = urlsock.connect(peer[1], { timeout = 2 })
      refused(peer[2], { s, message, code }, urlsock.now() - start, "", 2)
    end)
  end
end)

describe("what is left", function()
  it("is no descriptor, and no memory", function()
    local function evening()
      for _, behaviour in ipairs {
        hostile.reset, function(s) s:close() end, answer(bytes.alert(1, 0)),
        answer("HTTP/1.1 400\r\n"), answer("", hostile.drop),
        answer(bytes.record(22, ("x"):rep(65535), "\3\3", 65535)), function(s) flood(s, "\0") end,
        function(s) flood(s, "x") end, answer("", function(s) flood(s, bytes.alert(1, 112)) end),
      } do
        hostile.talk(function()
          local url, server = hostile.server(behaviour)
          return function() return ask(url, soon) end, { server }
        end)
      end
      hostile.talk(function()
        local url, server = hostile.server(function(s) flood(s, "x") end)
        return function() return hostile.keep(assert(urlsock.connect(url))):read() end, { server }
      end)
      return hostile.descriptors(before)
    end
    evening()
    local resident = hostile.memory "VmRSS"
    for _ = 1, 10 do assert.equal(before, evening()) end
    assert.is_true(hostile.memory "VmRSS" - resident < 16384)
  end)
end)

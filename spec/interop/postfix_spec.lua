local support = require "spec.support.init"
local urlsock = require "urlsock"

local function start(dir, environment)
  local command = "mkdir -p %s && %s bash spec/interop/postfix.sh start %s 2>&1; echo status=$?"
  local out = support.shell(command:format(dir, environment or "", dir))
  return tonumber(out:match "POSTFIX_SMTP=(%d+)"), out:match "status=(%d+)"
end

-- An answer's code, up to its last line.
local function answer(s)
  local line
  repeat line = assert(s:read()) until line:sub(4, 4) == " "
  return tonumber(line:sub(1, 3))
end

local function ask(s, ...)
  assert(s:write(...))
  return answer(s)
end

local function greet(port)
  local s = assert(urlsock.connect("tcp://localhost:" .. port, { timeout = 20 }))
  assert.equal(220, answer(s))
  assert.equal(250, ask(s, "EHLO me.test\r\n"))
  return s
end

local root = support.shell "id -u" == "0"
local installed = support.shell "test -x /usr/lib/postfix/sbin/master && echo yes" == "yes"

describe("Postfix", function()
  if not (root and installed) then
    pending "it is not installed, or this is not root"
    return
  end
  local dir = "/tmp/urlsock-postfix"

  teardown(function()
    support.shell(("bash spec/interop/postfix.sh stop %s; rm -rf %s"):format(dir, dir))
  end)

  it("takes a message over STARTTLS", function()
    local port, status = start(dir)
    assert.equal("0", status)
    local s = greet(port)
    assert.equal(220, ask(s, "STARTTLS\r\n"))
    assert(s:starttls { ca = dir .. "/ca/ca.pem" })
    assert.is_true(s:info().tls)
    assert.equal(250, ask(s, "EHLO me.test\r\n"))
    assert.equal(250, ask(s, "MAIL FROM:<me@mail.test>\r\n"))
    assert.equal(250, ask(s, "RCPT TO:<you@mail.test>\r\n"))
    assert.equal(354, ask(s, "DATA\r\n"))
    assert.equal(250, ask(s, "Subject: hello\r\n\r\nover tls\r\n", ".\r\n"))
    assert.equal(221, ask(s, "QUIT\r\n"))
    assert.equal("eof", select(3, s:read()))
    s:close()

    -- the same server is refused for another name
    s = greet(port)
    assert.equal(220, ask(s, "STARTTLS\r\n"))
    assert.equal("verify",
      select(3, s:starttls { ca = dir .. "/ca/ca.pem", servername = "other.test" }))
    support.shell("bash spec/interop/postfix.sh stop " .. dir)
  end)

  for _, name in ipairs { "expired", "selfsigned", "wronghost" } do
    it("is refused with a certificate: " .. name, function()
      local port = start(dir, "KIT_CERT=" .. name)
      local s = greet(port)
      assert.equal(220, ask(s, "STARTTLS\r\n"))
      local ok, _, code = s:starttls { ca = dir .. "/ca/ca.pem" }
      assert.is_nil(ok)
      assert.equal("verify", code)
      assert.equal("verify", select(3, s:write("AUTH PLAIN secret\r\n")))
      support.shell("bash spec/interop/postfix.sh stop " .. dir)
    end)
  end

  it("without TLS is told from a server that has it", function()
    local port = start(dir, "KIT_TLS=off")
    local s = greet(port)
    assert.is_true(ask(s, "STARTTLS\r\n") >= 500)
    s:close()
    local t, _, code = urlsock.connect("tls://localhost:" .. port,
      { timeout = 10, tls = { ca = dir .. "/ca/ca.pem" } })
    assert.is_nil(t)
    assert.equal("plaintext", code)
    support.shell("bash spec/interop/postfix.sh stop " .. dir)
  end)
end)

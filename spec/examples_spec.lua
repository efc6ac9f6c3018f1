local starttls = require "urlsock.starttls"
local support = require "spec.support.init"
local urlsock = require "urlsock"

local cert, shell = support.cert, support.shell
-- the interpreter that runs this spec
local lua = os.getenv "LUA" or "lua5.4"

local function example(name, arguments)
  return ("%s examples/%s.lua %s"):format(lua, name, arguments or "")
end

describe("the example", function()
  it("starttls shows an exchange and two refusals", function()
    local output = shell(example("starttls", "2>&1"))
    assert.matches("TLSv1.3", output)
    assert.matches("250 2.0.0 accepted", output)
    assert.matches("verify: ", output)
    assert.matches("injected: ", output)
    assert.matches("done$", output)
  end)

  if not pcall(require, "cqueues") then
    it("cqueues_echo answers", function() pending "cqueues is not installed" end)
  else
    for _, tls in ipairs { false, true } do
      it("cqueues_echo answers several at once, TLS: " .. tostring(tls), function()
        local arguments = tls and ("tls://127.0.0.1:0 %s %s"):format(cert "server.pem",
          cert "server.key") or "tcp://127.0.0.1:0"
        local url, stop = support.serve(example("cqueues_echo", arguments))
        local clients = {}
        for i = 1, 20 do
          clients[i] = assert(urlsock.connect(url, tls and { tls = { ca = cert "ca.pem" } } or nil))
        end
        for i = 20, 1, -1 do
          assert(clients[i]:write(i, "\n"))
          assert.equal(tostring(i), clients[i]:read())
        end
        for i = 1, 20 do clients[i]:close() end
        stop()
      end)
    end

    it("cqueues_echo outlives more clients than it has descriptors for", function()
      local url, stop = support.serve(("sh -c 'ulimit -n 30; exec %s' 2>/dev/null"):format(
        example("cqueues_echo", "tcp://127.0.0.1:0")))
      local clients = {}
      for i = 1, 40 do
        clients[i] = assert(urlsock.connect(url, { timeout = 5 }))
        assert(clients[i]:write(i, "\n"))
      end
      assert.equal("1", clients[1]:read())
      clients[40]:settimeout(0.2)
      assert.equal("timeout", select(3, clients[40]:read()))
      for i = 1, 39 do clients[i]:close() end
      clients[40]:settimeout(5)
      assert.equal("40", clients[40]:read())
      clients[40]:close()
      stop()
    end)
  end

  for _, tls in ipairs { false, true } do
    it("echo_server answers line_client " .. (tls and "under TLS" or "in the clear"), function()
      local arguments = tls and ("tls://127.0.0.1:0 %s %s"):format(cert "server.pem",
        cert "server.key") or ""
      local url, stop = support.serve(example("echo_server", arguments))
      local output = shell(("printf 'one\\ntwo\\n' | %s 2>&1"):format(example("line_client",
        url .. (tls and " " .. cert "ca.pem" or ""))))
      assert.equal("one\ntwo", output)
      stop()
    end)
  end

  it("https_get fetches a page", function()
    local l = assert(urlsock.listen("tls://127.0.0.1:0", { tls = {
      cert = cert "server.pem", key = cert "server.key" } }))
    local port = urlsock.parse(l:localname()).port
    local client = io.popen(example("https_get", ("localhost %d / %s 2>&1"):format(port,
      cert "ca.pem")))
    local s = assert(l:accept(10))
    repeat local line = assert(s:read()) until line == ""
    assert(s:write("HTTP/1.0 200 OK\r\n\r\n", "a page"))
    s:close()
    assert.equal("HTTP/1.0 200 OK\na page\n", client:read "*a")
    client:close()
    l:close()
  end)

  it("starttls_smtp sends a message", function()
    local l = assert(urlsock.listen("tcp://127.0.0.1:0", { timeout = 10 }))
    local port = urlsock.parse(l:localname()).port
    local client = io.popen(("printf 'Subject: x\\n\\n.dot\\n' | %s 2>&1"):format(example(
      "starttls_smtp", ("localhost %d me@x.test you@x.test %s"):format(port, cert "ca.pem"))))
    local s = assert(starttls.server("smtp", assert(l:accept()), { tls = {
      cert = cert "server.pem", key = cert "server.key" } }))
    local said = {}
    for _, answer in ipairs { "250-x\r\n250 y", "250 x", "250 x", "354 go" } do
      said[#said + 1] = s:read()
      s:write(answer, "\r\n")
    end
    repeat said[#said + 1] = s:read() until said[#said] == "."
    s:write "250 taken\r\n"
    said[#said + 1] = s:read()
    s:write "221 bye\r\n"
    s:close()
    assert.equal("EHLO localhost|MAIL FROM:<me@x.test>|RCPT TO:<you@x.test>|DATA|" ..
      "Subject: x||..dot|.|QUIT", table.concat(said, "|"))
    assert.equal("250 taken\tTLSv1.3\n", client:read "*a")
    client:close()
    l:close()
  end)

  it("udp_question gets an answer", function()
    local server = assert(urlsock.listen("udp://127.0.0.1:0"))
    local client = io.popen(example("udp_question", server:localname() .. " why 2>&1"))
    local question, from = server:receivefrom()
    assert.equal("why", question)
    assert(server:sendto("because", from))
    assert.equal("because\n", client:read "*a")
    client:close()
    server:close()
  end)

  it("unix_socket says hello", function()
    assert.equal("hello\neof", shell(example("unix_socket", "2>&1")))
  end)
end)

local support = require "spec.support.init"
local urlsock = require "urlsock"

local cert, free_port, connect_to = support.cert, support.free_port, support.connect

describe("openssl", function()
  for _, version in ipairs { "tls1_2", "tls1_3" } do
    it("serves us: s_server -" .. version, function()
      local port = free_port()
      local server = io.popen(("openssl s_server -accept %d -cert %s -key %s -%s -rev " ..
        "-naccept 1 >/dev/null 2>&1"):format(port, cert "server.pem", cert "server.key",
        version), "w")
      local s = assert(connect_to("tls://localhost:" .. port, { tls = { ca = cert "ca.pem" } }))
      assert(s:write("abc\n"))
      assert.equal("cba", s:read())
      s:close()
      server:close()
    end)
  end

  it("resumes our session, with TLS 1.2", function()
    local port = free_port()
    local stop = support.spawn(("exec openssl s_server -accept %d -cert %s -key %s -tls1_2 -rev")
      :format(port, cert "server.pem", cert "server.key"))
    local options = { tls = { ca = cert "ca.pem", session = assert(urlsock.session()) } }
    for i = 1, 3 do
      local s = assert(connect_to("tls://localhost:" .. port, options))
      assert.equal(i > 1, s:info().resumed)
      assert.matches("localhost", s:info().peer.subject)
      assert(s:write("abc\n"))
      assert.equal("cba", s:read())
      s:close()
    end
    stop()
  end)

  it("sends many session tickets through an outer layer, and its answer behind them", function()
    local port = free_port()
    local stop = support.spawn(("exec openssl s_server -accept %d -cert %s -key %s -tls1_3 -rev " ..
      "-quiet -num_tickets 30"):format(port, cert "server.pem", cert "server.key"))
    local inner = assert(connect_to("tcp://127.0.0.1:" .. port))
    local a, b = support.upgrade(support.client)
    support.together(function()
      assert(a:starttls(support.with(support.client, { nested = true })))
      assert(a:write "abc\n")
    end, function()
      assert(inner:write(support.gather(b)))
      urlsock.select({ inner }, {}, 5)
      urlsock.select({}, {}, 0.1)
      assert(b:write(support.gather(inner)))
    end)
    urlsock.select({}, {}, 0.1)
    assert(inner:write(support.gather(b)))
    urlsock.select({}, {}, 0.3)
    assert(b:write(support.gather(inner)))
    assert.same({ a }, (urlsock.select({ a }, {}, 0)))
    a:settimeout(5)
    assert.equal("cba", a:read())
    a:close()
    inner:close()
    stop()
  end)

  it("staples a response, and we require it", function()
    local port = free_port()
    local stop = support.spawn(("exec openssl s_server -accept %d -cert %s -key %s -rev " ..
      "-status_file %s"):format(port, cert "server.pem", cert "server.key", cert "server.ocsp"))
    local s = assert(connect_to("tls://localhost:" .. port,
      { tls = { ca = cert "ca.pem", ocsp = "require" } }))
    assert.equal("good", s:info().ocsp.status)
    s:close()
    stop()
  end)

  it("is served by us, and by STARTTLS: s_client", function()
    local l = assert(urlsock.listen("tcp://127.0.0.1:0"))
    local port = urlsock.parse(l:localname()).port
    local client = io.popen(("(echo hello; sleep 2) | openssl s_client -connect 127.0.0.1:%d " ..
      "-starttls smtp -CAfile %s -verify_return_error -verify_hostname localhost -quiet " ..
      "2>/dev/null"):format(port, cert "ca.pem"), "r")
    local s = assert(l:accept(10))
    s:write("220 ready\r\n")
    assert.matches("^EHLO", s:read())
    s:write("250-here\r\n250 STARTTLS\r\n")
    assert.equal("STARTTLS", s:read())
    s:write("220 go\r\n")
    assert(s:starttls(support.server))
    assert.equal("hello", s:read())
    s:write("answer\n")
    s:close()
    assert.matches("answer", client:read "*a")
    client:close()
    l:close()
  end)

  it("asks our server by curl", function()
    local l = assert(urlsock.listen("tls://127.0.0.1:0", { tls = {
      cert = cert "server.pem", key = cert "server.key" } }))
    local port = urlsock.parse(l:localname()).port
    local command = "curl -s --cacert %s https://localhost:%d/x"
    local curl = io.popen(command:format(cert "ca.pem", port))
    local s = assert(l:accept(10))
    assert.equal("GET /x HTTP/1.1", s:read())
    repeat local line = assert(s:read()) until line == ""
    s:write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "hello")
    s:close()
    assert.equal("hello", curl:read "*a")
    curl:close()
    l:close()
  end)
end)

-- TLS with software that nobody here wrote, in both directions.
local support = require "spec.support.init"
local urlsock = require "urlsock"

local cert, has = support.cert, support.has
local server_options = { cert = cert "server.pem", key = cert "server.key" }
local ca = { tls = { ca = cert "ca.pem" } }

local function needs(program)
  if not has(program) then pending(program .. " is not installed") end
  return has(program)
end

--- Serves one client of a program; what the program printed.
local function serve(options, command, dialogue)
  local l = assert(urlsock.listen("tls://127.0.0.1:0", { tls = options }))
  local port = urlsock.parse(l:localname()).port
  local program = io.popen(("timeout 20 %s 2>&1"):format(command:gsub("PORT", port)), "r")
  local s = assert(l:accept(10))
  local result = { dialogue(s) }
  s:close()
  local printed = program:read "*a"
  program:close()
  l:close()
  return printed, result
end

local function answer(s)
  local ok, message, code = s:handshake()
  if not ok then return nil, message, code end
  local line = s:read()
  s:write("you said ", line or "nothing", "\n")
  return s:info(), line
end

describe("gnutls", function()
  local client = ("(printf 'hello\\n'; sleep 1) | gnutls-cli -p PORT --x509cafile %s "):format(
    cert "ca.pem")

  it("is served by us", function()
    if not needs "gnutls-cli" then return end
    for _, priority in ipairs {
      "NORMAL:-VERS-ALL:+VERS-TLS1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.3",
    } do
      local printed = serve(server_options, ("sh -c \"%s --priority %s --alpn h2 localhost\"")
        :format(client:gsub("\\n", "\\\\n"), priority), answer)
      assert.matches("you said hello", printed)
      assert.matches("trusted", printed)
    end
  end)

  it("shows its certificate, by the name it asks for", function()
    if not needs "gnutls-cli" then return end
    local options = support.with(server_options, {
      client = "require", clientca = cert "ca.pem", certs = {
        { cert = cert "wildcard.pem", key = cert "wildcard.key" } } })
    local _, result = serve(options, ("sh -c \"%s --x509certfile %s --x509keyfile %s "
      .. "--sni-hostname a.mail.test --verify-hostname a.mail.test localhost\"")
      :format(client:gsub("\\n", "\\\\n"), cert "client.pem", cert "client.key"), answer)
    assert.equal("a.mail.test", result[1].servername)
    assert.equal("client", result[1].peer.commonname)
  end)

  it("serves us", function()
    if not needs "gnutls-serv" then return end
    local port = support.free_port()
    local stop = support.spawn(("exec gnutls-serv -q --echo -p %d --x509certfile %s "
      .. "--x509keyfile %s --alpn imap"):format(port, cert "server.pem", cert "server.key"))
    local s = assert(support.connect("tls://localhost:" .. port,
      { tls = { ca = cert "ca.pem", alpn = { "pop3", "imap" } } }))
    assert.equal("imap", s:info().alpn)
    assert(s:write("echo\n"))
    assert.equal("echo", s:read())
    s:close()
    stop()
  end)
end)

describe("python", function()
  local python = "/usr/bin/python3"

  it("is served by us, and verifies us", function()
    if not needs(python) then return end
    local printed, result = serve(server_options, python .. [[ -c '
import ssl, socket
c = ssl.create_default_context(cafile="]] .. cert "ca.pem" .. [[")
c.set_alpn_protocols(["http/1.1"])
s = c.wrap_socket(socket.create_connection(("127.0.0.1", PORT)), server_hostname="mail.test")
s.sendall(b"hello\n")
print(s.version(), s.makefile().readline())
']], answer)
    assert.matches("TLSv1.3 you said hello", printed)
    assert.equal("mail.test", result[1].servername)
  end)

  it("serves us, and cuts the connection", function()
    if not needs(python) then return end
    local port = support.free_port()
    local stop = support.spawn(python .. ([[ -c '
import ssl, socket
c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
c.load_cert_chain("%s", "%s")
l = socket.create_server(("127.0.0.1", %d))
for clean in (True, False):
    s = c.wrap_socket(l.accept()[0], server_side=True)
    s.sendall(s.recv(100))
    if clean: s = s.unwrap()
    s.close()
']]):format(cert "server.pem", cert "server.key", port))
    for _, code in ipairs { "eof", "truncated" } do
      local s = assert(support.connect("tls://localhost:" .. port, ca))
      assert(s:write("abc\n"))
      assert.equal("abc", s:read())
      assert.equal(code, select(3, s:read()))
      s:close()
    end
    stop()
  end)
end)

describe("php", function()
  it("is served by us", function()
    if not needs "php" then return end
    local printed = serve(server_options, ([=[php -r '
$c = stream_context_create(["ssl" => ["cafile" => "%s"]]);
$s = stream_socket_client("tls://localhost:PORT", $e, $m, 5, STREAM_CLIENT_CONNECT, $c);
fwrite($s, "hello\n"); echo fgets($s);']=]):format(cert "ca.pem"), answer)
    assert.matches("you said hello", printed)
  end)

  it("upgrades to TLS on a connection of ours", function()
    if not needs "php" then return end
    local l = assert(urlsock.listen("tcp://127.0.0.1:0"))
    local program = io.popen(([=[timeout 20 php -r '
$c = stream_context_create(["ssl" => ["cafile" => "%s", "peer_name" => "localhost"]]);
$s = stream_socket_client("tcp://127.0.0.1:%d", $e, $m, 5, STREAM_CLIENT_CONNECT, $c);
fwrite($s, "STARTTLS\n"); fgets($s);
stream_socket_enable_crypto($s, true, STREAM_CRYPTO_METHOD_TLS_CLIENT);
fwrite($s, "hello\n"); echo fgets($s);' 2>&1]=]):format(cert "ca.pem",
      urlsock.parse(l:localname()).port), "r")
    local s = assert(l:accept(10))
    assert.equal("STARTTLS", s:read())
    assert(s:write("go\n"))
    assert(s:starttls(server_options))
    assert.is_truthy(answer(s))
    s:close()
    assert.matches("you said hello", program:read "*a")
    program:close()
    l:close()
  end)
end)

describe("nginx", function()
  it("chooses by SNI, speaks ALPN, and asks for our certificate", function()
    if not needs "nginx" then return end
    local port, dir = support.free_port(), support.shell "mktemp -d"
    local here = support.shell "pwd"
    local f = assert(io.open(dir .. "/nginx.conf", "w"))
    f:write((([[
daemon off; master_process off; pid DIR/pid; error_log DIR/log;
events {}
http {
  access_log off;
  client_body_temp_path DIR/1; proxy_temp_path DIR/2; fastcgi_temp_path DIR/3;
  uwsgi_temp_path DIR/4; scgi_temp_path DIR/5;
  ssl_client_certificate CA/ca.pem; ssl_verify_client optional;
  ssl_stapling on; ssl_stapling_file CA/server.ocsp;
  server {
    listen 127.0.0.1:PORT ssl http2 default_server; server_name localhost;
    ssl_certificate CA/server.pem; ssl_certificate_key CA/server.key;
    location / { return 200 "default $ssl_client_verify $ssl_client_s_dn\n"; }
  }
  server {
    listen 127.0.0.1:PORT ssl; server_name a.mail.test;
    ssl_certificate CA/wildcard.pem; ssl_certificate_key CA/wildcard.key; ssl_stapling off;
    location / { return 200 "other $ssl_server_name\n"; }
  }
}
]]):gsub("DIR", dir):gsub("PORT", tostring(port)):gsub("CA/", here .. "/" .. support.dir)))
    f:close()
    local stop = support.spawn(("exec nginx -c %s/nginx.conf -p %s"):format(dir, dir))
    local function ask(options)
      local s = assert(support.connect("tls://127.0.0.1:" .. port, { tls = options }))
      local info = s:info()
      assert(s:write("GET / HTTP/1.0\r\nHost: ", options.servername, "\r\n\r\n"))
      local got = assert(s:read "a")
      s:close()
      return got, info
    end
    local got, info = ask { ca = cert "ca.pem", servername = "localhost", ocsp = "require",
      cert = cert "client.pem", key = cert "client.key", alpn = { "http/1.1" } }
    assert.matches("default SUCCESS CN=client", got)
    assert.equal("http/1.1", info.alpn)
    assert.equal("good", info.ocsp.status)
    got, info = ask { ca = cert "ca.pem", servername = "a.mail.test" }
    assert.matches("other a.mail.test", got)
    assert.same({ "*.mail.test" }, info.peer.names)
    got = ask { ca = cert "ca.pem", servername = "localhost" }
    assert.matches("default NONE", got)
    stop()
    support.shell("rm -rf " .. dir)
  end)
end)

describe("redis", function()
  it("answers over TLS, to those who show a certificate", function()
    if not needs "redis-server" then return end
    local port = support.free_port()
    local stop = support.spawn(("exec redis-server --port 0 --tls-port %d --bind 127.0.0.1 "
      .. "--tls-cert-file %s --tls-key-file %s --tls-ca-cert-file %s --tls-auth-clients yes "
      .. "--save '' --appendonly no"):format(port, cert "server.pem", cert "server.key",
      cert "ca.pem"))
    local s = assert(support.connect("tls://localhost:" .. port, { tls = {
      ca = cert "ca.pem", cert = cert "client.pem", key = cert "client.key" } }))
    assert(s:write("SET k v\r\n", "GET k\r\n"))
    assert.equal("+OK", s:read())
    assert.equal("$1", s:read())
    assert.equal("v", s:read())
    s:close()
    local stranger = support.connect("tls://localhost:" .. port, ca)
    if stranger then
      assert.is_truthy(select(3, stranger:read()):find "^[te][lr][su]")
      stranger:close()
    end
    stop()
  end)
end)

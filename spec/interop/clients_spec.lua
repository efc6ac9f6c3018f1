-- Real clients against our side of the dialogues.
local bytes = require "urlsock.starttls.bytes"
local starttls = require "urlsock.starttls"
local support = require "spec.support.init"
local urlsock = require "urlsock"

local ca = support.cert "ca.pem"
local tls = { cert = support.cert "server.pem", key = support.cert "server.key" }

local function has(program) return support.shell("command -v " .. program) ~= "" end

-- Runs a client in the background and has our side of the talk with it: what the client has
-- printed, and how it ended.
local function with_client(protocol, command, after)
  local l = assert(urlsock.listen("tcp://127.0.0.1:0", { timeout = 5 }))
  local port = urlsock.parse(l:localname()).port
  local client = io.popen(("timeout 10 sh -c %q 2>&1; echo status=$?"):format(
    (command:gsub("PORT", port))))
  local s = assert(l:accept())
  l:close()
  local upgraded, greeting, code = starttls.server(protocol, s, { tls = tls, name = "mail.test" })
  local ok, problem = true, nil
  if upgraded then ok, problem = pcall(after, s, greeting) end
  s:close()
  local out = client:read "*a"
  client:close()
  assert(upgraded, ("%s %s\n%s"):format(tostring(greeting), tostring(code), out))
  assert(ok, ("%s\n%s"):format(tostring(problem), out))
  return out, out:match "status=(%d+)\n$"
end

-- Answers lines: the first pattern that matches says what.
local function serve(answers, ending)
  return function(s)
    for line in s:lines() do
      line = line:upper()
      for _, pair in ipairs(answers) do
        local seen = line:match(pair[1])
        if seen then
          s:write((pair[2]:gsub("%%1", seen)))
          break
        end
      end
      if line:find(ending) then return end
    end
    error "the client left early"
  end
end

local smtp = serve({
  { "^EHLO", "250-mail.test\r\n250 8BITMIME\r\n" }, { "^LHLO", "250 mail.test\r\n" },
  { "^MAIL", "250 ok\r\n" }, { "^RCPT", "250 ok\r\n" }, { "^DATA$", "354 go\r\n" },
  { "^%.$", "250 taken\r\n" }, { "^QUIT", "221 bye\r\n" },
}, "^QUIT")

local imap = serve({
  { "^(%S+) CAPABILITY", "* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\r\n%1 OK done\r\n" },
  { "^(%S+) LOGIN", "%1 OK done\r\n" }, { "^(%S+) AUTHENTICATE PLAIN %S", "%1 OK done\r\n" },
  { "^(%S+) LIST", '* LIST () "/" INBOX\r\n%1 OK done\r\n' },
  { "^(%S+) NOOP", "%1 OK done\r\n" }, { "^(%S+) LOGOUT", "* BYE\r\n%1 OK done\r\n" },
}, " LOGOUT")

local pop3 = serve({
  { "^CAPA", "+OK\r\nUSER\r\n.\r\n" }, { "^USER", "+OK\r\n" }, { "^PASS", "+OK\r\n" },
  { "^STAT", "+OK 0 0\r\n" }, { "^LIST", "+OK\r\n.\r\n" }, { "^QUIT", "+OK bye\r\n" },
}, "^QUIT")

local ftp = serve({
  { "^USER", "230 in\r\n" }, { "^PBSZ", "200 ok\r\n" }, { "^PROT", "200 ok\r\n" },
  { "^PWD", '257 "/"\r\n' }, { "^QUIT", "221 bye\r\n" }, { "^", "502 no\r\n" },
}, "^QUIT")

-- Reads what the client was told to send, and answers.
local function hello(s)
  repeat local line = assert(s:read()) until line:find "hello"
  assert(s:write "answer from our side\r\n")
end

describe("our side of STARTTLS serves", function()
  -- it, or pending where the program is not installed
  local function with(program, name, test)
    if has(program) then return it(name, test) end
    pending(name .. ": it is not installed")
  end

  with("swaks", "swaks", function()
    local out, status = with_client("smtp", ("swaks --server 127.0.0.1:PORT --tls --tls-verify " ..
      "--tls-ca-path %s --to you@mail.test --from me@mail.test --helo me.test"):format(ca), smtp)
    assert.equal("0", status, out)
    assert.matches("TLS started", out)
    assert.matches("250 taken", out)
  end)

  for protocol, row in pairs {
    smtp = { "smtp://localhost:PORT --mail-from me@mail.test --mail-rcpt you@mail.test -T " ..
      support.cert "ca.cnf", smtp },
    imap = { "imap://me:secret@localhost:PORT/", imap },
    pop3 = { "pop3://me:secret@localhost:PORT/", pop3 },
  } do
    with("curl", "curl, " .. protocol, function()
      local out, status = with_client(protocol,
        ("curl -s -S --ssl-reqd --cacert %s %s"):format(ca, row[1]), row[2])
      assert.equal("0", status, out)
    end)
  end

  with("curl", "curl, ftp", function()
    local out = with_client("ftp", ("curl -s -S -v --ssl-reqd --ftp-ssl-control --cacert %s " ..
      "-Q 'PWD' -I ftp://localhost:PORT/"):format(ca), ftp)
    assert.matches('257 "/"', out)
    assert.matches("SSL certificate verify ok", out)
  end)

  for _, protocol in ipairs(starttls.protocols()) do
    with("openssl", "openssl s_client, " .. protocol, function()
      local out = with_client(protocol, ("echo hello | openssl s_client -connect " ..
        "127.0.0.1:PORT -starttls %s -CAfile %s -verify_return_error -verify_hostname " ..
        "localhost -quiet"):format(protocol, ca), hello)
      assert.matches("answer from our side", out)
    end)
  end

  for protocol, name in pairs {
    smtp = "smtp", lmtp = "lmtp", imap = "imap", pop3 = "pop3", ftp = "ftp", nntp = "nntp",
    sieve = "sieve", xmpp = "xmpp", ldap = "ldap", postgres = "postgres",
  } do
    with("gnutls-cli", "gnutls-cli, " .. protocol, function()
      local out = with_client(protocol, ("(echo hello; sleep 0.3) | gnutls-cli " ..
        "--x509cafile=%s --starttls-proto=%s -p PORT localhost"):format(ca, name), hello)
      assert.matches("answer from our side", out)
      assert.matches("The certificate is trusted", out)
    end)
  end

  with("psql", "psql", function()
    local function packet(letter, body) return letter .. bytes.big(4, #body + 4) .. body end
    local out, status = with_client("postgres",
      ("psql -X -A -t -c 'select 1' 'host=localhost port=PORT user=me dbname=x sslmode=" ..
        "verify-full sslrootcert=%s'"):format(ca), function(s)
        assert(s:read(bytes.number(s:read(4)) - 4))
        s:write(packet("R", "\0\0\0\0"), packet("Z", "I"))
        assert.equal("Q", s:read(1))
        assert.equal("select 1\0", s:read(bytes.number(s:read(4)) - 4))
        s:write(packet("T", "\0\1x\0" .. bytes.big(4, 0) .. "\0\0" .. bytes.big(4, 25) ..
          "\255\255\255\255\255\255\0\0"),
          packet("D", "\0\1" .. bytes.big(4, 3) .. "one"), packet("C", "SELECT 1\0"),
          packet("Z", "I"))
        assert.equal("X", s:read(1))
      end)
    assert.equal("0", status, out)
    assert.matches("^one\n", out)
  end)

  with("ldapsearch", "ldapsearch", function()
    local out, status = with_client("ldap", ("env LDAPTLS_CACERT=%s ldapsearch -ZZ -x -LLL " ..
      "-H ldap://127.0.0.1:PORT -b '' -s base"):format(ca), function(s)
      -- bind, then search: success, and one entry
      assert(s:read(s:read(2):byte(2)))
      s:write("\48\12\2\1\2\97\7\10\1\0\4\0\4\0")
      assert(s:read(s:read(2):byte(2)))
      s:write("\48\18\2\1\3\100\13\4\7dc=test\48\2\48\0", "\48\12\2\1\3\101\7\10\1\0\4\0\4\0")
      s:read "a"
    end)
    assert.matches("dn: dc=test", out, nil, true)
    assert.equal("0", status, out)
  end)

  with("mariadb", "mariadb", function()
    local out = with_client("mysql", ("mariadb --no-defaults --protocol=tcp -h localhost " ..
      "-P PORT -u me --ssl-ca=%s --ssl-verify-server-cert -e 'select 1'"):format(ca),
    function(s, greeting)
      assert.equal(20, #greeting.challenge)
      local head = assert(s:read(4))
      assert.equal(greeting.sequence, head:byte(4))
      local login = assert(s:read(bytes.number_little(head:sub(1, 3))))
      assert.equal("me", login:match("^[^%z]+", 33))
      local text = "\255" .. bytes.little(2, 1045) .. "#28000so far and no further"
      s:write(bytes.little(3, #text), "\3", text)
      s:read "a"
    end)
    assert.matches("so far and no further", out, nil, true)
  end)

  for protocol, row in pairs {
    smtp = { smtp, [[
import smtplib, ssl, sys
s = smtplib.SMTP("localhost", PORT); s.starttls(context=c)
s.sendmail("me@mail.test", ["you@mail.test"], "Subject: x\r\n\r\nhello\r\n"); s.quit()]] },
    lmtp = { smtp, [[
import smtplib, ssl, sys
s = smtplib.LMTP("localhost", PORT); s.starttls(context=c)
s.sendmail("me@mail.test", ["you@mail.test"], "Subject: x\r\n\r\nhello\r\n"); s.quit()]] },
    imap = { imap, [[
import imaplib
s = imaplib.IMAP4("localhost", PORT); s.starttls(c); s.login("me", "secret"); s.logout()]] },
    pop3 = { pop3, [[
import poplib
s = poplib.POP3("localhost", PORT); s.stls(c); s.user("me"); s.pass_("x"); s.stat(); s.quit()]] },
    ftp = { ftp, [[
import ftplib
s = ftplib.FTP_TLS(context=c); s.connect("localhost", PORT); s.auth(); s.prot_p()
s.sendcmd("USER me"); s.pwd(); s.quit()]] },
  } do
    with("/usr/bin/python3", "Python, " .. protocol, function()
      local script = os.tmpname()
      finally(function() os.remove(script) end)
      local f = assert(io.open(script, "w"))
      f:write("import ssl, sys\nPORT = int(sys.argv[1])\n",
        ("c = ssl.create_default_context(cafile=%q)\n"):format(ca), row[2], "\n")
      f:close()
      local out, status = with_client(protocol,
        "/usr/bin/python3 " .. script .. " PORT", row[1])
      assert.equal("0", status, out)
    end)
  end
end)
